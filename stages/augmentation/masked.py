"""Masked-model substitution: some words become words that a pretrained masked language model proposes in their place.

Reads   label/labels, clean/text; the model and tokenizer of a folder that `pretrain` wrote.
Writes  augment/drafts       the copies that are to be made: text, language and spans of the parent, by the copy's id
        augment/masked       for each draft the places of the changed words, and what they become
        augment/substituted  the copies that other operators made, and these
Sources conditional augmentation: Kobayashi 2018 (arXiv 1805.06201), without the condition.

Which words change is a hash of (seed, operator, id of the parent, number of the copy); which of the model's best
proposals a word becomes, of these and its place. Function words, negations, the word after each, numbers and words
that a labelled span touches stay. A draft is found again by its id, text, spans and model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalog.digests import check_pin
from catalog.errors import InputError
from catalog.schema import ID, TEXT_DIGEST, column, table
from stages.augmentation.copies import Copying, child, child_id, children, original, parents
from stages.augmentation.draws import Draws
from stages.augmentation.perturb import change_count, free_places, worded
from stages.augmentation.proposals import Question, is_replaceable
from stages.augmentation.wording import Original
from stages.model.training.device import Device
from stages.sources.settings.archive import SHA256

MASKED = "masked"
WEIGHTS, OTHERS = "model.safetensors", ("config.json", "tokenizer.json")
DRAFTS = table(
    ID, column("text", pa.string(), "text to change"), TEXT_DIGEST, column("language", pa.string(), "ISO 639-1"),
    column("spans", pa.list_(pa.int32()), "first character and the one after the last of each labelled span, in turn"),
)  # fmt: skip
SUBSTITUTES = table(
    ID, column("places", pa.list_(pa.int32()), "numbers of the changed words, from 0"),
    column("words", pa.list_(pa.string()), "what each becomes"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedModel:
    """A masked language model in a folder, as `pretrain` saves it, pinned by its weights."""

    folder: str
    sha256: str  # of model.safetensors
    top: int = 5  # proposals that a word may become

    def __post_init__(self) -> None:
        if not SHA256.fullmatch(str(self.sha256)):
            raise ValueError(f"`sha256` is {self.sha256!r}, must be that of {WEIGHTS} (64 hex digits)")
        if not isinstance(self.top, int) or self.top < 1:
            raise ValueError(f"`top` is {self.top!r}, must be a whole number above 0")

    def files(self) -> list[Path]:
        """What decides its proposals. Errors: InputError where one is missing, or the weights are others."""
        remedy = "copy the folder data/pretrain/model there, and track it with `dvc add`,"
        check_pin(Path(self.folder, WEIGHTS), self.sha256, "augment.masked", remedy)
        missing = [name for name in OTHERS if not Path(self.folder, name).is_file()]
        if missing:
            raise InputError(f"augment.masked: {self.folder} has no {' and no '.join(missing)}; copy the whole folder")
        config = json.loads(Path(self.folder, OTHERS[0]).read_text(encoding="utf-8"))
        if not any(name.endswith(("ForMaskedLM", "ForPreTraining")) for name in config.get("architectures") or ()):
            raise InputError(
                f"augment.masked: the model in {self.folder} was not trained to guess masked words (pretrain.objective "
                "clm or rtd); name one of the objective mlm, or set augment.masked to null in params.yaml"
            )
        return [Path(self.folder, name) for name in (WEIGHTS, *OTHERS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedParams:
    """What decides the substitutes."""

    model: MaskedModel
    digests: Mapping[str, str]  # of the model's files
    device: Device
    seed: int
    alpha: float  # share of the words that are changed


def drafts(labels: pa.Table, documents: pa.Table, params: Copying) -> dict[str, pa.Table]:
    """{"drafts": a row for each copy that is to be made of this segment's training documents}."""
    rows = []
    for parent in parents(labels, documents, params.how.tasks):
        given = original(parent, params.marked)
        row = {
            "text": given.text, "text_digest": sha256(given.text.encode()).hexdigest(), "language": given.language,
            "spans": [place for span in given.spans for place in span],
        }  # fmt: skip
        rows += [row | {"id": draft_id(parent, number, params)} for number in range(params.how.copies)]
    return {"drafts": pa.Table.from_pylist(rows, schema=DRAFTS.remove_metadata())}


def draft_id(parent: dict[str, str], number: int, params: Copying) -> str:
    """The id of the copy that a draft becomes."""
    return child_id(parent, MASKED, params.how.seed, number)


def substitutes(drafts: pa.Table, params: MaskedParams) -> dict[str, pa.Table]:
    """{"masked": the changed words of each draft, none where the model proposes nothing}."""
    from stages.augmentation.engines.masked_model import proposer  # torch takes seconds to import

    questions = [question for draft in drafts.to_pylist() for question in _questions(draft, params)]
    changed: dict[str, dict[int, str]] = {name: {} for name in drafts["id"].to_pylist()}
    offered = []
    if questions:
        model = proposer(Path(params.model.folder), params.device, tuple(params.digests.values()))
        offered = model.proposals(questions, params.model.top)
    for question, words in zip(questions, offered, strict=True):
        if words:
            draws = Draws(params.seed, MASKED, question.draft, question.place)
            changed[question.draft][question.place] = words[draws.below(len(words))]
    rows = [[*changed], [[*words] for words in changed.values()], [[*words.values()] for words in changed.values()]]
    return {"masked": pa.table(rows, schema=SUBSTITUTES.remove_metadata())}


def _questions(draft: dict[str, Any], params: MaskedParams) -> list[Question]:
    """The words of a draft that are to change, in the order drawn."""
    flat = draft["spans"]
    given = Original(draft["text"], draft["language"], tuple(zip(flat[::2], flat[1::2], strict=True)))
    wording = worded(given)
    if wording is None:
        return []
    words, language = wording.words, given.language
    free = [place for place in free_places(wording, language) if is_replaceable(words[place].lower(), language)]
    bounds = wording.bounds()
    places = Draws(params.seed, MASKED, draft["id"]).sample(free, change_count(wording, params.alpha))
    return [Question(draft["id"], place, given.text, *bounds[place], language) for place in places]


def with_substitutes(
    perturbed: pa.Table, labels: pa.Table, documents: pa.Table, masked: pa.Table, params: Copying
) -> dict[str, pa.Table]:
    """{"substituted": the perturbed copies, then those of the drafts in which a word changed}."""
    columns = [masked[name].to_pylist() for name in SUBSTITUTES.names]
    changed = {name: dict(zip(places, words, strict=True)) for name, places, words in zip(*columns, strict=True)}
    rows = []
    for parent in parents(labels, documents, params.how.tasks):
        for number in range(params.how.copies):
            words = changed[draft_id(parent, number, params)]
            wording = worded(original(parent, params.marked)) if words else None
            if wording:
                rows.append(child(parent, MASKED, params.how.seed, number, wording.with_words(words)))
    return {"substituted": pa.concat_tables([perturbed, children(rows)])}
