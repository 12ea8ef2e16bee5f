"""What a trained network listens to: its first layer read as filters, and tests that could prove the reading wrong."""
