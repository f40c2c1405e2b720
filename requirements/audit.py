"""audit: every version that this repository pins, against requirements/vulnerable.csv; asks no network.

Reads   requirements/*.lock, bench/peers/*.txt, tests/servers/*.txt, and what else is pinned on the command line
        requirements/vulnerable.csv: package, versions that an advisory concerns, its id, and why it is accepted
Run     python requirements/audit.py [REQUIREMENT...], as `make lint` does; status 1 where one is not accepted
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TABLE = Path(__file__).with_name("vulnerable.csv")
PINS = ("requirements/*.lock", "bench/peers/*.txt", "tests/servers/*.txt")


class Pin(NamedTuple):
    """One version of one package, and the file that names it."""

    package: str
    version: str
    place: str


class Finding(NamedTuple):
    """A pinned version that an advisory concerns; `accepted` says why it stays, empty where it may not."""

    pin: Pin
    advisory: str
    accepted: str


def pins(lines: Iterable[str], place: str) -> Iterator[Pin]:
    """What the lines of a requirements file pin to one version; hashes, comments and options pin nothing."""
    for line in lines:
        try:
            found = Requirement(line.partition("\\")[0].partition(" --")[0].strip())
        except InvalidRequirement:
            continue
        for one in found.specifier:
            if one.operator == "==":
                yield Pin(canonicalize_name(found.name), one.version, place)


def pinned(root: Path = ROOT) -> list[Pin]:
    """Every pin of the repository."""
    paths = sorted(path for pattern in PINS for path in root.glob(pattern))
    return [pin for path in paths for pin in pins(path.read_text().splitlines(), path.relative_to(root).as_posix())]


def findings(found: Iterable[Pin], table: Path = TABLE) -> Iterator[Finding]:
    """Pins that the table names."""
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for pin in found:
        for row in rows:
            concerned = SpecifierSet(row["versions"], prereleases=True)
            if canonicalize_name(row["package"]) == pin.package and pin.version in concerned:
                yield Finding(pin, row["advisory"], row["accepted"])


def main() -> None:
    """Print what was found; exit with 1 where something has to be done."""
    found = [*pinned(), *pins(sys.argv[1:], "the command line")]
    refused = 0
    for pin, advisory, accepted in findings(found):
        refused += not accepted
        what = f"accepted: {accepted}" if accepted else "pin a version without it, then `make lock`"
        print(f"{pin.place}: {pin.package} {pin.version} has {advisory}; {what}")
    print(f"{len(found)} pinned versions, {refused} with an advisory that nobody accepted")
    sys.exit(refused > 0)


if __name__ == "__main__":
    main()
