"""The small corpus, as fixtures."""

from tests.catalog.small_corpus import built_corpus, corpus, shared_corpus

__all__ = ["built_corpus", "corpus", "shared_corpus"]
