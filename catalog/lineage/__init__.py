"""Where a document, a segment or a model came from, and why it was built."""
