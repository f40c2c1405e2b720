"""The explorer: pages over the project in the current directory, served to a browser on the same machine."""
