"""What is wrong with series, counted by kind with the first ones named: what stops the run and what does not."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from data.findings import NAMED, Finding, Kind
from pipeline.errors import UserError

KINDS: dict[str, Kind] = {
    "ragged_line": Kind("error", "These lines have more or fewer cells than the others."),
    "not_a_time": Kind("error", "These cells of the time column are no times in the form of the others."),
    "not_a_number": Kind("error", "These cells are no numbers."),
    "censored_value": Kind("error", "These cells tell a bound of a value, or about what it is, but not the value."),
    "unclear_number": Kind("error", "Nothing shows whether these numbers have decimal commas or thousands separators."),
    "infinite_value": Kind("error", "These values are infinite."),
    "too_large_value": Kind(
        "error", "These values are beyond what numbers of 32 bits hold, which networks reckon with."
    ),
    "no_series": Kind("error", "These lines do not say which series they belong to."),
    "clock_change": Kind(
        "error", "With these lines an hour comes a second time, as where clocks go back to winter time."
    ),
    "duplicate_time": Kind("error", "These lines have the time of the line before."),
    "unordered_time": Kind("error", "These lines are earlier than the line before."),
    "irregular_step": Kind("error", "These times are off the series' regular steps."),
    "mixed_dates": Kind("error", "Some of these dates seem to have the day first and others the month."),
    "no_such_time": Kind("error", "Clocks never show these times: they are in the hour that summer time leaves out."),
    "same_step": Kind("error", "These times are nearest to the same step as the time before."),
    "missing_time_step": Kind("error", "Before these lines, time steps are missing."),
    "mostly_missing": Kind("error", "More than half of the time steps of these series are missing."),
    "missing_value": Kind("error", "These values are missing."),
    "unfillable_value": Kind("error", "These missing values cannot be filled."),
    "short_series": Kind("warning", "These series have fewer rows than one window; they were left out."),
    "empty_series": Kind("warning", "These series have no value at all; they were left out."),
    "unfinished_row": Kind(
        "warning",
        "These last rows have values in some columns only; the others were filled as `data.fill` says, and forecasts "
        "begin after them.",
    ),
    "constant_series": Kind("warning", "These series never change; they were left out."),
    "constant_column": Kind("warning", "These columns never change in the training part."),
    "coarse_column": Kind(
        "warning",
        "These columns change by so little of their size that numbers of 32 bits, which models hold, cannot tell it; "
        "forecast them less a constant, or the changes of a counter.",
    ),
    "untrained_series": Kind("warning", "No training window fits into these series; they are only forecast."),
    "sentinel_value": Kind(
        "warning",
        "These numbers lie far from all others of their column, again and again; where they stand for missing values, "
        "name them in `data.missing`.",
    ),
    "thin_step": Kind(
        "warning",
        "These steps have fewer rows than most, so that their sums are too small; add the rows, or leave the lines of "
        "steps that are cut at an end out by `data.skip_rows`.",
    ),
    "unclear_century": Kind(
        "warning",
        "These years have two digits and were taken for those of the last century; where they are of this one, write "
        "them with four.",
    ),
    "far_year": Kind(
        "warning", "These times lie far from ours: is it another calendar, or a mistake? Check how they are written."
    ),
    "unused_missing": Kind("warning", "These spellings in `data.missing` stand nowhere among the numbers."),
    "unused_text": Kind(
        "warning",
        "These columns of text that repeats were left out; one that says which series a row belongs to goes to "
        "`data.series_column`, one that is left out on purpose to `data.ignore_columns`.",
    ),
    "unused_column": Kind("info", "Nothing was read from these columns."),
    "wide_table": Kind("info", "These tables have several time steps in a row; each was taken as a row."),
    "left_out_line": Kind("info", "These lines are no rows; they were left out."),
    "repeated_header": Kind("info", "These lines are the header once more; they were left out."),
    "unused_skip": Kind("warning", "These lines of `data.skip_rows` are not there."),
    "chosen_column": Kind("info", "These columns were chosen by their names."),
    "gap_over_cut": Kind(
        "info",
        "These gaps reach over the cut between two splits; they were filled from the past alone, so that nothing "
        "leaks.",
    ),
    "newest_first": Kind("info", "These series were written newest first; their rows were put into the order of time."),
    "unordered_rows": Kind("info", "The rows of these series were not in the order of time and were put into it."),
    "snapped_time": Kind("info", "These times were moved to the nearest step, as `data.snap` says."),
    "resampled": Kind("info", "The rows of these series were gathered step by step, as `data.resample` says."),
    "filled_value": Kind("info", "These missing values were filled as `data.fill` says."),
    "filled_time_step": Kind("info", "Before these lines, missing time steps were filled as `data.fill` says."),
    "filled_target": Kind(
        "info",
        "Validation and test windows with a filled target were left out, since what was filled is not judged; so "
        "were those that end in a gap filled from the value behind it, which they are to forecast.",
    ),
    "leading_row": Kind("info", "These series begin after these first rows, which have no values; they were left out."),
    "future_row": Kind(
        "info", "These last rows have no values yet: they are the ones to forecast, and nothing was learned from them."
    ),
}
FIXES = {
    "ragged_line": "Give every line as many cells as the header; a cell with a delimiter in it needs quotes. Lines "
    "that are no rows are left out by `data.skip_rows`.",
    "not_a_time": "Correct these times, or say how they are written with `data.time_format`; for steps below a second: "
    "`data.snap=1 second` where they are a little off, `data.resample=1 second` where several rows are to become one, "
    "or `data.time_column=none`. Lines that are no rows, such as a total, are left out by `data.skip_rows`.",
    "not_a_number": "Correct these cells; if they stand for missing values, name them in `data.missing`.",
    "censored_value": "Write the number to reckon with in the place of these cells, or have them taken as missing: "
    "name them in `data.missing`.",
    "unclear_number": "Set `data.decimal` to the decimal mark: `data.decimal=,` or `data.decimal=.`",
    "too_large_value": "Give the column in a larger unit: all its values divided by 1e20, say. If these stand for "
    "missing values, name them in `data.missing`.",
    "infinite_value": "Correct these values, or leave the cells empty.",
    "no_series": "Fill in the column that `data.series_column` names.",
    "clock_change": "An hour comes a second time here: the times are those of clocks, which go back to winter time. "
    "Say where these clocks stood, such as `data.time_zone=Europe/Berlin`; or write the times in UTC or with their "
    "zone (2023-10-29T02:00+01:00); or have the rows taken as equally spaced: `data.time_column=none`, and say with "
    "`data.season` how many are a day.",
    "duplicate_time": "Keep one line for each time; where a file has several series, name their column with "
    "`data.series_column`; where the time of day has a column of its own, name both with `data.time_column`, joined "
    "by +.",
    "unordered_time": "Where a file has several series, name their column with `data.series_column`. Lines of one "
    "series are put into the order of time if no time comes twice and no column of text is left out but those that "
    "`data.ignore_columns` names; where years have two digits, say first how the "
    "times are written, with `data.time_format`.",
    "irregular_step": "Correct these times, or name the step with `data.frequency`; times with a zone are compared in "
    "UTC, days by the calendar of a place only with `data.time_zone`; `data.time_column=none` takes the rows as "
    "equally spaced.",
    "mixed_dates": "Write all of these dates one way, best as 2018-01-31, or export them again: a program may have "
    "guessed each for itself. If all are right as they stand, say how they are written with `data.time_format`, and "
    "put the lines in the order of time.",
    "no_such_time": "Is `data.time_zone` the place where these clocks stood? Correct these times, or the zone.",
    "same_step": "Name a shorter step with `data.snap`, or have the rows of each step gathered to one: `data.resample` "
    "instead of `data.snap`.",
    "missing_time_step": "Add the lines, or have the gaps filled: `data.fill=linear` (or forward, seasonal).",
    "mostly_missing": "Is the step right? Name it with `data.frequency`, or correct a time that is far from the "
    "others.",
    "missing_value": "Fill in the cells, or have them filled: `data.fill=linear` (or forward, seasonal).",
    "unfillable_value": "Fill in these cells or remove the lines: there is nothing before them (or, for `linear`, "
    "after them) to fill them from.",
}

MARK = re.compile(r"^`[^`]*\d([.,])\d+\D{0,2}`")  # the last mark in a cell, with a unit behind it perhaps
TAIL = re.compile(
    r"^`([^\W\d_]{0,4}[$€£¥%‰]?) ?([+-]?\d[\d.,' ]*?)( ?[^\W\d_]{1,12}\.?| ?[%‰*†$€£¥°²³]+[^\W\d_]{0,3})?`"
)
MOST_LISTED, LONGEST = 20, 60  # names in a list, and letters of one
FEW = 3  # lines that are enough to see a fault that more than NAMED lines have


class SeriesFindings:
    """Counts what is wrong by kind and remembers the first places of each.

    Attributes:
        advice: how to mend these data in particular, said before what helps with each kind.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.examples: dict[str, list[dict[str, Any]]] = {}
        self.advice = ""

    def add(self, kind: str, file: str, line: int = 0, detail: str = "", series: str = "", split: str = "") -> None:
        """Count one finding.

        Args:
            kind: one of KINDS.
            file: name of the file, or of the series where no single line is concerned.
            line: its number, from 1; 0 for none.
        """
        self.counts[kind] = self.counts.get(kind, 0) + 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < NAMED:
            place = f"{file}, line {line}" if line else file
            examples.append(
                {"file": place, "detail": detail, "split": split, "label": series, "order": (file, line, len(examples))}
            )

    def add_many(self, kind: str, number: int) -> None:
        """Count findings that are not named."""
        if number:
            self.counts[kind] = self.counts.get(kind, 0) + number
            self.examples.setdefault(kind, [])

    def full(self, kind: str) -> bool:
        """Tell whether enough findings of a kind are named."""
        return len(self.examples.get(kind, ())) >= NAMED

    def errors(self) -> list[str]:
        """Return the kinds that stop the run."""
        return [kind for kind in KINDS if kind in self.counts and KINDS[kind].severity == "error"]

    def stop_on_errors(self, path: Path) -> None:
        """Refuse series with lines that cannot be used, naming the first ones of all kinds.

        Of a kind that many lines are of, only a few are named.

        Raises:
            UserError: there is such a line.
        """
        kinds = self.errors()
        if not kinds:
            return
        total = sum(self.counts[kind] for kind in kinds)
        shown = {kind: FEW if self.counts[kind] > NAMED else NAMED for kind in kinds}
        named = [item for kind in kinds for item in self.examples[kind][: shown[kind]]]
        named = sorted(named, key=lambda item: item["order"])[:NAMED]
        lines = [f"{item['file']}: {item['detail']}" for item in named]
        if total > len(named):
            lines.append(f"and {total - len(named):,} more")
        summary = ", ".join(f"{self.counts[kind]:,} x {kind}" for kind in kinds)
        raise UserError(
            "\n    ".join([f"These series cannot be used as they are ({summary}):", *lines]),
            str(path),
            "\n         ".join([*([self.advice] if self.advice else ()), *map(self.fix_of, kinds)]),
        )

    def stop_on(self, kinds: Collection[str], path: Path) -> None:
        """Refuse series at once where there are findings of these kinds, before others follow from them.

        Raises:
            UserError: there are some.
        """
        if not set(kinds).isdisjoint(self.counts):
            self.stop_on_errors(path)

    def fix_of(self, kind: str) -> str:
        """Return what can be done about a kind; about cells with another decimal mark, which one they have."""
        if kind != "not_a_number":
            return FIXES[kind]
        details = [item["detail"] for item in self.examples[kind]]
        tails = [tail for detail in details if (match := TAIL.match(detail)) and (tail := match[1] or match[3])]
        if tails:
            return (
                f"`{tails[0].strip()}` stands beside these numbers, and a unit, a mark or a factor is no part of one: "
                "write all numbers of a column in one unit, and marks into a column of their own. If these cells stand "
                "for missing values, name them in `data.missing`."
            )
        marks = [MARK.search(detail) for detail in details]
        found = next((mark[1] for mark in marks if mark), "")
        return f"If the decimal mark is another one: `data.decimal={found}`. {FIXES[kind]}" if found else FIXES[kind]

    def report(self, total: int) -> list[Finding]:
        """Return the findings in the Anomalies form, worst first.

        Args:
            total: number of rows that were read, for the shares.
        """
        return [
            Finding(
                name=name,
                severity=kind.severity,
                count=self.counts[name],
                share=min(1.0, self.counts[name] / max(total, 1)),
                description=kind.description,
                examples=[without_order(item) for item in self.examples[name]],
            )
            for name, kind in KINDS.items()
            if name in self.counts
        ]


def without_order(example: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in example.items() if key != "order"}


def list_names(names: Iterable[str]) -> str:
    """Return names for people to read: the first ones, long ones cut, and how many more there are."""
    listed = [" ".join(str(name).split()) for name in names]
    shown = ", ".join(f"`{name[:LONGEST]}...`" if len(name) > LONGEST else f"`{name}`" for name in listed[:MOST_LISTED])
    return shown + (f" and {len(listed) - MOST_LISTED:,} more" if len(listed) > MOST_LISTED else "")
