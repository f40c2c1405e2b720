"""augment: changed copies of the training documents, so that a small labelled set goes further.

Reads   label/labels, clean/text; the pinned dictionaries of `augment.synonyms`.
Writes  augment/lexicon    synonyms per language
        augment/perturbed, augment/translated    every copy that was made (augmentation/copies.py)
        augment/compared, augment/held_out    what one segment tells of a copy, and of a held-out text (.../leaks.py)
        augment/verdicts   one row per copy: kept, or why it was refused
        augment/children   the copies that were kept; the only table to train on
Sources operators: EDA (Wei and Zou 2019); refusals: design, section 3.

Copies are made of training documents only, and each is compared with everything it could leak into or repeat.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.errors import ParameterError, exit_on_error
from catalog.operators import Operator
from catalog.schema import schema_of
from catalog.segments import Segment
from catalog.stage import Action, Stage
from stages.augmentation.back_translation import Apertium
from stages.augmentation.copies import CHILDREN, NEED_LEXICON, PerturbParams, TranslateParams, perturb, translate
from stages.augmentation.leaks import (
    BANDS,
    COMPARED,
    HELD_OUT,
    NUM_PERM,
    ROWS,
    SAME_AS_PARENT,
    compare,
    hold_out,
    signature_matrix,
)
from stages.augmentation.lexicon import LEXICON as LEXICON_SCHEMA
from stages.augmentation.lexicon import LexiconParams, build_lexicon
from stages.sources.settings.archive import Pinned
from stages.text.lsh import near_any

SAME_AS_EVALUATION, NEAR_EVALUATION = "equals_evaluation", "near_evaluation"
SAME_AS_DOCUMENT, SAME_AS_COPY = "duplicate_document", "duplicate_copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentParams:
    """What `augment` builds besides the perturbed copies."""

    operators: list[str]
    synonyms: Mapping[str, Any]  # language -> format, member, and a pinned archive: package, url or path, sha256
    back_translation: Mapping[str, Any] | None = None  # engine, language, there, back

    def __post_init__(self) -> None:
        problems = []
        for language in self.synonyms:
            try:
                self.lexicon(language)
            except (TypeError, ValueError) as error:
                problems.append(f"synonyms.{language}: {error}")
        needing = [name for name in self.operators if name in NEED_LEXICON]
        if needing and not self.synonyms:
            problems.append(f"operators has {', '.join(needing)}, but synonyms is empty")
        given = self.back_translation
        if given is not None and (
            set(given) != {"engine", "language", "there", "back"} or given["engine"] != "apertium"
        ):
            problems.append(
                "back_translation must be null or {engine: apertium, language: en, there: eng-spa, back: spa-eng}"
            )
        if problems:
            raise ValueError("\n".join(problems))

    def lexicon(self, language: str) -> tuple[LexiconParams, Pinned]:
        """How to read the lexicon of a language, and the archive it is in."""
        values = dict(self.synonyms[language])
        kind, member = values.pop("format", None), values.pop("member", None)
        if kind not in ("cilin", "wordnet") or not isinstance(member, str):
            raise ValueError("needs `format` (cilin or wordnet) and `member` (a path or glob inside the archive)")
        return LexiconParams(language=language, format=kind, member=member), Pinned(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenParams:
    """What decides which copies are refused."""

    min_jaccard: float = 0.8  # estimated similarity to a validation or test text from which a copy is refused

    def __post_init__(self) -> None:
        if not 0 < self.min_jaccard <= 1:
            raise ValueError(f"min_jaccard is {self.min_jaccard}, must be above 0 and at most 1")


@dataclass(frozen=True)
class Known:
    """What a copy must not repeat: digests of all texts, digests and signatures of evaluation texts."""

    documents: pa.Array
    evaluation: pa.Array
    signatures: NDArray[np.uint32]


def screen(
    made: list[Segment], compared: list[Segment], held_out: list[Segment], texts: list[Segment], params: ScreenParams
) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("verdicts", key, a row per copy) and ("children", key, the kept copies) for each segment of
    copies, which `made` and `compared` hold in the same order.

    Of equal copies of one task the smallest id is kept.
    """
    known = known_texts(held_out, texts)
    tables = [segment.read() for segment in compared]
    reasons = [refusals(table, known, params) for table in tables]
    repeated = _repeated(tables, reasons)
    for segment, table, reason in zip(made, tables, reasons, strict=True):
        again = pc.is_in(table["id"], value_set=repeated)
        decided = pc.if_else(again, SAME_AS_COPY, reason)
        yield "verdicts", segment.key, pa.table({"id": table["id"], "drop_reason": decided})
        yield "children", segment.key, segment.read().filter(pc.is_null(decided))


def known_texts(held_out: list[Segment], texts: list[Segment]) -> Known:
    """Digests of every document, and digests and signatures of the documents outside the training split."""
    evaluation = [segment.read() for segment in held_out]
    matrices = [np.empty((0, NUM_PERM), np.uint32), *(signature_matrix(table["signature"]) for table in evaluation)]
    every = [segment.read(["text_digest"])["text_digest"] for segment in texts]
    digests = [table["text_digest"] for table in evaluation]
    return Known(_one_array(every), _one_array(digests), np.concatenate(matrices))


