"""Reports show times as the raw data have them, and the clocks of their zone below the axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.tasks.forecasting.facts import ForecastExamplesFacts
from components.tasks.forecasting.plot_data import Line, ticks
from tests.support.series_ingest import ingest

HOURS = np.datetime64("2023-07-01T00:00") + np.arange(200) * np.timedelta64(1, "h")


def test_captions_are_in_the_form_and_the_zone_of_the_file_and_axes_show_its_clocks(tmp_path: Path) -> None:
    rows = [f"{hour.item():%d.%m.%Y %H:%M},{row * 7 % 90}" for row, hour in enumerate(HOURS)]
    (tmp_path / "load.csv").write_text("\n".join(["Zeit,Last", *rows, ""]))
    examples = ingest(tmp_path, tmp_path / "load.csv", time_zone="Europe/Berlin", history=24)
    form = examples.facts_as(ForecastExamplesFacts).time_form
    assert form is not None
    times = np.load(examples.file("times.npy"))
    assert str(np.datetime64(int(times[0]), "s")) == "2023-06-30T22:00:00"
    assert [form.write(int(time)) for time in times[:2]] == ["01.07.2023 00:00", "01.07.2023 01:00"]
    line = Line(0, "load", 0, "Last", "first", np.zeros(len(times)), times, {}, form)
    assert line.name_row(25) == "02.07.2023 01:00"
    assert ticks(line, 0, 10)[0] == (0, "2023-07-01 00:00")
    assert ticks(line, 0, 199)[0] == (0, "2023-07-01 00:00")
