"""Plots of training and evaluation, a file a plot; none of them changes what it looks at."""
