"""Training of detectors on tf-keras: the network as the loop sees it, input pipeline, objective and validation."""
