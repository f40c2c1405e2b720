"""datatrove: FineWeb's chain of filters on extracted texts, each document until the first filter that drops it.

The second argument names the JSONL file to write: {"id", "reason", "tokens"}, reason null where the document is kept.
C4 without its rule on terminal punctuation, as in datatrove's examples/fineweb.py; all texts as English.
"""

import json
import sys

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.text import split_into_words
from measured import cpu, report, texts

rows = texts()
chain = [
    GopherRepetitionFilter(),
    GopherQualityFilter(),
    C4QualityFilter(filter_no_terminal_punct=False),
    FineWebQualityFilter(),
]


def verdict(text):
    """The reason of the first filter that drops a text; None where all keep it."""
    document = Document(text=text, id="")
    for one in chain:
        result = one.filter(document)
        if result is not True:
            return result[1] if isinstance(result, tuple) else "dropped"
    return None


verdict("warm up the tokenizer . " * 60)
start = cpu()
reasons = [verdict(text) for _, text in rows]
chained = cpu() - start
start = cpu()
for one in chain:  # every filter on every document, as all signals are measured
    for _, text in rows:
        one.filter(Document(text=text, id=""))
seconds = cpu() - start
with open(sys.argv[2], "w", encoding="utf-8") as out:
    for (name, text), reason in zip(rows, reasons, strict=True):
        tokens = len(split_into_words(text, "eng"))
        out.write(json.dumps({"id": name, "reason": reason, "tokens": tokens}) + "\n")
report("datatrove", "Gopher repetition, Gopher quality, C4, FineWeb", seconds, chain_cpu_s=chained, rows=len(rows))
