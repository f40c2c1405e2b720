"""The Ray executor on a cluster of several nodes: the bytes of a local run, whatever dies."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from catalog.errors import GristmillError, OperatorError
from catalog.execution.cluster import answers
from catalog.execution.executor import new_executor
from catalog.incremental.journal import Journal
from catalog.incremental.operators import Operator
from catalog.incremental.stage import Job, Stage
from catalog.segments import Segment
from tests.catalog.incremental.test_stage import FAIL, MEASURE, TOTAL, TRAIN, clean, crawl, files, trace
from tests.outbound.sitecustomize import OWN

ROOT = Path(__file__).parents[3]
NOBODY = "http://127.0.0.1:9"
SILENT = {  # a head tells its maker that it tells nothing, and asks in which cloud it runs: both end here
    "RAY_USAGE_STATS_ENABLED": "0", "RAY_USAGE_STATS_REPORT_URL": NOBODY, "http_proxy": NOBODY,
    "no_proxy": f"localhost,127.0.0.1,{os.environ[OWN]}",
}  # fmt: skip
WORDS = [f"{n}" * (n % 7 + 1) for n in range(16)]


def dawdle(words: pa.Table) -> dict[str, pa.Table]:
    """Takes a second, unless the folder that SLOW names has said what it wants."""
    home = os.environ["SLOW"]
    Path(home, f"begun-{words['id'][0].as_py()}").touch()
    while not Path(home, "go").exists() and words["id"][0].as_py() != WORDS[0]:
        time.sleep(0.02)
    lengths = pc.utf8_length(words["text"]).cast(pa.int32())
    return {
        "lengths": pa.table({"id": words["id"], "length": lengths}),
        "verdicts": pa.table({"id": words["id"], "drop_reason": pa.nulls(words.num_rows, pa.string())}),
    }


DAWDLE = Operator(name="dawdle", run=dawdle, accounts=("lengths",), writes=MEASURE.writes)


class Nodes:
    """A cluster of a head without CPUs and two nodes with one each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        with pytest.MonkeyPatch.context() as patch:
            for name, value in SILENT.items():
                patch.setenv(name, value)
            self.cluster: Any = Cluster(
                initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
            )
        self.workers = [self.cluster.add_node(num_cpus=1) for _ in range(2)]

    def kill_one(self) -> None:
        """The raylet of a node and its workers, by SIGKILL."""
        self.cluster.remove_node(self.workers.pop(), allow_graceful=False)


