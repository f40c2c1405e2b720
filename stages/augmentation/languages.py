"""In which languages the parents of copies are, and whether there is a lexicon for each.

Reads   label/labels, clean/text
Writes  augment/languages: task, language, training documents
A lexicon that is missing would leave an operator silently without copies, so the stage stops.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from catalog.errors import ParameterError
from catalog.segments import Segment
from stages.augmentation.copies import NEED_LEXICON, parents

LANGUAGES = pa.schema([("task", pa.string()), ("language", pa.string()), ("documents", pa.int64())])
READ = ["id", "task", "split", "label", "drop_reason"]  # of label/labels
SOME = 0.1  # documents in a language / documents of a task: fewer are strays, or mistakes of the language model


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageParams:
    """The tasks whose documents are copied."""

    tasks: list[str]


def count_languages(
    labels: list[Segment], texts: list[Segment], *, params: LanguageParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """Training documents by task and language, sorted."""
    text_of = {segment.key: segment for segment in texts}
    found: Counter[tuple[str, str]] = Counter()
    for segment in labels:
        chosen = parents(segment.read(READ), text_of[segment.key].read(["id", "language"]), params.tasks)
        found.update((parent["task"], parent["language"]) for parent in chosen)
    rows = [
        {"task": task, "language": language, "documents": found[task, language]} for task, language in sorted(found)
    ]
    yield "languages", "all", pa.Table.from_pylist(rows, schema=LANGUAGES)


def check_lexicons(counts: pa.Table, operators: Sequence[str], known: Sequence[str]) -> None:
    """Errors: ParameterError naming each language that a task has documents in and `augment.synonyms` has not."""
    needing = ", ".join(name for name in operators if name in NEED_LEXICON)
    rows = counts.to_pylist()
    all_of = Counter[str]()
    for row in rows:
        all_of[row["task"]] += row["documents"]
    problems = [
        f"augment.operators has {needing}, but augment.synonyms has nothing for {row['language']}, the language of "
        f"{row['documents']:,} of the {all_of[row['task']]:,} documents of {row['task']}"
        for row in rows
        if needing and row["language"] not in known and row["documents"] >= SOME * all_of[row["task"]]
    ]
    if problems:
        raise ParameterError("\n".join([*problems, "Edit params.yaml, then `dvc repro augment`."]))
