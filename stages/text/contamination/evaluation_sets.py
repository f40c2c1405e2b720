"""Evaluation sets -> the n-grams by which they are recognised in a corpus.

Reads   the files that `clean.decontaminate` names: JSON lines, CSV, TSV, Parquet, or text with an item a line.
Writes  clean/evaluation: every distinct n-gram of every item.

Rules   13-gram  a document is contaminated when it has one 13-gram of an item (Brown et al. 2020, appendix C)
        8-gram   when it has 70 % of the 8-grams of an item (Chowdhery et al. 2022, section 8)
        Of Chinese and other unspaced scripts 19 and 12 characters stand for 13 and 8 words: a translated manual has
        1.49 characters per English word (sentences of 8 words or more, 276,010 words).
        Items shorter than an n-gram are not looked for: a phrase of five words is in many a page by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from catalog.errors import InputError
from catalog.schema import INT, LONG, OVERLAPS, column, table
from stages.text.contamination.grams import gram_hashes

EVALUATION = table(
    OVERLAPS.field("evaluation"),
    column("gram", LONG, "64-bit hash of an n-gram"),
    column("item", INT, "row of the set's file that has it, from 0"),
)
SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet", ".txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How long an n-gram is, and how much of an item a document may have."""

    words: int  # words per n-gram, scripts with spaces
    characters: int  # characters per n-gram, scripts without
    min_share: float  # n-grams of an item in the document / n-grams of the item; 0 = one is enough


RULES = {
    "13-gram": Rule(words=13, characters=19, min_share=0.0),
    "8-gram": Rule(words=8, characters=12, min_share=0.7),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSet:
    """One evaluation set, such as one task of a benchmark; `sha256` pins its file."""

    name: str
    path: str
    sha256: str
    column: str = "text"  # of the file, unless it is .txt
    rule: Literal["13-gram", "8-gram"] = "13-gram"
    min_share: float | None = None  # instead of the rule's

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"rule is {self.rule!r}, must be of {', '.join(RULES)}")
        if not self.path.endswith(SUFFIXES):
            raise ValueError(f"path is {self.path}, must end with one of {', '.join(SUFFIXES)}")
        if self.min_share is not None and not 0 <= self.min_share <= 1:
            raise ValueError(f"min_share is {self.min_share}, must be between 0 and 1")

    @property
    def share(self) -> float:
        """Share of an item's n-grams from which a document is contaminated; 0 = one is enough."""
        return RULES[self.rule].min_share if self.min_share is None else self.min_share


@dataclass(frozen=True, slots=True, kw_only=True)
class DecontaminateParams:
    """Evaluation sets that no document may hold."""

    decontaminate: list[dict[str, Any]] = field(default_factory=list)  # name, path, sha256; column, rule, min_share

    def __post_init__(self) -> None:
        problems, names = [], set()
        for given in self.decontaminate:
            name = given.get("name")
            try:
                EvaluationSet(**given)
            except (TypeError, ValueError) as error:
                problems.append(f"decontaminate: {name}: {error}")
            if name in names:
                problems.append(f"decontaminate: two sets are called {name}")
            names.add(name)
        if problems:
            raise ValueError("\n".join(problems))

    def sets(self) -> list[EvaluationSet]:
        """The sets, checked."""
        return [EvaluationSet(**given) for given in self.decontaminate]


def present(params: DecontaminateParams) -> list[Path]:
    """The files of the sets. Errors: InputError naming one that is not there."""
    for one in params.sets():
        if not Path(one.path).is_file():
            raise InputError(
                f"{one.path} of the evaluation set {one.name} is not there; put it there, or take the set out of "
                "clean.decontaminate in params.yaml"
            )
    return [Path(one.path) for one in params.sets()]


def read_evaluation(digests: dict[str, str], params: DecontaminateParams) -> Iterator[tuple[str, None, pa.Table]]:
    """Yield ("evaluation", None, EVALUATION rows): by set, n-gram and item. `digests` are those of the files, by path.

    Errors: InputError when a file is not the one that was pinned, or holds no item that is long enough.
    """
    tables = [EVALUATION.empty_table()]
    for one in params.sets():
        if digests[one.path] != one.sha256:
            raise InputError(
                f"{one.path} of the evaluation set {one.name} has the sha256 {digests[one.path]}, params.yaml says "
                f"{one.sha256}; write the new one there, then `dvc repro clean`"
            )
        tables.append(_grams_of(one))
    yield "evaluation", None, pa.concat_tables(tables)


def _grams_of(one: EvaluationSet) -> pa.Table:
    """Distinct n-grams of the items of one set."""
    rule = RULES[one.rule]
    offsets, hashes, _ = gram_hashes(_items(one), words=rule.words, characters=rule.characters)
    items = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    pairs = np.unique(np.rec.fromarrays([hashes, items.astype(np.int32)]))
    if not len(pairs):
        raise InputError(
            f"no item of the evaluation set {one.name} ({one.path}) is as long as an n-gram of the rule {one.rule}: "
            f"{rule.words} words, or {rule.characters} characters of an unspaced script; choose another column or rule"
        )
    names = pa.repeat(pa.scalar(one.name), len(pairs))
    return pa.table([names, pairs["f0"].astype(np.uint64).view(np.int64), pairs["f1"]], schema=EVALUATION)


def _items(one: EvaluationSet) -> pa.Array:
    """The items of a set, one text a row; a missing value is an empty one."""
    try:
        rows = _read(one)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise InputError(f"{one.path} of the evaluation set {one.name} cannot be read: {error}") from None
    if one.column not in rows.column_names:
        raise InputError(
            f"{one.path} of the evaluation set {one.name} has no column {one.column}, but "
            f"{', '.join(rows.column_names)}; set `column` in clean.decontaminate"
        )
    return rows[one.column].cast(pa.large_string()).fill_null("").combine_chunks()


def _read(one: EvaluationSet) -> pa.Table:
    path = Path(one.path)
    if path.suffix == ".parquet":
        return pa.parquet.read_table(path)
    if path.suffix == ".jsonl":
        return pa.json.read_json(path)
    if path.suffix == ".txt":
        return pa.table({one.column: path.read_text(encoding="utf-8").splitlines()})
    options = pa.csv.ParseOptions(delimiter="\t" if path.suffix == ".tsv" else ",", newlines_in_values=True)
    return pa.csv.read_csv(path, parse_options=options)