@pytest.fixture
def nodes(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """A cluster that GRISTMILL_EXECUTOR=ray uses; `dawdle` waits in the folder SLOW."""
    monkeypatch.setenv("SLOW", str(tmp_path_factory.mktemp("slow")))
    found = Nodes()
    monkeypatch.setenv("RAY_ADDRESS", found.cluster.address)
    yield found
    found.cluster.shutdown()


def build_all() -> dict[str, bytes]:
    """An act, maps, a reduce and two builds of files; every file that they gave."""
    crawl(("a", WORDS), ("b", ["q"]))
    with Stage("clean", MEASURE, TOTAL, TRAIN) as stage:
        lengths = stage.map(MEASURE, stage.read("crawl/captures"))["lengths"]
        stage.reduce(TOTAL, lengths)
        stage.build_all(TRAIN, [Job(name=name, inputs=(lengths,)) for name in ("one", "two")])
    return files()


def start_over() -> None:
    """As in an empty clone."""
    shutil.rmtree(".gristmill")
    shutil.rmtree("data")


def dawdled() -> list[Segment]:
    """The stage `clean` with a map that waits."""
    with Stage("clean", DAWDLE) as stage:
        return stage.map(DAWDLE, stage.read("crawl/captures"))["lengths"]


def wait_for(found: Any, seconds: float = 60) -> None:
    """Until something is true."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.02)


def recorded() -> set[str]:
    """The results that the journal holds of `dawdle`."""
    journal = Journal()
    rows = journal._database.execute("SELECT fingerprint FROM results WHERE operator LIKE '%dawdle'").fetchall()
    journal.close()
    return {row[0] for row in rows}


@pytest.mark.slow
def test_the_same_bytes_on_a_cluster(project: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a shared folder and by staging alone; what one executor built, the other finds; errors come home as such."""
    local = build_all()
    monkeypatch.setenv("GRISTMILL_EXECUTOR", "ray")
    assert build_all() == local
    assert {verdict for verdict, _ in trace("clean")} == {"fresh"}
    start_over()
    assert build_all() == local
    staging = project.parent / "staging"
    monkeypatch.setenv("GRISTMILL_STAGING", staging.as_uri())
    start_over()
    assert build_all() == local
    assert {verdict for verdict, _ in trace("clean")} == {"stale"}
    staged = [path for path in staging.rglob("*") if path.is_file()]
    assert len(staged) == len({path.name for path in staged}) > 20
    with pytest.raises(OperatorError, match=r"fail failed on .*ZeroDivisionError: boom"):
        clean(FAIL)
    start_over()
    crawl(("a", WORDS))
    for path in staged:
        path.write_bytes(b"")  # an upload that ended early is sent again, by its size
    assert clean()


@pytest.mark.slow
def test_a_node_dies_during_a_build(project: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its actions run again on the other node; every segment is there once."""
    crawl(("a", WORDS))
    slow = Path(os.environ["SLOW"])
    (slow / "go").touch()
    dawdled()
    local = files("data/clean")
    (slow / "go").unlink()
    for path in slow.glob("begun-*"):
        path.unlink()
    start_over()
    monkeypatch.setenv("GRISTMILL_EXECUTOR", "ray")
    crawl(("a", WORDS))

    def strike() -> None:
        wait_for(lambda: len(list(slow.glob("begun-*"))) >= 3)  # the first has ended, two wait on two nodes
        nodes.kill_one()
        (slow / "go").touch()

    killer = threading.Thread(target=strike)
    killer.start()
    segments = dawdled()
    killer.join()
    assert files("data/clean") == local
    assert len({segment.path for segment in segments}) == len(WORDS) // 2 == len(recorded())


@pytest.mark.slow
def test_the_driver_dies_during_a_build(project: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 of the process that runs the stage: what it recorded is found, the rest is computed, the bytes equal."""
    monkeypatch.setenv("GRISTMILL_EXECUTOR", "ray")
    crawl(("a", WORDS))
    slow = Path(os.environ["SLOW"])
    code = "from tests.catalog.execution.test_cluster import dawdled; dawdled()"
    driver = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)})
    wait_for(recorded)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    known = recorded()
    assert 0 < len(known) < len(WORDS) // 2
    (slow / "go").touch()
    dawdled()
    verdicts = [verdict for verdict, _ in trace("clean")]
    assert verdicts.count("fresh") == len(known)
    assert len(recorded()) == len(verdicts) == len(WORDS) // 2
    built = files("data/clean")
    start_over()
    monkeypatch.setenv("GRISTMILL_EXECUTOR", "local")
    crawl(("a", WORDS))
    dawdled()
    assert files("data/clean") == built


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"GRISTMILL_EXECUTOR": "spark"}, "GRISTMILL_EXECUTOR is 'spark', must be local or ray"),
        (
            {"GRISTMILL_EXECUTOR": "ray", "GRISTMILL_STAGING": "nowhere://x"},
            "GRISTMILL_STAGING is 'nowhere://x'.*gristmill\\[s3\\]",
        ),
    ],
    ids=["executor", "staging"],
)
def test_what_is_set_wrong_is_named(
    variables: dict[str, str], said: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable, its value and what to do."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(GristmillError, match=said):
        new_executor([])


def test_ray_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed."""
    monkeypatch.setenv("GRISTMILL_EXECUTOR", "ray")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(GristmillError, match=r"ray is not installed; run `pip install 'gristmill\[ray\]'`"):
        new_executor([])


def test_an_address_where_nobody_answers_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once: Ray itself would try for minutes. A busy address is joined by the tests above."""
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert answers(address) and answers(f"ray://{address}") and answers("auto")
    monkeypatch.setenv("GRISTMILL_EXECUTOR", "ray")
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(GristmillError, match=f"nobody answers at RAY_ADDRESS {address} .*`ray start --head`"):
        crawl(("a", ["x"]))
