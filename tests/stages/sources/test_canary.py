"""A crawl with secrets, after which no file and no output of the project holds one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from stages.crawl import main
from stages.sources.parse import parse_sources
from tests.stages.canaries import CANARY, IN_QUERY, IN_URL, SPELLINGS, echo, everything
from tests.stages.websites import Website, redirect, running


def test_a_canary_is_found_nowhere(project: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    """A crawl with secrets in environment, URLs and queries, over a site that repeats them in redirects and cookies:
    the log, captures, quarantine, traces, journal and output of the whole project hold none of them.
    """

    monkeypatch.setenv("CANARY_TOKEN", CANARY)

    def page(text: str) -> Any:
        def reply(_: web.Request) -> web.Response:
            response = web.Response(text=text, content_type="text/html", headers={"ETag": f'"{CANARY}"', "X-E": CANARY})
            response.set_cookie("session", IN_QUERY)
            return response

        return reply

    links = "".join(f'<a href="{name}">x</a>' for name in ("echo", "body", "gone", "page"))
    gone = redirect(f"http://u:{IN_URL}@127.0.0.1:9/?password={IN_QUERY}&e={CANARY}")
    replies = {"/": page("witness of the search" + links), "/echo": echo, "/body": f"<p>{CANARY}", "/gone": gone}
    replies |= {"/page": page("page"), "/end?echo=REDACTED": page("end")}

    async def run() -> Website:
        async with running(Website(replies)) as site:
            source = {"name": "site", "kind": "site", "licence": "MIT", "base": f"http://127.0.0.1:{site.port}/"}
            source |= {"auth": {"env": "CANARY_TOKEN", "header": "Authorization", "prefix": "Bearer "}}
            source |= {"delay": 0, "attempts": 1, "allow_networks": ["127.0.0.0/8"]}
            (project / "params.yaml").write_text(yaml.safe_dump({"crawl": {"sources": [source]}}))
            for arguments in ([], ["--refetch", "site"], []):
                monkeypatch.setattr(sys, "argv", ["stages.crawl", *arguments])
                await asyncio.to_thread(main)
            return site

    (project / "dvc.yaml").write_text("stages: {crawl: {cmd: x}}")
    site = asyncio.run(run())
    assert {"/echo", "/end?echo=REDACTED", "/body", "/gone", "/page"} <= set(site.asked)
    assert all(headers["Authorization"] == f"Bearer {CANARY}" for headers in site.headers)  # it was there to be lost
    captured = capfd.readouterr()
    found = dict(everything(project)) | {"stdout": captured.out.encode(), "stderr": captured.err.encode()}
    assert "canary" not in str(site.asked)
    assert [name for name, data in found.items() if SPELLINGS.search(data)] == []
    assert len([name for name, data in found.items() if b"witness of the search" in data]) >= 2  # log and snapshot
    assert any(b"the answer repeats the credential" in data for data in found.values())


@pytest.mark.parametrize(
    "setting",
    [
        {"base": f"https://u:{IN_URL}@example.org/"},
        {"base": f"https://example.org/?token={IN_URL}"},
        {"base": "https://example.org/", "seeds": [f"a?access_token={IN_URL}"]},
        {"base": "https://example.org/", "seeds": [f"https://{IN_URL}@example.org/"]},
    ],
)
def test_secrets_in_params_are_refused_without_being_repeated(setting: dict[str, Any]) -> None:
    """params.yaml is committed; the message names the setting to use."""
    with pytest.raises(ValueError, match=r"secrets belong in `auth`|must end with") as error:
        parse_sources([{"name": "a", "kind": "site", "licence": "MIT", **setting}])
    assert "canary" not in str(error.value)
