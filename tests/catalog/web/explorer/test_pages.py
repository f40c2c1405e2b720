"""Every page of the explorer, over the small corpus: what it shows is what its SQL says, and SQL can be asked again."""

from __future__ import annotations

import html
import io
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from catalog.erasure.forget import forget, read_tombstones
from catalog.segments import read_segments
from catalog.sql.asking import connect, query
from catalog.sql.question import check_question
from catalog.web.answers import Asking
from catalog.web.app import explorer
from catalog.web.security import Access
from catalog.web.tour import tour
from stages.catalog import main
from tests.catalog.small_corpus import (
    id_of,
    new_project,
    uri,
    write_clean,
    write_crawl,
    write_dedup,
    write_label,
    write_predictions,
)

ROWS = re.compile(r'href="/documents/([0-9a-f]{32})"')
OURS = {"Origin": "http://localhost"}


def ids(page: str) -> list[str]:
    """The documents of a list, in its order."""
    return list(dict.fromkeys(ROWS.findall(page)))


def test_every_page_answers_and_its_sql_can_be_asked_again(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page shows as its SQL gives the very rows of the page, in the profile of `gristmill sql`."""
    asked = []
    ask = Asking.__call__

    def noting(self: Asking, sql: str, /, **values: object) -> object:
        asked.append(ask(self, sql, **values))
        return asked[-1]

    monkeypatch.setattr(Asking, "__call__", noting)
    for name, address in tour().items():
        answer = client.get(address)
        assert answer.status_code == (404 if name == "missing" else 200), (name, answer.text)
        for found in re.findall(r"<pre><code>(.*?)</code></pre>", answer.text, re.S):
            assert "@" not in html.unescape(found)
    unlimited = {found.sql: found for found in asked}
    assert len(unlimited) > 50
    with connect() as connection:
        for sql, found in unlimited.items():
            check_question(connection, sql)
            rows = connection.execute(sql).fetchall()
            assert rows[: len(found.rows)] == [(*row.values(),) for row in found.rows], sql


def test_pages_turn_over_every_document_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forwards and backwards, by id and by a signal, in both directions."""
    monkeypatch.setattr("catalog.web.explorer.documents.ROWS", 2)
    everything = {id_of(name) for name in ("train_en", "copy_en", "short", "test_zh", "conflict", "broken")}
    for sort, expected in (("", everything), ("sort=signal&", everything - {id_of("broken")})):
        for down in ("", "down=1&"):
            page, seen, pages = client.get(f"/documents?{sort}{down}").text, [], 1
            seen += ids(page)
            while later := re.search(r'href="([^"]+)" rel="next"', page):
                page, pages = client.get(html.unescape(later[1])).text, pages + 1
                seen += ids(page)
            assert (len(seen), set(seen)) == (len(expected), expected)
            assert sort or seen == sorted(seen, reverse=bool(down))
            back = seen[-len(ids(page)) :]
            for _ in range(pages - 1):
                page = client.get(html.unescape(re.findall(r'href="([^"]+)" rel="prev"', page)[0])).text
                back = ids(page) + back
            assert back == seen


@pytest.mark.parametrize(
    ("choices", "names"),
    [
        ("outcome=dropped", {"copy_en", "short"}),
        ("outcome=quarantined", {"broken"}),
        ("stage=clean&reason=too_short", {"short"}),
        ("language=zh", {"test_zh"}),
        ("split=train", {"train_en", "conflict"}),
        ("q=COPY_en", {"copy_en"}),
        ("q=Title+of&outcome=kept&signal=words&low=8&high=20", {"conflict"}),
        ("signal=words&low=3", {"train_en", "copy_en", "test_zh", "conflict"}),
        ("source=nobody%27s", set()),
    ],
)
def test_choices_choose(client: TestClient, choices: str, names: set[str]) -> None:
    """Each choice alone and together; the number at the top and the facets agree with the list."""
    page = client.get(f"/documents?{choices}").text
    assert set(ids(page)) == {id_of(name) for name in names}
    assert f'<small class="number">{len(names)}</small>' in page


def test_a_facet_counts_under_all_choices_but_its_own(client: TestClient) -> None:
    """So that another value of it can be chosen."""
    page = client.get("/documents?outcome=kept&language=zh").text
    sections = re.findall(r'<section class="facet"><h2>(\w+)</h2>(.*?)</section>', page, re.S)
    counts = re.compile(r'<span>([^<]+)</span><span class="number">(\d+)</span>')
    facets = {name: dict(counts.findall(part)) for name, part in sections}
    assert facets["Language"] == {"en": "2", "zh": "1"}
    assert facets["Outcome"] == {"kept": "1"}
    assert facets["Split"] == {"test": "1"}


def test_an_answer_is_a_file(client: TestClient) -> None:
    """CSV, JSON and Parquet of any question, whole; nothing is left behind."""
    sql = quote("from range(300) t(n) order by n")
    assert client.get(f"/sql/answer.csv?q={sql}&name=numbers").text.splitlines()[-1] == "299"
    assert len(client.get(f"/sql/answer.json?q={sql}").json()) == 300
    answer = client.get(f"/sql/answer.parquet?q={sql}&name=../x")
    assert pq.read_table(io.BytesIO(answer.content)).num_rows == 300
    assert answer.headers["content-disposition"].endswith('filename="answer.parquet"')
    assert not list(Path(".gristmill").glob("answer-*"))
    assert client.get("/sql/answer.exe?q=from+stages").status_code == 409


def test_no_text_and_no_file_can_be_had_by_sql(client: TestClient) -> None:
    """The catalog holds no text, and the console reads no file."""
    text = query("SELECT table_name FROM duckdb_columns() WHERE column_name IN ('text', 'body')").table()
    assert not text.num_rows
    for sql in ("from 'data/clean/text/*.parquet'", "from read_text('params.yaml')", "copy stages to 'x.csv'",
                "select 1; select 2", "from facets"):  # fmt: skip
        page = client.get("/sql", params={"q": sql}).text
        assert 'role="alert"' in page, sql


def test_a_document_shows_what_cleaning_did(client: TestClient, shared_corpus: Path) -> None:
    """Before and after side by side, the way through the stages, and what is not on this machine."""
    page = client.get(f"/documents/{id_of('train_en')}").text
    assert "<ins>A fine film, said John</ins>." in page and "A fine film, said John.</pre>" in page
    assert all(f"<b>{stage}</b>" in page for stage in ("clean", "dedup", "label", "tokenize", "pretrain"))
    lost = client.get(f"/documents/{id_of('short')}").text
    assert "too_short" in lost and "dvc pull" not in lost


def test_a_declared_signal_stands_among_the_others_of_its_documents_alone(client: TestClient) -> None:
    """With the SQL that asks for it; its page of thresholds is one step away."""
    page = client.get(f"/documents/{id_of('train_en')}").text
    assert '<a href="/thresholds/perplexity?at=41.5">perplexity</a>' in page and "FROM declared_signals" in page
    assert client.get("/thresholds/perplexity?at=41.5").status_code == 200
    assert "perplexity" not in client.get(f"/documents/{id_of('test_zh')}").text


def test_texts_that_were_not_pulled_are_said_to_be_missing(corpus: Path) -> None:
    """A colleague who pulled the catalog alone sees all but the texts."""
    for path in Path("data/clean/text").glob("*.parquet"):
        path.unlink()
    client = TestClient(explorer(Access()), base_url="http://localhost")
    assert "dvc pull" in client.get(f"/documents/{id_of('train_en')}").text
    assert client.get("/thresholds/words?at=10").status_code == 200


def test_a_threshold_says_what_it_would_keep(client: TestClient) -> None:
    """The figures of a number, and texts on either side of it."""
    page = client.get("/thresholds/words?at=10&keep=above").text
    kept = query("SELECT count_if(words >= 10) AS kept, count(*) AS documents FROM signals").table().to_pylist()[0]
    assert f'{kept["kept"]} <span class="unit">of {kept["documents"]}</span>' in page
    below, above = page.split("Nearest to the cut, kept")
    assert id_of("short") in below and id_of("train_en") in above


@pytest.mark.parametrize(("keep", "dropped"), [("above", "words <"), ("below", "words >")])
@pytest.mark.parametrize("source", ["", "reviews"])
def test_other_numbers_drop_what_they_say(client: TestClient, keep: str, dropped: str, source: str) -> None:
    """Each number beside the exact share that it drops, of all documents or of a source's."""
    page = client.get("/thresholds/words", params={"keep": keep, "source": source}).text
    found = re.findall(r'at=([0-9.]+)&amp;keep=\w+[^"]*">[^<]*</a></td><td class="number">([0-9.]+)\s%', page)
    assert found, re.findall(r"keep=[^<]*</a>.{0,80}", page)
    for value, share in found:
        sql = f"SELECT count_if({dropped} {value}) / count(*) AS share FROM signals JOIN documents USING (id)"
        asked = query(f"{sql} WHERE source = '{source}' OR '{source}' = ''").table().to_pylist()[0]["share"]
        assert float(share) == pytest.approx(100 * asked, abs=0.051) and asked <= 0.5


def test_forgetting_shows_what_goes_and_writes_on_a_confirmation_alone(corpus: Path) -> None:
    """A plan writes nothing; the form does, once, from our own page, with a reason."""
    client = TestClient(explorer(Access()), base_url="http://localhost")
    name = uri("train_en")
    page = client.get("/rights", params={"name": f"{name}\nhttps://example.org/never"}).text
    assert id_of("train_en") in page and "https://example.org/never" in page
    assert not read_tombstones()
    form = {"kind": "names", "name": name, "reason": "the author asked"}
    assert client.post("/rights/forget", data=form).status_code == 403
    assert client.post("/rights/forget", data=form | {"reason": " "}, headers=OURS).status_code == 409
    assert "1 newly forgotten" in client.post("/rights/forget", data=form, headers=OURS).text
    assert [stone.id for stone in read_tombstones()] == [id_of("train_en")]


def test_mistakes_are_pages_that_say_what_to_do(client: TestClient) -> None:
    """An address that there is not, a number that is none, a word that there is not."""
    for status, address, said in (
        (409, "/documents?low=x", "low is"), (409, "/thresholds/lenght", "no signal is called lenght"),
        (404, "/clusters/none", "no cluster is called none"), (404, "/labels/none", "has no task none"),
        (404, "/runs/pretrain/none", "has no run none"), (422, "/clusters?least=many", "least is"),
        (404, "/documents/none", "no document has the id none"), (404, "/nowhere", "/nowhere"),
        (409, "/versions/diff?before=nowhere", "no revision nowhere"),
    ):  # fmt: skip
        answer = client.get(address)
        assert answer.status_code == status and said in html.unescape(answer.text), (address, answer.text)


def test_without_a_catalog_a_page_says_what_to_run(project: Path) -> None:
    """A project that was never built."""
    answer = TestClient(explorer(Access()), base_url="http://localhost").get("/")
    assert answer.status_code == 409 and "dvc repro catalog" in answer.text


@pytest.mark.parametrize("stages", range(4))
def test_what_is_not_built_yet_leaves_no_hole_in_a_page(tmp_path: Path, stages: int) -> None:
    """After each of the first stages: no number without a value, no list without a choice, one query is no queries."""
    with new_project(tmp_path):
        captures = write_crawl()
        for write in (write_clean, write_dedup, write_label)[:stages]:
            write(captures)
        main()
        client = TestClient(explorer(Access()), base_url="http://localhost")
        for name, address in tour().items():
            page = client.get(address).text
            assert not re.search(r"<(dd|select|h1|h2)\b[^>]*>\s*</\1>", page), name
            assert ">1 queries" not in page, name


def test_a_new_build_is_seen(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept in memory goes with the catalog it was made from."""
    monkeypatch.setattr("catalog.web.answers.PAUSE", 0)
    client = TestClient(explorer(Access()), base_url="http://localhost")
    assert client.get("/runs/evaluate/scratch-seed-1").status_code == 404
    write_predictions(read_segments("crawl", "captures"))
    main()
    assert id_of("test_zh") in client.get("/runs/evaluate/scratch-seed-1").text
    assert id_of("test_zh") in client.get("/documents").text


def test_the_language_is_remembered(client: TestClient) -> None:
    """A link in the foot changes it, and leads back to this site alone."""
    there = client.get("/language/zh", headers={"Referer": "http://localhost/documents?q=x"}, follow_redirects=False)
    assert there.headers["location"] == "/documents?q=x"
    assert "文档" in client.get("/documents").text
    away = client.get("/language/en", headers={"Referer": "https://evil.example//x"}, follow_redirects=False)
    assert away.headers["location"] == "/"


def test_versions_are_listed_and_compared(corpus: Path) -> None:
    """The empty state; then a committed build beside today's: what is different, by SQL that can be asked again."""
    client = TestClient(explorer(Access()), base_url="http://localhost")
    assert "git commit" in client.get("/versions").text
    Path("dvc.yaml").write_text("stages: {catalog: {cmd: 'true', outs: [data/catalog]}}\n")
    dvc = f"{sys.executable} -m dvc"
    for command in (
        "git init -q", f"{dvc} init -q -f", f"{dvc} commit -q -f catalog", "git add dvc.lock dvc.yaml",
        "git -c user.name=a -c user.email=a@b.c commit -qm First_build",
    ):  # fmt: skip
        subprocess.run(command.split(), check=True)
    forget([uri("short")], "asked")
    write_predictions(read_segments("crawl", "captures"))
    main()
    page = client.get("/versions").text
    (commit,) = re.findall(r'name="before" value="(\w+)"', page)
    assert "First_build" in page and '<td class="number">6</td>' in page
    page = ""
    while "Because" not in page:
        page = client.get(f"/versions/diff?before={commit}").text
        assert "Because" in page or 'http-equiv="refresh"' in page
    assert "leaky" in page and "No change." in page
    for address in re.findall(r'href="(/sql[^"]+)"', page):
        assert client.get(html.unescape(address)).status_code == 200, address
