"""Event tables: the schema, the readers, and the splits."""
