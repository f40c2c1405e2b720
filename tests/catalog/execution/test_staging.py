"""Staging: what a worker without the project's folder fetches and sends, through a folder and through a real S3."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from fsspec import get_filesystem_class
from fsspec.core import url_to_fs

from catalog.digests import file_sha256
from catalog.errors import GristmillError, InputError
from catalog.execution.action import Done, Task
from catalog.execution.executor import EXECUTORS
from catalog.execution.remote import fetch, order, serve
from catalog.execution.staging import Staged, Staging
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Job, Stage
from tests.catalog.incremental.test_stage import MEASURE, TOTAL, TRAIN, clean, crawl, files
from tests.servers.s3 import BUCKET, KEY, SECRET, seaweedfs


class Away:
    """An executor whose worker is this process, in a folder of its own, with nothing but what was staged."""

    url = ""

    def __init__(self, operators: Iterable[Operator]) -> None:
        self._staging = Staging(self.url)

    def execute(self, tasks: list[Task], seconds: float | None = None) -> Iterator[Done]:
        """Send, perform, fetch."""
        for task in tasks:
            answer = serve(order(task, self._staging))
            if isinstance(answer, GristmillError):
                raise answer
            fetch(self._staging, answer[0])
            yield Done(task, *answer)

    def close(self, *, at_once: bool = False) -> None:
        """Nothing to end."""


@pytest.fixture(params=["folder", "s3"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL of an empty place."""
    home = tmp_path_factory.mktemp("place")
    if request.param == "folder":
        yield home.as_uri()
        return
    with seaweedfs(home) as port:
        variables = {
            "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }  # fmt: skip
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield f"s3://{BUCKET}/staging"
    get_filesystem_class("s3").clear_instance_cache()  # they know the port


def test_a_build_by_staging_gives_the_same_bytes(place: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps, a reduce and builds of files, each in a folder that held nothing before; nothing is left there."""

    def build() -> dict[str, bytes]:
        with Stage("clean", MEASURE, TOTAL, TRAIN) as stage:
            lengths = stage.map(MEASURE, stage.read("crawl/captures"))["lengths"]
            stage.reduce(TOTAL, lengths)
            stage.build_all(TRAIN, [Job(name=name, inputs=(lengths,)) for name in ("one", "two")])
        return files()

    crawl(("a", ["x", "yy", "zzz"]))
    local = build()
    monkeypatch.setitem(EXECUTORS, "away", f"{__name__}:Away")
    monkeypatch.setenv("GRISTMILL_EXECUTOR", "away")
    monkeypatch.setattr(Away, "url", place)
    shutil.rmtree(".gristmill")
    shutil.rmtree("data/clean")
    Path(".gristmill/objects").mkdir(parents=True)
    assert build() == local
    assert not list(Path(".gristmill").glob("objects/tmp-*"))
    Path("data/clean").rename("built")
    shutil.rmtree(".gristmill/objects")
    assert clean()  # the input is there already; its results are sent and fetched anew


def test_nothing_is_taken_on_trust(place: str, tmp_path: Path) -> None:
    """A file of other bytes is refused and deleted, so that it is sent again; one that is gone is named."""
    source = tmp_path / "source"
    source.write_bytes(b"right")
    file = Staged(source, file_sha256(source), 5)
    taken = file._replace(path=tmp_path / "taken")
    Staging(place).put(file)
    _overwrite(place, file.sha256, b"wrong")
    for said in ("was not what its name says and is deleted", "has no "):
        with pytest.raises(InputError, match=said):
            Staging(place).get(taken, tmp_path / "beside")
        assert not taken.path.exists()
    Staging(place).put(file)
    _overwrite(place, file.sha256, b"rig")  # an upload cut short is seen by its size, and sent again
    Staging(place).put(file)
    Staging(place).get(taken, tmp_path / "beside")
    assert taken.path.read_bytes() == b"right"


def test_a_place_that_does_not_work_is_named(tmp_path: Path) -> None:
    """Whatever error its service has."""
    (tmp_path / "place").write_text("not a folder")
    with pytest.raises(GristmillError, match=r"the staging place file://.*place does not work: \w+Error"):
        Staging((tmp_path / "place").as_uri()).put(Staged(Path(__file__), "0" * 64, 1))


def _overwrite(place: str, sha256: str, content: bytes) -> None:
    there, root = url_to_fs(place)
    there.pipe_file(f"{root}/{sha256[:2]}/{sha256}", content)
