"""Passes that make a function shorter without changing what it computes, one a file."""
