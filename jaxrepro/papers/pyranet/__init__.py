"""PyraNet: pyramid residual modules in stacked hourglasses, for human pose (ICCV 2017)."""
