"""Erasure: which documents go, what goes with them, what is left of them anywhere, and a certificate of absence."""
