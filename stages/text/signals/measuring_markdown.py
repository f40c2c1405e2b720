"""Documents some of whose texts are Markdown -> signals of their words: its signs are no words, and no symbols.

Reads   clean/text (id, text, language, extraction). Writes clean/signals, as stages/text/signals/measuring.py.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from stages.text.normalization.structure import STRUCTURE, unmarked
from stages.text.signals.measuring import measure


def measure_markdown(table: pa.Table) -> dict[str, pa.Table]:
    """The table `signals` of documents: one row per document, in order."""
    markdown = pc.match_substring(pc.fill_null(table["extraction"], ""), f"{STRUCTURE}=true").to_pylist()
    texts = [unmarked(text) if on else text for text, on in zip(table["text"].to_pylist(), markdown, strict=True)]
    place = table.schema.get_field_index("text")
    field = table.schema.field(place)
    return measure(table.set_column(place, field, pa.array(texts, field.type)))