def refusals(copies: pa.Table, known: Known, params: ScreenParams) -> pa.Array:
    """Why each compared copy is refused, null where it is not; what could leak comes first."""
    signed = signature_matrix(copies["signature"])
    near = near_any(signed, known.signatures, bands=BANDS, rows=ROWS, min_jaccard=params.min_jaccard)
    checks = [
        (SAME_AS_PARENT, pc.fill_null(pc.equal(copies["drop_reason"], SAME_AS_PARENT), False)),
        (SAME_AS_EVALUATION, pc.is_in(copies["text_digest"], value_set=known.evaluation)),
        (NEAR_EVALUATION, pa.array(near)),
        (SAME_AS_DOCUMENT, pc.is_in(copies["text_digest"], value_set=known.documents)),
    ]
    reasons = copies["drop_reason"]
    for reason, refused in reversed(checks):
        reasons = pc.if_else(refused, reason, reasons)
    return reasons.combine_chunks()


def _repeated(compared: list[pa.Table], reasons: list[pa.Array]) -> pa.Array:
    """Ids of copies whose text a copy of the same task with a smaller id has, refused ones not counted."""
    tables = [
        table.select(["id", "task", "text_digest"]).filter(pc.is_null(reason))
        for table, reason in zip(compared, reasons, strict=True)
    ]
    if not tables:
        return pa.array([], pa.string())
    copies = pa.concat_tables(tables)
    kept = copies.group_by(["task", "text_digest"]).aggregate([("id", "min")])["id_min"]
    return copies.filter(pc.invert(pc.is_in(copies["id"], value_set=kept)))["id"].combine_chunks()


def _one_array(columns: list[pa.ChunkedArray]) -> pa.Array:
    return pa.concat_arrays([pa.array([], pa.string()), *(chunk for column in columns for chunk in column.chunks)])


MAKE_LEXICON = Operator(
    name="lexicon", run=build_lexicon, params=None, writes={"lexicon": LEXICON_SCHEMA}, libraries=("jieba",)
)
PERTURB = Operator(
    name="perturb", run=perturb, params=PerturbParams, writes={"perturbed": CHILDREN}, libraries=("jieba",)
)
TRANSLATE = Operator(name="translate", run=translate, writes={"translated": CHILDREN})
COMPARE = Operator(
    name="compare", run=compare, writes={"compared": COMPARED}, accounts=("compared",),
    reads=(None, ("id", "text", "language")),
)  # fmt: skip
HOLD_OUT = Operator(
    name="hold_out", run=hold_out, writes={"held_out": HELD_OUT},
    reads=(("id", "split"), ("id", "text", "text_digest")),
)  # fmt: skip
SCREEN = Operator(
    name="screen", run=screen, params=ScreenParams,
    writes={"verdicts": schema_of("augment/verdicts"), "children": CHILDREN}, accounts=("verdicts",),
)  # fmt: skip


def _check_tasks(labels: list[Segment], tasks: list[str]) -> None:
    """Errors: ParameterError naming a task that `label` did not make."""
    known = {task for segment in labels for task in pc.unique(segment.read(["task"])["task"]).to_pylist()}
    unknown = sorted(set(tasks) - known)
    if unknown:
        raise ParameterError(
            f"augment.tasks names {', '.join(unknown)}, but label made "
            f"{', '.join(sorted(known)) or 'no task'}; edit params.yaml, then `dvc repro augment`"
        )


def _beside(segments: list[Segment], lexicon: Segment) -> list[Segment]:
    """One segment offered to every action of a map, under each of its keys."""
    return [dataclasses.replace(lexicon, key=segment.key) for segment in segments]


def _make_lexicons(stage: Stage, params: AugmentParams) -> list[Segment]:
    actions = []
    for language in params.synonyms:
        reading, archive = params.lexicon(language)
        inputs = {"archive": archive.sha256 or archive.uri}
        actions.append(Action(name=language, inputs=inputs, args=(archive,), params=reading))
    return stage.act_all(MAKE_LEXICON, actions)["lexicon"] if actions else []


def _translated(stage: Stage, labels: list[Segment], texts: list[Segment], given: Mapping[str, str]) -> list[Segment]:
    there, back = given["there"], given["back"]
    version = f"{Apertium(there).version}; {Apertium(back).version}"
    tasks = stage.params[PerturbParams].tasks
    params = TranslateParams(tasks=tasks, language=given["language"], there=there, back=back, version=version)
    return stage.map(TRANSLATE, labels, texts, params=params)["translated"]


def main() -> None:
    """Build the lexicons, make the copies, refuse those that leak or repeat."""
    with Stage("augment", PERTURB, COMPARE, HOLD_OUT, SCREEN, params=(AugmentParams,)) as stage:
        params: AugmentParams = stage.params[AugmentParams]
        labels, texts = stage.read("label/labels"), stage.read("clean/text")
        _check_tasks(labels, stage.params[PerturbParams].tasks)
        lexicons = [_beside(labels, lexicon) for lexicon in _make_lexicons(stage, params)]
        made = stage.map(PERTURB, labels, texts, *lexicons)["perturbed"]
        if params.back_translation:
            made = made + _translated(stage, labels, texts, params.back_translation)
        compared = stage.map(COMPARE, made, texts)["compared"]
        held_out = stage.map(HOLD_OUT, labels, texts)["held_out"]
        stage.reduce(SCREEN, made, compared, held_out, texts)


if __name__ == "__main__":
    exit_on_error(main)
