"""The commands of `gristmill` and its shell; `catalog/cli.py` puts them together."""
