"""What a site says about the use of a page, and whether it refuses training. Read by crawls, decided on later.

A signal is kept as evidence whatever it says; `refuses` is the default reading, and what it reads is in the signal
alone, so that another reading needs no crawl. Sources: RFC 9309, TDMRep (W3C community group), AIPREF drafts
(vocabulary and attachment), Content-Signal (contentsignals.org), the robots meta tag with DeviantArt's `noai`,
accounts of Mastodon (docs.joinmastodon.org/entities/Account).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.schema import CATALOG

ABOUT_TRAINING = ("train-genai", "train-ai", "ai-train", "genai", "ai", "tdm", "bots")
"""Categories of use that training falls under, the closest first; a statement on a closer one stands before a wider."""
REFUSING_WORDS = frozenset(("noai", "noindex", "none"))
"""`noimageai` speaks of images, which no text is trained on; `none` is `noindex, nofollow`."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One statement: what kind, what it says, and where (robots.txt, header, meta, link, record or a path)."""

    signal: str
    value: str
    where: str


def refuses(signal: Signal) -> bool:
    """Does it refuse that the page is trained on? A signal that is not defined here refuses: it was not understood."""
    reading = READINGS.get(signal.signal)
    return reading is None or reading(signal.value)


def _words(value: str) -> bool:
    return bool(REFUSING_WORDS & set(value.split(", ")))


def _preferences(value: str) -> bool:
    """`train-ai=n, search=y`: the statement on the closest category counts."""
    stated = dict(one.partition("=")[::2] for one in value.split(", "))
    closest = next((stated[name] for name in ABOUT_TRAINING if name in stated), "y")
    return closest in ("n", "no", "?0")


def _disallowed(value: str) -> bool:
    """`GPTBot: disallow`."""
    return value.endswith(": disallow")


READINGS: dict[str, Callable[[str], bool]] = {
    "robots": _disallowed,
    "ai-txt": _disallowed,
    "x-robots-tag": _words,
    "meta-robots": _words,
    "tdm-reservation": lambda value: value == "1",
    "content-usage": _preferences,
    "content-signal": _preferences,
    "noindex": lambda value: value == "true",  # of an account: its owner wants it found by no search engine (Mastodon)
    "indexable": lambda value: value == "false",  # of an account: its posts may be searched (Mastodon)
    "licence": lambda value: False,  # names the conditions; it refuses nothing by itself
}


def as_rows(signals: Iterable[Signal]) -> tuple[dict[str, str], ...]:
    """Signals as the column `rights` of the captures has them."""
    return tuple(asdict(signal) for signal in signals)


def refusing_signals(captures: pa.Table) -> pa.Array:
    """Per capture the kind of the first signal that refuses training; null where none does."""
    rights = captures["rights"].combine_chunks()
    kinds: list[str | None] = [None] * len(rights)
    for row in pc.indices_nonzero(pc.fill_null(pc.list_value_length(rights), 0)).to_pylist():
        signals = (Signal(**one) for one in rights[row].as_py())
        kinds[row] = next((signal.signal for signal in signals if refuses(signal)), None)
    return pa.array(kinds, pa.string())


def rights_table(captures: pa.Table) -> dict[str, pa.Table]:
    """`catalog/rights`: one row per capture and signal, in the order of the captures."""
    rows = [
        {"id": one, "signal": right["signal"], "value": right["value"], "place": right["where"]}
        | {"refuses": refuses(Signal(**right))}
        for one, rights in zip(captures["id"].to_pylist(), captures["rights"].to_pylist(), strict=True)
        for right in rights or ()
    ]
    return {"rights": pa.Table.from_pylist(rows, CATALOG["rights"].remove_metadata())}
