"""Labelling in the browser, for people who want no server of their own: rounds and their pages."""
