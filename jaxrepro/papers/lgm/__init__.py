"""L-GM: classes as Gaussians of features, with a margin (Wan et al., 2018)."""
