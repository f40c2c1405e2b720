"""Work in child processes that can be limited and killed."""
