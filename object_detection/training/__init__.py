"""Training of detectors on tf-keras: the network as the training loop sees it, its feed, objective, optimisers and judge."""
