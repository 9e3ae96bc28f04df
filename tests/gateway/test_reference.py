"""How a reading is named: as it is written it is read, and nothing else is."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.review.reference import Reference, parse


@given(
    st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._/\-]{0,31}", fullmatch=True),
    st.sampled_from(["1-0:1.8.0", "8-0:1.0.0", "1-0:1.8.0*1"]),
    st.integers(0, 4_102_444_800_000),
    st.integers(0, 99),
    st.integers(0, 10**6),
)
def test_a_reference_reads_back_as_written(
    meter: str, register: str, at_ms: int, copy: int, found: int
) -> None:
    name = Reference(meter, register, at_ms, copy, found)
    assert parse(str(name)) == name


@pytest.mark.parametrize(
    "text",
    ["", "A1", "A1/1-0:1.8.0", "A1@2026-09-25T00:00:00Z", "A1/1-0:1.8.0@soon",
     "A1/1-0:1.8.0@2026-09-25T00:00:00", "A 1/1-0:1.8.0@2026-09-25T00:00:00Z", "A1/energy@2026"],
)  # fmt: skip
def test_what_names_no_reading_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="expected a reading like A1/"):
        parse(text)


@given(st.text(max_size=60) | st.from_regex(r"A1/1-0:1.8.0@.*", fullmatch=True))
def test_any_text_names_a_reading_or_is_refused_in_words(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse(text), Reference)
