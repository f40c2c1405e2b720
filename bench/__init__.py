"""Measurements that a reader can repeat: `python -m bench NAME [--quick] --json`."""
