"""The load of bench/soak.py: pages, edits, questions, an explorer with its visitors, pushes; and what they count."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import psutil
import yaml

from bench.support.announced import announced
from bench.support.browsing import ui
from bench.support.debian import Page
from bench.support.project import Project

WORDS = (
    "river mountain garden window morning quiet silver machine letter island carries under between around slowly the a "
    "of and to with that have bright small heavy famous gentle old reads writes builds finds keeps opens"
)
PATHS = (
    "",
    "documents",
    "clusters",
    "labels",
    "thresholds",
    "versions",
    "runs",
    "sql",
    "rights",
    "documents?page=2",
    "nowhere",
)
QUESTIONS = ("FROM conservation", "SELECT count(*) FROM documents", "FROM drop_reasons")
SAID = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in (
    ("lock", r"unable to acquire lock|is locked|another (process|command)|\.lock"),
    ("corrupt", r"corrupt|is not what|not in DVC's cache|missing.*cache"),
    ("not built", r"is missing; run `dvc|no catalog|nothing was built|run `dvc repro"),
))  # fmt: skip
KEPT_ALIVE = 6  # seconds; uvicorn closes an idle connection after 5
SETTLED = 3  # rounds over all pages before the explorer's memory and files are looked at
CLOCKS = "data/crawl/log"  # the one output that says when it was made


class Tally:
    """What happened, counted by several threads; `surprises` are tracebacks, which no fault excuses."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._lock = threading.Lock()
        self.surprises: list[str] = []

    def count(self, name: str, kind: str = "") -> None:
        """One more."""
        with self._lock:
            self._counts[name][kind] += 1

    def surprise(self, output: str) -> None:
        """An output that nobody should see."""
        with self._lock:
            self.surprises.append(output[-4000:])
            print(output[-4000:], file=sys.stderr, flush=True)

    def plain(self) -> dict[str, Any]:
        """As JSON knows it."""
        names = ("builds", "queries", "pushes", "edits")
        kinds = {name: dict(sorted(self._counts[name].items())) for name in ("faults", "refused")}
        kinds["faults"].pop("none", None)
        return {**kinds, **{name: self._counts[name][""] for name in names}, "surprises": len(self.surprises)}


def why(output: str) -> str:
    """What a command that ended with an error said, in a word where it is one of those that are expected."""
    found = next((name for name, said in SAID if said.search(output)), None)
    return found or " ".join(output.strip().rpartition("\n")[2].split()[:12]) or "nothing said"


def made_up_pages(count: int) -> list[Page]:
    """HTML pages of sentences of everyday words; some of them twice, so that there are duplicates."""
    return [
        (f"page-{number:04}.html", _page(number - number % 20 if number % 20 == 1 else number))
        for number in range(count)
    ]


def _page(number: int) -> bytes:
    draws = random.Random(number)
    texts = [" ".join(draws.choices(WORDS.split(), k=14)).capitalize() + "." for _ in range(12)]
    paragraphs = "".join(f"<p>{' '.join(texts[at : at + 4])}</p>" for at in (0, 4, 8))
    return f"<!doctype html><html lang=en><title>{number}</title><body><h1>Page</h1>{paragraphs}</body></html>".encode()


def edit(project: Project, draws: random.Random, tally: Tally) -> None:
    """One change of the kind that people make."""
    tally.count("edits")
    match draws.randrange(6):
        case 0 | 1:
            project.edit_pages(draws.choice((1, 5, 40)))
        case 2:
            project.delete_pages(draws.choice((1, 3)))
        case 3:
            project.append([(f"more-{draws.randrange(10**6)}.html", _page(draws.randrange(10**6)))])
        case 4:
            project.undo()
        case _:
            with contextlib.suppress(subprocess.CalledProcessError):  # forgotten before, or another command is at it
                project.forget_page()


