"""Mirrors: full copies of a log that anybody keeps, verifies entry by entry, and can prove from."""
