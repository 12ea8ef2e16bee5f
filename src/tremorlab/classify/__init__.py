"""Classifiers of windows, from the simplest rivals to networks, and their scores."""
