"""Trained classifiers on twins: what is asked, the answer kept in a small file, and the command that answers anew."""
