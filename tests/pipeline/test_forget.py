"""A canary: captured from a website, trained on, pushed; then forgotten, built again, purged, and nowhere any more."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from catalog.digests import document_id
from catalog.erasure.certificate import is_whole
from tests.pipeline.compared import Builds
from tests.pipeline.conftest import ROOT
from tests.pipeline.edits import page
from tests.pipeline.workbench import REPRO, Workbench
from tests.stages.websites import Website, hosted

CANARY = "The canary number {} sings of 金丝雀在午夜歌唱 in a cellar that nobody else has seen, and it sings alone."
PAGES = range(1, 8)
SAVE = f"{REPRO} && git add -A && git commit -qm built && python -m dvc push -q"
TINY = {"tokens": 4000, "focus_task": "opinion", "background_share": 1000.0}


@pytest.fixture
def website() -> Iterator[Website]:
    """Pages, each with a canary of its own and a template that all share."""
    pages = {f"/docs/{n}.html": page(n).replace("</article>", f"<p>{CANARY.format(n)}</p></article>") for n in PAGES}
    links = "".join(f'<a href="{n}.html">x</a>' for n in PAGES)
    with hosted({"/docs/": page(9).replace("</article>", f"{links}</article>"), **pages}) as site:
        yield site


@pytest.fixture
def bench(builds: Builds, website: Website) -> Iterator[Workbench]:
    """A project with the website and a tiny model, built, committed, and pushed to a folder beside it."""
    bench = Workbench(builds.start, builds.server)
    params = bench.params()
    params["crawl"]["sources"].append({
        "name": "site", "kind": "site", "licence": "CC0-1.0", "base": f"http://127.0.0.1:{website.port}/docs/",
        "seeds": ["."], "delay": 0, "allow_networks": ["127.0.0.0/8"],
    })  # fmt: skip
    params["tokenize"]["sources"].append("site")
    params["pretrain"] = yaml.safe_load((ROOT / "params.yaml").read_text())["pretrain"] | TINY
    (bench.folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False, allow_unicode=True))
    graph = yaml.safe_load((bench.folder / "dvc.yaml").read_text())
    graph["stages"]["pretrain"] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["pretrain"]
    graph["stages"]["catalog"]["deps"].append("data/pretrain")
    (bench.folder / "dvc.yaml").write_text(yaml.safe_dump(graph, sort_keys=False))
    bench.sh("python -m dvc remote add -d store ../store")
    bench.sh(SAVE)
    yield bench
    bench.close()


def exposed(bench: Workbench, ids: list[str]) -> list[str]:
    """Those of some documents that the model was trained on."""
    (listed,) = bench.found("data/pretrain/*/documents.txt")
    return sorted(set(ids) & set(bench.read(listed)))


def unpacked(path: Path) -> bytes:
    """The bytes of a file, and what it keeps packed."""
    data = path.read_bytes()
    if data[:4] == b"PAR1":
        return data + b"\n".join(map(said, pq.read_table(path, partitioning=None).columns))
    if data[8:12] == b"DUCK":
        with duckdb.connect(str(path), read_only=True) as database:
            names = database.sql("select schema_name, table_name from duckdb_tables()").fetchall()
            return data + repr([database.table(f'"{a}"."{b}"').fetchall() for a, b in names]).encode()
    return data


def said(column: pa.ChunkedArray) -> bytes:
    """The values of a column, one after the other."""
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        return b"\n".join(column.cast(pa.binary()).drop_null().to_pylist())
    return repr(column.to_pylist()).encode() if pa.types.is_nested(column.type) else b""


def traces(folder: Path, words: list[str]) -> list[str]:
    """Every file below a folder that holds one of some words, however it is packed; of git, every object."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    found = [str(path.relative_to(folder)) for path in files if any(word.encode() in unpacked(path) for word in words)]
    command = ["git", "cat-file", "--batch-all-objects", "--batch"]
    if not (folder / "project").exists():
        return found
    said = subprocess.run(command, cwd=folder / "project", capture_output=True, check=True).stdout
    return [*found, *(f"git: {word}" for word in words if word.encode() in said)]


def test_a_forgotten_canary_is_nowhere(bench: Workbench, website: Website) -> None:
    """No byte of it in workspace, caches, git and remote; the certificate says so, and no byte of it either."""
    home = bench.folder.parent
    uris = {document_id(f"http://127.0.0.1:{website.port}/docs/{n}.html"): n for n in PAGES}
    name = exposed(bench, list(uris))[0]
    uri, canary = f"http://127.0.0.1:{website.port}/docs/{uris[name]}.html", CANARY.format(uris[name])
    words = [canary, f"canary number {uris[name]} ", uri]
    assert traces(bench.folder / "data", words) and traces(home / "store", words)
    _, shown = bench.sh(f"python -m catalog forget --text-regex 'canary number {uris[name]} ' --reason asked --yes")
    assert uri in shown and "trained on 1 document of them, trains again: pretrain/" in shown
    bench.sh(SAVE)
    _, said = bench.sh("python -m catalog audit --purge --yes --certificate ../proof")
    assert "nothing of it was found" in said, said
    words.append(name)
    allowed = ("project/data/tombstones.jsonl", "proof/certificate.json", "proof/certificate.md", f"git: {name}")
    assert tuple(traces(home, words)) == allowed
    certificate = json.loads((home / "proof/certificate.json").read_text())
    assert is_whole(certificate) and not is_whole(certificate | {"found": 1})
    assert certificate["looked_for"] == {"by_id": 1, "by_content": 1, "unread": []}
    assert [model["now"] for model in certificate["models"]] == ["trained again"]
    assert {one["place"] for one in certificate["searched"]} == {"workspace", "cache", "store", "git"}
    assert certificate["purged"]["objects"] > 3 and len(certificate["purged"]["versions"]) == 1
    assert not bench.found("data/forgotten.sqlite*")
    website.asked.clear()
    bench.sh("python -m catalog recrawl site")
    assert f"/docs/{uris[name]}.html" not in website.asked and website.asked
    assert traces(bench.folder / "data", [canary]) == []
