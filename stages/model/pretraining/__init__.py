"""Pretraining: what a network is asked about text that nobody labelled."""
