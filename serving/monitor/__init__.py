"""Monitoring: what clients send, compared with what the model was trained on, and with what they sent before."""
