"""A row that hangs, crashes or eats its process costs that row; nothing is lost, and no process is left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog.processes import killable
from stages.web.extract import ExtractParams, extract
from tests.stages.prose import ENGLISH
from tests.stages.web.test_extract import captures, html, page

ROOT = Path(__file__).parents[3]
WRITES = pa.schema([("n", pa.int64()), ("said", pa.string())])
BOMB = "<p " + " ".join(f"a{number}=1" for number in range(100_000)) + ">"
OPEN = {"max_attributes": 10**9, "max_tag_bytes": 10**9}  # the pre-scan lets the bomb through


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    """Each test begins and ends without a child."""
    killable.end()
    yield
    killable.end()


def work(row: killable.Row, params: str) -> dict[str, Any]:
    """Do to this process what the row says, in native code wherever that is what hurts."""
    match row["do"]:
        case "spin":
            while True:
                pass
        case "sleep":
            time.sleep(60)
        case "crash":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "exit":
            os._exit(0)
        case "eat":
            return {"n": row["n"], "said": str(len(b"x" * (1 << 28)))}
        case "grab":
            return {"n": row["n"], "said": str(len(bytearray(1 << 40)))}
        case "hide":
            with contextlib.suppress(MemoryError):
                b"x" * (1 << 28)
        case "once" if not Path(params).exists():
            Path(params).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise KeyError("the function's own mistake")
    return {"n": row["n"], "said": f"{row['do']} by {os.getpid()}"}


def lost(row: killable.Row, how: killable.How) -> dict[str, Any]:
    """What stands for a row that ended its child."""
    return {"n": row["n"], "said": how}


def run(*does: str, params: str = "", seconds: float = 5.0, memory: int = 64 << 20) -> list[str]:
    """What was said of each row; the processes' numbers are cut off."""
    rows = pa.table({"n": range(len(does)), "do": pa.array(does, pa.string())})
    limits = killable.Limits(seconds=seconds, memory=memory)
    table = killable.results(rows, killable.Job(work=work, params=params, writes=WRITES, limits=limits), lost)
    assert table["n"].to_pylist() == list(range(len(does))) and table.schema == WRITES
    return [said.partition(" by ")[0] for said in table["said"].to_pylist()]


@pytest.mark.parametrize(
    ("does", "how"),
    [("spin", "time"), ("crash", "crash"), ("abort", "crash"), ("exit", "crash"), ("sleep", "crash")]
    + [(memory, "crash") for memory in ("eat", "grab", "hide")],
)
def test_a_poisoned_row_costs_itself(does: str, how: str) -> None:
    """First, last, alone or twice in a batch: the others are what they would have been."""
    seconds = {"spin": 0.1, "sleep": 0.03}.get(does, 5.0)
    assert run("a", does, "b", seconds=seconds) == ["a", how, "b"]
    if does != "sleep":
        assert run(does, "a", does, seconds=seconds) == [how, "a", how]
        assert run(does, seconds=seconds) == [how]


def test_an_innocent_row_is_read_again(tmp_path: Path) -> None:
    """A child that is killed from outside (the system is out of memory) says nothing about its row."""
    assert run("a", "once", "b", params=str(tmp_path / "killed")) == ["a", "once", "b"]
    assert (tmp_path / "killed").exists()


def test_a_child_that_died_while_nobody_asked_is_replaced() -> None:
    """Between two batches too."""
    assert run("a") == ["a"]
    assert killable._kept is not None
    os.kill(killable._kept._pid, signal.SIGKILL)
    assert run("b", "c") == ["b", "c"]


def test_what_the_function_raises_is_raised() -> None:
    """A mistake of ours is no poisoned row; and the next question is answered."""
    with pytest.raises(killable.WorkError, match='KeyError: "the function\'s own mistake"'):
        run("a", "raise")
    assert run("a") == ["a"]


def test_a_child_is_kept_and_renewed() -> None:
    """Batches of one job share a child; other parameters get another."""
    rows = pa.table({"n": range(100), "do": ["a"] * 100})
    limits = killable.Limits(seconds=5, memory=256 << 20)
    jobs = [killable.Job(work=work, params=params, writes=WRITES, limits=limits) for params in "xxy"]
    said = [set(killable.results(rows, job, lost)["said"].to_pylist()) for job in jobs]
    assert [len(each) for each in said] == [1, 1, 1] and said[0] == said[1] != said[2]


