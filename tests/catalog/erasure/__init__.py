"""Tests of catalog/erasure."""
