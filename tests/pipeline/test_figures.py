"""Numbers are written with the digits that matter, thousands apart and without exponents."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.figures import LARGEST, SMALLEST, write_figure, write_figures, write_table
from pipeline.pages.templates import number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345.678, "12,346"),
        (1234567.0, "1,234,567"),
        (1e12 + 106, "1,000,000,000,106"),
        (103.49, "103.5"),
        (0.000123, "0.000123"),
        (0.5, "0.5"),
        (0, "0"),
        (-0.0, "0"),
        (-12345.678, "-12,346"),
        (9999.9, "10,000"),
        (1e15, "1e+15"),
        (1.5e-9, "1.5e-09"),
        (math.nan, "nan"),
        (math.inf, "inf"),
    ],
)
def test_a_figure_shows_four_digits_and_all_before_the_point(value: float, text: str) -> None:
    assert write_figure(value) == text


def test_a_column_has_as_many_decimals_as_tell_neighbours_apart() -> None:
    assert write_figures([12345.678, 12346.9]) == ["12,346", "12,347"]
    assert write_figures([12345.61, 12345.74]) == ["12,345.6", "12,345.7"]
    assert write_figures([103.49, 103.52, 99.0]) == ["103.49", "103.52", "99.00"]
    assert write_figures([103.41, 103.44]) == ["103.41", "103.44"]
    assert write_figures([0.0001234, 12345.6]) == ["0.000123", "12,346"]
    assert write_table([[99.5, 100.0, 100.5], [99.52, 100.0, 100.52]]) == [
        ["99.50", "100.00", "100.50"],
        ["99.52", "100.00", "100.52"],
    ]


VALUES = st.floats(-1e14, 1e14).filter(lambda value: value == 0 or abs(value) > SMALLEST)


@given(st.lists(VALUES, min_size=1, max_size=8))
def test_neighbours_that_numbers_of_32_bits_tell_apart_are_written_differently(values: list[float]) -> None:
    texts, most = write_figures(values), max(map(abs, values))
    for one, two, left, right in zip(values, values[1:], texts, texts[1:], strict=False):
        if abs(one - two) > 2e-6 * most:
            assert left != right
    for value, text in zip(values, texts, strict=True):
        assert "e" not in text
        assert float(text.replace(",", "")) == pytest.approx(value, rel=6e-3, abs=1e-3 * most)


@given(st.floats(-1e300, 1e300))
def test_a_figure_is_near_its_value(value: float) -> None:
    text = write_figure(value)
    assert float(text.replace(",", "")) == pytest.approx(value, rel=1e-3)
    assert ("e" in text) == (value != 0 and not SMALLEST <= abs(value) < LARGEST)


def test_a_number_of_a_reports_table_has_the_decimals_of_its_column() -> None:
    assert [number(value, [12345.61, 12345.74, None]) for value in (12345.61, 12345.74, None)] == [
        "12,345.6",
        "12,345.7",
        "–",
    ]
    assert number(1234567) == "1,234,567" and number(0.123456) == "0.1235"
