"""OpenLineage: the stages of the current version as run events, for the lineage tools that read that standard.

Reads   the catalog; dvc.yaml for what a stage is for; git for the commit and its time
Writes  JSON lines, valid by the specification 2-0-2: for each stage that was built a START and a COMPLETE, which it
        asks for. A dataset is a table of a stage (`crawl/captures`), with its schema, its version (a digest of its
        rows) and its size, or a source (`source/<name>`). Nothing depends on a clock: the time of an event is that of
        the commit, the id of a run follows from what it wrote, and equal versions give equal bytes.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from catalog.digests import digest_of
from catalog.integrity.references import git
from catalog.schema import SCHEMAS, STAGES, describe, schema_of
from catalog.settings import GRAPH, load_settings
from catalog.sql.asking import query

SPEC = "https://openlineage.io/spec"
EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
PRODUCER = "https://pypi.org/project/gristmill"
NO_COMMIT = "1970-01-01T00:00:00+00:00"  # of a project without git: no event says when it was built
FACETS = {
    "documentation": "1-1-0/DocumentationJobFacet", "jobType": "2-0-4/JobTypeJobFacet",
    "sourceCodeLocation": "1-1-0/SourceCodeLocationJobFacet", "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    "schema": "1-2-0/SchemaDatasetFacet", "version": "1-0-1/DatasetVersionDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
}  # fmt: skip

TABLES = """
    SELECT stage, table_name, count(*) AS files, sum(rows)::BIGINT AS rows, sum(bytes)::BIGINT AS bytes,
        string_agg(logical, ' ' ORDER BY key, path) AS logicals
    FROM segments GROUP BY ALL ORDER BY ALL
"""
READ = """
    SELECT DISTINCT segments.stage, lineage.input FROM lineage JOIN segments USING (fingerprint)
    WHERE contains(lineage.input, '/') AND NOT starts_with(lineage.input, segments.stage || '/')
    UNION SELECT 'crawl', 'source/' || source FROM documents ORDER BY ALL
"""

Json = dict[str, Any]


def events(namespace: str) -> Iterator[Json]:
    """A START and a COMPLETE for each built stage, in the order of dvc.yaml; all names are in `namespace`.

    Errors: InputError when the catalog was not built.
    """
    tables = {f"{row['stage']}/{row['table_name']}": row for row in query(TABLES).table().to_pylist()}
    read = [(row["stage"], row["input"]) for row in query(READ).table().to_pylist()]
    commit = git("log", "-1", "--ignore-missing", "--format=%H %cI", "HEAD").split()
    graph = load_settings(GRAPH)["stages"]
    for stage in STAGES:
        outputs = {name: row for name, row in tables.items() if row["stage"] == stage}
        if outputs:
            inputs = {name: tables.get(name, {}) for reader, name in read if reader == stage}
            event = {
                "eventTime": commit[1] if commit else NO_COMMIT,
                "producer": PRODUCER,
                "schemaURL": EVENT,
                "run": {"runId": _run_id(namespace, outputs), "facets": _run_facets()},
                "job": {"namespace": namespace, "name": stage, "facets": _job_facets(stage, graph, commit)},
                "inputs": [_dataset(namespace, name, row) for name, row in sorted(inputs.items())],
                "outputs": [
                    _dataset(namespace, name, row) | {"outputFacets": {"outputStatistics": _statistics(row)}}
                    for name, row in outputs.items()
                ],
            }
            yield {"eventType": "START", **event, "inputs": [], "outputs": []}
            yield {"eventType": "COMPLETE", **event}


def write_events(path: Path, namespace: str) -> int:
    """Write the events, one a line; how many. Errors: InputError when the catalog was not built."""
    lines = [json.dumps(event, ensure_ascii=False) for event in events(namespace)]
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    beside.replace(path)
    return len(lines)


def _run_id(namespace: str, outputs: Mapping[str, Json]) -> str:
    """A UUID that follows from what a run wrote."""
    written = {name: _version(row) for name, row in outputs.items()}
    return str(uuid.uuid5(uuid.NAMESPACE_URL, digest_of([namespace, written])))


def _facet(facet: str, /, **values: Any) -> Json:
    kind = FACETS[facet]
    schema = f"{SPEC}/facets/{kind}.json#/$defs/{kind.partition('/')[2]}"
    return {"_producer": PRODUCER, "_schemaURL": schema, **values}


def _run_facets() -> Json:
    version = importlib.metadata.version("gristmill")
    return {"processing_engine": _facet("processing_engine", version=version, name="gristmill")}


def _job_facets(stage: str, graph: Mapping[str, Any], commit: list[str]) -> Json:
    """What the stage is for, its kind, and where its code is: the remote `origin`, where there is one."""
    node = graph.get(stage, {})
    found = {
        "documentation": _facet("documentation", description=str(node.get("desc", f"the stage {stage}"))),
        "jobType": _facet("jobType", processingType="BATCH", integration="GRISTMILL", jobType="STAGE"),
    }
    remotes = re.findall(r"^origin\t(\S+)", git("remote", "-v"), re.MULTILINE) if commit else []
    if remotes:
        url = re.sub(r"//[^/@]*@", "//", remotes[0])  # without a name or a password
        found["sourceCodeLocation"] = _facet(
            "sourceCodeLocation", type="git", url=url, repoUrl=url, path=f"stages/{stage}.py", version=commit[0]
        )
    return found


def _dataset(namespace: str, name: str, row: Json) -> Json:
    """A table of a stage; a source, of which the catalog knows the name alone."""
    facets = {"version": _facet("version", datasetVersion=_version(row))} if row else {}
    columns = _columns(name)
    if columns:
        facets["schema"] = _facet("schema", fields=columns)
    return {"namespace": namespace, "name": name, "facets": facets}


def _version(row: Json) -> str:
    return digest_of(row["logicals"])


def _columns(name: str) -> list[Json]:
    """Columns of a table of catalog/schema, each with its type and meaning; none of another one."""
    known = name in SCHEMAS or name.partition("/")[2] in ("verdicts", "quarantine")
    return [
        {"name": column, "type": kind.removesuffix("?"), "description": meaning}
        for column, kind, meaning in (describe(schema_of(name)) if known else ())
    ]


def _statistics(row: Json) -> Json:
    return _facet("outputStatistics", rowCount=row["rows"], size=row["bytes"], fileCount=row["files"])
