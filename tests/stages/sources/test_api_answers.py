"""Answers of interfaces as pure functions: paths, bombs, records, paging, rate limits; and settings refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lxml import etree  # type: ignore[import-untyped]

from stages.sources.api.answers import Tree, UnreadableAnswer, parsed
from stages.sources.api.limits import exhausted_for, headers_of, pause_between
from stages.sources.api.paging import NoWayOn, Page, next_url
from stages.sources.api.records import Deleted, read_records
from stages.sources.formats import Broken
from stages.sources.parse import parse_sources
from stages.sources.rows import Row
from stages.sources.settings.records import Column, Gone, Records
from tests.stages.sources.interfaces import (
    BASE,
    FINE,
    NOTES,
    api_source,
    notes,
)

TREE = {"a": {"b": [{"c": 1}, {"c": None}, {"c": "x"}], "odd.key": True}, "list": [[1, 2], [3]], "none": None}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b[*].c", [1, "x"]), ("a.b[-1].c", ["x"]), ("a.b[0]", [{"c": 1}]), ("a.b[9].c", []), ("a[0]", []),
        ("none", []), ('a["odd.key"]', [True]), ("list[*]", [1, 2, 3]), ("list[1]", [3]), ("x | a.b[2].c", ["x"]),
        ("a.b.c", []),
        ("", [TREE]),
    ],
)  # fmt: skip
def test_a_path_finds_what_stands_there(path: str, found: list[Any]) -> None:
    """Keys, positions from either end, `*`, quoted keys and alternatives; what is not there is nothing."""
    assert Tree(TREE).at(path) == found


def test_xml_is_walked_by_xpath_with_namespaces() -> None:
    """Elements, attributes and counts."""
    tree = parsed(b'<a xmlns="u:1"><b c="2">x<i>y</i></b></a>', "xml", {"n": "u:1"})
    assert tree.texts("//n:b") == ["xy"] and tree.texts("//n:b/@c") == ["2"] and tree.texts("count(//n:b)") == ["1"]


BOMB = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>'
FILE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        (b"[" * 101 + b"]" * 101, "json", "nested more than 100 deep"),
        (b"[" * 5_000_000, "json", "nested more than 100 deep"),
        (b'{"a":' * 200_000, "json", "nested more than 100 deep"),
        (b'"' + b"\\" * 3_000_001, "json", "not JSON"),
        (b'"\\"' * 500_000, "json", "not JSON"),
        (b"<html>Service Unavailable</html>", "json", "not JSON"),
        (b"[NaN]", "json", "NaN is no number"),
        (b'{"a": "\xff"}', "json", "not JSON"),
        (b"[" + b"9" * 100_000 + b"]", "json", "not JSON"),
        (b"{}", "xml", "not XML"),
        (BOMB, "xml", "declares entities"),
        (FILE, "xml", "declares entities"),
        (b"<a>" * 1000 + b"</a>" * 1000, "xml", "not XML"),
        (b"<a " + b"".join(b'b%d="" ' % n for n in range(20_000)) + b"/>", "xml", "a tag of more than"),
    ],
)
def test_bombs_are_unreadable_answers(body: bytes, kind: Any, error: str) -> None:
    """Depth, entities, huge numbers and huge tags end at once, with a reason."""
    with pytest.raises(UnreadableAnswer, match=error):
        parsed(body, kind, {})


READING = Records(
    path="r", id="id", uri="x:{id}", text=Column(path="text", transform="plain"), licence="rights",
    meta={"n": Column(path="n[*]", join="+"), "v": Column(path="id", match="v([0-9]+)$")},
    gone=Gone(path="state", values=("gone", "true")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("record", "uri", "outcome"),
    [
        ({"id": "av2", "text": "a<p>b &lt; c</p>", "rights": "CC0", "n": [1, 2]}, "x:av2", "a\nb < c"),
        ({"id": 7, "text": "t"}, "x:7", "t"),
        ({"id": "a", "text": "  "}, "x:a", "no text at text"),
        ({"id": "a", "text": None}, "x:a", "no text at text"),
        ({"text": "t"}, None, "no id at id"),
        ({"id": "a b", "text": "t"}, None, "not printable"),
        ({"id": "a" * 3000, "text": "t"}, None, "longer than 2048"),
        ({"id": "a", "text": "\ud800"}, "x:a", "surrogates not allowed"),
        ({"id": "\ud800", "text": "t"}, None, ""),
        ({"id": "a", "state": "gone"}, "x:a", None),
        ({"id": "a", "state": True, "text": "t"}, "x:a", None),
        ("no object", None, "no id at id"),
        ({"id": "a", "text": "<" * 3_000_000 + "b"}, "x:a", "<" * 3_000_000 + "b"),
        ({"id": "a", "text": " " * 3_000_000 + "b"}, "x:a", "b"),
        ({"id": "v" * 9000, "text": "t"}, None, "longer than 2048"),
    ],
)
def test_a_record_is_a_document_or_deleted_or_says_why_not(record: Any, uri: str | None, outcome: str | None) -> None:
    """One record, one outcome; one without a readable id is named by its page and content."""
    body = json.dumps({"r": [record]}).encode()
    (found,) = read_records("http://a.test/", body, "application/json", None, READING)
    assert found.uri == uri if uri else found.uri.startswith("http://a.test/#")
    if outcome is None:
        assert isinstance(found.row, Deleted)
    elif isinstance(found.row, Broken):
        assert outcome in found.row.error
    else:
        assert isinstance(found.row, Row) and found.row.body.decode() == outcome


def test_meta_is_canonical() -> None:
    """Columns that are empty are left out; several values are joined; a licence is kept apart."""
    body = json.dumps({"r": [{"id": "av2", "text": "t", "rights": "CC0", "n": [1, 2]}]}).encode()
    (found,) = read_records("http://a.test/", body, "application/json", None, READING)
    assert isinstance(found.row, Row) and found.row.meta == '{"n":"1+2","v":"2"}' and found.licence == "CC0"


LIST = f"{BASE}/list?"
URL = f"{LIST}q=x&page=1"


def linked(header: str) -> dict[str, Any]:
    """A page with a Link header."""
    return {"headers": {"link": header}}


@pytest.mark.parametrize(
    ("paging", "page", "following"),
    [
        ({"kind": "none"}, {}, None),
        ({"kind": "page", "param": "page", "start": 1}, {}, f"{LIST}q=x&page=2"),
        ({"kind": "page", "param": "page", "start": 1, "size": 3}, {}, None),
        ({"kind": "page", "param": "page", "start": 1}, {"number": 0}, None),
        ({"kind": "page", "param": "page", "more": "more"}, {"body": {"more": False}}, None),
        ({"kind": "page", "param": "page", "more": "more"}, {"body": {"more": True}}, f"{LIST}q=x&page=2"),
        ({"kind": "offset", "param": "o", "step": 50, "total": "n"}, {"body": {"n": 51}}, f"{LIST}q=x&page=1&o=50"),
        ({"kind": "offset", "param": "o", "step": 50, "total": "n"}, {"body": {"n": "50"}}, None),
        ({"kind": "offset", "param": "o"}, {}, f"{LIST}q=x&page=1&o=2"),
        ({"kind": "offset", "param": "o", "total": "n"}, {"number": 0, "body": {"n": 9}}, NoWayOn),
        ({"kind": "cursor", "param": "c", "path": "next"}, {"body": {"next": "a+b="}}, f"{LIST}q=x&page=1&c=a%2Bb%3D"),
        ({"kind": "cursor", "param": "c", "path": "next"}, {"body": {"next": None}}, None),
        ({"kind": "cursor", "param": "c", "path": "next"}, {"body": {"next": "a"}, "number": 0}, None),
        ({"kind": "cursor", "param": "c", "path": "next", "keep": ["v"]}, {"body": {"next": "a"}}, f"{LIST}v=1&c=a"),
        ({"kind": "cursor", "param": "m", "path": "notes[-1].id"}, {"body": notes(9, 8)}, f"{LIST}q=x&page=1&m=note:8"),
        ({"kind": "merge", "path": "continue"}, {"body": {"continue": {"o": 5, "c": "-||"}}}, f"{LIST}o=5&c=-%7C%7C"),
        ({"kind": "url", "path": "next"}, {"body": {"next": "/list?c=2"}}, f"{LIST}c=2"),
        ({"kind": "url", "path": "next"}, {"body": {"next": "https://evil.test/list"}}, NoWayOn),
        ({"kind": "url", "path": "next"}, {"body": {"next": "http://a.test/list"}}, NoWayOn),
        ({"kind": "url", "path": "next"}, {"body": {"next": "https://a.test@evil.test/"}}, NoWayOn),
        ({"kind": "url", "path": "next"}, {"body": {"next": "//evil.test/"}}, NoWayOn),
        ({"kind": "url", "path": "next"}, {"body": {"next": "file:///etc/passwd"}}, NoWayOn),
        ({"kind": "link"}, linked(f'<{BASE}/l>; rel="last", <{BASE}/2>; title="a, b"; rel="next up"'), f"{BASE}/2"),
        ({"kind": "link"}, linked("</l?p=2>;rel=next"), f"{BASE}/l?p=2"),
        ({"kind": "link"}, linked(f'<{BASE}/l?p=1>; rel="prev"'), None),
        ({"kind": "link"}, linked("<https://evil.test/>; rel=next"), NoWayOn),
        ({"kind": "link"}, linked("<" * 4000 + ";" * 4000), None),
        ({"kind": "link"}, linked("<>;a=" + " " * 8000 + "!"), None),
        ({"kind": "link"}, linked("<>" + ";a=" * 2700), None),
    ],
)  # fmt: skip
def test_a_page_leads_to_the_next(paging: dict[str, Any], page: dict[str, Any], following: Any) -> None:
    """By number, cursor, merged parameters, URL or Link; never to another origin, and an early end is no end."""
    options = NOTES | {"path": "/list", "params": {"v": "1"}, "contact": "mailto:a@b.test"}
    source = api_source(BASE, **options, paging=paging)
    given = Page(
        url=URL, tree=Tree(page.get("body", {})), headers=page.get("headers", {}), number=page.get("number", 2)
    )
    if following is NoWayOn:
        with pytest.raises(NoWayOn):
            next_url(source, given)
    else:
        assert next_url(source, given) == following


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        (b"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1700000030", 30.0),
        (b"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 2023-11-14T22:13:50Z", 30.0),
        (b"x-ratelimit-remaining: 0.0\r\nx-ratelimit-reset: 30", 30.0),
        (b"RateLimit-Remaining: 0\r\nRateLimit-Reset: 30", 30.0),
        (b"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1600000000", 0.0),
        (b"X-RateLimit-Remaining: 1\r\nX-RateLimit-Reset: 1700000030", 0.0),
        (b"X-RateLimit-Remaining: many\r\nX-RateLimit-Reset: soon", 0.0),
        (b"X-RateLimit-Remaining: 0", 0.0),
        (b"", 0.0),
    ],
)
def test_a_used_up_limit_says_how_long_to_wait(lines: bytes, seconds: float) -> None:
    """As a time since 1970, an ISO date, or seconds from now."""
    assert exhausted_for(headers_of(lines), 1_700_000_000.0) == seconds


def test_requests_per_interval_are_a_pause() -> None:
    """Crossref's headers."""
    assert pause_between(headers_of(b"X-Rate-Limit-Limit: 5\r\nX-Rate-Limit-Interval: 1s")) == 0.2
    for limit, pause in ((b"0", 0.0), (b"-5", 0.0), (b"nan", 0.0), (b"1e-300", 60.0)):
        assert pause_between(headers_of(b"X-Rate-Limit-Limit: " + limit + b"\r\nX-Rate-Limit-Interval: 9s")) == pause


