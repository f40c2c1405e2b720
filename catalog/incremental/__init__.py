"""The incremental core: from a stage to plans and fingerprints, to the results that exist and those to compute."""
