"""RICAP: training images patched of four (Takahashi et al., 2018)."""
