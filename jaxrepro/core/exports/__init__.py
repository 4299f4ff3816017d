"""What a trained network computes, as files that other programs run: StableHLO and ONNX."""
