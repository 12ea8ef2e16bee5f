"""Live operation: from packets of a SeedLink server, or an archive played back, to events as they happen."""
