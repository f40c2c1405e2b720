"""What personal data and secrets look like: one row per kind, with its token, its pattern and its check.

Every pattern is linear: bounded quantifiers, and a start that no character before it could have begun. Edges are
looked at with digit classes, not with `\\b`, for which a Han character is part of a word. Patterns see a text whose
full-width digits, letters and signs were folded to ASCII one by one (stages/text/privacy/redact.py), so that places
stay.

Sources  GB 11643-1999 (resident numbers), GB 32100-2015 (credit codes), YD/T 1045 numbering (mobile 13 to 19), ISO/IEC
         7812 (cards), ISO 13616 (IBAN), SSA (social security numbers), ITU-T E.164; prefixes of keys as their issuers
         document them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import log2

from stages.text.privacy.checksums import card, credit_code, iban, luhn, resident, social_security

GAP = "[ \\-.]?"
BEFORE, AFTER = r"(?<![0-9])(?<![0-9]\.)", r"(?![0-9])"
ALONE_BEFORE, ALONE_AFTER = "(?<![0-9A-Za-z])", "(?![0-9A-Za-z])"

EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
IPV4 = re.compile(r"(?<![0-9A-Za-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z]|\.[0-9])")
IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![0-9A-Za-z:])")

# China: eleven digits from 13 to 19, in groups of 3-4-4, with or without +86; area codes 010, 02x, 03xx to 09xx.
CN_MOBILE = re.compile(rf"{BEFORE}(?:(?:\+|00)?86{GAP})?1[3-9][0-9]{GAP}[0-9]{{4}}{GAP}[0-9]{{4}}{AFTER}")
CN_LANDLINE = re.compile(
    rf"{BEFORE}(?:\+?86[ -]?)?\(?0(?:10|2[0-57-9]|[3-9][0-9]{{2}})\)?[ -][2-8][0-9]{{2,3}}[ -]?[0-9]{{4}}{AFTER}"
)
# E.164 with its plus sign: 8 to 15 digits, groups divided by one or two separators.
INTERNATIONAL = re.compile(rf"(?<![0-9+])\+[1-9](?:[ .()/-]{{0,2}}[0-9]){{7,14}}{AFTER}")
# North America: the groups 3-3-4 with separators; ten digits without any are more often an identifier.
US_PHONE = re.compile(
    r"(?<![0-9A-Za-z.\-/])(?:(?:\+|00)?1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}"
    r"(?:x[0-9]{1,5})?(?![0-9])"
)
# Any grouping of 7 to 15 digits, where the words beside it say that it is called.
ANY_PHONE = r"(?<![0-9.])[+(]?[0-9](?:[ .()/-]{0,2}[0-9]){6,14}(?:x[0-9]{1,5})?(?![0-9])"
CALLED = re.compile(
    r"(?:\b(?:telephone|phone|mobile|cell|tel|fax|call(?:ed|ing)?|whatsapp|dial"
    r"|(?:reach|answer|contact)[a-z]{0,6} [a-z ]{0,8}at)\b"
    rf"|电话|手机|电話|致电|传真|热线|来电|微信|联系方式)[^0-9+(]{{0,16}}?({ANY_PHONE})",
    re.I,
)
CALLED_AFTER = re.compile(rf"({ANY_PHONE})[ -]{{0,2}}\(?(?=(?:office|fax|mobile|home|cell)\b)", re.I)

RESIDENT = re.compile(
    rf"{ALONE_BEFORE}[1-8][0-9]{{5}}(?:18|19|20)[0-9]{{2}}[01][0-9][0-3][0-9][0-9]{{3}}[0-9Xx]{ALONE_AFTER}"
)
CREDIT_CODE = re.compile(rf"{ALONE_BEFORE}[159Y][1239][0-9]{{6}}[0-9A-HJ-NPQRTUWXY]{{10}}{ALONE_AFTER}")
CREDIT_CALLED = re.compile(rf"(?:信用代码|税号|credit code)[^0-9A-Za-z\n]{{0,8}}?({CREDIT_CODE.pattern})", re.I)
CARD = re.compile(rf"{BEFORE}[2-6][0-9]{{3}}(?:[ -]?[0-9]){{9,15}}{AFTER}")
CARD_CALLED = re.compile(
    r"(?:\b(?:card|visa|mastercard|maestro|amex)\b|卡号|银行卡|信用卡)"
    rf"[^0-9\n]{{0,16}}?(?<![0-9])([0-9](?:[ -]?[0-9]){{11,18}}){AFTER}",
    re.I,
)
SSN = re.compile(r"(?<![0-9A-Za-z-])[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}(?![0-9A-Za-z]|-[0-9])")
IBAN = re.compile(
    rf"{ALONE_BEFORE}[A-Za-z]{{2}}[0-9]{{2}}(?: ?[A-Za-z0-9]{{4}}){{2,7}}(?: ?[A-Za-z0-9]{{1,3}})?{ALONE_AFTER}"
)
PASSPORT = re.compile(
    r"(?:护照|passport)[^0-9\n]{0,24}?(?<![A-Za-z0-9])([A-Za-z][A-Za-z]?[0-9]{7,8}|[0-9]{9})(?![0-9A-Za-z])", re.I
)

KEY = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"  # Amazon
    r"|gh[opsur]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255}|glpat-[A-Za-z0-9_-]{20,64}"  # GitHub, GitLab
    r"|AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,512}"  # Google
    r"|xox[abeoprs]-[0-9A-Za-z-]{10,250}"  # Slack
    r"|sk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,200}|hf_[A-Za-z0-9]{30,64}"  # OpenAI, Anthropic, Hugging Face
    r"|[sr]k_(?:live|test)_[0-9A-Za-z]{16,128}|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"  # Stripe, SendGrid
    r"|npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{40,512}"  # npm, PyPI
    r"|LTAI[A-Za-z0-9]{12,24}|AKID[A-Za-z0-9]{24,40}"  # Alibaba Cloud, Tencent Cloud
    r"|eyJ[A-Za-z0-9_-]{10,1024}\.eyJ[A-Za-z0-9_-]{10,4096}\.[A-Za-z0-9_-]{10,1024}"  # JSON web tokens
    r")(?![A-Za-z0-9_-])"
)
PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY-----[A-Za-z0-9+/=\s:,.-]{1,8192}?"
    r"-----END (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY-----"
)
ASSIGNED = re.compile(
    r"(?<![A-Za-z0-9])(?:api[_-]?key|secret(?:[_-]?(?:access[_-]?)?key)?|access[_-]?token|auth[_-]?token|passw(?:or)?d|密码)"
    r"[\"']?[ \t]{0,4}[:=：][ \t]{0,4}[\"']?([A-Za-z0-9_\-/+=.]{16,128})(?![A-Za-z0-9_\-/+=.])",
    re.I,
)

PRIVATE = [ipaddress.ip_network(block) for block in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24",
    "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "2001:db8::/32",
)]  # fmt: skip  # they name no one
YEARS = re.compile(
    r"(?:1[5-9]|20)[0-9]{2}[ ./-]{1,2}(?:[01]?[0-9][ ./-]|(?:1[5-9]|20)[0-9]{2}(?![0-9]))"
    r"|[0-9]{1,2}[./-][0-9]{1,2}[./-](?:1[5-9]|20)[0-9]{2}"
)
MIN_ENTROPY = 3.0  # bits per character of an assigned secret; words and placeholders have less, random keys 4 and more


def public_address(value: str) -> bool:
    """An IP address that may name somebody's line."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return not any(address.version == block.version and address in block for block in PRIVATE)


