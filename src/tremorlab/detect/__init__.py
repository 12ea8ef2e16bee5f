"""From a classifier of windows to a detection system: continuous records, archives, live data."""
