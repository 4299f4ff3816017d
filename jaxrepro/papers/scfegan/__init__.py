"""SC-FEGAN: Face Editing Generative Adversarial Network with User's Sketch and Color.

Jo and Park, ICCV 2019, arXiv 1902.06838.
"""
