"""A reader's own catalogue and records: what is in them, a study file drafted from them, and what a rerun would use."""
