"""OpenLineage: events that the standard's own client takes, equal for equal versions, without a clock."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import event_v2
from openlineage.client.generated import (
    dataset_version_dataset,
    documentation_job,
    job_type_job,
    output_statistics_output_dataset,
    processing_engine_run,
    schema_dataset,
)

from catalog.errors import InputError
from catalog.lineage.openlineage import NO_COMMIT, events, write_events
from catalog.settings import GRAPH

FACETS: dict[str, Any] = {
    "documentation": documentation_job.DocumentationJobFacet, "jobType": job_type_job.JobTypeJobFacet,
    "processing_engine": processing_engine_run.ProcessingEngineRunFacet, "schema": schema_dataset.SchemaDatasetFacet,
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}  # fmt: skip


@pytest.fixture
def graph(corpus: Path) -> None:
    """A project with what a stage is for."""
    GRAPH.write_text("stages:\n  clean: {cmd: 'true', desc: Clean it}\n")


def facets(found: dict[str, Any]) -> dict[str, Any]:
    """Facets as objects of the client, which refuses what the specification does not know, or wants."""
    made = {}
    for name, facet in found.items():
        values = {key: value for key, value in facet.items() if not key.startswith("_")}
        if name == "schema":
            values = {"fields": [schema_dataset.SchemaDatasetFacetFields(**field) for field in values["fields"]]}
        made[name] = FACETS[name](**values)
        assert facet["_schemaURL"] == made[name]._get_schema()
    return made


def placed(dataset: dict[str, Any]) -> dict[str, Any]:
    """Namespace, name and facets of a dataset."""
    return {"namespace": dataset["namespace"], "name": dataset["name"], "facets": facets(dataset["facets"])}


def test_the_client_of_the_standard_takes_every_event(graph: None) -> None:
    """Keys and types are those of the specification, each facet names its schema."""
    for event in events("here"):
        job, run = event["job"], event["run"]
        inputs = [event_v2.InputDataset(**placed(one)) for one in event["inputs"]]
        outputs = [
            event_v2.OutputDataset(**placed(one), outputFacets=facets(one["outputFacets"])) for one in event["outputs"]
        ]
        made = event_v2.RunEvent(
            eventTime=event["eventTime"], producer=event["producer"], eventType=event_v2.RunState[event["eventType"]],
            run=event_v2.Run(run["runId"], facets(run["facets"])),
            job=event_v2.Job(job["namespace"], job["name"], facets(job["facets"])), inputs=inputs, outputs=outputs,
        )  # fmt: skip
        assert event.keys() == {"eventTime", "producer", "eventType", "run", "job", "inputs", "outputs", "schemaURL"}
        assert event["schemaURL"] == made._get_schema()


def test_a_stage_reads_what_others_wrote(graph: None) -> None:
    """Datasets link the stages; versions and sizes are those of the rows."""
    done = {event["job"]["name"]: event for event in events("here") if event["eventType"] == "COMPLETE"}
    assert list(done) == ["crawl", "clean", "dedup", "label", "augment", "tokenize", "pretrain", "finetune", "evaluate"]
    assert [one["name"] for one in done["crawl"]["inputs"]] == ["source/reviews"]
    captures = next(one for one in done["crawl"]["outputs"] if one["name"] == "crawl/captures")
    (read,) = done["clean"]["inputs"]
    assert (read["name"], read["facets"]) == ("crawl/captures", captures["facets"])
    fields = {field["name"]: field for field in read["facets"]["schema"]["fields"]}
    assert fields["body"] == {"name": "body", "type": "binary", "description": "the exact bytes"}
    statistics = captures["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["fileCount"]) == (6, 2)
    assert done["clean"]["job"]["facets"]["documentation"]["description"] == "Clean it"
    assert done["clean"]["eventTime"] == NO_COMMIT


def test_equal_versions_give_equal_bytes(graph: None, tmp_path: Path) -> None:
    """A run's id follows from what it wrote; START comes before COMPLETE; no machine is named."""
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    assert write_events(first, "x") == write_events(second, "x") == 18
    assert first.read_bytes() == second.read_bytes()
    rows = [json.loads(line) for line in first.read_text().splitlines()]
    pairs = [(row["run"]["runId"], row["eventType"]) for row in rows]
    assert [kind for _, kind in pairs] == ["START", "COMPLETE"] * 9 and len(set(pairs)) == 18
    assert not re.search(str(tmp_path), first.read_text())
    assert {row["run"]["runId"] for row in events("y")}.isdisjoint(one for one, _ in pairs)


def test_without_a_catalog_the_message_names_the_command(project: Path) -> None:
    """There is nothing to tell."""
    with pytest.raises(InputError, match="dvc repro catalog"):
        list(events("x"))
