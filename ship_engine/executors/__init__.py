"""Executors: each runs the same networks in its own way."""
