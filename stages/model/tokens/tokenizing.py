"""Train the tokenizer on the kept, non-test documents, and encode every kept document.

Reads   clean/text, dedup/verdicts, dedup/cuts where there are any, the splits that sources decide (segments); the
        block `tokenize` and the split of `label`.
Writes  vocabulary (one row, the text of tokenizer.json), tokens and verdicts; tokenizer.json and its configuration.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from catalog.segments import Segment
from stages.labels.splits import TEST, SplitParams, split_of
from stages.model.tables import TOKENS
from stages.model.tokens.foreign import pinned_tokenizer
from stages.model.tokens.tokenizer import (
    BYTES,
    CLS,
    MASK,
    PAD,
    SEP,
    SPECIAL_TOKENS,
    sampled,
    token_ids,
    trained_tokenizer,
)
from stages.model.tokens.trimming import trimmed

TOO_FEW = "too_few_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainParams:
    """How the tokenizer is trained.

    Name the sources it learns from, and texts of another source leave it, and so every encoded document, as it is.
    """

    sources: list[str] = field(default_factory=list)  # empty: all
    vocabulary: int = 8192  # tokens, special tokens and bytes included
    lowercase: bool = True  # before anything is counted
    alphabet: int = 4000  # characters that get a token of their own; rarer ones are spelled in bytes
    min_frequency: int = 2  # occurrences of a pair in the sample before it is merged
    sample_characters: int = 2_000_000  # characters of each language to train on
    seed: int = 1  # of the choice of the sample
    tokenizer: dict[str, str] | None = None  # folder, and sha256 of its tokenizer.json: use it, and train none

    def __post_init__(self) -> None:
        if self.tokenizer is not None and set(self.tokenizer) != {"folder", "sha256"}:
            raise ValueError(f"tokenizer is {self.tokenizer}, must have `folder` and `sha256` (of its tokenizer.json)")
        smallest = len(SPECIAL_TOKENS) + len(BYTES) + self.alphabet
        if self.vocabulary <= smallest:
            raise ValueError(f"vocabulary is {self.vocabulary}, must be above {smallest} (alphabet + 260)")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeParams:
    """Which documents are kept: those of `min_tokens` tokens or more."""

    min_tokens: int = 1

    def __post_init__(self) -> None:
        if self.min_tokens < 1:
            raise ValueError(f"min_tokens is {self.min_tokens}, must be >= 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How the tokenizer is trained, and the split, whose test documents it must not see."""

    how: TrainParams
    split: SplitParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """Which documents are kept, and the split of each."""

    how: EncodeParams
    split: SplitParams


def train(
    texts: list[Segment], verdicts: list[Segment], cuts: list[Segment], given: list[Segment], params: Training
) -> Iterator[tuple[str, str, pa.Table]]:
    """Yield ("vocabulary", "all", one row): the tokenizer trained on a hash-chosen sample of the kept documents, or
    the one that others trained."""
    if params.how.tokenizer is not None:
        yield "vocabulary", "all", pa.table({"tokenizer": [pinned_tokenizer(params.how.tokenizer).text]})
        return
    decided = given[0].read()
    text_of, cuts_of = ({segment.key: segment for segment in segments} for segments in (texts, cuts))
    rows = [
        row
        for verdict in verdicts
        for row in _trainable(text_of[verdict.key], verdict, cuts_of.get(verdict.key), decided, params)
    ]
    how = params.how
    tokenizer = trained_tokenizer(
        sampled(rows, how.sample_characters, how.seed),
        vocabulary=how.vocabulary,
        lowercase=how.lowercase,
        alphabet=how.alphabet,
        min_frequency=how.min_frequency,
    )
    yield "vocabulary", "all", pa.table({"tokenizer": [tokenizer.to_str()]})


def _trainable(
    texts: Segment, verdicts: Segment, cuts: Segment | None, given: pa.Table, params: Training
) -> list[tuple[str, str, str]]:
    """(id, language, text) of the kept documents of one segment that the tokenizer learns from."""
    clusters = verdicts.read(["id", "cluster", "drop_reason"])
    kept = clusters.filter(pc.is_null(clusters["drop_reason"]))
    seen = kept.filter(pc.not_equal(split_of(kept["cluster"], params.split, given), TEST))
    rows = texts.read(["id", "source", "language", "text"])
    rows = rows.filter(pc.is_in(rows["id"], value_set=seen["id"]))
    if params.how.sources:
        rows = rows.filter(pc.is_in(rows["source"], value_set=pa.array(params.how.sources)))
    seen_texts = trimmed(rows["id"], rows["text"], cuts and cuts.read())
    return list(zip(rows["id"].to_pylist(), rows["language"].to_pylist(), seen_texts, strict=True))


def encode(
    verdicts: pa.Table,
    texts: pa.Table,
    vocabulary: pa.Table,
    given: pa.Table,
    cuts: pa.Table | None = None,
    *,
    params: Encoding,
) -> dict[str, pa.Table]:
    """Tables `tokens` (documents of enough tokens) and `verdicts` (every document that dedup kept), in input order."""
    kept = verdicts.filter(pc.is_null(verdicts["drop_reason"]))
    rows = texts.take(pc.index_in(kept["id"], value_set=texts["id"]))
    tokenizer = Tokenizer.from_str(vocabulary["tokenizer"][0].as_py())
    encoded = pa.array(token_ids(tokenizer, trimmed(rows["id"], rows["text"], cuts)), TOKENS.field("ids").type)
    enough = pc.greater_equal(pc.list_value_length(encoded), params.how.min_tokens)
    reasons = pc.if_else(enough, pa.scalar(None, pa.string()), TOO_FEW)
    tokens = pa.table({"id": kept["id"], "split": split_of(kept["cluster"], params.split, given), "ids": encoded})
    return {"tokens": tokens.filter(enough), "verdicts": pa.table({"id": kept["id"], "drop_reason": reasons})}


def export(vocabulary: list[Segment], out: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json, which `AutoTokenizer.from_pretrained` reads."""
    write_tokenizer(vocabulary, out)


def write_tokenizer(vocabulary: list[Segment], out: Path) -> None:
    """Put the two tokenizer files into the folder `out`."""
    text = vocabulary[0].read()["tokenizer"][0].as_py()
    (out / "tokenizer.json").write_text(text, encoding="utf-8")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": PAD,
        "cls_token": CLS,
        "sep_token": SEP,
        "mask_token": MASK,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")


def vocabulary_size(vocabulary: list[Segment]) -> int:
    """Number of tokens of the trained tokenizer."""
    return tokenizer_of(vocabulary).get_vocab_size()


def tokenizer_of(vocabulary: Sequence[Segment]) -> Tokenizer:
    """The trained tokenizer, another object each time."""
    return Tokenizer.from_str(vocabulary[0].read()["tokenizer"][0].as_py())


def token_lists(tokens: list[Segment], splits: tuple[str, ...]) -> tuple[list[str], list[np.ndarray]]:
    """Ids and token arrays of the documents of the given splits, in segment order."""
    ids: list[str] = []
    lists: list[np.ndarray] = []
    for segment in tokens:
        rows = segment.read()
        rows = rows.filter(pc.is_in(rows["split"], value_set=pa.array(splits)))
        ids += rows["id"].to_pylist()
        flat = pc.list_flatten(rows["ids"]).to_numpy().astype(np.int64)
        lengths = pc.list_value_length(rows["ids"]).to_numpy()
        lists += np.split(flat, np.cumsum(lengths)[:-1]) if len(lengths) else []
    return ids, lists
