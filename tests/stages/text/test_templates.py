"""Template lines: found by their share of a site's pages, removed from all; a change costs what it touches."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ParameterError
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Stage
from catalog.schema import CAPTURES, VERDICTS
from catalog.segments import read_segments
from stages.clean import main
from stages.text.normalization.templates import TemplateLines, without
from tests.stages.test_clean import ROOT
from tests.stages.web.test_extract import captures

MENU, NOTICE = "Home | Products | Contact us", "Write to ann@example.com about this page."
BODIES = [f"The {name} stands at the river, and nobody has lived in it for {name} years." for name in "abcdefghijkl"]


def pages() -> dict[str, str]:
    """Two hosts: the first has a menu and a notice on every page, and an address that repeats a page twelve times."""
    texts = {f"http://one.test/{n}": f"{MENU}\n\n{body}\n---\n{NOTICE}" for n, body in enumerate(BODIES)}
    texts |= {f"http://one.test/same/{n}": "Only here\nis this text." for n in range(12)}
    texts |= {f"http://two.test/{n}": f"{MENU}\n{body}" for n, body in enumerate(BODIES[:3])}
    return texts | {"http://one.test/menu": MENU, "file:a#1": f"{MENU}\n{BODIES[0]}"}


def segments(texts: str) -> Iterator[tuple[str, None, pa.Table]]:
    """Captures in segments of five."""
    rows = [{"uri": uri, "id": _id(uri), "body": text.encode()} for uri, text in json.loads(texts).items()]
    for start in range(0, len(rows), 5):
        part = captures(*rows[start : start + 5])
        yield "captures", None, part
        yield "verdicts", None, pa.table({"id": part["id"], "drop_reason": pa.nulls(len(part), pa.string())})


def _id(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()[:32]


CRAWL = Operator(name="read", run=segments, writes={"captures": CAPTURES, "verdicts": VERDICTS})


@pytest.fixture
def site(project: Path) -> Path:
    """A project with the presets of this repository."""
    presets = project / "stages" / "text" / "rules" / "presets"
    presets.parent.mkdir(parents=True)
    presets.symlink_to(ROOT / "stages" / "text" / "rules" / "presets")
    return project


def clean(texts: dict[str, str], template_lines: dict[str, Any] | None) -> Counter[str]:
    """Crawl these pages and run the stage: how often each operator computed something."""
    with Stage("crawl") as stage:
        written = json.dumps(texts)
        stage.act_all(CRAWL, [Action(name="test", inputs={"texts": written}, args=(written,))])
    Path("params.yaml").write_text(json.dumps({"clean": {"template_lines": template_lines}}))
    main()
    lines = [json.loads(line) for line in Path(".gristmill/traces/clean.jsonl").read_text().splitlines()]
    return Counter(line["operator"].split(".")[-1] for line in lines if line["verdict"] == "stale")


def documents() -> dict[str, dict[str, Any]]:
    """The rows of clean/text by URI."""
    names = {_id(uri): uri for uri in pages()}
    rows = [row for segment in read_segments("clean", "text") for row in segment.read().to_pylist()]
    return {names[row["id"]]: row for row in rows}


def files() -> dict[str, bytes]:
    """Every file of the stage."""
    return {path.as_posix(): path.read_bytes() for path in Path("data/clean").rglob("*") if path.is_file()}


def test_template_lines_go_and_are_counted(site: Path) -> None:
    """Those of one host only, from pages that nothing else is left of too; copies of a page do not vote it away."""
    clean(pages(), {"share": 0.5, "pages": 10})
    found = documents()
    assert found.keys() == pages().keys()
    first = found["http://one.test/0"]
    assert first["text"] == f"{BODIES[0]}\n---" and (first["redactions"], first["redacted"]) == (0, [])
    assert first["repaired"] == [{"kind": "template", "count": 2}] and first["repairs"] == 2
    assert found["http://one.test/menu"]["text"] == "" and found["http://one.test/menu"]["language"] == "und"
    assert found["http://one.test/same/3"]["text"] == pages()["http://one.test/same/3"]
    assert MENU in found["http://two.test/0"]["text"] and MENU in found["file:a#1"]["text"]
    (templates,) = read_segments("clean", "templates")
    assert templates.read().to_pylist() == [
        {"host": "one.test", "line": MENU, "pages": 13, "share": 929},
        {"host": "one.test", "line": NOTICE.replace("ann@example.com", "<EMAIL>"), "pages": 12, "share": 857},
    ]
    dropped = {
        row["id"]: row["drop_reason"] for part in read_segments("clean", "verdicts") for row in part.read().to_pylist()
    }
    assert dropped.keys() == {_id(uri) for uri in pages()} and dropped[_id("http://one.test/menu")] == "empty"


def test_without_the_parameter_nothing_of_it_runs(site: Path) -> None:
    """No operator, no table, no row."""
    assert set(clean(pages(), None)) == {"extract", "measure", "judge"}
    assert {part.name for part in Path("data/clean").iterdir() if part.is_dir()} == {"text", "signals", "verdicts"} | (
        {"quarantine"} & {part.name for part in Path("data/clean").iterdir()}
    )


def test_a_change_costs_what_it_touches_and_equals_a_clean_build(site: Path) -> None:
    """A changed page strips its own segment; a line that stops being template, the segments that have it."""
    wanted, texts = {"share": 0.5, "pages": 10}, pages()
    every = clean(texts, wanted)["strip"]
    assert clean(texts, wanted) == {}
    texts["http://one.test/3"] += "\nAnd more."
    assert clean(texts, wanted) == dict.fromkeys(["extract", "lines", "templates", "strip", "measure", "judge"], 1)
    for number in range(4):
        texts[f"http://one.test/{number}"] = BODIES[number]
    ran = clean(texts, wanted)  # fewer than ten pages have the lines now
    assert ran["extract"] == 1 and ran["strip"] == 4 < every
    assert clean(texts, {"share": 0.6, "pages": 8})["extract"] == 0
    texts |= {f"http://one.test/{number}": f"{MENU}\n{BODIES[number]}" for number in range(4)}
    clean(texts, wanted)
    built = files()
    for folder in (".gristmill", "data/clean"):
        shutil.rmtree(folder)
    clean(texts, wanted)
    assert files() == built


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [({"share": 0.0}, "`share` is 0.0"), ({"pages": 1}, "`pages` is 1"), ({"shares": 1}, "did you mean `share`")],
)
def test_wrong_numbers_stop_the_stage(site: Path, wanted: dict[str, Any], problem: str) -> None:
    """All problems of the block, before anything runs."""
    with pytest.raises(ParameterError, match=problem):
        clean(pages(), wanted)


def test_the_numbers_have_bounds() -> None:
    """A share is a fraction, and one page makes no template."""
    assert TemplateLines() == TemplateLines(share=0.3, pages=10)
    for wrong in ({"share": 1.0}, {"pages": 0}):
        with pytest.raises(ValueError, match="must be"):
            TemplateLines(**wrong)  # type: ignore[arg-type]


@given(st.lists(st.sampled_from(["", "menu", "a <EMAIL> b", "<PHONE>", "text", "menu <EMAIL>"]), max_size=12))
def test_nothing_else_is_lost(parts: list[str]) -> None:
    """The other lines stay in their order, tokens are where the spans say, and counts add up; once is enough."""
    text = "\n".join(parts).strip("\n")
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    starts = [(at, kind) for kind in ("EMAIL", "PHONE") for at in range(len(text)) if text.startswith(f"<{kind}>", at)]
    redacted = [{"start": start, "kind": kind} for start, kind in sorted(starts)]
    document = {"text": text, "repaired": [{"kind": "bidi", "count": 1}], "repairs": 1, "redacted": redacted}
    template = {"menu", "menu <EMAIL>", "<PHONE>"}
    found = without(document, template)
    stays = [line for line in text.split("\n") if line and line not in template]
    assert [line for line in found["text"].split("\n") if line] == stays
    assert "\n\n\n" not in found["text"] and found["text"] == found["text"].strip("\n")
    assert all(found["text"].startswith(f"<{span['kind']}>", span["start"]) for span in found["redacted"])
    assert len(found["redacted"]) == found["text"].count("<EMAIL>")
    assert sum(repair["count"] for repair in found["repaired"]) == found["repairs"]
    assert without(found, template) == found
