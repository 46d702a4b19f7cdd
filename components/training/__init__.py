"""Training, taken apart: settings, devices, feeding, compiled steps, the loop, checkpoints and TensorBoard."""
