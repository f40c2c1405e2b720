"""The settings of `augment` besides those of the perturbed copies, and which tasks may have copies.

A label that says something of a whole text is true of a copy too, and spans are moved with their words. All other kinds
of labels (two texts, an answer in a text, a target text) would not survive, and are refused by name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from catalog.errors import ParameterError
from catalog.segments import Segment
from stages.augmentation.back_translation import ENGINES, Translation
from stages.augmentation.copies import NEED_LEXICON
from stages.augmentation.lexicon import LexiconParams
from stages.augmentation.masked import MaskedModel
from stages.sources.settings.archive import Pinned

WHOLE, MARKED = ("classification", "multilabel"), "spans"  # kinds of tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentParams:
    """What `augment` builds besides the perturbed copies."""

    operators: list[str]
    synonyms: Mapping[str, Any]  # language -> format, member, and a pinned archive: package, url or path, sha256
    masked: Mapping[str, Any] | None = None  # folder, sha256, top
    back_translation: Mapping[str, Any] | None = None  # engine, language, there, back
    teacher: bool = False  # refuse copies that a classifier of the original texts gives another label

    def __post_init__(self) -> None:
        problems = []
        readers: dict[str, Callable[[], Any]] = {"masked": self.masked_model, "back_translation": self.translation}
        readers |= {f"synonyms.{language}": partial(self.lexicon, language) for language in self.synonyms}
        for name, read in readers.items():
            try:
                read()
            except (TypeError, ValueError) as error:
                problems.append(f"{name}: {str(error).partition('() ')[2] or error}")
        needing = [name for name in self.operators if name in NEED_LEXICON]
        if needing and not self.synonyms:
            problems.append(f"operators has {', '.join(needing)}, but synonyms is empty")
        if problems:
            raise ValueError("\n".join(problems))

    def masked_model(self) -> MaskedModel | None:
        """The model that proposes words, None where there is none."""
        return None if self.masked is None else MaskedModel(**self.masked)

    def translation(self) -> Translation | None:
        """The engine and its directions, None where nothing is translated."""
        given = self.back_translation
        if given is None:
            return None
        names = {field.name for field in dataclasses.fields(Translation)}
        if set(given) != names or given["engine"] not in ENGINES:
            raise ValueError(
                f"is {dict(given)}, must be null or name engine ({', '.join(ENGINES)}), language, there and back, "
                "as in {engine: apertium, language: en, there: eng-spa, back: spa-eng}"
            )
        return Translation(**given)

    def lexicon(self, language: str) -> tuple[LexiconParams, Pinned]:
        """How to read the lexicon of a language, and the file or archive it is in."""
        values = dict(self.synonyms[language])
        reading = {name: values.pop(name) for name in ("format", "member") if name in values}
        pinned = Pinned(**values)
        if pinned.sha256 is None:
            raise ValueError("`sha256` is missing: a lexicon is pinned")
        return LexiconParams(language=language, **reading), pinned


def kinds_of(tasks: list[Segment], params: AugmentParams, wanted: list[str]) -> dict[str, str]:
    """The kind of each wanted task. Errors: ParameterError naming each that cannot have (such) copies."""
    kinds = {row["task"]: row["kind"] for segment in tasks for row in segment.read(["task", "kind"]).to_pylist()}
    known = ", ".join(sorted(kinds)) or "no task"
    problems = [f"augment.tasks names {task}, but label made {known}" for task in wanted if task not in kinds]
    found = {task: kinds[task] for task in wanted if task in kinds}
    problems += [
        f"augment.tasks names {task} of the kind {kind}, of which no copies are made"
        for task, kind in found.items()
        if kind not in (*WHOLE, MARKED)
    ]
    marked = [task for task, kind in found.items() if kind == MARKED]
    if marked and params.back_translation is not None:
        problems.append(
            f"augment.back_translation would lose the spans of {', '.join(marked)}: take them out of augment.tasks, or "
            "set augment.back_translation to null"
        )
    if problems:
        raise ParameterError("\n".join([*problems, "Edit params.yaml, then `dvc repro augment`."]))
    return found