def test_markup_is_kept_as_it_is() -> None:
    """An element becomes XML again, with the namespaces it needs and without what follows it."""
    body = b'<r xmlns="u:1"><a><id>1</id><t k="v">x <b>y</b></t>tail</a></r>'
    text = Column(path="n:t", transform="markup", join=None)
    reading = Records(format="xml", path="//n:a", id="n:id", text=text, namespaces={"n": "u:1"})
    (found,) = read_records("p", body, "text/xml", None, reading)
    assert isinstance(found.row, Row)
    assert etree.fromstring(found.row.body).tag == "{u:1}t" and b"tail" not in found.row.body


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"contact": None}, "`contact` is missing"),
        ({"contact": "me"}, "`contact` is 'me'"),
        ({"base": "ftp://a.test"}, "`base` is"),
        ({"base": f"{BASE}/x?y=1"}, "without user name and parameters"),
        ({"base": "https://user:pw@a.test"}, "`base` is"),
        ({"path": "@evil.test/"}, "another origin"),
        ({"path": ".evil.test/"}, "another origin"),
        ({"path": "/{query}"}, "`query` is missing"),
        ({"path": "/notes?api_key=abc"}, "`path` holds a secret"),
        ({"params": {"api_key": "abc"}}, "api_key holds a secret; give it as `auth`"),
        ({"headers": {"Cookie": "a=b"}}, "`headers`: Cookie"),
        ({"headers": {"Authorization": "Bearer x"}}, "`headers`: Authorization"),
        ({"auth": {"env": "secret-itself", "header": "Authorization"}}, "never hold the secret itself"),
        ({"paging": {"kind": "cursor", "param": "c"}}, "`path` is missing"),
        ({"paging": {"kind": "page"}}, "`param` is missing"),
        ({"paging": {"kind": "url", "path": "a..b"}}, "is no path"),
        ({"records": {"path": "r", "id": "id"}}, "`text` is missing"),
        ({"records": {"format": "xml", "path": "//a[", "id": "b", "text": "c"}}, "is no XPath"),
        ({"records": {"id": "id", "text": {"path": "t", "match": "("}}}, "no regular expression"),
        ({"items": {"url": "/x", "keys": "ids"}}, "`{key}` is missing"),
        ({"delay": -1}, "`delay` is -1"),
        ({"params": ["a"]}, "must be a mapping"),
        ({"preset": "arxif"}, "did you mean `arxiv`"),
    ],
)
def test_settings_say_what_is_wrong(change: dict[str, Any], problem: str) -> None:
    """Each mistake is named with its value before anything is asked."""
    assert parse_sources([FINE])
    with pytest.raises(ValueError) as error:
        parse_sources([FINE | change])
    assert problem in str(error.value)


def test_params_yaml_overrides_a_preset_key_by_key() -> None:
    """A mapping is merged, another value replaced."""
    entry = {"name": "x", "kind": "api", "preset": "arxiv", "query": "q", "contact": "mailto:a@b.test"}
    (source,) = parse_sources([entry | {"params": {"max_results": "5"}, "paging": {"step": 5}, "delay": 9}])
    assert source.params["max_results"] == "5" and source.params["sortBy"] == "submittedDate"  # type: ignore[union-attr]
    assert (source.paging.step, source.paging.kind, source.delay) == (5, "offset", 9.0)  # type: ignore[union-attr]


def test_a_long_value_is_not_matched() -> None:
    """A regular expression of params.yaml meets short values alone, whatever the interface sends."""
    body = json.dumps([{"id": "a", "text": "t", "link": "abs/" * 250_000 + "\n"}]).encode()
    reading = Records(id="id", text="text", title=Column(path="link", match="abs/(.+?)(?:v[0-9]+)?$"))
    (found,) = read_records("p", body, "application/json", None, reading)
    assert isinstance(found.row, Broken) and "more than 8192 characters" in found.row.error
