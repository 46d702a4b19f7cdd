"""What the report draws and writes can be read: round marks, arcs that join, numbers with their thousands."""

from __future__ import annotations

import re

import pytest

from labline.report.charts import curves, lineage, ticks
from labline.report.page import number, seconds


def test_a_curve_of_one_epoch_has_that_epoch_alone_on_its_axis():
    drawn = str(curves({"validation/mAP": [(2, 0.5)]}, "epoch", "mAP"))
    assert ">2</text>" in drawn and ">3</text>" not in drawn


def test_curves_and_axes_have_round_marks():
    assert ticks(0.13, 0.87) == (0.0, 1.0, pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0]))
    low, high, marks = ticks(2.0, 2.0)
    assert low < 2 < high
    assert len(marks) >= 2
    assert str(curves({"train/loss": []}, "epoch", "loss")) == ""
    assert str(curves({"train/loss": [(1, float("nan")), (2, 1.0)]}, "epoch", "loss")).count("<circle") == 1


def test_an_arc_joins_the_writer_of_an_artifact_to_each_reader():
    rows = [
        {"component": "a", "fingerprint": "1", "inputs": {}, "outputs": {"x": "11"}},
        {"component": "b", "fingerprint": "2", "inputs": {"x": "11"}, "outputs": {"y": "22"}},
        {"component": "c", "fingerprint": "3", "inputs": {"x": "11", "y": "22", "old": "99"}, "outputs": {"z": "33"}},
    ]
    drawn = str(lineage(rows))
    assert len(re.findall("<path", drawn)) == 3
    assert "earlier run" in drawn


def test_numbers_are_written_for_reading():
    assert [number(value) for value in (None, 3, 1234567, 0.123456, 123456.7, 2.0)] == [
        "–",
        "3",
        "1,234,567",
        "0.1235",
        "123,457",
        "2",
    ]
    assert [seconds(value) for value in (0.01, 2.34, 75, 7300)] == ["0 s", "2.3 s", "1 min 15 s", "2 h 1 min"]
