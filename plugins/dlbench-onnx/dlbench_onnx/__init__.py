"""The architectures of dlbench, modules of PyTorch and ONNX files in ONNX Runtime and in OpenVINO: prediction alone."""
