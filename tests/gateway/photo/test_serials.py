"""Serial numbers beside a register: which print counts, and what happens without the extra."""

import numpy as np
import pytest

from gateway.photo import serials
from gateway.photo.serials import numbers, seen_serials


def test_only_numbers_that_may_be_serials_count() -> None:
    texts = [
        ("No 713311208", 0.99),
        ("00005 850", 0.94),
        ("16.02.2020", 0.99),
        ("BETAR 15", 0.99),
        ("1234567890", 0.4),
        ("713311208", 0.97),
        ("123456789012345", 0.99),
    ]
    assert numbers(texts) == ("713311208", "00005850")
    assert numbers([]) == ()


def test_no_more_numbers_are_told_than_a_dial_has() -> None:
    assert len(numbers((f"{number:07}", 1.0) for number in range(30))) == serials.SERIALS_MAX


@pytest.mark.skipif(serials.is_available(), reason="the extra `serials` is installed")
def test_without_the_extra_nothing_is_read_and_nothing_breaks() -> None:
    assert seen_serials(np.zeros((20, 30, 3), np.uint8)) == ()
