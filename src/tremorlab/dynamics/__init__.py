"""Julian's tremor model, and the search for equations of motion in noisy records."""
