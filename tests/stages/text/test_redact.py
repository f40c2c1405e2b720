"""Redaction: what is replaced, what is not, and that no input is slow."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.text.privacy.checksums import luhn, resident
from stages.text.privacy.patterns import KEY, KINDS, TOKENS
from stages.text.privacy.redact import find, redact


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
        ("座机010-62781234转8", "座机<PHONE>转8"),
        ("our phone number is 555-0267.", "our phone number is <PHONE>."),
        ("身份证号11010519491231002X。", "身份证号<CN_ID>。"),
        ("身份证１１０１０５１９４９１２３１００２Ｘ号", "身份证<CN_ID>号"),
        ("统一社会信用代码91350100M000100Y43", "统一社会信用代码<CN_CREDIT_CODE>"),
        ("卡号6222 0212 3456 7890 128", "卡号<CARD>"),
        ("Visa 4111 1111 1111 1111, exp", "Visa <CARD>, exp"),
        ("pay to GB82 WEST 1234 5698 7654 32 today", "pay to <IBAN> today"),
        ("SSN 536-90-4399.", "SSN <SSN>."),
        ("护照号码：E12345678", "护照号码：<PASSPORT>"),
        ("my passport number is 533380006", "my passport number is <PASSPORT>"),
        ("key AKIA" + "IOSFODNN7EXAMPLE here", "key <SECRET> here"),
        ("export TOKEN=ghp_" + "a1B2" * 9, "export TOKEN=<SECRET>"),
        ('"api_key": "9f86d081884c7d659a2feaa0c55ad015"', '"api_key": "<SECRET>"'),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "<SECRET>"),
    ],
)
def test_personal_data_is_replaced(text: str, clean: str) -> None:
    """Each value becomes its token, next to Han characters and in full width too; the spans say where they stand."""
    redacted, spans = redact(text)
    assert redacted == clean
    assert [redacted[span.start :].startswith(f"<{span.kind}>") for span in spans] == [True] * clean.count("<")


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4.5", "section 10.1.2.3", "127.0.0.1 and 192.168.1.1", "999.1.1.1", "@user hello",
        "at 12:30:45", "std::vector<int>", "2001: A Space Odyssey", "in 1998-2004", "价格12345678901元",
        "0.13812345678",
        "订单113812345678901", "123456789012345678", "pi is 3.14159265358979", "2212-555-01478", "a @ b.com", "x@y",
        "1,234,567.89", "<EMAIL> and <PHONE>", "", "the so-called 1998-2004 period", "call on 2024-05-06 at noon",
        "4111111111111112", "身份证号11010519491331002X", "536-90-43991", "000-12-3456", "GB82 WEST 1234 5698 7654 33",
        "api_key: YOUR_API_KEY_HERE_PLEASE", "password: correct-horse-battery", "91350100M000100Y44",
        "2024-05-06 07:08:09", "ISBN 978-7-302-12345-6",
    ],
)  # fmt: skip
def test_other_numbers_stay(text: str) -> None:
    """Dates, versions, prices, times, identifiers, private addresses and user names are not personal data."""
    assert redact(text) == (text, [])


PIECES = (
    "a", ".", "@", "a.", "a@", "@a.", "-", "1", "1.", "1 ", "138", "+", "+1", "(", "(2", "86", "１", "2001:", ":", "f:",
    "%", "中", "1-", ") ", "phone ", "call 1", "护照", "GB82", "eyJ", "key:", "ghp_a", "-----BEGIN ", "4111 ", "x1",
)  # fmt: skip


@pytest.mark.parametrize(
    "pattern", sorted({one for kind in KINDS for one in (kind.pattern, kind.near)}, key=lambda one: one.pattern)
)
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
    assert redact(again) == (again, [])


def checked(random: Random, digits: int, right: Callable[[str], bool], start: str = "", end: str = "0123456789") -> str:
    """A random number of so many digits that adds up."""
    while True:
        body = start + "".join(random.choice("0123456789") for _ in range(digits - len(start) - 1))
        for last in end:
            if right(body + last):
                return body + last


def planted(random: Random) -> tuple[str, str]:
    """A value and its kind, written in one of the ways of people; made without the patterns that find it."""
    n = "".join(random.choice("23456789") for _ in range(12))
    born = f"{random.randrange(1940, 2010)}{random.randrange(1, 13):02}{random.randrange(1, 29):02}"
    region = random.choice(["110105", "310115", "440304", "510107", "650102"])
    card = checked(random, 16, luhn, random.choice(["4", "51", "6222", "55"]))
    name = "".join(random.choice("abcdefghij") for _ in range(random.randrange(3, 9)))
    choices = {
        "EMAIL": [f"{name}.{n[:2]}@mail.{name}.com", f"{name}_{n[0]}@qq.com", f"{name}＠163.com"],
        "PHONE": [f"13{n[:9]}", f"+86 15{n[0]} {n[1:5]} {n[5:9]}", f"({n[:3]}) {n[3:6]}-{n[6:10]}", f"021-{n[:8]}",
                  f"+49 {n[:3]} {n[3:10]}", f"tel: {n[:3]} {n[3:7]}"],
        "CARD": [card, re.sub("(.{4})(?=.)", r"\1 ", card), re.sub("(.{4})(?=.)", r"\1-", card)],
        "CN_ID": [checked(random, 18, resident, region + born, "0123456789X")],
        "SSN": [f"{random.randrange(100, 600)}-{random.randrange(10, 99)}-{random.randrange(1000, 9999)}"],
        "IP": [f"8.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}", f"2001:4860::{n[:4]}"],
        "SECRET": [f"ghp_{(n + name) * 3}"[:40].ljust(40, "x"), f"AKIA{(name.upper() + n)[:16].ljust(16, 'Q')}"],
    }  # fmt: skip
    kind = random.choice(sorted(choices))
    return random.choice(choices[kind]), kind


AROUND = (
    ("Please write to {} before noon.", "The report of 2019 cites {} (page 12)."),
    ("请联系{}，谢谢。", "资料显示{}已于2019年3月更新"),
)
DECOYS = (
    "ISBN 978-7-302-12345-6",
    "order 20240506-0012",
    "v10.12.0.1-rc2",
    "价格12345元",
    "1998-2004",
    "3.14159265358979",
)


@pytest.mark.parametrize("language", [0, 1], ids=["en", "zh"])
def test_recall_and_precision_on_planted_values(language: int) -> None:
    """Of 1,000 values of seven kinds in sentences at least 95 % are found as what they are; so many finds are right."""
    random = Random(7)
    found = right = 0
    for _ in range(1000):
        value, kind = planted(random)
        text = random.choice(AROUND[language]).format(value) + " " + random.choice(DECOYS)
        kinds = [one.kind for one in find(text)]
        right += kind in kinds
        found += len(kinds)
    assert right >= 950
    assert right >= 0.95 * found


@given(st.integers(0, 2**32), st.integers(1, 12))
@settings(max_examples=200)
def test_looking_near_places_finds_what_looking_everywhere_finds(seed: int, count: int) -> None:
    """The windows around cheap patterns lose no value and add none, wherever their edges fall."""
    random = Random(seed)
    parts = [random.choice([planted(random)[0], random.choice(DECOYS), random.choice(PIECES) * random.randrange(9)])
             for _ in range(count)]  # fmt: skip
    text = "".join(part + random.choice(["", " ", "，", " and the quick brown fox went home " * 3]) for part in parts)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("stages.text.privacy.redact._windows", lambda places, before, behind: [(0, len(text))])
        everywhere = find(text)
    assert find(text) == everywhere


@given(st.from_regex(KEY, fullmatch=True))
@settings(max_examples=300, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_every_form_of_a_key_is_seen(key: str) -> None:
    """The cheap pattern that most texts are searched with knows each prefix of the exact one."""
    assert find(f"the key {key} opens it") == [(8, 8 + len(key), "SECRET")]


def test_every_token_is_a_kind() -> None:
    """Nothing is replaced by a token that the spans could not name."""
    assert {kind.token for kind in KINDS} == set(TOKENS)
    assert all(re.fullmatch("[A-Z_]+", token) for token in TOKENS)
