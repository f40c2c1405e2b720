"""The stage as a whole: what it writes for a small project, and what it runs again after a change."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from catalog.errors import ParameterError
from catalog.incremental.fingerprint import code_digests
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Stage
from catalog.layout import TRACES
from catalog.schema import CAPTURES, CLUSTERS, DOCUMENTS, VERDICTS
from catalog.segments import read_segments
from stages.label import main
from tests.stages.label_tables import digest

TABLES = {
    "crawl": {"captures": CAPTURES, "verdicts": VERDICTS},
    "clean": {"text": DOCUMENTS, "verdicts": VERDICTS},
    "dedup": {"verdicts": CLUSTERS},
}
MOOD: dict[str, Any] = {
    "name": "mood", "kind": "classification", "sources": ["shop"], "languages": ["en"],
    "labels": ["negative", "positive"], "given": {"neg": "negative", "pos": "positive"},
    "functions": ["complains_en", "praises_en"],
}  # fmt: skip
STARS: dict[str, Any] = {
    "name": "stars", "kind": "classification", "sources": ["press"], "labels": ["low", "high"],
    "ratings": {"low": [-4, -1], "high": [1, 4]},
}  # fmt: skip
PRECIS: dict[str, Any] = {"name": "precis", "kind": "generation", "sources": ["press"]}
SHOP = [
    ("a", "a boring film", "neg"), ("b", "a great film", "pos"), ("c", "a great film", "neg"), ("d", "a film", None),
]  # fmt: skip
PRESS = [("e", "fine words", [2, 3, -1], "words"), ("f", "poor words", [-2, 2], None)]


def row(schema: pa.Schema, **values: Any) -> dict[str, Any]:
    """A row of a table: the given values, null or an empty value elsewhere; a text stands for its bytes."""
    empty = {pa.string(): "", pa.binary(): b"", pa.int16(): 0, pa.int32(): 0}
    found = {
        field.name: values.get(field.name, None if field.nullable else empty.get(field.type, [])) for field in schema
    }
    return found | ({"body": found["body"].encode()} if isinstance(found.get("body"), str) else {})


def put(stage: str, segments: dict[str, list[dict[str, Any]]]) -> None:
    """Write the tables of an earlier stage, one segment per key; each row fills the columns that it has."""

    with Stage(stage) as run:
        operator = Operator(name="put", run=written, writes=TABLES[stage])
        run.reduce(operator, params={"stage": stage, "segments": segments})


def written(params: dict[str, Any]) -> Iterator[tuple[str, str, pa.Table]]:
    """Every table of a stage, segment by segment."""
    for name, schema in TABLES[params["stage"]].items():
        for key, rows in params["segments"].items():
            filled = [row(schema, **values) for values in rows]
            yield name, key, pa.Table.from_pylist(filled, schema=schema.remove_metadata())


def documents() -> dict[str, list[dict[str, Any]]]:
    """Two sources, one segment each; documents b and c have equal texts and given labels that differ."""
    shop: list[dict[str, Any]] = [
        {"id": name, "source": "shop", "text": text, "given_label": label} for name, text, label in SHOP
    ]
    press: list[dict[str, Any]] = [
        {"id": name, "source": "press", "text": text, "ratings": ratings, "target_text": target}
        for name, text, ratings, target in PRESS
    ]
    for values in shop + press:
        values |= {"language": "en", "text_digest": digest(values["text"]), "cluster": digest(values["text"])}
        values |= {"representative": values["id"]}
    shop[2] |= {"representative": "b", "similarity": 1000}
    return {"shop-1": shop, "press-1": press}


def upstream() -> None:
    """The outputs of crawl, clean and dedup, which dropped c."""
    put("crawl", documents())
    put("clean", documents())
    clustered = documents()
    clustered["shop-1"][2]["drop_reason"] = "exact_duplicate"
    put("dedup", clustered)


def label(*tasks: dict[str, Any]) -> list[str]:
    """Run the stage with some tasks; the operators that computed anything."""
    block = {"label": {"split": {"seed": 1, "validation": 0.2, "test": 0.2}, "tasks": list(tasks)}}
    Path("params.yaml").write_text(yaml.safe_dump(block))
    main()
    lines = [json.loads(line) for line in (TRACES / "label.jsonl").read_text().splitlines()]
    return sorted({line["operator"].removeprefix("label.") for line in lines if line["verdict"] == "stale"})


def rows(table: str) -> list[dict[str, Any]]:
    """All rows of one output, in the order of the manifest."""
    return [row for segment in read_segments("label", table) for row in segment.read().to_pylist()]


def test_every_table_of_a_small_project(project: Path) -> None:
    """Given labels, ratings, functions and targets become labels, splits, agreement, scores and verdicts."""
    upstream()
    label(MOOD, STARS, PRECIS)
    outcome = {
        (row["task"], row["id"]): row["label"] or row["target_text"] or row["drop_reason"] for row in rows("labels")
    }
    assert outcome == {
        ("mood", "a"): "negative", ("mood", "b"): "label_conflict", ("stars", "e"): "high",
        ("stars", "f"): "no_consensus", ("precis", "e"): "words",
    }  # fmt: skip
    verdicts = {row["id"]: row["drop_reason"] for row in rows("verdicts")}
    assert verdicts == {"a": None, "b": "label_conflict", "d": None, "e": None, "f": None}
    splits = {row["id"]: row["split"] for row in rows("splits")}
    assert set(splits) == set(verdicts)
    assert all(row["split"] == splits[row["id"]] for row in rows("labels"))
    assert {(row["task"], row["function"], row["covered"], row["correct"]) for row in rows("functions")} == {
        ("mood", "complains_en", 1, 1), ("mood", "praises_en", 1, 0),
    }  # fmt: skip
    assert {(row["task"], row["scope"]) for row in rows("agreement")} >= {("mood", "shop"), ("stars", "press")}


def test_a_second_run_computes_nothing(project: Path) -> None:
    """The same inputs and parameters are found again."""
    upstream()
    label(MOOD, STARS)
    assert label(MOOD, STARS) == []


@pytest.mark.parametrize(
    ("change", "ran"),
    [
        ({"functions": ["complains_en"]}, ["assess.mood", "measure.mood", "resolve", "score.mood"]),
        ({"functions": ["complains_en", "praises_en", "negated_praise_en"]},
         ["assess.mood", "function.negated_praise_en.mood", "measure.mood", "resolve", "score.mood"]),
        ({"given": {"neg": "positive", "pos": "negative"}},
         ["assess.mood", "fitness", "given.mood", "measure.mood", "resolve", "score.mood"]),
        ({"given_conflict": "majority"}, ["fitness", "resolve", "score.mood"]),
    ],
)  # fmt: skip
def test_a_change_runs_only_what_depends_on_it(project: Path, change: dict[str, Any], ran: list[str]) -> None:
    """One function, one mapping or one rule of one task leaves the votes of all others alone.

    What follows from the labels runs where they came out otherwise.
    """
    upstream()
    label(MOOD, STARS)
    follow = {"account", "hold_out", "evaluation", "overlaps", "settle", "split_checks"}
    assert [name for name in label(MOOD | change, STARS) if name not in follow] == ran


def test_a_labelling_function_depends_on_its_own_module_only() -> None:
    """No other function and no rule of consensus is in the code of one function, nor the other way round."""
    ours, theirs = "stages.labels.functions.praises_en", "stages.labels.functions.complains_en"
    assert ours in code_digests(ours)
    assert not {theirs, "stages.labels.resolve", "stages.labels.tasks"} & set(code_digests(ours))
    assert ours not in code_digests("stages.labels.resolve")


def test_removing_what_was_added_gives_the_first_result(project: Path) -> None:
    """A task added and removed again leaves the same bytes in every file."""
    upstream()
    label(MOOD)
    before = {path: path.read_bytes() for path in Path("data/label").rglob("*.parquet")}
    label(MOOD, STARS)
    label(MOOD)
    assert {path: path.read_bytes() for path in Path("data/label").rglob("*.parquet")} == before


def test_a_wrong_block_is_refused_before_anything_runs(project: Path) -> None:
    """An unknown function is named, with those that exist."""
    upstream()
    with pytest.raises(ParameterError, match="labelling function `magic` does not exist"):
        label(MOOD | {"functions": ["magic"]})
