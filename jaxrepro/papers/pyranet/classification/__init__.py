"""The paper's classifiers of small images."""
