"""The memory of racer: one SQLite file, shared by every process of a user. Lanes never touch it."""
