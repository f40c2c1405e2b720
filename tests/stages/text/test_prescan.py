"""What a page declares of its charset, by a table written along the WHATWG prescan; and the order of claims over it."""

from __future__ import annotations

import codecs
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text.normalization.charset import decode
from stages.text.normalization.prescan import declared_labels

PRAGMA = 'http-equiv="Content-Type"'


@pytest.mark.parametrize(
    ("page", "label"),
    [
        ('<meta charset="gbk">', "gbk"),
        ("<META CHARSET = 'GBK' >", "gbk"),
        ("<meta charset=gbk>", "gbk"),
        ("<meta charset=gbk/>", "gbk/"),
        ("<meta/charset=gbk />", "gbk"),
        ('<meta\nname="x"\tcharset="gbk">', "gbk"),
        (f'<meta {PRAGMA} content="text/html; charset=gbk">', "gbk"),
        (f"<meta content=\"text/html; charset = 'gbk'\" {PRAGMA}>", "gbk"),
        (f'<meta {PRAGMA} content="text/html; charset=\'gbk">', None),
        (f'<meta {PRAGMA} content="charset charset=gbk;x">', "gbk"),
        ('<meta content="text/html; charset=gbk">', None),
        ('<meta name="description" content="on charset=gbk">', None),
        ('<meta http-equiv="refresh" content="0; charset=gbk">', None),
        (f'<meta {PRAGMA} content="charset=koi8-r" charset="gbk">', "gbk"),
        ('<meta charset="gbk" charset="koi8-r">', "gbk"),
        ('<!-- <meta charset="koi8-r"> --><meta charset="gbk">', "gbk"),
        ('<!--><meta charset="gbk">', "gbk"),
        ('<!-- <meta charset="gbk">', None),
        ('<p title="<meta charset=koi8-r>"><meta charset="gbk">', "gbk"),
        ("<p title='a>b'><meta charset=\"gbk\">", "gbk"),
        ('</p <meta charset="gbk">', None),
        ('<!doctype html><?php x ?><meta charset="gbk">', "gbk"),
        ('<? "<meta charset=koi8-r>" ?><meta charset="gbk">', "gbk"),
        ('<metal charset="gbk">', None),
        ('<meta name="charset" content="gbk">', None),
        ('<meta charset="gbk', None),
        ('<meta charset="">', None),
        ("<meta charset>", None),
        ('<script>"<meta charset=gbk>"</script>', "gbk"),
        ('<meta charset="utf-16le">', "utf-8"),
        ('<meta charset="x-user-defined">', "windows-1252"),
        ('<?xml version="1.0" encoding="gbk"?><html>', "gbk"),
        ('<?xml version="1.0" encoding="koi8-r"?><meta charset="gbk">', "gbk"),
        (' <?xml version="1.0" encoding="gbk"?>', None),
        ("<?xml encoding='utf-16'?>", "utf-8"),
        ("x" * 1004 + '<meta charset="gbk">', "gbk"),
        ("x" * 1005 + '<meta charset="gbk">', None),
        ("", None),
    ],
)
def test_a_page_declares_what_a_browser_sees(page: str, label: str | None) -> None:
    """Attributes, pragmas, comments, tags and the XML declaration within the first 1024 bytes."""
    assert next(declared_labels(page.encode()), None) == label


def test_utf16_is_seen_by_its_xml_declaration() -> None:
    """Two bytes per character, without a BOM."""
    page = '<?xml version="1.0"?><p>'
    assert list(declared_labels(page.encode("utf-16-le"))) == ["utf-16le"]
    assert list(declared_labels(page.encode("utf-16-be"))) == ["utf-16be"]


TEXT = "中文网页的编码常常声明错误，所以要看字节本身。" * 4
META = '<meta charset="big5">'


@pytest.mark.parametrize(
    ("body", "header", "charset"),
    [
        (codecs.BOM_UTF8 + (META + TEXT).encode(), "gb18030", "utf-8"),
        ((META + TEXT).encode("gb18030"), "gb18030", "gb18030"),
        ((META + "中文網頁" * 20).encode("big5"), None, "big5"),
        (('<meta charset="nonsense"><meta charset="big5">' + "中文網頁" * 20).encode("big5"), None, "big5"),
        (("x" * 1024 + META + "中文網頁" * 20).encode("big5"), None, "big5"),
        (("x" * 1024 + TEXT).encode("gb18030"), None, "gb18030"),
        ((META + TEXT).encode(), "no such charset", "utf-8"),
    ],
)
def test_bom_then_header_then_meta_then_detector(body: bytes, header: str | None, charset: str) -> None:
    """The first claim that is known and that the bytes do not contradict."""
    text, name = decode(body, header, html=True)
    assert name.replace("gbk", "gb18030") == charset
    assert "\ufffd" not in text


@given(
    st.lists(
        st.sampled_from([b"<meta", b" ", b"charset", b"=", b'"', b"'", b">", b"<!--", b"-->", b"<p", b"/", b"gbk"])
    )
)
def test_any_markup_is_read_in_no_time(parts: list[bytes]) -> None:
    """No order of marks raises an error or costs more than a hundredth of a second."""
    began = time.process_time()
    assert all(isinstance(label, str) for label in declared_labels(b"".join(parts)))
    assert time.process_time() - began < 2
