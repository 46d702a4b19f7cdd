"""What the report draws and writes can be read: round marks, arcs that join, numbers with their thousands."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import cast

import pytest

from components.tasks.forecasting.details import Residuals, StepRow
from components.tasks.forecasting.report_charts import autocorrelation, by_step
from components.tasks.image_classification.details import CalibrationBin
from components.tasks.image_classification.report_charts import calibration
from components.tasks.object_detection.details import ClassRow
from components.tasks.object_detection.report_charts import box_sizes, precision_recall
from labline.report.charts import curves, interval_bar, lineage, scale
from labline.report.page import seconds
from pipeline.pages import STYLES
from pipeline.pages.charts import histogram, ticks
from pipeline.pages.templates import number

NASTY = "<script>alert('cat')</script>"


class Drawing(HTMLParser):
    """Collects the elements of a drawing, and the words that are seen without pointing at something."""

    def __init__(self, drawn: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(drawn)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        if self.elements[-1][0] == "text":
            self.texts.append(data)

    def of_kind(self, tag: str, kind: str = "") -> list[dict[str, str]]:
        """Return the attributes of the elements with that tag, and that class if one is named."""
        return [
            found
            for name, found in self.elements
            if name == tag and (kind in found.get("class", "").split() or not kind)
        ]


def test_a_curve_of_one_epoch_has_that_epoch_alone_on_its_axis() -> None:
    texts = Drawing(curves({"validation/mAP": [(2, 0.5)]}, "epoch", "mAP")).texts
    assert "2" in texts and "3" not in texts


def test_curves_and_axes_have_round_marks() -> None:
    assert ticks(0.13, 0.87) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    marks = ticks(2.0, 2.0)
    assert marks[0] < 2 < marks[-1]
    assert curves({"train/loss": []}, "epoch", "loss") == ""
    assert len(Drawing(curves({"train/loss": [(1, float("nan")), (2, 1.0)]}, "epoch", "loss")).of_kind("circle")) == 1


def test_curves_tell_where_they_end_to_those_who_do_not_see_them() -> None:
    drawn = Drawing(curves({"train/loss": [(1, 2.0), (2, 0.125)], "validation/loss": [(2, 0.25)]}, "epoch", "loss"))
    assert drawn.of_kind("svg")[0]["aria-label"] == "loss by epoch, at the end train 0.125, validation 0.25"
    assert {"train", "validation"} <= set(drawn.texts)


def test_an_arc_joins_the_writer_of_an_artifact_to_each_reader() -> None:
    rows = [
        {"component": "a", "fingerprint": "1", "inputs": {}, "outputs": {"x": "11"}},
        {"component": "b", "fingerprint": "2", "inputs": {"x": "11"}, "outputs": {"y": "22"}},
        {"component": "c", "fingerprint": "3", "inputs": {"x": "11", "y": "22", "old": "99"}, "outputs": {"z": "33"}},
    ]
    drawn = Drawing(lineage(rows))
    assert len(drawn.of_kind("path")) == 3
    assert "wrote z 33; reads an earlier run's old 99" in drawn.texts


def test_bars_are_as_tall_as_their_counts_and_say_them() -> None:
    drawn = str(histogram([(0, 0.5, 10), (0.5, 1, 40)], "brightness"))
    low, high = (float(bar["height"]) for bar in Drawing(drawn).of_kind("rect", "bar"))
    assert high == pytest.approx(4 * low)
    assert "<title>0.5 to 1.0: 40</title>" in drawn
    assert box_sizes([(0, 0.5, 0), (0.5, 1, 0)], "test") == ""
    assert "test: 3 boxes" in Drawing(box_sizes([(0, 0.5, 3), (0.5, 1, 0)], "test")).texts


def test_a_bin_of_the_calibration_reaches_up_to_the_share_that_is_right() -> None:
    bins: list[CalibrationBin] = [
        {"low": 0.0, "high": 0.5, "count": 0},
        {"low": 0.5, "high": 1.0, "count": 4, "confidence": 0.8, "accuracy": 0.5},
    ]
    drawn = Drawing(calibration(bins))
    (bar,), (diagonal,) = drawn.of_kind("rect", "bar"), drawn.of_kind("line", "other")
    full = float(diagonal["y1"]) - float(diagonal["y2"])
    assert float(bar["height"]) == pytest.approx(full / 2, abs=0.1)
    assert "probability the network gives" in drawn.texts


def test_a_share_is_marked_where_it_lies_with_its_interval_and_what_others_reach() -> None:
    drawn = Drawing(scale(0.5, (0.25, 0.75), [("chance", 0.1), ("beyond", 1.5)]))
    (axis,), (interval,), (dot,) = (
        drawn.of_kind(*kind) for kind in (("line", "axis"), ("line", "interval"), ("circle",))
    )
    start, end = float(axis["x1"]), float(axis["x2"])
    assert float(dot["cx"]) == pytest.approx((start + end) / 2)
    assert float(interval["x2"]) - float(interval["x1"]) == pytest.approx((end - start) / 2)
    assert [float(other["x1"]) for other in drawn.of_kind("line", "other")] == pytest.approx(
        [start + 0.1 * (end - start), end], abs=0.1
    )
    assert interval_bar(None, None) == ""
    assert "0.5000, interval from 0.2500 to 0.7500" in interval_bar(0.5, (0.25, 0.75))


def test_every_kind_of_line_is_named_beside_it() -> None:
    classes = [{"label": NASTY, "boxes": 3, "ap50": 0.5, "curve": [(0, 1, 0.9), (1, 0.5, 0.1)]}]
    drawn = precision_recall(cast("list[ClassRow]", classes))
    assert NASTY not in drawn
    assert f"{NASTY} 0.500" in Drawing(drawn).texts
    unfound = {"label": "cat", "boxes": 2, "ap50": 0.0, "curve": []}
    assert "cat 0.000" in Drawing(precision_recall(cast("list[ClassRow]", [unfound]))).texts
    rows = [{"step": step, "rmse": step, "baselines": {"last value": None if step == 1 else 2.0}} for step in (1, 2)]
    steps = Drawing(by_step(cast("list[StepRow]", rows), ["last value"]))
    assert {"this model", "last value", "1", "2"} <= set(steps.texts)
    assert autocorrelation(cast("Residuals", {"autocorrelation": [], "bound": 0.1})) == ""


def test_what_is_called_at_the_ends_of_an_axis_stays_inside_the_drawing() -> None:
    rows = [{"step": step, "rmse": 1.0, "baselines": {}} for step in (10**6, 10**6 + 1, 10**6 + 2)]
    drawn = Drawing(by_step(cast("list[StepRow]", rows), []))
    ends = {text["class"] for text in drawn.of_kind("text") if text["class"].startswith("tick")}
    assert ends == {"tick", "tick end", "tick middle"}


def test_every_colour_that_charts_use_is_given_in_light_and_in_dark() -> None:
    style = (STYLES / "charts.css").read_text("utf-8")
    light, dark = (set(re.findall(r"(--[\w-]+):", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S))
    assert light == dark
    assert set(re.findall(r"var\((--[\w-]+)\)", style)) <= light | {"--mark"}


def test_numbers_are_written_for_reading() -> None:
    assert [number(value) for value in (None, 3, 1234567, 0.123456, 123456.7, 2.0)] == [
        "–",
        "3",
        "1,234,567",
        "0.1235",
        "123,457",
        "2",
    ]
    assert [seconds(value) for value in (0.01, 2.34, 75, 7300)] == ["0 s", "2.3 s", "1 min 15 s", "2 h 1 min"]
