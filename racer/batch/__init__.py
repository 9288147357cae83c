"""Batches: thousands of prompts over all lanes, each answered exactly once, at the pace that limits allow."""