def pushing(project: Project, tally: Tally, end: threading.Event) -> None:
    """`dvc push` and `gristmill sql`, again and again; either may meet the lock of a build."""
    draws = random.Random(2)
    while not end.wait(1):
        question = draws.choice(QUESTIONS)
        for name, command in (("pushes", ["dvc", "push", "-q"]), ("queries", ["catalog", "sql", question])):
            done = subprocess.run(
                [sys.executable, "-m", *command], cwd=project.folder, env=project.environment(), capture_output=True,
                text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                tally.count("refused", f"{name}: {why(done.stdout + done.stderr)}")
            else:
                tally.count(name)
            if name == "queries" and "Traceback (most recent call last)" in done.stderr:
                tally.surprise(done.stderr)


class Explorer:
    """An explorer of the project in a process of its own, and its visitors."""

    def __init__(self, project: Project, temporary: Path) -> None:
        self._project, self._temporary = project, temporary
        temporary.mkdir()

    def __enter__(self) -> Explorer:
        environment = self._project.environment() | {"TMPDIR": str(self._temporary)}
        self._served = announced(ui(), folder=self._project.folder, environment=environment)
        process, self._link = self._served.__enter__()
        self._seen = psutil.Process(process.pid)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._served.__exit__(kind, error, at)

    def settle(self) -> None:
        """Look at all pages a few times; from here on nothing may grow."""
        for path in PATHS * SETTLED:
            self._get(path)
        self._files, self._memory = self._held(), self._seen.memory_info().rss

    def growth(self) -> dict[str, Any]:
        """Files held and MB grown by since `settle`, and temporary files left."""
        for path in PATHS:
            self._get(path)
        held = self._held()
        print("files held anew:", *sorted(set(held) - set(self._files)), file=sys.stderr, flush=True)
        return {
            "fd_leak": max(0, len(held) - len(self._files)),
            "rss_growth_mb": round((self._seen.memory_info().rss - self._memory) / 2**20, 1),
            "temp_files": sum(1 for _ in self._temporary.rglob("*")),
        }

    def _held(self) -> list[str]:
        """What each open file is, once the server has closed the connections of visitors that went."""
        time.sleep(KEPT_ALIVE)
        return [os.readlink(link) for link in Path(f"/proc/{self._seen.pid}/fd").iterdir()]

    def browse(self, tally: Tally, end: threading.Event) -> None:
        """Ask for pages until the end; one visitor in five goes in the middle of a request or of an answer."""
        draws = random.Random(3)
        while not end.wait(0.05):
            path = draws.choice(PATHS)
            if draws.random() < 0.2:
                self._leave(path, draws.random() < 0.5)
                tally.count("faults", "connection")
            else:
                status = self._get(path)
                tally.count(*(("queries",) if status in (200, 404) else ("refused", f"pages: status {status}")))

    def _get(self, path: str) -> int:
        """The status of a page; 0 for no answer."""
        try:
            with urlopen(self._link + path, timeout=60) as answer:
                answer.read()
                return int(answer.status)
        except URLError as error:
            return int(getattr(error, "code", 0))
        except OSError:
            return 0

    def _leave(self, path: str, early: bool) -> None:
        """Go before the request is whole, or before the answer is read."""
        at = urlsplit(self._link)
        request = f"GET /{path} HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n".encode()
        with contextlib.suppress(OSError), socket.create_connection((at.hostname, at.port), timeout=60) as visitor:
            visitor.sendall(request[: len(request) // 2] if early else request)
            if not early:
                visitor.recv(10)


def digests(folder: Path) -> dict[str, str]:
    """What dvc.lock says of each output, but for the crawl log, which has clocks."""
    lock = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {out["path"]: out["md5"] for stage in lock.values() for out in stage["outs"] if out["path"] != CLOCKS}


def clean_digests(project: Project, folder: Path) -> dict[str, str]:
    """Digests of the same inputs built from nothing in another folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=project.folder, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (project.folder / name).is_file() and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project.folder / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    environment = project.environment() | {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "dvc", "repro"]
    subprocess.run(command, cwd=folder, env=environment, stdout=sys.stderr, check=True)
    return digests(folder)
