"""The witness of the bench `crawl`: what its server counts as a violation, and what it answers."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from bench.crawl import violations
from bench.support.pages_server import FORBIDDEN, Manner, Request, Site, etag, requests, response, serving

PAGE = b"<title>One</title>"
SITE = Site({"/one.html": PAGE, f"{FORBIDDEN[0]}two.html": PAGE}, manner=Manner(delay=0.5))
HOST = {"host": "127.0.0.1"}


def asked(arrived: float, path: str = "/one.html", beside: int = 0) -> Request:
    return Request(arrived, beside, path, 200, 100)


@pytest.mark.parametrize(
    ("log", "closed", "found"),
    [
        ([asked(0.0, "/robots.txt"), asked(0.5), asked(1.1)], False, 0),
        ([asked(0.0), asked(0.4)], False, 1),
        ([asked(0.0), asked(1.0, beside=1)], False, 1),
        ([asked(0.0, f"{FORBIDDEN[0]}two.html")], False, 1),
        ([asked(0.0, "/robots.txt"), asked(1.0)], True, 1),
    ],
)
def test_each_kind_of_violation_is_counted(log: list[Request], closed: bool, found: int) -> None:
    assert violations(log, 0.5, closed=closed) == found


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/one.html", {}, 200),
        ("/one.html", {"if-none-match": etag(PAGE)}, 304),
        ("/one.html", {"if-none-match": '"older"'}, 200),
        ("/lists/0.html", {}, 200),
        ("/none.html", {}, 404),
    ],
)
def test_the_site_answers_with_validators(path: str, headers: dict[str, str], status: int) -> None:
    assert response(SITE, path, {**HOST, **headers})[0] == status


def test_robots_txt_names_what_is_forbidden_and_the_delay() -> None:
    _, answer = response(SITE, "/robots.txt", HOST)
    assert f"Disallow: {FORBIDDEN[0]}".encode() in answer
    assert b"Crawl-delay: 0.5" in answer
    assert b"Sitemap: http://127.0.0.1/sitemap.xml" in answer


def test_two_requests_at_once_are_seen(tmp_path: Path) -> None:
    site = Site({"/one.html": PAGE}, manner=Manner(hold=0.2))
    with serving(site, tmp_path / "log") as port:
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        for client in clients:
            client.sendall(b"GET /one.html HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(0.02)
        sizes = [len(client.recv(4096)) for client in clients]
        for client in clients:
            client.close()
        log = requests(tmp_path / "log")
    assert [one.beside for one in log] == [0, 1]
    assert [one.sent for one in log] == sizes
