"""Redaction: what is replaced, what is not, and that no input is slow."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.text.redact import CN_MOBILE, EMAIL, INTERNATIONAL, IPV4, IPV6, SEVEN_DIGITS, US_PHONE, redact


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("write to ann.lee+x@mail.example.co.uk.", "write to <EMAIL>."),
        ("邮箱ann_lee@example.com请联系", "邮箱<EMAIL>请联系"),
        ("ann＠example.com", "<EMAIL>"),
        ("from 8.8.8.8 and 1.2.3.4, port 80", "from <IP> and <IP>, port 80"),
        ("服务器8.8.4.4很快", "服务器<IP>很快"),
        ("ping 2001:4860:4860::8888 now", "ping <IP> now"),
        ("call (212) 555-0147 or 212-555-0147", "call <PHONE> or <PHONE>"),
        ("1-800-555-0199", "<PHONE>"),
        ("+44 20 7946 0958", "<PHONE>"),
        ("+1 (212) 555 0147", "<PHONE>"),
        ("手机13812345678号", "手机<PHONE>号"),
        ("电话：138 1234 5678，谢谢", "电话：<PHONE>，谢谢"),
        ("+86 138-1234-5678", "<PHONE>"),
        ("8613812345678", "<PHONE>"),
        ("联系１３８１２３４５６７８", "联系<PHONE>"),
        ("+8613812345678和13912345678", "<PHONE>和<PHONE>"),
    ],
)
def test_personal_data_is_replaced(text: str, clean: str) -> None:
    """Each value becomes its token, next to Han characters and in full width too; the count is that of the tokens."""
    assert redact(text) == (clean, clean.count("<"))


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4.5", "section 10.1.2.3", "127.0.0.1 and 192.168.1.1", "999.1.1.1", "@user hello",
        "at 12:30:45", "std::vector<int>", "2001: A Space Odyssey", "in 1998-2004", "价格12345678901元",
        "0.13812345678",
        "订单113812345678901", "123456789012345678", "pi is 3.14159265358979", "2212-555-01478", "a @ b.com", "x@y",
        "1,234,567.89", "<EMAIL> and <PHONE>", "", "2024-05-06 07:08:09", "ISBN 978-7-302-12345-6",
    ],
)  # fmt: skip
def test_other_numbers_stay(text: str) -> None:
    """Dates, versions, prices, times, identifiers, private addresses and user names are not personal data."""
    assert redact(text) == (text, 0)


PIECES = (
    "a", ".", "@", "a.", "a@", "@a.", "-", "1", "1.", "1 ", "138", "+", "+1", "(", "(2", "86", "１", "2001:", ":", "f:",
    "%", "中", "1-", ") ",
)  # fmt: skip


@pytest.mark.parametrize("pattern", [EMAIL, IPV4, IPV6, CN_MOBILE, INTERNATIONAL, US_PHONE, SEVEN_DIGITS])
def test_no_pattern_is_quadratic(pattern: re.Pattern[str]) -> None:
    """100 KB of any repeated piece is searched to its end; a pattern that backtracks would not come back today."""
    for piece in PIECES:
        text = piece * (100_000 // len(piece)) + "\n"
        assert len(pattern.sub("", text)) <= len(text)


@given(st.text(st.sampled_from("a1.@-+ 中:(86)3＠１\n"), max_size=60))
def test_redaction_is_idempotent(text: str) -> None:
    """What is left after redaction holds nothing more of the same kind."""
    once, _ = redact(text)
    again, _ = redact(once)
    assert redact(again) == (again, 0)
