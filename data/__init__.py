"""Raw data in: formats, the catalogue of data sets, downloads, records, splits and the tf.data loader."""
