"""The stage clean: every capture accounted for, and a change runs no more than it must."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.errors import ParameterError
from catalog.incremental.fingerprint import code_digests, recipe
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Stage
from catalog.layout import MANIFEST, stage_root
from catalog.params import load_params
from catalog.schema import CAPTURES, VERDICTS
from catalog.segments import read_manifest, read_segments
from stages.clean import EXTRACT, JUDGE, MEASURE, main
from stages.web.extract_params import ExtractParams
from tests.stages.prose import ENGLISH
from tests.stages.web.test_extract import captures, html, page

ROOT = Path(__file__).parents[2]


def segments(params: None = None) -> Iterator[tuple[str, None, pa.Table]]:
    """Two segments of captures: text, HTML, an empty text, a short one, and garbage."""
    pages = [
        {"body": ENGLISH.encode()},
        html(page(ENGLISH)),
        {"body": b""},
        {"body": b"This is much too short for prose."},
    ]
    whole = captures(*pages, {"body": b"\x00\x01\x02" * 50})
    for part in (whole.slice(0, 2), whole.slice(2)):
        yield "captures", None, part
        yield "verdicts", None, pa.table({"id": part["id"], "drop_reason": pa.nulls(len(part), pa.string())})


CRAWL = Operator(name="read", run=segments, writes={"captures": CAPTURES, "verdicts": VERDICTS})


@pytest.fixture
def built(project: Path) -> Path:
    """A project with two segments of captures, and the presets of this repository."""
    presets = project / "stages" / "text" / "rules" / "presets"
    presets.parent.mkdir(parents=True)
    presets.symlink_to(ROOT / "stages" / "text" / "rules" / "presets")
    with Stage("crawl") as stage:
        stage.act_all(CRAWL, [Action(name="test", inputs={})])
    return project


def clean(**params: object) -> list[str]:
    """Run the stage; the operators that computed something, one per segment."""
    Path("params.yaml").write_text(json.dumps({"clean": params}))
    main()
    lines = [json.loads(line) for line in Path(".gristmill/traces/clean.jsonl").read_text().splitlines()]
    return sorted(line["operator"].split(".")[-1] for line in lines if line["verdict"] == "stale")


def column(table: str, name: str) -> list[object]:
    """All values of a column of a table of the stage."""
    return [value for segment in read_segments("clean", table) for value in segment.read([name])[name].to_pylist()]


def test_every_capture_is_accounted_for(built: Path) -> None:
    """Kept, dropped with a reason, or quarantined with an error; and nothing runs twice."""
    assert clean() == ["extract"] * 2 + ["judge"] * 2 + ["measure"] * 2
    assert column("verdicts", "drop_reason") == [None, None, "empty", "few_words"]
    assert [str(error)[:8] for error in column("quarantine", "error")] == ["not text"]
    assert column("signals", "id") == column("text", "id") == column("verdicts", "id")
    assert clean() == []


def test_a_threshold_does_not_extract_again(built: Path) -> None:
    """Rules are decided after signals are measured: a changed threshold judges, a changed preset too."""
    clean()
    assert clean(overrides={"prose.default.few_words": 2}) == ["judge"] * 2
    assert clean(preset="short") == ["judge"] * 2
    assert column("verdicts", "drop_reason") == [None, None, "empty", None]
    assert clean(max_depth=100).count("measure") == 0


def test_structure_is_extracted_and_measured_as_words(built: Path) -> None:
    """A page becomes Markdown; its signals stay those of its words, and what is no page stays as it was."""
    clean()
    plain = [column("signals", name) for name in ("words", "hashes_per_token")]
    ran = clean(structure=True)
    assert {"extract", "measure"} <= set(ran)
    assert [str(text)[:2] for text in column("text", "text")] == ["Th", "# ", "", "Th"]
    assert [str(how).endswith("structure=true") for how in column("text", "extraction")] == [False, True, False, False]
    assert [column("signals", name) for name in ("words", "hashes_per_token")] == plain


def test_operators_share_no_code_they_do_not_need() -> None:
    """A rule is not in the fingerprint of EXTRACT or MEASURE, nor an extractor in that of the others."""
    extract, measure, judge = (set(code_digests(operator.module)) for operator in (EXTRACT, MEASURE, JUDGE))
    assert not extract & (measure | judge)
    assert measure & judge == {"stages.text.signals.table"}


def test_the_limits_of_reading_are_part_of_the_recipe() -> None:
    """A result depends on them by value, and on nothing that varies."""
    params = load_params("clean", {"max_seconds": 3, "max_memory_mb": 9}, [ExtractParams])[ExtractParams]
    assert params.max_seconds == 3.0 and params.max_memory_mb == 9
    made = [recipe("clean", EXTRACT, asdict(ExtractParams(max_seconds=seconds))) for seconds in (1.0, 1.0, 2.0)]
    assert made[0] == made[1] != made[2]


def test_chinese_is_converted_where_the_parameter_says(built: Path) -> None:
    """Then, and only then, the version of OpenCC is part of the recipe; the default and the words for it are one."""
    clean()
    assert clean(normalize={"chinese": "keep"}) == []
    assert clean(normalize={"chinese": "simplified"}).count("extract") == 2
    (definition,) = {entry.definition for entry in read_manifest(stage_root("clean") / MANIFEST)
                     if entry.definition and "clean.normalize" in entry.definition}  # fmt: skip
    assert json.loads(definition)["libraries"]["opencc"] == version("opencc")


WRONG = ({"preset": "gophr"}, {"overrides": {"few_words": 1}}, {"max_dept": 3}, {"max_depth": 0})


def test_a_wrong_normal_form_stops_the_stage(built: Path) -> None:
    """The block within the block is checked as the others are."""
    with pytest.raises(ParameterError, match="`form` is 'NFD', must be one of NFC, NFKC"):
        clean(normalize={"form": "NFD"})


@pytest.mark.parametrize("params", WRONG)
def test_wrong_parameters_stop_the_stage(built: Path, params: dict[str, object]) -> None:
    """A wrong block is reported before anything runs."""
    with pytest.raises(ParameterError, match=r"params\.yaml has 1 problem"):
        clean(**params)
