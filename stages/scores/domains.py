"""The category of a document's host in the project's own list of domains, such as UT1's.

Reads   clean/text, crawl/captures (uri); the file that `clean.domains` pins: domain, tab, category, a line each.
Writes  clean/domain_list, the domains with the numbers of their categories; clean/domains, rows of SCORES:
        rps_doc_ut1_blacklist   the number of the category, 0 for a host that is not listed (RedPajama-2)

Categories are numbered from 1 in the order of their names. A host has the category of the longest listed domain that it
is, or is below of; of several in one line's domain the one that sorts first. What has no host has no value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.digests import check_pin
from catalog.errors import InputError
from catalog.schema import INT, column, table
from stages.scores.rows import scored

DOMAINS = table(
    column("domain", pa.string(), "in lower case, without `www.`"),
    column("category", pa.string(), "as the list names it"),
    column("number", INT, "of the category, from 1"),
)
SIGNAL = "rps_doc_ut1_blacklist"


def read_domains(path: str, sha256: str) -> Iterator[tuple[str, None, pa.Table]]:
    """The table `domain_list`. Errors: InputError for a file that is missing, is another one, or written otherwise."""
    check_pin(Path(path), sha256, "clean.domains")
    found: dict[str, str] = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        domain, tab, category = line.strip().partition("\t")
        if line.strip() and not (tab and category.strip()):
            raise InputError(f"clean.domains: line {number} of {path} is {line[:80]!r}, must be domain, tab, category")
        if line.strip():
            name = domain.strip().lower().removeprefix("www.")
            found[name] = min(category.strip(), found.get(name, category.strip()))
    numbers = {category: number for number, category in enumerate(sorted(set(found.values())), 1)}
    rows = [(domain, category, numbers[category]) for domain, category in sorted(found.items())]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    yield "domain_list", None, pa.table(list(map(pa.array, columns)), schema=DOMAINS.remove_metadata())


def categorise(texts: pa.Table, captures: pa.Table, domains: pa.Table) -> dict[str, pa.Table]:
    """The table `domains`; captures (id, uri) hold all of the texts and perhaps more."""
    known = dict(zip(domains["domain"].to_pylist(), domains["number"].to_pylist(), strict=True))
    at = pc.index_in(texts["id"], value_set=captures["id"].combine_chunks())
    values = [_number(uri, known) for uri in captures["uri"].take(at).to_pylist()]
    return {"domains": scored(texts["id"], SIGNAL, np.array(values, np.float64), 0)}


def _number(uri: str, known: Mapping[str, int]) -> float:
    """The number of the category of a URI's host; NaN where it has none."""
    host = (urlsplit(uri).hostname or "") if uri.startswith(("http://", "https://")) else ""
    labels = host.split(".")
    listed = (known[".".join(labels[start:])] for start in range(len(labels)) if ".".join(labels[start:]) in known)
    return float(next(listed, 0)) if host else float("nan")
