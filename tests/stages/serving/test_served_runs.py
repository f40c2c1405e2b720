"""Which run is served: of the working tree, of an older version, and never one whose files are not what they were."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from bench.support.served import STAGE, write_run
from catalog.digests import file_sha256
from catalog.errors import InputError
from catalog.layout import dvc_store
from stages.serving.runs import run_named


def git(*arguments: str) -> str:
    """What git says."""
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(message: str) -> str:
    """A commit of what lies in data/finetune, put into DVC's store as DVC would; its name."""
    listing = []
    for path in sorted(path for path in STAGE.rglob("*") if path.is_file()):
        digest = hashlib.md5(path.read_bytes()).hexdigest()
        _store(digest, path.read_bytes())
        listing.append({"md5": digest, "relpath": path.relative_to(STAGE).as_posix()})
    text = json.dumps(listing).encode()
    folder = hashlib.md5(text).hexdigest() + ".dir"
    _store(folder, text)
    label = {"path": "data/label", "md5": f"{message}.dir"}
    out = {"path": str(STAGE), "hash": "md5", "md5": folder}
    node = {"cmd": "true", "deps": [{"path": "catalog", "md5": "0"}, label], "outs": [out]}
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {"finetune": node}}))
    git("add", "dvc.lock")
    git("commit", "-q", "-m", message)
    return git("rev-parse", "HEAD")


def _store(name: str, content: bytes) -> None:
    path = dvc_store() / name[:2] / name[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_the_run_before_is_served_by_its_revision(project: Path) -> None:
    """With its own weights and data, though the working tree holds others; a file that was changed is refused."""
    git("init", "-q")
    write_run("tiny", seed=1)
    first = commit("one")
    weights = file_sha256(STAGE / "tiny/head.safetensors")
    shutil.rmtree(STAGE)
    write_run("tiny", seed=2)
    write_run("other", seed=3)
    second = commit("two")

    now, before = run_named("tiny"), run_named("tiny", "HEAD~1")
    assert (now.revision, before.revision) == (second, first)
    assert before.about()["weights"]["head.safetensors"] == weights != now.about()["weights"]["head.safetensors"]
    assert (now.data["data/label"], before.data["data/label"]) == ("two.dir", "one.dir") and "catalog" not in now.data
    with before.folder() as folder:
        assert file_sha256(folder / "head.safetensors") == weights and (folder / "encoder/config.json").exists()

    with pytest.raises(InputError, match=r"no run other at HEAD~1; there are tiny"):
        run_named("other", "HEAD~1")
    with pytest.raises(InputError, match=r"no run tin; there are other, tiny"):
        run_named("tin")
    Path("dvc.lock").write_text("stages: {}\n")
    assert run_named("tiny").revision == "" and run_named("tiny").data == {}
    (STAGE / "tiny/head.safetensors").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(InputError, match=r"head\.safetensors is not what its manifest says"):
        run_named("tiny")


def test_without_a_build_the_next_command_is_named(project: Path) -> None:
    """Also outside git."""
    with pytest.raises(InputError, match="run `dvc repro finetune`"):
        run_named("tiny")
