"""dvc.yaml against the files that stages really open: what no dep covers, DVC would miss."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from tests.pipeline.conftest import ROOT, Project

IMPORTS = """
import importlib, catalog, stages.{stage} as stage
from catalog.incremental.operators import Operator
for operator in [found for found in vars(stage).values() if isinstance(found, Operator)]:
    importlib.import_module(operator.module)
"""
GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


@pytest.mark.slow
def test_every_file_that_a_stage_reads_is_a_dep_of_it(project: Project, tmp_path: Path) -> None:
    """Two workers, everything computed anew: imports, presets, sources, segments of earlier stages."""
    record = tmp_path / "opened.txt"
    project.run("rm", "-r", ".gristmill", ".dvc/cache")
    project.repro("--force", GRISTMILL_OPENED=str(record), GRISTMILL_WORKERS="2")
    assert project.gristmill("lint", str(record)) == "every file that was read is a dep of its stage\n"
    lines = set(record.read_text().splitlines())
    for line in ("crawl\tinbox/1.jsonl", "clean\tstages/text/rules/presets/short.yaml", "clean\tstages/clean.py"):
        assert line in lines
    assert any(line.startswith("dedup\tdata/clean/text/") for line in lines), "Parquet files are seen too"


def test_a_dep_that_is_missing_is_named(project: Project, tmp_path: Path) -> None:
    """A file opened in a worker, and a dep taken away from dvc.yaml."""
    record = tmp_path / "opened.txt"
    (project.folder / "secret.txt").write_text("5")
    source = project.folder / "stages/text/rules/judging.py"
    source.write_text(source.read_text() + "\nfrom pathlib import Path\nSECRET = Path('secret.txt').read_text()\n")
    project.edit("dvc.yaml", "    - stages/clean.py\n", "")
    project.repro("clean", GRISTMILL_OPENED=str(record), GRISTMILL_WORKERS="2")
    text = project.gristmill("lint", str(record), check=False)
    assert "2 files are no dep of their stage" in text
    assert "clean reads secret.txt" in text and "clean reads stages/clean.py" in text


@pytest.mark.parametrize("stage", GRAPH)
def test_what_a_stage_of_the_repository_imports_is_a_dep_of_it(stage: str, tmp_path: Path) -> None:
    """Also of the stages that train models, whose build the small project leaves out."""
    record = tmp_path / "opened.txt"
    project = Project(ROOT)
    seen = {"GRISTMILL_OPENED": str(record), "GRISTMILL_OPENED_BY": stage}
    project.run(sys.executable, "-c", IMPORTS.format(stage=stage), **seen)
    assert f"{stage}\tstages/{stage}.py" in record.read_text()
    assert project.gristmill("lint", str(record)) == "every file that was read is a dep of its stage\n"


def test_a_build_leaves_nothing_that_others_may_write(built: Project) -> None:
    """Whatever DVC made of its site cache, in which it keeps pickles."""
    modes = {name: (built.folder / name).stat().st_mode & 0o777 for name in (".gristmill", ".gristmill/dvc")}
    assert modes == {".gristmill": 0o755, ".gristmill/dvc": 0o700}
