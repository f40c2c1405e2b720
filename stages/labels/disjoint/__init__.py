"""Disjoint splits: no labelled document repeats what a document of another split says, counted on every run."""
