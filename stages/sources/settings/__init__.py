"""What params.yaml may say about a source, as frozen records that cannot be built wrong; one module per kind.

Built by stages/sources/parse.py from the list `crawl.sources` of params.yaml. The records are plain values: they are
pickled to workers and enter fingerprints by value. A kind has a module of its own so that a new setting of one kind
changes the code of no other.
"""
