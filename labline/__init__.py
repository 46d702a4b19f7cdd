"""What a user sees of labline: the command line and the page of a run."""
