"""The incremental core and the catalog: fingerprints, segments, reuse, SQL. Knows nothing of text or models."""
