"""Sharing: a remote's settings, what goes to it, sending it, and bringing a part of it back."""
