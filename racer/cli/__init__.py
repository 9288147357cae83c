"""The command line: one file a command, and what they share. Nothing else of racer imports it."""
