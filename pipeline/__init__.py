"""The framework: artifacts, components, recipes and the runner. Importing it never loads TensorFlow, Beam or Keras."""