def looks_random(value: str) -> bool:
    """Letters and digits mixed as in a generated key, not as in a word, a path or a version."""
    counts = [value.count(character) / len(value) for character in set(value)]
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return mixed and -sum(share * log2(share) for share in counts) >= MIN_ENTROPY


def no_date(value: str) -> bool:
    """Digits that are no date and no range of years, though somebody `calls` beside them."""
    return YEARS.match(value) is None


def _lettered_credit_code(value: str) -> bool:
    """A credit code with a letter in it; one of digits alone is one number in 31 among those of 18 digits."""
    return not value.isdigit() and credit_code(value)


def _digits(value: str) -> str:
    return value.replace(" ", "").replace("-", "")


AT = re.compile("@")
DIGITS = re.compile(r"[0-9](?:[ .()+/x-]{0,2}[0-9]){6}")  # seven digits: every number of a kind holds them
DOTTED = re.compile(r"\.[0-9]{1,3}\.")
COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
LONG_VALUE = re.compile(r"[:=：][ \t]{0,4}[\"']?[A-Za-z0-9_\-/+=.]{16}")
# From the rarest character of each prefix, which takes two fifths of the time that searching for the prefixes took.
KEY_START = re.compile(
    "[_.AJL-](?:(?<=_)(?:(?<=gh[opsur]_)|(?<=npm_)|(?<=hf_)(?=[A-Za-z0-9])|(?<=k_)(?=(?:live|test)_)|(?<=github_)(?=pat_))"
    "|(?<=-)(?:(?<=glpat-)|(?<=xox[a-z]-)|(?<=sk-)(?=[A-Za-z0-9_-])|(?<=pypi-)(?=AgE))"
    "|(?<=[.])(?:(?<=ya29[.])|(?<=SG[.]))"
    "|(?<=A)(?:KIA|SIA[0-9A-Z]|KID|Iza)|(?<=J)(?<=eyJ)|(?<=L)TAI)"
)
BEGIN = re.compile("-----BEGIN ")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: how it is found (group 1 where only a part is the value), and what a candidate must satisfy.

    `near` is a cheap pattern of which a match stands in every value, or beside it; `before` and `behind` it, in
    characters, lie the value and the words around it. So most of a text is never shown to `pattern`.
    """

    token: str
    pattern: re.Pattern[str]
    near: re.Pattern[str]
    before: int
    behind: int
    accept: Callable[[str], bool] | None = None


def _number(token: str, pattern: re.Pattern[str], accept: Callable[[str], bool] | None = None) -> Kind:
    return Kind(token, pattern, DIGITS, 80, 48, accept)


# In order of precedence: an earlier kind keeps what a later one would claim too.
KINDS = (
    Kind("SECRET", PRIVATE_KEY, BEGIN, 0, 9000),
    Kind("SECRET", KEY, KEY_START, 16, 6500),
    Kind("SECRET", ASSIGNED, LONG_VALUE, 32, 128, looks_random),
    Kind("EMAIL", EMAIL, AT, 65, 600),
    Kind("IP", IPV4, DOTTED, 8, 12, public_address),
    Kind("IP", IPV6, COLONS, 40, 40, public_address),
    _number("CN_ID", RESIDENT, resident),
    _number("CN_CREDIT_CODE", CREDIT_CODE, _lettered_credit_code),
    _number("CN_CREDIT_CODE", CREDIT_CALLED, credit_code),
    _number("IBAN", IBAN, lambda value: iban(_digits(value))),
    _number("CARD", CARD, lambda value: card(_digits(value))),
    _number("CARD", CARD_CALLED, lambda value: luhn(_digits(value))),
    _number("SSN", SSN, lambda value: social_security(_digits(value))),
    _number("PASSPORT", PASSPORT),
    _number("PHONE", CN_MOBILE),
    _number("PHONE", CN_LANDLINE),
    _number("PHONE", INTERNATIONAL),
    _number("PHONE", US_PHONE),
    _number("PHONE", CALLED, no_date),
    _number("PHONE", CALLED_AFTER, no_date),
)
TOKENS = tuple(dict.fromkeys(kind.token for kind in KINDS))
