"""What stands in for a reader's own things: servers, remotes, a document of the corpus."""

from __future__ import annotations

import contextlib
import http.server
import shlex
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from tests.servers.running import Served
from tests.servers.s3 import bucket, seaweedfs
from tests.servers.ssh import openssh
from tests.servers.webdav import wsgidav
from tests.stages.sources.api_literature import ARXIV
from tests.stages.sources.interfaces import served

FIRST_KEPT = "select min(uri) from judged_documents where outcome = 'kept'"
A_DOCUMENT = f'"$(gristmill sql "{FIRST_KEPT}" --format csv | tail -1)"'


@contextlib.contextmanager
def things(page: str, work: Path) -> Iterator[Mapping[str, str]]:
    """What stands in for a reader's own things, by the names that pages.py gives them."""
    with contextlib.ExitStack() as stack:
        found = {"work": str(work), "document": A_DOCUMENT}
        if page == "README.md":
            found["arxiv"] = stack.enter_context(served(ARXIV.replies)).base
        if page == "docs/sharing.md":
            found |= _remotes(work, stack)
        yield found


def _remotes(work: Path, stack: contextlib.ExitStack) -> dict[str, str]:
    homes = {name: work / name for name in ("dav", "s3", "ssh")}
    for home in homes.values():
        home.mkdir()
    port = stack.enter_context(seaweedfs(homes["s3"]))
    ssh = stack.enter_context(openssh(homes["ssh"]))
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(homes["ssh"]))
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    stack.callback(web.shutdown)
    return {
        "dav": _settings(stack.enter_context(wsgidav(homes["dav"]))),
        "s3": _settings(bucket(port, "corpus")),
        "ssh": _settings(ssh),
        "web": f"http://127.0.0.1:{web.server_port}/store",
    }


def _settings(remote: Served) -> str:
    """A remote as the words after `--url`; its secrets come from a pipe."""
    words = shlex.join(remote.settings()[1:])
    return f"{words} <<< {shlex.quote(remote.typed().rstrip())}" if remote.secrets else words
