"""Windows, running spectra, and the dataset on disk."""
