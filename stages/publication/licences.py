"""Licences: may a cleaned copy of a text be passed on? Read from the name that a source or a page gives its licence.

What is read is an SPDX identifier or expression (`MIT OR Apache-2.0`), or a URL of Creative Commons or arXiv. It is a
filter for exports, not legal advice: what is not known here is not passed on until the author allows it.
"""

from __future__ import annotations

import re

UNKNOWN, NO_DERIVATIVES, FORBIDS = "licence_unknown", "licence_no_derivatives", "licence_forbids"
REASONS = {
    UNKNOWN: "the licence is not stated, or is not one that is known here",
    NO_DERIVATIVES: "the licence permits verbatim copies only, and a cleaned text is none",
    FORBIDS: "the licence forbids passing the text on",
}
_FREE = re.compile(
    r"(cc0|cc-by(-nc)?(-sa)?|pddl|odc-by|odbl|mit|mit-0|apache|0?bsd|isc|zlib|unlicense|wtfpl|gpl|lgpl|agpl|gfdl|mpl|"
    r"epl|eupl|cecill|artistic|psf|python|afl|bsl|ncsa|etalab|ogl-uk|dl-de-by|dl-de-zero|public-domain|us-pd)"
    r"(-\d[\w.]*)*(-(only|or-later|clause|igo|[a-z]{2}))*\+?"
)
_CREATIVE_COMMONS = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(licenses|publicdomain)/([a-z-]+)(?:/([\d.]+))?"
)
_ARXIV = re.compile(r"https?://arxiv\.org/licenses/")
_FORBIDDING = ("proprietary", "all-rights-reserved", "confidential", "licenseref-proprietary")

_HUB = frozenset({
    "apache-2.0", "mit", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "odc-by",
    "odbl", "pddl", "gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "bsd-2-clause", "bsd-3-clause", "gfdl",
    "isc", "mpl-2.0", "epl-2.0", "eupl-1.1", "eupl-1.2", "unlicense", "zlib", "wtfpl", "ncsa", "afl-3.0",
})  # fmt: skip
"""Identifiers of the front matter of Hugging Face."""


def reason_against(licence: str) -> str | None:
    """Why a text of this licence is not to be passed on, one of REASONS; None where it may be."""
    options = re.split(r"\s+or\s+|\s*/\s*(?=[A-Z])", _named(licence), flags=re.I)
    return min((_of_all(option) for option in options), key=_severity)


def _named(licence: str) -> str:
    """A URL as the identifier it stands for; what is no URL as it is."""
    found = _CREATIVE_COMMONS.match(licence.strip())
    if found:
        kind, name, version = found.groups()
        free = {"zero": "CC0", "mark": "public-domain"}.get(name, name) if kind == "publicdomain" else f"CC-{name}"
        return f"{free}-{version}" if version else free
    return "proprietary" if _ARXIV.match(licence.strip()) else licence


def _of_all(terms: str) -> str | None:
    """The strictest of terms that hold together."""
    return max((_of_one(term) for term in re.split(r"\s+and\s+", terms.strip("() "), flags=re.I)), key=_severity)


def _of_one(term: str) -> str | None:
    name = re.sub(r"[\s_]+", "-", re.sub(r"\s+with\s+.*", "", term.strip("() ").lower()))
    if _FREE.fullmatch(name):
        return None
    if name in _FORBIDDING:
        return FORBIDS
    return NO_DERIVATIVES if re.fullmatch(r"cc-by(-nc)?-nd(-.*)?", name) else UNKNOWN


def _severity(reason: str | None) -> int:
    return 0 if reason is None else 1 + list(REASONS).index(reason)


def hub_name(licence: str) -> str:
    """The identifier that Hugging Face's front matter has for a licence; `other` where it has none."""
    name = re.sub(r"-(only|or-later)$", "", _named(licence).strip().lower())
    name = re.sub(r"^(odc-by|odbl|pddl|isc|zlib|wtfpl)-1\.0$", r"\1", "cc0-1.0" if name == "cc0" else name)
    return name if name in _HUB else "other"
