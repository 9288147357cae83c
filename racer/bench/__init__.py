"""The bench: which lane answers how fast, what a race gains and what it costs, measured and replayed."""
