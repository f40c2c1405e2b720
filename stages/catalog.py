"""catalog: every document and every decision as small tables, without one page of text.

Reads   the tables and manifests of all earlier stages; of a stage that is not built it writes empty tables. Only
        crawl must be there.
Writes  catalog/<table> (catalog/schema): documents, rights, signals, templates, verdicts, outcomes, quarantine,
        clusters, cuts, votes, misfits, labels, splits, split_overlaps, split_checks, agreement, functions, annotators,
        confusions, tasks, balance, drift, children, child_verdicts, tokens, metrics, runs, predictions, models,
        exposure, segments, lineage, stages, columns

Tables about documents are mapped per segment, so that a changed page rewrites the segments it is in; what manifests say
is written per stage. Run with `dvc repro catalog`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.digests import file_sha256
from catalog.errors import exit_on_error
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Action, Stage
from catalog.layout import MANIFEST, stage_root
from catalog.schema import CATALOG, DECLARED, STAGES, schema_of
from catalog.segments import Segment, read_manifest
from stages.accounts.manifests import manifest_tables
from stages.accounts.models import models, trained_in
from stages.accounts.outcomes import CAPTURES, INTO_CORPUS, SPLITS, Judged, columns_of, grouped, outcomes
from stages.text.signals.table import SIGNALS

ACCOUNTING = ("crawl", *(stage for stage, upstream in STAGES.items() if upstream))  # stages with a row per document

# catalog table -> the tables it is copied from, column by column
COPIES: dict[str, tuple[str, ...]] = {
    "signals": ("clean/signals",),
    "templates": ("clean/templates",),
    "declared_signals": tuple(f"clean/{name}" for name in DECLARED),
    "overlaps": ("clean/overlaps",),
    "quarantine": tuple(f"{stage}/quarantine" for stage in (*ACCOUNTING, "augment")),
    "clusters": ("dedup/verdicts",),
    "cuts": ("dedup/cuts",),
    "votes": ("label/votes",),
    "misfits": ("label/misfits",),
    "splits": ("label/splits",),
    "split_overlaps": ("label/split_overlaps",),
    "split_checks": ("label/split_checks",),
    "agreement": ("label/agreement",),
    "functions": ("label/functions",),
    "annotations": ("label/annotations",),
    "annotators": ("label/annotators",),
    "confusions": ("label/confusions",),
    "tasks": ("label/tasks",),
    "balance": ("label/balance",),
    "drift": ("label/drift",),
    "children": ("augment/children",),
    "child_verdicts": ("augment/verdicts",),
    "metrics": ("evaluate/metrics",),
    "runs": ("evaluate/runs",),
    "predictions": ("evaluate/predictions",),
}
TRAINING = ("pretrain", "finetune")
FROM_CAPTURES = (
    "id", "uri", "source", "licence", "status", "mime", "charset", "title", "author", "published_at", "given_label",
    "body_digest", "body",
)  # fmt: skip
FROM_TEXT = (
    "published", "canonical", "language_hint", "text_digest", "language", "language_score", "language_confidence",
    "script", "script_share", "mixed_language", "extractor", "extraction", "repairs", "repaired", "redactions",
)  # fmt: skip
FROM_LABELS = tuple(name for name in CATALOG["labels"].names if name != "target_digest")
TABLES: dict[str, pa.Schema] = CATALOG | {"signals": SIGNALS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Where rows are copied to; `stage` is the value of the column `stage`, where the table has one."""

    table: str
    stage: str


def copy(rows: pa.Table, *, params: Copy) -> dict[str, pa.Table]:
    """The same rows, with the stage they come from where the table asks for it."""
    if "stage" in TABLES[params.table].names:
        rows = rows.append_column("stage", pa.array([params.stage] * rows.num_rows, pa.string()))
    return {params.table: rows}


def documents(captures: pa.Table, texts: pa.Table | None = None) -> dict[str, pa.Table]:
    """One row per capture, with what is known of its text; null where it has none. Row order: that of the captures."""
    columns = {name: captures[name] for name in FROM_CAPTURES if name != "body"}
    columns["body_bytes"] = pc.binary_length(captures["body"]).cast(pa.int64())
    kinds = {name: CATALOG["documents"].field(name).type for name in (*FROM_TEXT, "characters")}
    if texts is None:
        columns |= {name: pa.nulls(captures.num_rows, kind) for name, kind in kinds.items()}
        return {"documents": pa.table(columns)}
    at = pc.index_in(captures["id"], value_set=texts["id"].combine_chunks())
    columns |= {name: texts[name].take(at) for name in FROM_TEXT}
    columns["characters"] = pc.utf8_length(texts["text"]).cast(pa.int32()).take(at)
    columns |= {name: pc.coalesce(texts[name].take(at), captures[name]) for name in ("title", "author")}
    return {"documents": pa.table(columns)}


