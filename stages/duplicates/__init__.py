"""Duplicates among documents: what is read, which are the same, which is kept, and when to stop and ask."""
