"""Modules whose functions have no place in ingot.nn itself."""
