"""Classifiers of windows, from the simplest rivals to networks: how they are trained, and how they are scored."""
