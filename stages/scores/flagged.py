"""Words and phrases of the project's own lists, such as LDNOOBW's, counted in documents.

Reads   clean/text; one file per language that `clean.flagged_words` pins, with a word or phrase a line.
Writes  clean/flagged_words, the phrases of all lists; clean/flagged, rows of SCORES of two signals:
        rps_doc_ldnoobw_words   phrases found (RedPajama-2)
        flagged_words_ratio     words that belong to one / words (Data-Juicer)

Words are RedPajama-2's: what stands between spaces, in lower case and without ASCII punctuation. In languages that part
no words they are letters and digits. A document whose language has no list has neither signal.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.digests import check_pin
from catalog.errors import InputError
from catalog.schema import column, table
from stages.scores.rows import scored

PHRASES = table(
    column("language", pa.string(), "language of the documents it is looked for in, as in clean/text"),
    column("phrase", pa.string(), "in lower case, its words parted by one space"),
)
COUNT, RATIO = "rps_doc_ldnoobw_words", "flagged_words_ratio"
DECIMALS = 4
UNSPACED = frozenset(("bo", "ja", "km", "lo", "my", "th", "zh"))  # languages that part no words
_PUNCTUATION = str.maketrans("", "", string.punctuation)

Units = tuple[str, ...]  # words, or letters and digits


def read_phrases(files: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, None, pa.Table]]:
    """The table `flagged_words` of {language: {path, sha256}}.

    Errors: InputError for a file that is missing, is not the pinned one, or no UTF-8.
    """
    rows = []
    for language, file in sorted(files.items()):
        check_pin(Path(file["path"]), file["sha256"], "clean.flagged_words")
        try:
            lines = Path(file["path"]).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError as error:
            raise InputError(f"clean.flagged_words: {file['path']} is no UTF-8 ({error.reason})") from None
        phrases = sorted({" ".join(_words(line)) for line in lines} - {""})
        rows += [{"language": language, "phrase": phrase} for phrase in phrases]
    yield "flagged_words", None, pa.Table.from_pylist(rows, schema=PHRASES.remove_metadata())


def flagged(texts: pa.Table, phrases: pa.Table) -> dict[str, pa.Table]:
    """The table `flagged`."""
    found = np.full((2, texts.num_rows), np.nan)
    for language in phrases["language"].unique().to_pylist():
        units = _letters if language in UNSPACED else _words
        listed = phrases.filter(pc.equal(phrases["language"], language))["phrase"].to_pylist()
        known = {units(phrase) for phrase in listed} - {()}
        sizes = _sizes(known)
        for row in np.flatnonzero(pc.equal(texts["language"], language).to_numpy()).tolist():
            found[:, row] = _count(units(texts["text"][row].as_py()), known, sizes)
    signals = (scored(texts["id"], COUNT, found[0], 0), scored(texts["id"], RATIO, found[1], DECIMALS))
    return {"flagged": pa.concat_tables(signals)}


def _words(text: str) -> Units:
    return tuple(text.lower().translate(_PUNCTUATION).split())


def _letters(text: str) -> Units:
    return tuple(filter(str.isalnum, text.lower()))


def _sizes(known: set[Units]) -> dict[str, list[int]]:
    """First word of phrases -> how many words they have."""
    found: dict[str, set[int]] = {}
    for phrase in known:
        found.setdefault(phrase[0], set()).add(len(phrase))
    return {word: sorted(sizes) for word, sizes in found.items()}


def _count(units: Sequence[Any], known: set[Units], sizes: Mapping[str, list[int]]) -> tuple[int, float]:
    """(phrases found, share of the words that belong to one); 0 of none is 0."""
    count, covered = 0, bytearray(len(units))
    for at, unit in enumerate(units):
        for size in sizes.get(unit, ()):
            if units[at : at + size] in known:
                count += 1
                covered[at : at + size] = b"\1" * size
    return count, sum(covered) / max(1, len(units))
