"""A real server: what it answers, refuses and survives, over HTTP and over bare sockets; and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx2
import numpy as np
import pytest

from bench.support.load import Sent, open_loop
from bench.support.served import made_up_texts, server, write_run
from catalog.web.listening import listening
from stages.model.networks.answering import Classed, Said, opened
from stages.serving.app import Service
from stages.serving.batching import Batching
from stages.serving.limits import Limits
from stages.serving.runs import run_named
from stages.serving.server import DrainingServer
from tests.stages.model.test_answering import TEXTS, offline

LIMITS = Limits(body=4000, texts=8, characters=500, waiting=256, connections=200, seconds=1.0)
JSON = {"content-type": "application/json"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)></textarea>{{ 7*7 }} 好"


@contextmanager
def running(service: Service) -> Iterator[str]:
    """The address of a server of a service, in a thread."""
    with listening("127.0.0.1", 0) as (listener, address):
        found = DrainingServer(service, grace=0.0, greeting="")
        thread = threading.Thread(target=found.run, args=([listener],))
        thread.start()
        try:
            yield address
        finally:
            found.should_exit = True
            thread.join()
            service.batcher.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one run."""
    found = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(found)
        write_run("tiny", seed=1)
    return found


@pytest.fixture(scope="module")
def predictor(folder: Path) -> Classed | Said:
    """The run, opened."""
    return opened(folder / "data/finetune/tiny", "cpu", 1)


@pytest.fixture(scope="module")
def address(folder: Path, predictor: Classed | Said) -> Iterator[str]:
    """A server of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        about = run_named("tiny").about()
    with running(Service(predictor, about, LIMITS, Batching(texts=16, wait=0.002))) as found:
        yield found


def ask(address: str, body: Any, **headers: str) -> httpx2.Response:
    """What the server says to a body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx2.post(f"{address}predict", content=content, headers=JSON | headers)


