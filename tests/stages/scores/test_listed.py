"""Signals by lists of one's own, and by two sources of one's own: words, domains, importance."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.digests import file_sha256
from catalog.errors import InputError, ParameterError
from stages.scores.domains import categorise, read_domains
from stages.scores.flagged import flagged, read_phrases
from stages.scores.importance import BUCKETS, choose, compare, weigh
from stages.scores.params import DeclaredParams, ImportanceParams
from stages.scores.tokenized import tokenized
from stages.text.rules.thresholds import judge_params, judged
from tests.stages.label_tables import Part
from tests.stages.test_clean import built, clean, column

__all__ = ["built"]  # a fixture


def pinned(path: str, content: str) -> dict[str, str]:
    """A file and its parameters."""
    Path(path).write_text(content, encoding="utf-8")
    return {"path": path, "sha256": file_sha256(Path(path))}


def scores(table: pa.Table, signal: str) -> dict[str, float]:
    """Value of each document."""
    return {row["id"]: round(row["value"], 4) for row in table.to_pylist() if row["signal"] == signal}


def test_words_and_phrases_are_counted_in_their_language(tmp_path: Path) -> None:
    """Case and punctuation do not count, a part of a word is none, phrases may overlap; Chinese parts no words."""
    files = {
        "en": pinned(str(tmp_path / "en"), "Damn\nbad word\n\nword of\n"),
        "zh": pinned(str(tmp_path / "zh"), "坏话\n"),
    }
    ((_, _, phrases),) = read_phrases(files)
    rows = [("a", "en", "Damn! A BAD  word, of course; damned."), ("b", "en", "fine"), ("c", "en", ""),
            ("d", "zh", "他说坏，话坏话"), ("e", "fr", "damn")]  # fmt: skip
    names = ("id", "language", "text")
    found = flagged(pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows]), phrases)["flagged"]
    assert scores(found, "rps_doc_ldnoobw_words") == {"a": 3, "b": 0, "c": 0, "d": 2}
    assert scores(found, "flagged_words_ratio") == {"a": round(4 / 7, 4), "b": 0, "c": 0, "d": round(4 / 6, 4)}


def test_a_host_has_the_category_of_the_longest_domain(tmp_path: Path) -> None:
    """That it is or is below of; numbers are those of the sorted names; a row of a file has none."""
    file = pinned(str(tmp_path / "d"), "www.A.test\tshopping\n\nx.a.test\tgames\nb.test\tgames\nb.test\tadult\n")
    ((_, _, domains),) = read_domains(**file)
    hosts = {"1": "http://a.test/p", "2": "https://www.y.x.a.test:8/", "3": "http://b.test", "4": "http://aa.test/",
             "5": "file:a.test"}  # fmt: skip
    rows = pa.table({"id": list(hosts), "uri": list(hosts.values())})
    found = categorise(rows.select(["id"]), rows, domains)["domains"]
    assert scores(found, "rps_doc_ut1_blacklist") == {"1": 3, "2": 2, "3": 1, "4": 0}


GOOD, BAD = "the wheel turns in the river", "buy the cheap wheel now now"


def test_importance_is_the_ratio_of_two_likelihoods() -> None:
    """Equal to the sum over tokens and pairs, one by one; a language that one side lacks has no value."""
    rows = [
        ("a", "good", "en", GOOD), ("b", "bad", "en", BAD), ("c", "new", "en", "the river"),
        ("d", "new", "en", "cheap"), ("e", "good", "zh", "水车"), ("f", "new", "zh", "水"), ("g", "new", "en", ""),
    ]  # fmt: skip
    names = ("id", "source", "language", "text")
    texts = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
    params = ImportanceParams(sources=["good"], against=["bad"])
    chosen = choose(texts, params=params)["importance_reference"]
    ((_, _, weights),) = compare([Part("a", chosen.slice(0, 2)), Part("b", chosen.slice(2))], params=params)  # type: ignore[list-item]
    found = weigh(texts, weights)["importance"]
    total, each = scores(found, "importance"), scores(found, "importance_per_gram")
    assert total.keys() == each.keys() == {"a", "b", "c", "d"} and len(weights) == BUCKETS
    assert total["c"] == pytest.approx(by_the_book("the river"), abs=0.01) and total["c"] > 0 > total["d"]
    assert each["c"] == pytest.approx(total["c"] / 3, abs=0.01)


def by_the_book(text: str) -> float:
    """ln p / q with no two n-grams in one bucket, as is so for these words."""
    one, other = Counter(grams(GOOD)), Counter(grams(BAD))
    return sum(math.log(one[g] / one.total() + 1e-8) - math.log(other[g] / other.total() + 1e-8) for g in grams(text))


def grams(text: str) -> list[Any]:
    words = tokenized(pa.chunked_array([[text]]), pa.chunked_array([["en"]])).digests.tolist()
    return [*words, *itertools.pairwise(words)]


def test_lists_are_declared_and_judged(built: Path) -> None:
    """A row of each signal; a changed list runs what depends on it, and rules see each signal of a table."""
    words, domains = pinned("en.txt", "river\n"), pinned("domains.tsv", "a.test\tnews\n")
    judging = {"preset": "datajuicer-en", "overrides": {"datajuicer-en.default.many_alphanumeric": 1}}
    ran = clean(flagged_words={"en": words}, domains=domains, **judging)
    assert {"flagged_words", "flagged", "domain_list", "domains"} <= set(ran)
    assert column("flagged", "signal").count("rps_doc_ldnoobw_words") == 4 - column("text", "language").count("und")
    assert column("domains", "signal") == []  # no capture of the test has a host
    assert "flagged_words" in [str(reason) for reason in column("verdicts", "drop_reason")]
    assert judged("flagged_words_ratio", judge_params())[0].values.max() > 0.0015
    again = clean(flagged_words={"en": pinned("en.txt", "nobody\n")}, domains=domains, **judging)
    assert set(again) == {"flagged_words", "flagged", "judge"}


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"importance": {"sources": ["a"], "against": ["a"]}}, "a stands in `sources` and in `against`"),
        ({"importance": {"sources": [], "against": ["b"]}}, "`sources` is"),
        ({"flagged_words": {"en": {"path": "x"}}}, "sha256"),
        ({"domains": {"path": "x", "sha256": "1"}}, "64 hex digits"),
    ],
)
def test_a_wrong_declaration_is_refused(built: Path, declared: dict[str, Any], message: str) -> None:
    """Before anything runs."""
    with pytest.raises(ParameterError, match=message):
        clean(**declared)


def test_what_a_list_lacks_is_named(built: Path) -> None:
    """A file that is another one, a line that is none, sources without documents."""
    with pytest.raises(InputError, match=r"clean\.flagged_words: the sha256 of en\.txt is"):
        clean(flagged_words={"en": pinned("en.txt", "a") | {"sha256": "0" * 64}})
    with pytest.raises(InputError, match=r"line 2 of domains\.tsv is 'b'"):
        clean(domains=pinned("domains.tsv", "a.test\tx\nb\n"))
    with pytest.raises(InputError, match="test and web have no documents of one language"):
        clean(importance={"sources": ["test"], "against": ["web"]})


def test_nothing_declared_is_nothing() -> None:
    """Null, as params.yaml has it."""
    assert DeclaredParams().lists() == {} and DeclaredParams().weighing() is None
