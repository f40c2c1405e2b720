"""Files of a data set of the Hugging Face hub, listed by its HTTP interface: no library, no code of the data set.

Reads   api/datasets/NAME/revision/REVISION for the commit, and api/datasets/NAME/tree/COMMIT/FOLDER, page by page
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from catalog.errors import SourceError
from stages.sources.archive import glob_pattern
from stages.sources.download import carry, check_allowed, hub_endpoint
from stages.sources.pins import Listed
from stages.sources.settings.archive import HUB_LIST

if TYPE_CHECKING:
    import httpx2

    from stages.web.auth import Auth

MAX_FILES = 100_000  # of one data set
MAX_ANSWER = 64 << 20  # bytes of one page of a listing; the hub gives 1,000 files a page
COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")


def hub_files(url: str, auth: Auth | None = None) -> Iterator[Listed]:
    """The files that `hf://datasets/OWNER/NAME@REVISION/GLOB` names, by path, each as of one commit.

    `auth` is for what is gated or private.

    Errors: SourceError where the hub does not answer, has no such data set, revision or file.
    """
    from stages.sources.package import package_client, pip_settings

    found = HUB_LIST.fullmatch(url)
    assert found is not None, "the settings refuse another URL"
    name, revision, glob = found[1], found[2] or "main", found[3]
    start = f"hf://datasets/{name}" + (f"@{found[2]}" if found[2] else "")
    pattern = glob_pattern(glob)
    with package_client(pip_settings()) as client:
        carry(client, auth, hub_endpoint())
        home = f"{hub_endpoint()}/api/datasets/{name}"
        commit = _commit(client, f"{home}/revision/{quote(revision, safe='')}", url)
        files = {str(one["path"]): one for one in _tree(client, f"{home}/tree/{commit}{_folder(glob)}", url)}
    matching = [path for path in sorted(files) if pattern.fullmatch(path)]
    if not matching:
        raise SourceError(f"{url}: none of the {len(files)} files of {name} at {commit} matches; correct `url`")
    for path in matching:
        sha256 = (files[path].get("lfs") or {}).get("oid")
        yield Listed(
            uri=f"{start}/{path}", url=f"hf://datasets/{name}@{commit}/{path}",
            sha256=sha256 if SHA256.fullmatch(str(sha256)) else None,
        )  # fmt: skip


def _folder(glob: str) -> str:
    """The folders in front of the first wildcard, as the end of the tree's address."""
    fixed = re.split(r"[*?]", glob, maxsplit=1)[0].rpartition("/")[0]
    return f"/{quote(fixed)}" if fixed else ""


def _commit(client: httpx2.Client, address: str, url: str) -> str:
    commit = _answer(client, address, url)[0].get("sha")
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise SourceError(f"{url}: {address} names no commit; is HF_ENDPOINT a hub?")
    return commit


def _tree(client: httpx2.Client, address: str, url: str) -> Iterator[dict[str, Any]]:
    """Every file below a folder."""
    count, home, following = 0, urlsplit(address)[:2], f"{address}?recursive=true"
    while following:
        page, following = _answer(client, following, url)
        if following and urlsplit(following)[:2] != home:
            raise SourceError(f"{url}: the listing leads to another host, {following}; is HF_ENDPOINT a hub?")
        if not isinstance(page, list):
            raise SourceError(f"{url}: {address} is no list of files; is HF_ENDPOINT a hub?")
        for one in page:
            if isinstance(one, dict) and one.get("type") == "file" and isinstance(one.get("path"), str):
                count += 1
                yield one
        if count > MAX_FILES:
            raise SourceError(f"{url}: more than {MAX_FILES} files; name a folder of the data set")


def _answer(client: httpx2.Client, address: str, url: str) -> tuple[Any, str]:
    """(JSON, address of the next page or nothing). Errors: SourceError."""
    import httpx2

    try:
        with client.stream("GET", address) as response:
            response.raise_for_status()
            body = b""
            for chunk in response.iter_bytes(1 << 16):
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise SourceError(f"{url}: {address} is longer than {MAX_ANSWER} bytes")
            return json.loads(body), response.links.get("next", {}).get("url", "")
    except (httpx2.HTTPError, ValueError, RecursionError) as error:
        check_allowed(error, url)
        raise SourceError(f"{url}: {address}: {error}; check the name, and HF_ENDPOINT") from None
