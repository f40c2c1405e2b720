"""Clustering spread over many actions, each of which holds one partition; the rows are those of clustering.py."""
