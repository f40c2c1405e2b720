"""A corpus of seven documents, written through Stage with rows given here, for the tests of the catalog.

kept      train_en, its exact copy `copy_en` (dropped by dedup), test_zh, conflict (dropped by label)
dropped   short (by clean);  quarantined: broken (by clean), unread (by crawl, so never a capture)
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Stage
from catalog.layout import CRAWL_LOG
from catalog.parquet import write_parquet
from catalog.schema import CATALOG, CHILDREN, FETCHES, column, schema_of, table
from catalog.segments import Segment
from catalog.sql.database import ensure_database
from stages.catalog import main
from stages.text.signals.table import SIGNALS

TOKENS = pa.schema([pa.field(*field, nullable=False) for field in (
    ("id", pa.string()), ("split", pa.string()), ("ids", pa.list_(pa.int32()))
)])  # fmt: skip
PREDICTIONS = table(*CATALOG["predictions"], column("margin", pa.int32(), "more than the catalog asks for"))
UNDECLARED = {
    "clean/signals": SIGNALS, "augment/compared": CHILDREN, "tokenize/tokens": TOKENS,
    "evaluate/predictions": PREDICTIONS, "evaluate/metrics": CATALOG["metrics"], "evaluate/runs": CATALOG["runs"],
}  # fmt: skip
TEXTS = {
    "train_en": "A fine film, said John.", "copy_en": "A fine film, said John.", "short": "ok",
    "test_zh": "这部电影很好看", "conflict": "It is what it is.",
}  # fmt: skip
CAPTURED = (("train_en", "copy_en", "short"), ("test_zh", "conflict", "broken"))  # a segment each

Rows = list[dict[str, Any]]


def uri(name: str) -> str:
    """Address of a document of the corpus."""
    return f"https://example.org/{name}"


def id_of(name: str) -> str:
    """Id of a document of the corpus."""
    return hashlib.sha256(uri(name).encode()).hexdigest()[:32]


def digest(name: str) -> str:
    """Digest of the text of a document."""
    return hashlib.sha256(TEXTS[name].encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """(table, position of the segment it belongs to or None for all, rows), each."""

    tables: list[tuple[str, int | None, Rows]]


def give(inputs: list[Segment], *, params: Given) -> Iterator[tuple[str, str, pa.Table]]:
    """The tables that were given."""
    for name, position, rows in params.tables:
        key = "all" if position is None else inputs[position].key
        yield name.split("/")[1], key, table_of(name, rows)


def capture(tables: list[tuple[str, Rows]]) -> Iterator[tuple[str, None, pa.Table]]:
    """The tables of a crawl."""
    for name, rows in tables:
        yield name, None, table_of(f"crawl/{name}", rows)


def write_files(inputs: list[Segment], *, params: Mapping[str, str], out: Path) -> None:
    """The files that were given, by name."""
    for name, content in params.items():
        (out / name).write_text(content, encoding="utf-8")


def schema_for(name: str) -> pa.Schema:
    """Schema of a table, also of those that catalog/schema does not hold."""
    return UNDECLARED[name] if name in UNDECLARED else schema_of(name)


def table_of(name: str, rows: Rows) -> pa.Table:
    """Rows as a table; columns left out are null."""
    return pa.Table.from_pylist(rows, schema=pa.schema([field.with_nullable(True) for field in schema_for(name)]))


def write_stage(stage: str, inputs: list[Segment], tables: list[tuple[str, int | None, Rows]]) -> None:
    """Write a stage from rows."""
    names = [name for name, _, _ in tables]
    operator = Operator(
        name="give", run=give, params=Given, writes={name.split("/")[1]: schema_for(name) for name in names}
    )
    with Stage(stage) as run:
        run.reduce(operator, inputs, params=Given(tables=tables))


def write_files_stage(stage: str, inputs: list[Segment], builds: Mapping[str, Mapping[str, str]]) -> None:
    """Write a stage of builds: name -> file -> content."""
    operator = Operator(name="write", run=write_files)
    with Stage(stage) as run:
        for name, files in builds.items():
            run.build(operator, inputs, name=name, params=files)


def kept(names: Any) -> Rows:
    """A verdict per document; (name, reason) for one that is dropped."""
    pairs = [(name, None) if isinstance(name, str) else name for name in names]
    return [{"id": id_of(name), "drop_reason": reason} for name, reason in pairs]


def seen(times: list[int], *names: str) -> dict[str, str]:
    """What a model writes of the documents it saw: the name and the text of each file."""
    stretches = [[place, place, number] for place, number in enumerate(times)]
    return {
        "documents.txt": "".join(f"{id_of(name)}\n" for name in names),
        "exposure.json": json.dumps({"times": stretches}),
    }


def write_crawl() -> list[Segment]:
    """The stage crawl, and a fetch log; its segments of captures."""
    tables: list[tuple[str, Rows]] = []
    for names in CAPTURED:
        tables += [("captures", [_capture(name) for name in names]), ("verdicts", kept(names))]
    tables.append(("quarantine", [{"id": id_of("unread"), "uri": uri("unread"), "error": "row 3 has 2 columns"}]))
    operator = Operator(name="archive", run=capture, writes={name: schema_for(f"crawl/{name}") for name, _ in tables})
    with Stage("crawl") as stage:
        made = stage.act_all(operator, [Action(name="web", inputs={"archive": "0" * 64}, args=(tables,))])
    write_fetches([("train_en", "captured", "ab" * 32), ("gone", "failed:404", None)])
    return made["captures"]


def _capture(name: str) -> dict[str, Any]:
    body = TEXTS.get(name, "\0\0").encode()
    return {
        "id": id_of(name), "uri": uri(name), "source": "reviews", "licence": "CC0-1.0", "status": 200,
        "mime": "text/html", "body": body, "body_digest": hashlib.sha256(body).hexdigest(), "title": f"Title of {name}",
        "author": "=cmd()",
    }  # fmt: skip


def write_fetches(outcomes: list[tuple[str, str, str | None]]) -> None:
    """A fetch log of (document, outcome, body digest)."""
    rows = [
        {"uri": uri(name), "source": "reviews", "crawl": "c", "fetched_at": "2026-01-02T03:04:05Z", "outcome": outcome,
         "headers": b"Server: x", "body_digest": body}
        for name, outcome, body in outcomes
    ]  # fmt: skip
    (CRAWL_LOG / "fetches").mkdir(parents=True, exist_ok=True)
    write_parquet(pa.Table.from_pylist(rows, schema=FETCHES.remove_metadata()), CRAWL_LOG / "fetches" / "a.parquet")


def write_clean(captures: list[Segment], *, lost: str | None = None) -> None:
    """The stage clean; the verdict on `lost` is forgotten."""
    judged = (("train_en", "copy_en", ("short", "too_short")), ("test_zh", "conflict"))
    tables: list[tuple[str, int | None, Rows]] = []
    for position, names in enumerate(judged):
        plain = [name if isinstance(name, str) else name[0] for name in names]
        signals = [dict.fromkeys(SIGNALS.names, len(TEXTS[name])) | {"id": id_of(name)} for name in plain]
        tables += [
            ("clean/text", position, [_text(name) for name in plain]),
            ("clean/signals", position, signals),
            ("clean/verdicts", position, [row for row in kept(names) if not lost or row["id"] != id_of(lost)]),
        ]
    quarantined = {"id": id_of("broken"), "uri": uri("broken"), "error": "not text: 100% control characters"}
    declared = {"id": id_of("train_en"), "signal": "perplexity", "value": 41.5}
    tables += [("clean/quarantine", 1, [quarantined]), ("clean/perplexity", 0, [declared])]
    write_stage("clean", captures, tables)


def _text(name: str) -> dict[str, Any]:
    return {
        "id": id_of(name), "source": "reviews", "text": TEXTS[name], "text_digest": digest(name),
        "language": "zh" if name.endswith("zh") else "en", "language_score": 990, "extractor": "plain",
        "language_confidence": 999, "script": "Latn", "script_share": 1000, "mixed_language": 0,
        "charset": "utf-8", "repairs": 1, "repaired": [{"kind": "bidi", "count": 1}], "redactions": 2, "redacted": [],
    }  # fmt: skip


def write_dedup(captures: list[Segment]) -> None:
    """The stage dedup: copy_en is an exact copy of train_en."""

    def member(name: str, of: str, reason: str | None = None) -> dict[str, Any]:
        return {
            "id": id_of(name), "cluster": digest(of), "representative": id_of(of), "drop_reason": reason,
            "similarity": 1000 if reason else None,
        }  # fmt: skip

    first = [member("train_en", "train_en"), member("copy_en", "train_en", "exact_duplicate")]
    second = [member(name, name) for name in ("test_zh", "conflict")]
    write_stage("dedup", captures, [("dedup/verdicts", 0, first), ("dedup/verdicts", 1, second)])


def write_label(captures: list[Segment]) -> None:
    """The stage label: train_en is positive, test_zh negative, conflict has two labels and so none."""

    def vote(name: str, annotator: str, label: str) -> dict[str, Any]:
        return {"id": id_of(name), "task": "sentiment", "annotator": annotator, "label": label}

    def label(name: str, split: str, value: str | None, reason: str | None = None) -> dict[str, Any]:
        return {
            "id": id_of(name), "task": "sentiment", "cluster": digest(name), "split": split, "label": value,
            "method": "given", "confidence": 900, "votes": 2, "drop_reason": reason,
            "target_text": "zusammen" if value else None,
        }  # fmt: skip

    splits = {"train_en": "train", "test_zh": "test", "conflict": "train"}
    parts = [[{"id": id_of(name), "cluster": digest(name), "split": splits[name]} for name in names if name in splits]
             for names in CAPTURED]  # fmt: skip
    agreement = {"task": "sentiment", "scope": "all", "metric": "krippendorff_alpha", "value": 700_000, "items": 2,
                 "annotators": 2}  # fmt: skip
    write_stage("label", captures, [
        ("label/votes", 0, [vote("train_en", "given:reviews", "positive"), vote("train_en", "rater-01", "positive")]),
        ("label/votes", 1, [vote("conflict", "given:reviews", "positive"), vote("conflict", "rater-01", "negative")]),
        ("label/labels", 0, [label("train_en", "train", "positive")]),
        ("label/labels", 1, [label("test_zh", "test", "negative"), label("conflict", "train", None, "label_conflict")]),
        ("label/splits", 0, parts[0]),
        ("label/splits", 1, parts[1]),
        ("label/agreement", None, [agreement]),
        ("label/verdicts", 0, kept(["train_en"])),
        ("label/verdicts", 1, kept(["test_zh", ("conflict", "label_conflict")])),
    ])  # fmt: skip


def write_rest(captures: list[Segment]) -> None:
    """The stages augment to evaluate: one kept copy of train_en, tokens, two models and their scores."""

    def child(name: str) -> dict[str, Any]:
        return {"id": id_of(name), "parent": id_of("train_en"), "task": "sentiment", "operator": "swap", "seed": 1,
                "text": name, "text_digest": name, "label": "positive", "split": "train"}  # fmt: skip

    write_stage("augment", captures, [
        ("augment/compared", 0, [child("child"), child("twin")]),
        ("augment/verdicts", 0, kept(["child", ("twin", "duplicate_copy")])),
        ("augment/children", 0, [child("child")]),
    ])  # fmt: skip
    encoded = [{"id": id_of("train_en"), "split": "train", "ids": [2, 7, 3]}]
    others = [{"id": id_of("test_zh"), "split": "test", "ids": [2, 3]},
              {"id": id_of("conflict"), "split": "train", "ids": [2, 3]}]  # fmt: skip
    write_stage("tokenize", captures, [
        ("tokenize/tokens", 0, encoded), ("tokenize/verdicts", 0, kept(["train_en"])),
        ("tokenize/tokens", 1, others), ("tokenize/verdicts", 1, kept(["test_zh", "conflict"])),
    ])  # fmt: skip
    write_files_stage(
        "pretrain", captures, {"mlm": {"model.safetensors": "weights"} | seen([7, 8], "train_en", "conflict")}
    )
    write_files_stage(
        "finetune", captures, {"scratch-1": {"model.safetensors": "other weights"} | seen([2], "train_en")}
    )
    write_scores(captures, {"scratch": (0.5, 0.75), "pretrained": (0.75, 0.75)}, predicted=False)


def write_scores(
    captures: list[Segment], values: Mapping[str, tuple[float, ...]], *, predicted: bool = True, **differs: Any
) -> None:
    """The stage evaluate with the accuracy of some systems, a value a seed; `differs` is what the last system's run
    has of its own."""
    alike = {"task": "sentiment", "kind": "classification", "recipe": "r", "epochs": 2, "test_set": "t",
             "test_units": 1, "training_set": "s", "units": 1}  # fmt: skip
    metrics, runs, said = [], [], []
    for system, found in values.items():
        for seed, value in enumerate(found, 1):
            own = differs if system == list(values)[-1] else {}
            run = {"run": f"{system}-seed-{seed}", "system": system, "seed": seed}
            runs.append(alike | run | {"pretraining_steps": 9 if system == "pretrained" else 0} | own)
            metrics.append(run | {"slice": "all", "metric": "accuracy", "value": value, "units": 1})
            said.append({"run": run["run"], "id": id_of("test_zh"), "label": "negative", "predicted": "positive",
                         "correct": value > 0.6, "margin": 3})  # fmt: skip
    top = {"run": "evaluate", "system": "evaluate", "slice": "all", "metric": "leaky", "value": 0.954, "units": 1}
    tables = {"metrics": [*metrics, top], "runs": runs} | ({"predictions": said} if predicted else {})
    write_stage("evaluate", captures, [(f"evaluate/{name}", None, rows) for name, rows in tables.items()])


def write_predictions(captures: list[Segment]) -> None:
    """The stage evaluate with predictions alone."""
    row = {"run": "scratch-seed-1", "id": id_of("test_zh"), "label": "negative", "predicted": "positive",
           "correct": False, "margin": 3}  # fmt: skip
    write_stage("evaluate", captures, [("evaluate/predictions", None, [row])])


def write_corpus() -> None:
    """Every stage before `catalog`."""
    captures = write_crawl()
    write_clean(captures)
    write_dedup(captures)
    write_label(captures)
    write_rest(captures)


@contextmanager
def new_project(root: Path) -> Iterator[pytest.MonkeyPatch]:
    """The current directory is `root`, a project of default parameters with one worker: `project` for wider scopes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("GRISTMILL_WORKERS", "1")
        Path("params.yaml").write_text("")
        yield patch


@pytest.fixture(scope="session")
def built_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which every stage was written once, `catalog` and its database too; copied by `corpus`."""
    root = tmp_path_factory.mktemp("corpus")
    with new_project(root):
        write_corpus()
        main()
        ensure_database()
    return root


@pytest.fixture
def corpus(project: Path, built_corpus: Path) -> Path:
    """The current directory is a project in which every stage is built."""
    shutil.copytree(built_corpus, project, dirs_exist_ok=True)
    return project


@pytest.fixture
def shared_corpus(built_corpus: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, without a copy: for tests that change nothing."""
    monkeypatch.chdir(built_corpus)
    monkeypatch.setenv("GRISTMILL_WORKERS", "1")
    return built_corpus
