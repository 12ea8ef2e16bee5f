"""What a page of the book needs, and nothing else."""