def labels(rows: pa.Table) -> dict[str, pa.Table]:
    """The labels, with the digest of the target text in place of the text."""
    digests = [text and hashlib.sha256(text.encode()).hexdigest() for text in rows["target_text"].to_pylist()]
    kept = rows.drop_columns(["target_text"])
    return {"labels": kept.append_column("target_digest", pa.array(digests, pa.string()))}


def tokens(rows: pa.Table) -> dict[str, pa.Table]:
    """Tokens per document."""
    counts = pc.list_value_length(rows["ids"]).cast(pa.int32())
    return {"tokens": pa.table({"id": rows["id"], "split": rows["split"], "tokens": counts})}


def exposure(stage: str, run: str, documents: str) -> Iterator[tuple[str, None, pa.Table]]:
    """Every document that the training of one model read, and how often, as the model's own lists say, in their order.

    The ranges of exposure.json are of lines of documents.txt, which lies beside it.
    """
    ids = Path(documents).read_text(encoding="utf-8").split()
    stretches = json.loads(Path(documents).with_name("exposure.json").read_text(encoding="utf-8"))["times"]
    times = [seen for first, last, seen in stretches for _ in range(first, last + 1)]
    columns = {"id": ids, "stage": [stage] * len(ids), "run": [run] * len(ids), "times": pa.array(times, pa.int32())}
    yield "exposure", None, pa.table(columns)


def dictionary() -> Iterator[tuple[str, None, pa.Table]]:
    """The stages in their order, and every column of the catalog with its unit."""
    stages = [(stage, position, upstream) for position, (stage, upstream) in enumerate(STAGES.items())]
    columns = [
        (table, field.name, str(field.type), field.nullable, (field.metadata or {}).get(b"unit", b"").decode())
        for table, schema in TABLES.items()
        for field in schema
    ]
    for name, rows in (("stages", stages), ("columns", columns)):
        schema = CATALOG[name].remove_metadata()
        yield name, None, pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


def empty(names: list[str]) -> Iterator[tuple[str, None, pa.Table]]:
    """Tables of stages that are not built."""
    for name in names:
        yield name, None, TABLES[name].remove_metadata().empty_table()


def _writes(*names: str) -> dict[str, pa.Schema]:
    return {name: TABLES[name] for name in names}


DOCUMENTS = Operator(
    name="documents", run=documents, writes=_writes("documents"), accounts=("documents",), light=True,
    reads=(FROM_CAPTURES, ("id", "text", "title", "author", *FROM_TEXT)),
)  # fmt: skip
RIGHTS = Operator(
    name="rights", run="stages.web.refusals:rights_table", writes=_writes("rights"), reads=(("id", "rights"),),
    light=True,
)  # fmt: skip
JUDGE = Operator(name="judge", run=outcomes, params=Judged, writes=_writes("verdicts", "outcomes"), light=True)
LABELS = Operator(
    name="labels", run=labels, writes=_writes("labels"), accounts=("labels",), light=True,
    reads=((*FROM_LABELS, "target_text"),),
)  # fmt: skip
TOKENS = Operator(
    name="tokens", run=tokens, writes=_writes("tokens"), accounts=("tokens",), light=True,
    reads=(("id", "split", "ids"),),
)  # fmt: skip
MODELS = Operator(name="models", run=models, writes=_writes("models"))
MANIFESTS = Operator(name="manifests", run=manifest_tables, writes=_writes("segments", "lineage"))
EXPOSURE = Operator(name="exposure", run=exposure, writes=_writes("exposure"))
DICTIONARY = Operator(name="dictionary", run=dictionary, writes=_writes("stages", "columns"))
EMPTY = Operator(name="empty", run=empty, writes=TABLES)


def copier(table: str, source: list[Segment]) -> Operator:
    """The operator that copies the columns of a table of the catalog from segments of one upstream table."""
    columns = tuple(name for name in TABLES[table].names if name != "stage")
    name = ".".join(dict.fromkeys((table, source[0].stage, source[0].table)))
    return Operator(
        name=name, run=copy, params=Copy, writes=_writes(table), reads=(columns,), accounts=(table,), light=True,
        linked=_declared(source[0]) == TABLES[table],
    )  # fmt: skip


