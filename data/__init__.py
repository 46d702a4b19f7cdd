"""Raw data in: formats, the catalogue of data sets, downloads, records, splits and the tf.data loader."""

import logging
import warnings

# What Beam says of its own workings is nothing for the user, and it begins while it is imported; errors still show
warnings.filterwarnings("ignore", message="You are using a Python version", category=FutureWarning)
logging.getLogger("apache_beam").setLevel(logging.ERROR)
logging.getLogger("apache_beam.runners.common").setLevel(logging.CRITICAL)  # it logs what it raises as well
