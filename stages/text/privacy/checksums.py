"""Checksums of numbers that name a person, an account or a firm: what tells them from other numbers.

Each takes the characters of a number without separators, ASCII only, and says whether they add up.
"""

from __future__ import annotations

import datetime

RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
RESIDENT_CHECKS = "10X98765432"
PROVINCES = frozenset((*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66),
                       71, 81, 82, 83))  # fmt: skip  # first two digits, GB/T 2260
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015
CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip  # characters, SWIFT IBAN registry


def luhn(digits: str) -> bool:
    """Bank cards (ISO/IEC 7812-1): every second digit from the right counts twice."""
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def card(digits: str) -> bool:
    """A card number that an issuer gives out: its first digits, its length and its Luhn sum fit together."""
    length = len(digits)
    lengths = {"4": (13, 16, 19), "5": (16,), "2": (16,), "6": range(16, 20), "3": (14, 15, 16)}.get(digits[0], ())
    return length in lengths and _issued(digits) and len(set(digits)) > 1 and luhn(digits)


def _issued(digits: str) -> bool:
    first, two, four = digits[0], int(digits[:2]), int(digits[:4])
    if first == "5":
        return 51 <= two <= 55
    if first == "2":
        return 2221 <= four <= 2720
    if first == "3":
        return {14: two in (30, 36, 38, 39), 15: two in (34, 37), 16: 3528 <= four <= 3589}[len(digits)]
    return first == "4" or two in (60, 62, 64, 65)


def resident(number: str) -> bool:
    """A Chinese resident identity number of 18 characters: region, a date of birth, and ISO 7064 mod 11-2."""
    if int(number[:2]) not in PROVINCES:
        return False
    try:
        born = datetime.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, RESIDENT_WEIGHTS, strict=False))
    return born.year >= 1850 and RESIDENT_CHECKS[total % 11] == number[17].upper()


def credit_code(code: str) -> bool:
    """A Chinese unified social credit code of 18 characters: a region (10 = the state), and ISO 7064 mod 31."""
    if int(code[2:4]) not in PROVINCES | {10}:
        return False
    values = [CREDIT_ALPHABET.find(character) for character in code]
    if min(values) < 0:
        return False
    total = sum(value * weight for value, weight in zip(values, CREDIT_WEIGHTS, strict=False))
    return (31 - total % 31) % 31 == values[17]


def iban(code: str) -> bool:
    """An international bank account number: the length of its country, and ISO 7064 mod 97-10."""
    code = code.upper()
    if len(code) != IBAN_LENGTHS.get(code[:2]):
        return False
    return int("".join(str(int(character, 36)) for character in code[4:] + code[:4])) % 97 == 1


def social_security(digits: str) -> bool:
    """A US social security number of nine digits: no area 000, 666 or 900 and above, no group 00, no serial 0000."""
    return digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"