def _declared(segment: Segment) -> pa.Schema | None:
    """What catalog/schema and stages/text/signals/table.py say of a segment's table; None for those of the models."""
    if (segment.stage, segment.table) == ("clean", "signals"):
        return SIGNALS
    try:
        return schema_of(f"{segment.stage}/{segment.table}")
    except KeyError:
        return None


class Built:
    """The manifests of the stages that are built, each read once."""

    def __init__(self) -> None:
        paths = {stage: stage_root(stage) / MANIFEST for stage in STAGES if stage != "catalog"}
        self.entries = {stage: read_manifest(path) for stage, path in paths.items() if path.exists()}
        self._tables: dict[str, list[Segment]] = {}
        for stage, entries in self.entries.items():
            for entry in entries:
                self._tables.setdefault(f"{stage}/{entry.table}", []).append(entry.segment(stage))

    def __call__(self, table: str) -> list[Segment]:
        """The segments of an upstream table; none where it is not built."""
        return self._tables.get(table, [])

    def files(self, stages: Iterable[str], name: str) -> list[Segment]:
        """The files of a name that stages built."""
        tables = [found for table, found in self._tables.items() if table.partition("/")[0] in stages]
        return [segment for found in tables for segment in found if segment.path.name == name]


def judge(stage: Stage, built: Built) -> set[str]:
    """Write verdicts and outcomes, segment by segment, from what each stage says; the names of the tables."""
    verdicts = [f"{name}/verdicts" for name in ACCOUNTING]
    lost = [f"{name}/quarantine" for name in INTO_CORPUS]
    tables = {name: built(name) for name in (CAPTURES, *verdicts, *lost, SPLITS)}
    written: set[str] = set()
    for params, inputs in grouped(tables):
        accounts = ("outcomes",) if params.tables[0] == CAPTURES else ()
        operator = replace(JUDGE, reads=tuple(map(columns_of, params.tables)), accounts=accounts)
        written |= {name for name, found in stage.map(operator, *inputs, params=params).items() if found}
    return written


def catalog(stage: Stage) -> None:
    """Perform every action of the stage."""
    captures, built = stage.read("crawl/captures"), Built()
    texts = [built("clean/text")] if "clean" in built.entries else []
    written = set(stage.map(DOCUMENTS, captures, *texts)) if captures else set()
    for operator, source in ((RIGHTS, captures), (LABELS, built("label/labels")), (TOKENS, built("tokenize/tokens"))):
        if source:
            written |= set(stage.map(operator, source))
    written |= judge(stage, built) | copy_all(stage, built)
    if trained := [one for name in TRAINING for one in trained_in(name, built.entries.get(name, []))]:
        written |= set(stage.act_all(MODELS, trained))
    if seen := built.files(TRAINING, "documents.txt"):
        written |= set(stage.act_all(EXPOSURE, [
            Action(name=f"{model.stage}/{model.table}",  # models that read the same documents are still several
                   inputs={"model": f"{model.stage}/{model.table}", "documents": model.logical},
                   args=(model.stage, model.table, str(model.path)))
            for model in seen
        ]))  # fmt: skip
    written |= set(stage.act_all(MANIFESTS, [
        Action(name=name, inputs={f"{name}/{MANIFEST}": file_sha256(stage_root(name) / MANIFEST)}, args=(name,))
        for name in built.entries
    ]))  # fmt: skip
    written |= set(stage.act(DICTIONARY, "dictionary", {}))
    missing = [name for name in TABLES if name not in written]
    if missing:
        stage.act(EMPTY, "empty", {"tables": ",".join(missing)}, args=(missing,))


def copy_all(stage: Stage, built: Built) -> set[str]:
    """Copy every table of COPIES that was built; their names."""
    written = set()
    for table, sources in COPIES.items():
        for source in filter(None, map(built, sources)):
            params = Copy(table=table, stage=source[0].stage)
            stage.map(copier(table, source), source, params=params)
            written.add(table)
    return written


def main() -> None:
    """Write the tables; the database over them is built by the first question (catalog/sql/database.py)."""
    with Stage("catalog") as stage:
        catalog(stage)


if __name__ == "__main__":
    exit_on_error(main)
