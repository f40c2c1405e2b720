"""Serving: one fine-tuned run behind HTTP, with the same answers as offline. Run by `gristmill serve RUN`."""