@pytest.mark.parametrize("sizes", [[], [0], [10] * 100, [5 << 20, 1, 5 << 20], [300_000] * 10, [3 << 20]])
def test_batches_hold_every_row_once(sizes: list[int]) -> None:
    """Within bounds, in order; a row that is larger than a batch is one."""
    rows = pa.table({"n": range(len(sizes)), "do": pa.array(["x" * size for size in sizes], pa.string())})
    batches = list(killable._batches(rows))
    assert [n for batch in batches for n in batch["n"].to_pylist()] == list(range(len(sizes)))
    for batch in batches:
        weight = sum(len(text) for text in batch["do"].to_pylist())
        assert 0 < len(batch) <= killable.MAX_ROWS and (len(batch) == 1 or weight <= killable.MAX_BYTES)
    assert run(*("x" * size for size in sizes)) == ["x" * size for size in sizes]


def test_a_real_bomb_ends_at_its_deadline() -> None:
    """100,000 attributes in one tag, past the pre-scan: quarantined after its CPU seconds, its neighbours intact."""
    rows = [html(page(ENGLISH)), html(BOMB), {"body": b"a good row"}]
    params = ExtractParams(max_seconds=1, **OPEN)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = extract(captures(*rows), params=params)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2
    assert result["text"]["extractor"].to_pylist() == ["resiliparse", "plain"]
    assert result["quarantine"].to_pylist() == [
        {
            "id": captures(*rows)["id"][1].as_py(),
            "uri": "file:test#1",
            "error": "reading it takes more CPU time than max_seconds 1",
        }
    ]


def test_a_known_bomb_never_waits_for_its_deadline() -> None:
    """The pre-scan comes first: the reason is what it is, not the time it took."""
    result = extract(captures(html(BOMB)), params=ExtractParams())
    assert result["quarantine"]["error"].to_pylist() == ["parser bomb: attributes 100000, more than max_attributes 512"]


def test_a_page_that_eats_memory_is_quarantined() -> None:
    """A parser that needs more than it may have does not take the machine with it."""
    greedy = html("<p>" + "<b>x</b> " * 400_000)
    params = ExtractParams(max_memory_mb=100, max_elements=10**9, extractor="resiliparse")
    for _ in range(2):  # the same the second time
        result = extract(captures({"body": b"a good row"}, greedy, {"body": b"another"}), params=params)
        assert result["text"]["text"].to_pylist() == ["a good row", "another"]
        assert result["quarantine"]["error"].to_pylist() == [
            "reading it takes more memory than max_memory_mb 100, or crashes the reader"
        ]


CHILD = """
    import os, sys, time
    import pyarrow as pa
    from catalog.processes import killable
    def work(row, params):
        print(os.getpid(), flush=True)
        while row["n"]: pass
        return row
    rows = pa.table({"n": [0]})
    job = killable.Job(work=work, params=None, writes=rows.schema, limits=killable.Limits(seconds=60, memory=1 << 28))
    killable.results(rows, job, lambda row, how: row)
    if sys.argv[1] == "busy":
        killable.results(pa.table({"n": [1]}), job, lambda row, how: row)
    print("done", flush=True)
    time.sleep(60 if sys.argv[1] == "idle" else 0)
"""


def alive(pid: int) -> bool:
    """Is there such a process that is not a zombie?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("state", ["busy", "idle", "ended"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_child_outlives_its_parent(state: str, number: signal.Signals) -> None:
    """Whether it computes or waits, whether the parent is killed, interrupted or done."""
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), state],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background ignores ^C
    )  # fmt: skip
    assert started.stdout
    child = int(started.stdout.readline())
    assert started.stdout.readline()  # the second row, or the word
    if state != "ended":
        assert alive(child)
        started.send_signal(number)
    started.wait(5)
    end = time.monotonic() + 2
    while alive(child):
        assert time.monotonic() < end, "the child is still there"
        time.sleep(0.02)
    started.stdout.close()


def test_a_child_holds_no_file_of_its_parent(tmp_path: Path) -> None:
    """A lock ends with the parent, though the child was forked while it was held."""
    with (tmp_path / "lock").open("w") as stream:
        assert run("a") == ["a"]
        assert killable._kept is not None
        links = [os.readlink(link) for link in Path(f"/proc/{killable._kept._pid}/fd").iterdir()]
        assert stream.name not in links and len(links) == 4  # 0, 1, 2 and the socket
