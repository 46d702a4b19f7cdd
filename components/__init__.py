"""One file a step of the line, named as in TFX.

TensorFlow, Keras and Beam are imported inside the functions that use them.
"""
