"""augment: changed copies of the training documents, so that a small labelled set goes further.

Reads   label/labels, clean/text; the pinned dictionaries of `augment.synonyms`.
Writes  augment/lexicon    synonyms per language; augment/synonyms: those of all languages
        augment/perturbed, originals, translated, copies   every copy that was made (augmentation/copies.py)
        augment/compared, held_out   what one segment tells of a copy, and of a held-out text (augmentation/leaks.py)
        augment/doubted    copies that read like another label, where a teacher is asked (augmentation/teacher.py)
        augment/verdicts   one row per copy: kept, or why it was refused
        augment/children   the copies that were kept; the only table to train on
Sources operators: EDA (Wei and Zou 2019); refusals: design, section 3.

Copies are made of training documents only, and each is compared with everything it could leak into or repeat.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.compute as pc

from catalog.errors import ParameterError, exit_on_error
from catalog.operators import Memo, Operator
from catalog.schema import schema_of
from catalog.segments import Segment, for_each
from catalog.stage import Action, Stage
from stages.augmentation.back_translation import ENGINES, Translation
from stages.augmentation.copies import (
    CHILDREN,
    NEED_LEXICON,
    ORIGINALS,
    TRANSLATED,
    OriginalParams,
    PerturbParams,
    TranslateParams,
    originals,
    perturb,
    translate,
    with_translations,
)
from stages.augmentation.leaks import COMPARED, HELD_OUT, CompareParams, compare, hold_out
from stages.augmentation.lexicon import LEXICON as LEXICON_SCHEMA
from stages.augmentation.lexicon import LexiconParams, build_lexicon, unite_lexicons
from stages.augmentation.screening import ScreenParams, screen
from stages.augmentation.teacher import DOUBTED, TeacherParams, doubt
from stages.sources.settings.archive import Pinned

TEXTS = 32  # texts that a translation model is given at once


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentParams:
    """What `augment` builds besides the perturbed copies."""

    operators: list[str]
    synonyms: Mapping[str, Any]  # language -> format, member, and a pinned archive: package, url or path, sha256
    back_translation: Mapping[str, Any] | None = None  # engine, language, there, back
    teacher: bool = False  # refuse copies that a classifier of the original texts gives another label

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
        try:
            self.translation()
        except (TypeError, ValueError) as error:
            problems.append(f"back_translation: {error}")
        if problems:
            raise ValueError("\n".join(problems))

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
        """How to read the lexicon of a language, and the archive it is in."""
        values = dict(self.synonyms[language])
        kind, member = values.pop("format", None), values.pop("member", None)
        if kind not in ("cilin", "wordnet") or not isinstance(member, str):
            raise ValueError("needs `format` (cilin or wordnet) and `member` (a path or glob inside the archive)")
        return LexiconParams(language=language, format=kind, member=member), Pinned(**values)


MAKE_LEXICON = Operator(
    name="lexicon", run=build_lexicon, params=None, writes={"lexicon": LEXICON_SCHEMA}, libraries=("jieba",)
)
UNITE_LEXICONS = Operator(name="synonyms", run=unite_lexicons, writes={"synonyms": LEXICON_SCHEMA})
PERTURB = Operator(
    name="perturb", run=perturb, params=PerturbParams, writes={"perturbed": CHILDREN}, libraries=("jieba",)
)
ORIGINAL = Operator(
    name="originals", run=originals, params=OriginalParams, writes={"originals": ORIGINALS},
    reads=(None, ("id", "text", "language")),
)  # fmt: skip
TRANSLATE = Operator(
    name="translate", run=translate, params=TranslateParams, writes={"translated": TRANSLATED},
    memo=Memo(by=("text_digest",)),
)  # fmt: skip
TRANSLATE_BATCH = replace(  # a model's bits change with the texts beside a text
    TRANSLATE, memo=Memo(by=("text_digest",), batch=TEXTS), libraries=("transformers", "tokenizers", "torch")
)
UNITE = Operator(name="unite", run=with_translations, params=OriginalParams, writes={"copies": CHILDREN})
COMPARE = Operator(
    name="compare", run=compare, params=CompareParams, writes={"compared": COMPARED}, accounts=("compared",),
    reads=(None, ("id", "text", "language")),
)  # fmt: skip
HOLD_OUT = Operator(
    name="hold_out", run=hold_out, writes={"held_out": HELD_OUT},
    reads=(("id", "split"), ("id", "text", "text_digest")),
)  # fmt: skip
DOUBT = Operator(
    name="doubt", run=doubt, params=TeacherParams, writes={"doubted": DOUBTED}, libraries=("scikit-learn", "numpy")
)
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


def _make_lexicon(stage: Stage, params: AugmentParams) -> list[Segment]:
    """One segment with the synonyms of every language; none where no language has any."""
    actions = []
    for language in params.synonyms:
        reading, archive = params.lexicon(language)
        inputs = {"archive": archive.sha256 or archive.uri}
        actions.append(Action(name=language, inputs=inputs, args=(archive,), params=reading))
    return stage.reduce(UNITE_LEXICONS, stage.act_all(MAKE_LEXICON, actions)["lexicon"])["synonyms"] if actions else []


def _with_translations(
    stage: Stage, how: Translation, labels: list[Segment], texts: list[Segment], perturbed: list[Segment]
) -> list[Segment]:
    """The perturbed copies and those that went through another language."""
    version = "; ".join(engine.version for engine in how.engines())
    chosen = OriginalParams(tasks=stage.params[PerturbParams].tasks, language=how.language)
    given = stage.map(ORIGINAL, labels, texts, params=chosen)["originals"]
    operator = TRANSLATE if how.engine == "apertium" else TRANSLATE_BATCH
    translated = stage.map(operator, given, params=TranslateParams(how=how, version=version))["translated"]
    return stage.map(UNITE, perturbed, labels, translated, params=chosen)["copies"]


def main() -> None:
    """Build the lexicons, make the copies, refuse those that leak or repeat."""
    with Stage("augment", PERTURB, COMPARE, HOLD_OUT, SCREEN, params=(AugmentParams,)) as stage:
        params: AugmentParams = stage.params[AugmentParams]
        tasks = stage.params[PerturbParams].tasks
        labels, texts = stage.read("label/labels"), stage.read("clean/text")
        _check_tasks(labels, tasks)
        lexicon = [for_each(synonyms, labels) for synonyms in _make_lexicon(stage, params)]
        made = stage.map(PERTURB, labels, texts, *lexicon)["perturbed"]
        if how := params.translation():
            made = _with_translations(stage, how, labels, texts, made)
        compared = stage.map(COMPARE, made, texts)["compared"]
        held_out = stage.map(HOLD_OUT, labels, texts)["held_out"]
        doubted = []
        if params.teacher:
            doubted = stage.reduce(DOUBT, labels, texts, made, params=TeacherParams(tasks=tasks))["doubted"]
        stage.reduce(SCREEN, made, compared, held_out, texts, doubted)


if __name__ == "__main__":
    exit_on_error(main)
