"""The small corpus, as a fixture."""

from tests.catalog.small_corpus import built_corpus, corpus

__all__ = ["built_corpus", "corpus"]
