"""Charsets: which of the claims about some bytes is believed, and what is no text."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text.normalization.charset import decode, garbage_fraction

CHINESE = "中文网页的编码常常声明错误，所以要看字节本身。" * 4
RUSSIAN = "Широкая электрификация южных губерний даст мощный толчок подъёму сельского хозяйства. " * 3


@pytest.mark.parametrize(
    ("body", "declared", "html", "text", "charset"),
    [
        (b"\xef\xbb\xbf" + "é".encode(), "gbk", False, "é", "utf-8"),
        ("é中".encode("utf-16"), "utf-8", False, "é中", "utf-16-le"),
        (CHINESE.encode("gb2312"), "GB2312", False, CHINESE, "gbk"),
        ("镕".encode("gbk"), "gb2312", False, "镕", "gbk"),
        ("“x”".encode("cp1252"), "ISO-8859-1", False, "“x”", "cp1252"),
        (b'<meta charset="gbk">' + CHINESE.encode("gbk"), None, True, '<meta charset="gbk">' + CHINESE, "gbk"),
        (b'<meta charset="gbk">' + CHINESE.encode(), "utf-8", True, '<meta charset="gbk">' + CHINESE, "utf-8"),
        (b'<meta charset="utf-16">abc', None, True, '<meta charset="utf-16">abc', "utf-8"),
        ("短".encode(), None, False, "短", "utf-8"),
        ("短".encode(), "no such charset", False, "短", "utf-8"),
        (CHINESE.encode("gbk"), "utf-8", False, CHINESE, "gb18030"),
        (RUSSIAN.encode("cp1251"), None, False, RUSSIAN, "cp1251"),
        (b"", None, False, "", "utf-8"),
    ],
)  # fmt: skip
def test_order_of_claims(body: bytes, declared: str | None, html: bool, text: str, charset: str) -> None:
    """BOM, then server, then HTML, then the bytes; a claim that the bytes contradict is passed over."""
    found, name = decode(body, declared, html=html)
    assert found == text
    assert name.replace("gbk", "gb18030") == charset.replace("gbk", "gb18030")


LATE = b"<!--" + b"x" * 1100 + b"--><title>" + "ёлка".encode("koi8-r") + b"</title>"


@pytest.mark.parametrize(
    ("end", "html", "charset"),
    [
        (b'<meta charset="koi8-r">', True, "koi8-r"),
        (b'<p><meta charset="odd"><META content="text/html; charset=koi8-r" http-equiv=content-type>', True, "koi8-r"),
        (b'<script>"<meta charset=gbk>"</Script ><meta charset="koi8-r">', True, "koi8-r"),
        (b'<!--<meta charset="gbk">--><textarea><meta charset="gbk"></textarea>', True, "cp1252"),
        (b'<meta charset="koi8-r">', False, "cp1252"),
    ],
)
def test_a_late_declaration_goes_before_the_detector(end: bytes, html: bool, charset: str) -> None:
    """A browser that has guessed changes the encoding at a meta element, which a script or a comment has none of."""
    text, name = decode(LATE + end, None, html=html)
    assert (name, "ёлка" in text) == (charset, charset == "koi8-r")


def test_utf8_and_the_server_go_before_a_late_declaration() -> None:
    """What is valid UTF-8 was written as such; a server's word is no guess, so nothing changes it."""
    late = b'<meta charset="koi8-r">'
    assert decode(b"x" * 1024 + "ёлка".encode() + late, None, html=True)[1] == "utf-8"
    assert decode(LATE + late, "cp1251", html=True)[1] == "cp1251"


def test_one_broken_byte_does_not_cost_the_charset() -> None:
    """A cut character is replaced; the rest is still read as declared."""
    assert decode(CHINESE.encode() + b"\xe4\xb8", "utf-8", html=False) == (CHINESE + "\ufffd", "utf-8")


@given(st.text())
def test_utf8_is_read_back(text: str) -> None:
    """Whatever was written as UTF-8 and declares nothing is read back as it was, but for a BOM."""
    assert decode(text.encode(), None, html=False)[0] == text.removeprefix("\ufeff")


@given(st.binary(max_size=300), st.sampled_from([None, "utf-8", "gbk", "shift-jis", "utf-16", "koi8-r"]), st.booleans())
def test_any_bytes_become_a_string(body: bytes, declared: str | None, html: bool) -> None:
    """No bytes raise an error, and the charset has a name."""
    text, name = decode(body, declared, html=html)
    assert isinstance(text, str) and name


def test_garbage_is_told_from_text() -> None:
    """Random bytes decode to many control or replacement characters, text to none."""
    noise = random.Random(1).randbytes(4000)
    assert garbage_fraction(decode(noise, None, html=False)[0]) > 0.05
    assert garbage_fraction(decode(noise, "iso-8859-1", html=False)[0]) > 0.05
    assert garbage_fraction(CHINESE + "\tx\r\ny\f") == 0


@pytest.mark.parametrize(
    ("label", "codec", "characters"),
    [
        ("euc-kr", "cp949", "똠방각하"),  # windows-949 has the syllables that KS X 1001 lacks
        ("euc-jp", "euc_jis_2004", "①㈱"),
        ("shift_jis", "cp932", "①髙"),
        ("gb2312", "gb18030", "镕㐀"),
        ("big5", "big5hkscs", "啫"),
        ("latin1", "cp1252", "€“”"),
        ("tis-620", "cp874", "…"),
        ("x-mac-ukrainian", "mac_cyrillic", "Київ"),
    ],
)
def test_a_label_means_what_it_means_to_browsers(label: str, codec: str, characters: str) -> None:
    """Real pages use the larger charset under the smaller one's name (WHATWG encodings)."""
    assert decode(characters.encode(codec) * 9, f" {label.upper()}\t", html=False)[0] == characters * 9
