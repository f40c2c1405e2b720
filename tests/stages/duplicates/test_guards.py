"""Guards: what stops the stage, what it tells, and how far an acceptance goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from catalog.errors import GristmillError
from tests.stages.duplicates.cuttings import Level, paragraphs, substrings
from tests.stages.duplicates.cuttings import run as run_levels
from tests.stages.duplicates.duplicated import BASE, OTHER, document, run

SHOP = [document(f"{i:03}", BASE, source="shop", title="Closed: for | good") for i in range(120)]


def refused(rows: list[dict[str, Any]], **changed: Any) -> str:
    with pytest.raises(GristmillError) as caught:
        run([rows], **changed)
    return str(caught.value)


def accepted(message: str) -> dict[str, float]:
    """What the message says to write."""
    return dict(yaml.safe_load(message[message.index("  dedup:") :])["dedup"]["accept"])


def kept(rows: list[dict[str, Any]], **changed: Any) -> int:
    return sum(row["drop_reason"] is None for row in run([rows], **changed).values())


def test_losing_most_of_a_source_is_refused() -> None:
    """Boilerplate that makes a whole source one cluster stops the run, with source, figures and an example."""
    message = refused([*SHOP, document("x", OTHER, source="news")])
    assert "119 of the 120 documents of the source `shop` (99.2%)" in message
    rows = [line.split() for line in message.splitlines()]
    assert ["source", "documents", "kept", "exact_duplicate"] in rows
    assert ["shop", "120", "1", "119"] in rows and ["news", "1", "1", "0"] in rows
    assert ["120", "000", *["Closed:", "for", "|", "good"]] in rows
    assert kept(SHOP, max_dropped_fraction=1.0) == 1
    assert kept(SHOP[:99]) == 1, "a small source is not guarded"


def test_what_is_accepted_is_one_alarm_up_to_its_figure() -> None:
    """As the message says it, the run goes through; a greater loss, another source or cluster asks again."""
    accept = accepted(refused(SHOP))
    assert accept == {"source shop": 0.992}
    assert kept(SHOP, accept=accept) == 1
    assert kept(SHOP[:110], accept=accept) == 1
    more = [document(f"more{i:03}", BASE, source="shop") for i in range(200)]
    assert accepted(refused(SHOP + more, accept=accept)) == {"source shop": 0.997}
    other = [row | {"id": f"other{row['id']}", "source": "other: shop"} for row in SHOP]
    both = accepted(refused(SHOP + other, accept=accept))
    assert both == accept | {"source other: shop": 1.0}
    assert kept(SHOP + other, accept=both) == 1


def test_a_cluster_that_is_too_big_is_refused() -> None:
    """However small its share of a source, a text that stands for too many documents is looked at first."""
    rows = [*SHOP[:30], *(document(f"x{i}", f"{OTHER} {i} {i * 7}") for i in range(5))]
    message = refused(rows, max_cluster_documents=29)
    assert "the document 000 would stand for 30 documents" in message
    assert accepted(message) == {"cluster 000": 30}
    assert kept(rows, max_cluster_documents=29, accept={"cluster 000": 30}) == kept(rows)
    grown = [*rows, document("031", BASE, source="shop")]
    assert accepted(refused(grown, max_cluster_documents=29, accept={"cluster 000": 30})) == {"cluster 000": 31}
    assert accepted(refused(rows[1:], max_cluster_documents=28, accept={"cluster 000": 30}))["cluster 001"] == 29


@pytest.mark.parametrize("level", [substrings, paragraphs])
def test_what_later_levels_drop_is_guarded_too(level: Callable[..., Level]) -> None:
    """A notice that is most of each text of a source: told as what it would be, accepted as the rest is."""
    rows = [document(f"{i:03}", f"{BASE}\nnumber {i} {i * 7}", source="shop") for i in range(120)]
    with pytest.raises(GristmillError) as caught:
        run_levels([rows[:60], rows[60:]], level("drop"), max_cluster_documents=100)
    accept = accepted(str(caught.value))
    assert accept["source shop"] == 0.992 and sorted(accept.values()) == [0.992, 120]
    verdicts, _ = run_levels([rows], level("drop"), max_cluster_documents=100, accept=accept)
    assert sum(row["drop_reason"] is None for row in verdicts.values()) == 1
    run_levels([rows], level("remove"), max_cluster_documents=100)


def test_an_empty_corpus_is_refused_unless_nothing_was_there() -> None:
    """A rule of `clean` that drops everything is a mistake; a project without documents is not."""
    nothing = [row | {"drop_reason": "few_words"} for row in SHOP]
    message = refused(nothing)
    assert "nothing is left of 120 documents" in message and accepted(message) == {"empty": 120}
    assert run([nothing], accept={"empty": 120}) == {} == run([nothing[:99]]) == run([[]])
