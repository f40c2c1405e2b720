"""What comes from outside, and what must not go there: pinned packages, secrets, DuckDB's extensions, connections."""

from __future__ import annotations

import ast
import configparser
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from catalog.layout import SITE_CACHE
from requirements.audit import Pin, findings, pinned, pins
from stages.text.privacy.patterns import KINDS
from stages.text.privacy.redact import find
from tests.outbound.sitecustomize import NAMED, leaves

ROOT = Path(__file__).parents[1]
MADE_UP = {
    "tests/stages/sources/test_api_kind.py",
    "tests/stages/text/test_redact.py",
}  # made-up secrets


def test_no_pinned_version_has_an_advisory_that_nobody_accepted() -> None:
    """The locks and the tools beside them, by the table; one was accepted, so that an empty result means something."""
    found = list(findings(pinned()))
    assert [one for one in found if not one.accepted] == []
    assert {(one.pin.package, one.advisory) for one in found} == {("diskcache", "CVE-2025-69872")}


@pytest.mark.parametrize(
    ("line", "advisories"),
    [
        ("urllib3==2.6.1 \\", {"CVE-2026-21441", "CVE-2026-44432"}),
        ("urllib3==2.7.0", set()),
        ("PyArrow==14.0.0 ; python_version > '3'", {"CVE-2023-47248"}),
        ("torch==2.5.1 --index-url https://example.org", {"CVE-2025-32434"}),
        ("    --hash=sha256:00", set()),
        ("# urllib3==2.6.1", set()),
    ],
)
def test_a_version_is_held_to_the_table(line: str, advisories: set[str]) -> None:
    """As the locks write it: with hashes, markers and options."""
    assert {one.advisory for one in findings(pins([line], "here"))} == advisories


def test_every_locked_package_has_its_hashes() -> None:
    """So that what is installed is what was locked."""
    for lock in (ROOT / "requirements").glob("*.lock"):
        entries = re.split(r"\n(?=[^ #])", "\n" + lock.read_text())[1:]
        assert len(entries) > 100
        assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
        assert all(isinstance(pin, Pin) for entry in entries for pin in pins(entry.splitlines()[:1], lock.name))


def test_no_tracked_file_holds_a_secret() -> None:
    """By the rules that redact secrets in a corpus."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    tracked = [ROOT / name for name in listed.decode().split("\0") if name]
    assert len(tracked) > 500 and any(kind.token == "SECRET" for kind in KINDS)
    holding = {path.relative_to(ROOT).as_posix() for path in tracked if path.is_file() and secrets(path)}
    assert holding == MADE_UP


def secrets(path: Path) -> list[Any]:
    """What looks like a secret in a file."""
    return [one for one in find(path.read_bytes().decode("utf-8", "replace")) if one.kind == "SECRET"]


def test_every_connection_to_duckdb_is_told_to_load_nothing() -> None:
    """Installing and loading extensions is on unless it is turned off, and asks extensions.duckdb.org."""
    connections = [
        (path.name, next((ast.unparse(one.value) for one in call.keywords if one.arg == "config"), ""), source)
        for folder in ("catalog", "stages")
        for path in (ROOT / folder).rglob("*.py")
        if "duckdb.connect" in (source := path.read_text(encoding="utf-8"))
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "duckdb.connect"
    ]
    assert len(connections) > 5
    for name, config, source in connections:
        assert config == "EXTENSIONS_OFF" or (config == "config" and "config = {**EXTENSIONS_OFF" in source), name


def test_dvc_is_told_to_report_to_nobody() -> None:
    """Neither usage nor a question for a newer version; its pickles stay in the project."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".dvc/config")
    core = {name: value.strip() for name, value in config["core"].items()}
    assert (core["analytics"], core["check_update"], core["site_cache_dir"]) == ("false", "false", str(SITE_CACHE))


@pytest.mark.parametrize(
    ("call", "whereto", "found"),
    [
        ("socket.connect", ("192.0.2.1", 80), True),
        ("socket.connect", ("2001:db8::1", 80, 0, 0), True),
        ("socket.sendto", ("192.0.2.53", 53), True),
        ("socket.getaddrinfo", "example.org", True),
        ("socket.getaddrinfo", b"example.org", True),
        ("socket.getaddrinfo", "192.0.2.1", False),
        ("socket.getaddrinfo", "nobody.invalid", False),
        ("socket.connect", ("127.1.2.3", 80), False),
        ("socket.connect", ("::1", 80, 0, 0), False),
        ("socket.connect", "/run/socket", False),
        ("socket.getaddrinfo", None, False),
    ],
)
def test_what_leaves_this_machine_is_counted(call: str, whereto: Any, found: bool) -> None:
    """Addresses elsewhere, and names that only another machine knows."""
    assert leaves(call, whereto) == found


CHILD = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))"
GRANDCHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}], env={{}}, check=True)"


@pytest.mark.parametrize("code", [CHILD, GRANDCHILD])
def test_processes_that_a_test_starts_are_watched(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever environment they are given; connecting a datagram socket sends nothing."""
    monkeypatch.setenv(NAMED, str(tmp_path / "noted"))
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": os.curdir}, check=True)
    (line,) = (tmp_path / "noted").read_text().splitlines()
    assert line.endswith("socket.connect ('192.0.2.1', 9)")
    assert socket.gethostbyname("127.0.0.1") == "127.0.0.1" and len((tmp_path / "noted").read_text().splitlines()) == 1
