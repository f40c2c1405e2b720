"""Is what is stored what it should be: rows that add up, bytes that match, objects that nobody needs any more."""
