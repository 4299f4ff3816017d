"""Sources, transforms and pipelines that yield numpy batches."""
