"""A tokenizer that others trained, in the form that every stage expects: the four signs have the first four numbers.

Reads   tokenizer.json of a folder that `save_pretrained` wrote: bert, modernbert, roberta, xlm-roberta, gpt2 …
Gives   the same tokenizer with its tokens renumbered, and the old number of each, by which a network's rows of its
        vocabulary are put in the same order (foreign_network.py). A text is cut as before.

A sign is renamed ([CLS] for <s>), for it never stands in a text: where a text spells one, Unigram, which would take the
longest piece that it knows, is handed it in two parts. One that is missing is a new token, whose vector
begins as that of the token that ends a text: GPT-2 has one token where there are four here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, processors

from catalog.digests import check_pin
from catalog.errors import InputError
from stages.model.tokens.tokenizer import CLS, CLS_ID, MASK, PAD, SEP, SEP_ID

NAMES = {PAD: (PAD, "<pad>"), CLS: (CLS, "<s>"), SEP: (SEP, "</s>"), MASK: (MASK, "<mask>")}
END = "<|endoftext|>"  # stands for every sign that is missing
FILE = "tokenizer.json"
_SPELT = r"\[(?=(PAD|CLS|SEP|MASK)\])"
_GUARD = {"type": "Split", "pattern": {"Regex": _SPELT}, "behavior": "Isolated", "invert": False}
"""Cuts the bracket off a sign that a text spells."""


@dataclass(frozen=True, slots=True)
class Renumbered:
    """`text` of the tokenizer.json; `order` [tokens]: the old number of each token, of new ones that of END."""

    text: str
    order: list[int]


def pinned_tokenizer(pin: dict[str, str]) -> Renumbered:
    """The tokenizer of `tokenize.tokenizer`. Errors: InputError where it is missing, another, or of another kind."""
    place = Path(pin["folder"], FILE)
    check_pin(place, pin["sha256"], "tokenize.tokenizer", "save it there with AutoTokenizer's save_pretrained")
    return renumbered(place)


def renumbered(place: Path) -> Renumbered:
    """See above; one of our own comes back as it was. Errors: InputError where that is not possible."""
    text = place.read_text(encoding="utf-8")
    state = json.loads(text)
    old = _numbers(state, place)
    unigram = isinstance(state["model"]["vocab"], list)
    signs = [_sign(sign, old, place) for sign in NAMES]
    ours = signs == list(NAMES) and [old[sign] for sign in NAMES] == list(range(len(NAMES)))
    if ours and not (unigram and _GUARD not in _cutters(state)):
        return Renumbered(text, sorted(old.values()))
    rest = [token for token in sorted(old, key=old.__getitem__) if token not in signs]
    if clash := set(NAMES) & set(rest):
        raise InputError(f"{place} has {', '.join(sorted(clash))} as words, which are signs here; use another one")
    order = [old[token or END] for token in [*signs, *rest]]
    _rewrite(state, dict(zip([*NAMES, *rest], range(len(order)), strict=True)), rest)
    return Renumbered(_framed(state), order)


def _numbers(state: dict[str, Any], place: Path) -> dict[str, int]:
    """The number of each token. Errors: InputError for a model without a vocabulary."""
    words = state["model"].get("vocab")
    if isinstance(words, list):
        words = {token: number for number, (token, _) in enumerate(words)}
    if not isinstance(words, dict):
        raise InputError(
            f"{place} is a tokenizer of type {state['model'].get('type')}; BPE, WordPiece, WordLevel and Unigram can "
            "be read"
        )
    return words | {token["content"]: token["id"] for token in state["added_tokens"]}


def _sign(sign: str, old: dict[str, int], place: Path) -> str | None:
    """What a tokenizer calls a sign, None where END stands for it."""
    found = next((name for name in NAMES[sign] if name in old), None)
    if found is None and END not in old:
        raise InputError(f"{place} has none of {', '.join([*NAMES[sign], END])}; add one to it and to its network")
    return found


def _rewrite(state: dict[str, Any], numbers: dict[str, int], rest: list[str]) -> None:
    """Put the new numbers in; `rest` are the tokens that are no signs. Texts are neither cut off nor filled up."""
    kept = [token | {"id": numbers[token["content"]]} for token in state["added_tokens"] if token["content"] in rest]
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    state["added_tokens"] = [{"id": numbers[sign], "content": sign, **plain} for sign in NAMES] + kept
    state["added_tokens"].sort(key=lambda token: token["id"])
    if isinstance(state["model"]["vocab"], list):
        _renumber_pieces(state, list(numbers))
    else:
        state["model"]["vocab"] = numbers  # added ones too: only there can a token be given a number
    state["truncation"] = state["padding"] = None


def _renumber_pieces(state: dict[str, Any], tokens: list[str]) -> None:
    """The same for Unigram, whose vocabulary is a list of pieces and their log probabilities."""
    model = state["model"]
    scores, unknown = dict(model["vocab"]), model.get("unk_id")
    if unknown is not None:
        model["unk_id"] = tokens.index(model["vocab"][unknown][0])
    least = min(scores.values())
    model["vocab"] = [[token, 0.0 if token in NAMES else scores.get(token, least)] for token in tokens]
    state["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [*_cutters(state), _GUARD]}


def _cutters(state: dict[str, Any]) -> list[dict[str, Any]]:
    """What cuts a text before its pieces are looked for, first to last."""
    found = state["pre_tokenizer"]
    if found is None:
        return []
    return list(found["pretokenizers"]) if found["type"] == "Sequence" else [found]


def _framed(state: dict[str, Any]) -> str:
    """tokenizer.json with the frame that tokenizer.py gives its own."""
    tokenizer = Tokenizer.from_str(json.dumps(state | {"post_processor": None}))
    frame = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}", pair=f"{CLS} $A {SEP} $B:1 {SEP}:1", special_tokens=[(CLS, CLS_ID), (SEP, SEP_ID)]
    )
    tokenizer.post_processor = frame
    return tokenizer.to_str()


def spells_bytes(tokenizer: Tokenizer) -> bool:
    """Is each character of a token a byte of the text?"""
    return isinstance(tokenizer.decoder, decoders.ByteLevel)
