"""augment: changed copies of the training documents, so that a small labelled set goes further.

Reads   label/labels, label/tasks, clean/text; the pinned dictionaries of `augment.synonyms`; the models of
        `augment.masked` and `augment.back_translation`.
Writes  augment/languages  training documents by task and language
        augment/lexicon    synonyms per language; augment/synonyms: those of all languages
        augment/perturbed, originals, translated, copies   every copy that was made (augmentation/copies.py)
        augment/drafts, masked, substituted   the same of a masked language model (augmentation/masked.py)
        augment/compared, held_out   what one segment tells of a copy, and of a held-out text (augmentation/leaks.py)
        augment/doubted    copies that read like another label, where a teacher is asked (augmentation/teacher.py)
        augment/verdicts   one row per copy: kept, or why it was refused
        augment/children   the copies that were kept; the only table to train on
Sources operators: EDA (Wei and Zou 2019); refusals: design, section 3.

Copies are made of training documents only, and each is compared with everything it could leak into or repeat.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from catalog.digests import digest_of
from catalog.errors import exit_on_error
from catalog.incremental.fingerprint import code_digests
from catalog.incremental.operators import Memo, Operator
from catalog.incremental.stage import Action, Stage
from catalog.schema import schema_of
from catalog.segments import Segment, for_each
from stages.augmentation.back_translation import Translation
from stages.augmentation.copies import (
    CHILDREN,
    ORIGINALS,
    TRANSLATED,
    Copying,
    OriginalParams,
    PerturbParams,
    TranslateParams,
    originals,
    perturb,
    translate,
    with_translations,
)
from stages.augmentation.languages import LANGUAGES, LanguageParams, check_lexicons, count_languages
from stages.augmentation.leaks import COMPARED, HELD_OUT, CompareParams, compare, hold_out
from stages.augmentation.lexicon import LEXICON as LEXICON_SCHEMA
from stages.augmentation.lexicon import build_lexicon, unite_lexicons
from stages.augmentation.masked import (
    DRAFTS,
    SUBSTITUTES,
    MaskedModel,
    MaskedParams,
    drafts,
    substitutes,
    with_substitutes,
)
from stages.augmentation.screening import ScreenParams, screen
from stages.augmentation.settings import MARKED, WHOLE, AugmentParams, kinds_of
from stages.augmentation.teacher import DOUBTED, TeacherParams, doubt
from stages.model.training.device import device_class

TEXTS = 32  # texts that a model is given at once


MAKE_LEXICON = Operator(
    name="lexicon", run=build_lexicon, params=None, writes={"lexicon": LEXICON_SCHEMA}, libraries=("jieba",)
)
COUNT = Operator(name="languages", run=count_languages, params=LanguageParams, writes={"languages": LANGUAGES})
UNITE_LEXICONS = Operator(name="synonyms", run=unite_lexicons, writes={"synonyms": LEXICON_SCHEMA})
PERTURB = Operator(name="perturb", run=perturb, params=Copying, writes={"perturbed": CHILDREN}, libraries=("jieba",))
DRAFT = Operator(
    name="draft", run=drafts, params=Copying, writes={"drafts": DRAFTS}, reads=(None, ("id", "text", "language"))
)
SUBSTITUTE = Operator(
    name="substitute", run=substitutes, params=MaskedParams, writes={"masked": SUBSTITUTES},
    memo=Memo(by=("id", "text_digest", "language", "spans"), batch=TEXTS),
    libraries=("jieba", "numpy", "tokenizers", "torch", "transformers"),
)  # fmt: skip
UNITE_MASKED = Operator(
    name="unite_masked", run=with_substitutes, params=Copying, writes={"substituted": CHILDREN},
    reads=(None, None, ("id", "text", "language")), libraries=("jieba",),
)  # fmt: skip
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


def _make_lexicon(stage: Stage, params: AugmentParams) -> list[Segment]:
    """One segment with the synonyms of every language; none where no language has any."""
    actions = []
    for language in params.synonyms:
        reading, archive = params.lexicon(language)
        inputs = {"archive": archive.sha256 or archive.uri}
        actions.append(Action(name=language, inputs=inputs, args=(archive,), params=reading))
    return stage.reduce(UNITE_LEXICONS, stage.act_all(MAKE_LEXICON, actions)["lexicon"])["synonyms"] if actions else []


def _with_translations(
    stage: Stage, how: Translation, tasks: list[str], labels: list[Segment], texts: list[Segment], made: list[Segment]
) -> list[Segment]:
    """The copies so far and those that went through another language."""
    params = TranslateParams(
        how=how, version="; ".join(engine.version for engine in how.engines()), code=digest_of(code_digests(how.module))
    )
    chosen = OriginalParams(tasks=tasks, language=how.language)
    given = stage.map(ORIGINAL, labels, texts, params=chosen)["originals"]
    operator = TRANSLATE if how.engine == "apertium" else TRANSLATE_BATCH
    translated = stage.map(operator, given, params=params)["translated"]
    return stage.map(UNITE, made, labels, translated, params=chosen)["copies"]


def _with_substitutes(
    stage: Stage, model: MaskedModel, copying: Copying, labels: list[Segment], texts: list[Segment], made: list[Segment]
) -> list[Segment]:
    """The copies so far and those in which a masked language model chose words."""
    digests = {Path(path).name: sha256 for path, sha256 in stage.digests(model.files()).items()}
    how = MaskedParams(
        model=model, digests=digests, device=device_class("auto"), seed=copying.how.seed, alpha=copying.how.alpha
    )
    given = stage.map(DRAFT, labels, texts, params=copying)["drafts"]
    masked = stage.map(SUBSTITUTE, given, params=how)["masked"]
    return stage.map(UNITE_MASKED, made, labels, texts, masked, params=copying)["substituted"]


def main() -> None:
    """Build the lexicons, make the copies, refuse those that leak or repeat."""
    with Stage("augment", COMPARE, HOLD_OUT, SCREEN, params=(AugmentParams, PerturbParams)) as stage:
        params: AugmentParams = stage.params[AugmentParams]
        how: PerturbParams = stage.params[PerturbParams]
        labels, texts = stage.read("label/labels"), stage.read("clean/text")
        kinds = kinds_of(stage.read("label/tasks"), params, how.tasks)
        copying = Copying(how=how, marked=[task for task in how.tasks if kinds[task] == MARKED])
        (counts,) = stage.reduce(COUNT, labels, texts, params=LanguageParams(tasks=how.tasks))["languages"]
        check_lexicons(counts.read(), how.operators, list(params.synonyms))
        lexicon = [for_each(synonyms, labels) for synonyms in _make_lexicon(stage, params)]
        made = stage.map(PERTURB, labels, texts, *lexicon, params=copying)["perturbed"]
        if model := params.masked_model():
            made = _with_substitutes(stage, model, copying, labels, texts, made)
        if translation := params.translation():
            made = _with_translations(stage, translation, how.tasks, labels, texts, made)
        compared = stage.map(COMPARE, made, texts)["compared"]
        held_out = stage.map(HOLD_OUT, labels, texts)["held_out"]
        doubted = []
        if params.teacher:
            taught = TeacherParams(tasks=[task for task in how.tasks if kinds[task] == WHOLE[0]])
            doubted = stage.reduce(DOUBT, labels, texts, made, params=taught)["doubted"]
        stage.reduce(SCREEN, made, compared, held_out, texts, doubted)


if __name__ == "__main__":
    exit_on_error(main)
