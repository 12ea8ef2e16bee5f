"""A physical twin of the three networks: seismograms whose truth is known."""
