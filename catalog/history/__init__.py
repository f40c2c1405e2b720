"""Versions: what every commit had built, brought back, listed and compared."""
