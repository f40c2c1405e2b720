"""What a site refuses for training is trained on by no model, and the evidence can be asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.errors import ParameterError
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Stage
from catalog.schema import CAPTURES, VERDICTS
from catalog.segments import read_segments
from stages import catalog, clean, dedup, label, tokenize
from stages.web.refusals import Signal, as_rows
from tests.stages.prose import ENGLISH
from tests.stages.web.test_extract import captures
from tests.stages.web.test_rights import TWELVE

ROOT = Path(__file__).parents[3]
NOAI = Signal("x-robots-tag", "noai", "header")
LICENCE = Signal("licence", "https://creativecommons.org/licenses/by/4.0/", "link")
DISALLOWED = Signal("robots", "GPTBot: disallow", "robots.txt")
SAID: list[tuple[Signal, ...] | None] = [(), None, (LICENCE,), (LICENCE, NOAI), (DISALLOWED, NOAI), ()]
"""What is said of each of six documents: nothing, twice, and the last is no text."""


def read(said: list[tuple[Signal, ...] | None]) -> Iterator[tuple[str, None, pa.Table]]:
    """Texts that are no near-duplicates, with what is said of each, the last of them no text."""
    words = ENGLISH.split()
    bodies = [" ".join(sorted(words, key=lambda word: (hash_of(word, n), word))).encode() for n in range(len(said) - 1)]
    pages = [{"body": body} for body in (*bodies, b"\x00\x01" * 50)]
    table = captures(*[page | {"rights": one and as_rows(one)} for page, one in zip(pages, said, strict=True)])
    yield "captures", None, table
    yield "verdicts", None, pa.table({"id": table["id"], "drop_reason": pa.nulls(len(table), pa.string())})


def hash_of(word: str, salt: int) -> int:
    """A number that is the same in every process."""
    return sum((salt + 2) ** place * ord(letter) for place, letter in enumerate(word)) % 1009


CRAWL = Operator(name="read", run=read, writes={"captures": CAPTURES, "verdicts": VERDICTS})
BLOCKS: dict[str, Any] = {
    "clean": {"preset": "short"},
    "label": {"split": {"seed": 1, "validation": 0.3, "test": 0.3}, "tasks": []},
    "tokenize": {"sources": [], "vocabulary": 400, "alphabet": 100, "lowercase": True, "min_frequency": 2,
                 "sample_characters": 100_000, "seed": 1, "min_tokens": 1},
}  # fmt: skip


def crawl(said: list[tuple[Signal, ...] | None]) -> None:
    """The stage crawl, with a capture of which each of these was said."""
    with Stage("crawl") as stage:
        stage.act_all(CRAWL, [Action(name="test", inputs={"said": repr(said)}, args=(said,))])


@pytest.fixture
def crawled(project: Path) -> Path:
    """A project with six captures and the presets of this repository."""
    presets = project / "stages" / "text" / "rules" / "presets"
    presets.parent.mkdir(parents=True)
    presets.symlink_to(ROOT / "stages" / "text" / "rules" / "presets")
    crawl(SAID)
    return project


def built(*stages: Callable[[], None], rights: str = "respect") -> list[str]:
    """Run stages under a policy; the operators of clean that computed something."""
    blocks = BLOCKS | {"clean": BLOCKS["clean"] | {"rights": rights}}
    Path("params.yaml").write_text(json.dumps(blocks))
    for main in stages:
        main()
    lines = [json.loads(line) for line in Path(".gristmill/traces/clean.jsonl").read_text().splitlines()]
    return sorted(line["operator"].split(".")[-1] for line in lines if line["verdict"] == "stale")


def rows(stage: str, table: str) -> list[dict[str, Any]]:
    """All rows of a table."""
    return [row for segment in read_segments(stage, table) for row in segment.read().to_pylist()]


REFUSED = ["rights:x-robots-tag", "rights:robots"]


def test_no_split_and_no_model_has_what_a_site_refuses(crawled: Path) -> None:
    """Dropped with the kind of signal, hence in neither the text for pretraining nor any split of labelled training."""
    built(clean.main, dedup.main, label.main, tokenize.main)
    verdicts = {row["id"]: row["drop_reason"] for row in rows("clean", "verdicts")}
    assert list(verdicts.values()) == [None, None, None, *REFUSED]
    kept = {one for one, reason in verdicts.items() if reason is None}
    assert {row["id"] for row in rows("label", "splits")} == {row["id"] for row in rows("tokenize", "tokens")} == kept


def test_twelve_signals_of_two_values_decide(crawled: Path) -> None:
    """Each of the twelve, read from where it stands, leaves out the document that it refuses and not the other."""
    said = [(*read(no), *read(yes)) for read, _, _, no, _, yes, _ in TWELVE]
    crawl([(one,) for pair in said for one in pair] + [()])
    built(clean.main)
    reasons = [row["drop_reason"] for row in rows("clean", "verdicts")]
    assert reasons == [reason for no, _ in said for reason in (f"rights:{no.signal}", None)]


def test_the_policy_is_decided_late(crawled: Path) -> None:
    """Changing it judges again and extracts nothing; with `record` every text is kept, and signals stay as evidence."""
    assert built(clean.main) == ["extract", "judge", "measure"]
    assert built(clean.main, rights="record") == ["judge"]
    assert [row["drop_reason"] for row in rows("clean", "verdicts")] == [None] * 5
    assert built(clean.main) == []
    with pytest.raises(ParameterError, match="rights"):
        built(clean.main, rights="ignore")


def test_the_evidence_is_a_table(crawled: Path) -> None:
    """Each signal of each capture, refusing or not, is a row of the catalog."""
    built(clean.main, catalog.main)
    found = [(row["signal"], row["value"], row["place"], row["refuses"]) for row in rows("catalog", "rights")]
    assert found == [
        ("licence", LICENCE.value, "link", False),
        ("licence", LICENCE.value, "link", False),
        ("x-robots-tag", "noai", "header", True),
        ("robots", "GPTBot: disallow", "robots.txt", True),
        ("x-robots-tag", "noai", "header", True),
    ]
    dropped = {row["id"] for row in rows("catalog", "verdicts") if row["drop_reason"] in REFUSED}
    assert dropped == {row["id"] for row in rows("catalog", "rights") if row["refuses"]}
