"""The incremental core and the catalog: fingerprints, segments, reuse, SQL. Knows nothing of text or models."""

import os

if os.environ.get("GRISTMILL_OPENED"):  # before any other import, so that imports are seen
    from pathlib import Path

    from catalog.rehearsal.opened import watch

    watch(Path(os.environ["GRISTMILL_OPENED"]))
