"""Augmented copies of the training documents: the map half of `augment`.

Reads   label/labels, clean/text, augment/lexicon.
Writes  augment/perturbed   rows of augment/children that were not screened yet
        augment/originals   the documents that are to be translated, each once
        augment/translated  their texts, there and back through another language
        augment/copies      both kinds of copies

A copy is decided by (seed, operator, id of its parent, number of the copy) and by nothing else. It stands
apart from stages/augment.py so that a change in the screening makes no copy again. A text is translated once, however
many tasks label it and wherever it stands: the engine is asked for texts that it was never given. The label of a copy
is that of its parent; where it marks spans of the text, it marks the same ones in the copy (marks.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, sha256

import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import ID, TEXT_DIGEST, column, schema_of, table
from stages.augmentation.back_translation import Engine, Translation, back_translate
from stages.augmentation.draws import Draws
from stages.augmentation.marks import moved_label, spans_of
from stages.augmentation.perturb import PERTURBATIONS, Lexicon
from stages.augmentation.wording import Original, Wording

CHILDREN = schema_of("augment/children")
BACK_TRANSLATION = "back_translation"
ORIGINALS = table(ID, column("text", pa.string(), "text to translate"), TEXT_DIGEST)
TRANSLATED = table(ID, column("text", pa.string(), "the text, there and back"))
TRAIN = "train"
NEED_LEXICON = ("synonym", "insert")


@dataclass(frozen=True, slots=True, kw_only=True)
class PerturbParams:
    """What decides the perturbed copies."""

    seed: int = 1  # of the choices, each a hash of it and the id
    tasks: list[str]  # labelling tasks whose training documents are copied
    operators: list[str]  # names of stages/augmentation/perturb.py
    copies: int = 1  # per document and operator
    alpha: float = 0.1  # share of words (sentences) that a copy changes (EDA, table 2)

    def __post_init__(self) -> None:
        unknown = [name for name in self.operators if name not in PERTURBATIONS]
        problems = [f"operators has {name!r}, must be of {', '.join(PERTURBATIONS)}" for name in unknown]
        if self.copies < 1:
            problems.append(f"copies is {self.copies}, must be >= 1")
        if not 0 < self.alpha < 1:
            problems.append(f"alpha is {self.alpha}, must be between 0 and 1")
        if problems:
            raise ValueError("\n".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """How copies are made, and those of the tasks whose labels mark spans."""

    how: PerturbParams
    marked: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalParams:
    """Which documents are translated."""

    tasks: list[str]
    language: str  # ISO 639-1


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslateParams:
    """What decides a translation: `version` names program and data of both directions, `code` our part of it."""

    how: Translation
    version: str
    code: str


def perturb(labels: pa.Table, documents: pa.Table, *lexicons: pa.Table, params: Copying) -> dict[str, pa.Table]:
    """{"perturbed": copies of this segment's training documents}, by document, operator and number."""
    known, how = _lexicons(lexicons), params.how
    rows = []
    for parent in parents(labels, documents, how.tasks):
        given = original(parent, params.marked)
        for operator in how.operators:
            for number in range(how.copies):
                draws = Draws(how.seed, operator, parent["id"], number)
                made = PERTURBATIONS[operator](given, draws, how.alpha, known.get(given.language, {}))
                if made and made.text:
                    rows.append(child(parent, operator, how.seed, number, made))
    return {"perturbed": children(rows)}


def original(parent: dict[str, str], marked: list[str]) -> Original:
    """A parent as operators see it, with the spans that its label marks."""
    text, task = parent["text"], parent["task"]
    return Original(text, parent["language"], spans_of(parent["label"], text) if task in marked else ())


def originals(labels: pa.Table, documents: pa.Table, params: OriginalParams) -> dict[str, pa.Table]:
    """{"originals": this segment's training documents in one language}, each once, by id."""
    found = {
        parent["id"]: parent["text"]
        for parent in parents(labels, documents, params.tasks)
        if parent["language"] == params.language
    }
    ids = sorted(found)
    texts = [found[name] for name in ids]
    digests = [sha256(text.encode()).hexdigest() for text in texts]
    return {"originals": pa.table([ids, texts, digests], schema=ORIGINALS.remove_metadata())}


def translate(originals: pa.Table, params: TranslateParams) -> dict[str, pa.Table]:
    """{"translated": each text there and back}."""
    texts = back_translate(originals["text"].to_pylist(), *_engines(params))
    return {"translated": pa.table([originals["id"], texts], schema=TRANSLATED.remove_metadata())}


@lru_cache(maxsize=1)
def _engines(params: TranslateParams) -> tuple[Engine, Engine]:
    """Both directions, with models that are read once."""
    return params.how.engines()


def with_translations(
    perturbed: pa.Table, labels: pa.Table, translated: pa.Table, params: OriginalParams
) -> dict[str, pa.Table]:
    """{"copies": the perturbed copies, then one copy per translated document and task that it is labelled for}."""
    rows = [
        _row(parent, BACK_TRANSLATION, 0, 0, parent["text"], parent["label"])
        for parent in parents(labels, translated, params.tasks)
        if parent["text"] and parent["text"].strip()
    ]
    return {"copies": pa.concat_tables([perturbed, children(rows)])}


def parents(labels: pa.Table, documents: pa.Table, tasks: list[str]) -> Iterator[dict[str, str]]:
    """Labelled training documents of some tasks (id, task, label, text, language), as `labels` has them.

    The text is null where `documents` has no such row, and the language is left out where it has no such column.
    """
    wanted = pc.and_(pc.equal(labels["split"], TRAIN), pc.is_in(labels["task"], value_set=pa.array(tasks, pa.string())))
    wanted = pc.and_(wanted, pc.and_(pc.is_valid(labels["label"]), pc.is_null(labels["drop_reason"])))
    chosen = labels.filter(wanted)
    found = documents.take(pc.index_in(chosen["id"], value_set=documents["id"]))
    columns = [name for name in ("text", "language") if name in found.column_names]
    rows = chosen.select(["id", "task", "label"])
    for name in columns:
        rows = rows.append_column(name, found[name])
    yield from rows.to_pylist()


def _lexicons(tables: tuple[pa.Table, ...]) -> dict[str, Lexicon]:
    """Synonyms by language and word."""
    known: dict[str, dict[str, tuple[str, ...]]] = {}
    for words in tables:
        for row in words.to_pylist():
            known.setdefault(row["language"], {})[row["word"]] = tuple(row["synonyms"])
    return dict(known)


def child(parent: dict[str, str], operator: str, seed: int, number: int, made: Wording) -> dict[str, str | int]:
    """One row of augment/children, from a parent and the wording that an operator made of it."""
    label = moved_label(parent["label"], parent["text"], made) if made.kept else parent["label"]
    return _row(parent, operator, seed, number, made.text, label)


def child_id(parent: dict[str, str], operator: str, seed: int, number: int) -> str:
    """The id of a copy: a hash of what it was made from and how."""
    key = "\0".join((parent["task"], operator, parent["id"], str(seed), str(number)))
    return blake2b(key.encode(), digest_size=16).hexdigest()


def _row(parent: dict[str, str], operator: str, seed: int, number: int, text: str, label: str) -> dict[str, str | int]:
    return {
        "id": child_id(parent, operator, seed, number),
        "parent": parent["id"],
        "task": parent["task"],
        "operator": operator,
        "seed": seed,
        "text": text,
        "text_digest": sha256(text.encode()).hexdigest(),
        "label": label,
        "split": TRAIN,
    }


def children(rows: list[dict[str, str | int]]) -> pa.Table:
    """Rows of augment/children as a table."""
    return pa.Table.from_pylist(rows, schema=pa.schema([field.remove_metadata() for field in CHILDREN]))
