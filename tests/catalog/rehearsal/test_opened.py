"""Opened: which opens count as reads, and what a dep covers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.rehearsal.opened import _reads, undeclared

ROOT = Path(__file__).parents[3]
PROGRAM = """
import catalog, json
open("read.txt").read()
open("written.txt", "w").close()
open("both.txt", "a+").close()
import os; os.close(os.open("low.txt", os.O_RDONLY))
from catalog.parquet import read_parquet, write_parquet
import pyarrow
from pathlib import Path
write_parquet(pyarrow.table({"x": [1]}), Path("table.parquet"))
read_parquet(Path("table.parquet"))
open("/etc/hostname").close() if os.path.exists("/etc/hostname") else None
"""


@pytest.mark.parametrize(
    ("mode", "flags", "read"),
    [("r", 0, True), ("rb", 0, True), ("w", 0, False), ("a+", 0, False), ("x", 0, False), (None, os.O_RDONLY, True),
     (None, os.O_WRONLY | os.O_CREAT, False), (None, os.O_RDWR, False)],
)  # fmt: skip
def test_only_reads_count(mode: str | None, flags: int, read: bool) -> None:
    """By mode, or by the flags of the system call."""
    assert _reads(mode, flags) is read


def test_a_process_records_the_files_of_its_folder(tmp_path: Path) -> None:
    """Once each, relative to the folder, with the stage; files elsewhere are not its own."""
    for name in ("read.txt", "low.txt"):
        (tmp_path / name).touch()
    environment = os.environ | {
        "PYTHONPATH": str(ROOT), "GRISTMILL_OPENED": "opened.txt", "GRISTMILL_OPENED_BY": "clean"
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, check=True)
    lines = (tmp_path / "opened.txt").read_text().splitlines()
    assert lines == ["clean\tread.txt", "clean\tlow.txt", "clean\ttable.parquet"]


def test_deps_outs_and_local_state_are_covered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder covers what is in it, and nothing whose name only begins like it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/__init__.py").touch()
    (tmp_path / "dvc.yaml").write_text(
        "stages: {clean: {cmd: x, deps: [stages/text, inbox], outs: [data/clean: {cache: false}]}}"
    )
    covered = [
        "stages/text/a.py",
        "inbox",
        "data/clean/t/1.parquet",
        ".gristmill/x",
        "params.yaml",
        "stages/__init__.py",
    ]
    missing = ["inbox2/a", "stages/textual.py"]
    record = tmp_path / "opened.txt"
    record.write_text("".join(f"clean\t{path}\n" for path in (*covered, *missing)) + "zebra\tinbox3\n")
    assert list(undeclared(record)) == [("clean", "inbox2/a"), ("clean", "stages/textual.py")]
