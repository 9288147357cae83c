"""What is used, left and to be expected, and what races did: read from the database, for whoever shows it."""
