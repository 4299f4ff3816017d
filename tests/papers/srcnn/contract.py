"""What the tests of all papers have to know of this one."""

# Several seeds in one state.
ON_MESHES = {"srcnn": {"num_seeds": 2, "train.batch_size": 32}}
KILLED = {
    "config": "configs/srcnn.py:test",
    "more": (
        "--config.eval.pictures_every=12",
        # The worst one for the best, as an early checkpoint that must outlive the later ones.
        "--config.checkpoint.best_metric=photos_test/psnr",
        "--config.checkpoint.best_mode=min",
    ),
}
ELASTIC = {"srcnn": ()}
SMALLEST = "srcnn"
