"""Checksums: published examples add up, and any one wrong digit does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stages.text.privacy.checksums import card, credit_code, iban, luhn, resident, social_security

RIGHT = [
    (luhn, "79927398713"),
    (card, "4111111111111111"),
    (card, "5555555555554444"),
    (card, "378282246310005"),
    (card, "30569309025904"),
    (card, "3530111333300000"),
    (resident, "11010519491231002X"),
    (resident, "440524188001010014"),
    (credit_code, "91350100M000100Y43"),
    (iban, "GB82WEST12345698765432"),
    (iban, "DE89370400440532013000"),
    (iban, "NO9386011117947"),
]


@pytest.mark.parametrize(("check", "number"), RIGHT, ids=lambda one: one if isinstance(one, str) else one.__name__)
def test_examples_add_up_and_one_wrong_digit_does_not(check: Callable[[str], bool], number: str) -> None:
    """Every check catches every single wrong digit, as its standard promises."""
    assert check(number)
    for at, digit in enumerate(number):
        if digit.isdigit():
            wrong = number[:at] + str((int(digit) + 1) % 10) + number[at + 1 :]
            assert not check(wrong), wrong


@pytest.mark.parametrize("digits", ["000123456", "666123456", "900123456", "123004567", "123450000"])
def test_numbers_that_were_never_given_out(digits: str) -> None:
    """Areas, groups and serials that the administration leaves out."""
    assert not social_security(digits)
