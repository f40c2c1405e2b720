"""A clustering spread over many actions, on the real stage: the rows of the one action, and nothing below it runs."""

from __future__ import annotations

import json

import pytest

from catalog.segments import read_manifest
from tests.pipeline.conftest import Project, texts
from tests.pipeline.test_incremental import rebuilt_from_nothing

SPREAD = ("spread_above: 20000000", "spread_above: 0"), ("partition_documents: 1000000", "partition_documents: 30")


def verdicts(project: Project) -> list[tuple[str, str, str]]:
    """(key, digest of the rows, digest of the bytes) of each segment of dedup/verdicts, in order."""
    entries = read_manifest(project.folder / "data/dedup/manifest.parquet")
    return [(entry.key, entry.logical, entry.sha256) for entry in entries if entry.table == "verdicts"]


def spread(project: Project) -> None:
    """Ask for it."""
    for old, new in SPREAD:
        project.edit("params.yaml", old, new)


def add_twins(project: Project) -> None:
    """A source of which some documents are those of another one, with a word more."""
    lines = [json.loads(line) for line in texts(1, 60).splitlines()]
    twins = [json.dumps(line | {"id": f"twin-{line['id']}", "text": line["text"] + " again"}) for line in lines[::3]]
    project.add_file(7, "".join(f"{line}\n" for line in [*twins, *texts(8, 20).splitlines()]))


def test_the_same_bytes_and_nothing_below(project: Project) -> None:
    """With another path to the same verdicts, no other stage computes."""
    add_twins(project)
    project.repro()
    before = verdicts(project)
    spread(project)
    output = project.repro()
    computed = project.stale("dedup")
    assert "dedup.cluster" not in computed and computed.count("dedup.verify") > 1
    assert verdicts(project) == before
    below = [stage for stage in ("label", "augment", "tokenize") if f"Running stage '{stage}'" in output]
    assert "label" in below and [project.stale(stage) for stage in below] == [[]] * len(below)


@pytest.mark.slow
def test_the_same_bytes_on_two_nodes(project: Project) -> None:
    """A whole build on a cluster of two nodes, the clustering spread over both."""
    from tests.catalog.execution.test_cluster import Nodes

    add_twins(project)
    project.repro()
    before = verdicts(project)
    spread(project)
    project.commit()
    nodes = Nodes()
    try:
        clone = rebuilt_from_nothing(
            project, project.folder.parent / "clone", GRISTMILL_EXECUTOR="ray", RAY_ADDRESS=nodes.cluster.address
        )
    finally:
        nodes.cluster.shutdown()
    assert "dedup.verify" in clone.stale("dedup")
    assert verdicts(clone) == before


@pytest.mark.slow
def test_a_change_is_as_in_a_clean_build(project: Project) -> None:
    """What is spread can be foretold, and is computed again where a document changed."""
    spread(project)
    project.repro()
    project.add_file(9, texts(9, 40))
    assert "dedup" in project.gristmill("status")
    project.repro()
    project.commit()
    assert rebuilt_from_nothing(project, project.folder.parent / "clone").digests() == project.digests()