def test_answers_over_http_are_the_offline_ones(address: str, folder: Path) -> None:
    """To 1e-5, from many clients at once, whose requests are computed together in chance batches."""

    async def all_of_them() -> list[Any]:
        async with aiohttp.ClientSession() as session:

            async def one(texts: Sequence[str]) -> list[Any]:
                async with session.post(f"{address}predict", json={"texts": texts}) as response:
                    return list((await response.json())["answers"])

            parts = [given[start : start + 3] for start in range(0, len(given), 3)]
            return [answer for part in await asyncio.gather(*map(one, parts)) for answer in part]

    given = [text for text in TEXTS if text.strip()]
    served = np.array([list(answer["logits"].values()) for answer in asyncio.run(all_of_them())])
    expected = offline(folder / "data/finetune/tiny")[[place for place, t in enumerate(TEXTS) if t.strip()]]
    assert np.abs(served - expected).max() <= 1e-5


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"texts": []}, 422, "texts"),
        ({"texts": ["a"] * 9}, 422, "texts"),
        ({"texts": ["a", "b" * 501]}, 422, "texts[1]"),
        ({"texts": ["a", " \n"]}, 422, "texts[1]"),
        ({"texts": ["a", 5, None]}, 422, "texts[1]"),
        ({"texts": "a"}, 422, "texts"),
        ({"text": ["a"]}, 422, "texts"),
        ({"texts": ["a"], "model": "b"}, 422, "model"),
        ([], 422, "body"),
        (b'{"texts": ["\\ud800"]}', 422, "texts[0]"),  # half of a surrogate pair is no character
        (b'{"texts": ["a"], "texts": ["b"]}', 400, "body"),
        (b'{"texts": ["a\xff"]}', 400, "body"),
        (b'{"texts": [NaN]}', 400, "body"),
        (b'{"texts": [' + b"9" * 3900 + b"]}", 422, "texts[0]"),
        (b"[" * 3900, 400, "body"),
        (b"", 400, "body"),
        (b'{"texts": ["a"', 400, "body"),
        (json.dumps({"texts": ["a"]}).encode("utf-16"), 400, "body"),
        (b'{"texts": ["' + b"a" * 4000 + b'"]}', 413, "body"),
        (b'{"texts": ["' + b"a" * 400_000 + b'"]}', 413, "body"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_field(address: str, body: Any, status: int, field: str) -> None:
    """With a status of the client's, and without repeating what was sent."""
    answer = ask(address, body)
    assert answer.status_code == status
    assert answer.json()["problems"][0]["field"] == field
    assert "aaaa" not in answer.text and "bbbb" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "predict", {"content-type": "text/plain"}, 415),
        ("POST", "predict", JSON | {"content-encoding": "gzip"}, 415),
        ("GET", "predict", {}, 405),
        ("GET", "data/../../etc/passwd", {}, 404),
        ("GET", "static/../app.py", {}, 404),
        ("POST", "", {"content-type": "application/x-www-form-urlencoded"}, 422),
    ],
)
def test_what_is_no_request_of_ours_is_refused(
    address: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    """By type, encoding, method and path."""
    answer = httpx2.request(method, address + path, content=b"{}" if method == "POST" else None, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", b""),  # says nothing
        (b"POST /predict HTTP/1.1\r\nHost: a\r\nX-Slow: ", b""),  # never ends its head
        (b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTT", b"HTTP/1.1 200"),  # nor its second
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 2_000_000, b""),
        (b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{", b"408"),
        (b"\x16\x03\x01\x00\xa5\x01\x00", b"400"),  # TLS
    ],
)  # fmt: skip
def test_a_client_that_keeps_the_server_waiting_is_left(address: str, sent: bytes, answered: bytes) -> None:
    """Within the time for a head, or for a body, and others are served all the while."""
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=8) as client:
        received = b""
        try:
            client.sendall(sent)
            assert httpx2.get(f"{address}readyz").status_code == 200
            while chunk := client.recv(65536):
                received += chunk
                if b"408" in received:
                    break
        except ConnectionError:
            pass
    assert answered in received


def test_clients_that_hang_up_leave_nothing_behind(address: str) -> None:
    """At any point of a request; no descriptor is lost, and the next one is answered."""
    place = urlsplit(address)
    body = json.dumps({"texts": ["a b c"]}).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    whole = head % len(body) + body
    before = len(os.listdir("/proc/self/fd"))
    for cut in (*range(1, len(whole), 7), len(whole)):
        with socket.create_connection((place.hostname, place.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with a reset
            client.sendall(whole[:cut])
    assert ask(address, {"texts": ["a"]}).status_code == 200
    deadline = time.monotonic() + 5
    while len(os.listdir("/proc/self/fd")) > before + 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_the_page_answers_and_a_hostile_text_stays_text(address: str) -> None:
    """Escaped where it is shown again; nothing comes from elsewhere, no script is allowed, in two languages."""
    answer = httpx2.post(address, data={"text": HOSTILE}, headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert answer.status_code == 200 and "试用" in answer.text and 'lang="zh"' in answer.text
    assert "&lt;script&gt;" in answer.text and "49" not in answer.text.split("</textarea>")[0]
    for mark in ("<script", "<img", "onerror=alert(1)>", "://cdn", "</textarea>{{"):
        assert mark not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert 'id="answer"' in answer.text and httpx2.get(f"{address}static/explorer.css").status_code == 200
    refused = httpx2.post(address, data={"text": "a" * 501})
    assert refused.status_code == 422 and "texts[0]" in refused.text and "Try it" in refused.text


def test_version_and_figures(address: str, folder: Path) -> None:
    """Which weights answer, and how often; routes are counted, never what somebody asked for."""
    version = httpx2.get(f"{address}version").json()
    assert version["run"] == "tiny" and version["labels"] == ["negative", "positive"]
    assert set(version["weights"]) == {"encoder/model.safetensors", "head.safetensors"}
    ask(address, {"texts": ["a"]})
    httpx2.get(f"{address}secret-path")
    figures = httpx2.get(f"{address}metrics").text
    assert 'gristmill_requests_total{route="/predict",status="200"}' in figures and "secret" not in figures
    assert 'gristmill_run_info{fingerprint="of tiny",revision="",run="tiny"} 1.0' in figures
    assert httpx2.get(f"{address}healthz").status_code == httpx2.get(f"{address}readyz").status_code == 200


def test_sigterm_is_heeded_as_soon_as_the_address_is_said(folder: Path) -> None:
    """A supervisor that changes its mind gets a success, not a process that a signal killed."""
    with server("tiny", "--grace=0", folder=folder) as (process, _):
        process.terminate()
        _, said = process.communicate(timeout=30)
        assert (process.returncode, "ended: 0 requests accepted, 0 answered" in said) == (0, True)


def test_sigterm_drains(folder: Path) -> None:
    """What was accepted is answered, what comes later is refused and told when to come back; the end is a success."""
    secret = "made up and to be found nowhere"

    async def across(address: str, process: Any) -> tuple[list[Sent], httpx2.Response, httpx2.Response]:
        loop = asyncio.get_running_loop()
        texts = [f"{secret} {text}" for text in made_up_texts(50)]
        sent = asyncio.create_task(open_loop([address], texts, [at / 200 for at in range(200)]))
        await asyncio.sleep(0.4)
        process.terminate()
        await asyncio.sleep(0.2)
        ready = await loop.run_in_executor(None, httpx2.get, f"{address}readyz")
        late = await loop.run_in_executor(None, ask, address, {"texts": ["late"]})
        return await sent, ready, late

    with server("tiny", "--grace=6", folder=folder) as (process, address):
        sent, ready, late = asyncio.run(across(address, process))
        _, said = process.communicate(timeout=20)
        assert process.returncode == 0
    assert {one.status for one in sent} == {200, 503}, "each request has an answer, and some came late"
    assert ready.status_code == late.status_code == 503
    assert late.headers["retry-after"] == "1" and late.headers["connection"] == "close"
    answered = sum(one.status == 200 for one in sent)
    assert f"ended: {answered} requests accepted, {answered} answered" in said and secret not in said
