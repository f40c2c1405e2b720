"""Captures -> documents whose template lines are still to be found: `extract`, its text in the table `whole`."""

from __future__ import annotations

import pyarrow as pa

from stages.web.extract import extract
from stages.web.extract_params import ExtractParams


def extract_whole(captures: pa.Table, *, params: ExtractParams) -> dict[str, pa.Table]:
    """As `extract`, but clean/text is written by what removes the lines (stages/text/normalization/templates.py)."""
    return {"whole" if name == "text" else name: rows for name, rows in extract(captures, params=params).items()}
