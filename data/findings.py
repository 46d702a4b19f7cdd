"""Findings of the data checks, counted by kind with the first names, in the Anomalies form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from data.sample import Problem
from pipeline.errors import UserError

NAMED = 20  # culprits named for each finding; the rest are only counted


class Finding(TypedDict):
    """One kind of trouble.

    Attributes:
        name: the kind, such as `corrupt_file`; the recipe sets severities by it.
        severity: `error` stops the run, `warning` and `info` do not.
        count: how many files, classes or features are concerned.
        share: of all that were looked at, 0..1.
        description: a sentence.
        examples: the first ones: `file`, `detail`, `split`, `label`, and `thumbnail` where the image can be shown.
    """

    name: str
    severity: str
    count: int
    share: float
    description: str
    examples: list[dict[str, Any]]


def make(name: str, severity: str, total: int, description: str, examples: list[dict[str, Any]]) -> Finding:
    """Return a finding about each of `examples`, of `total` that were looked at."""
    filled = [{"file": "", "detail": "", "split": "", "label": "", **example} for example in examples[:NAMED]]
    share = min(1.0, len(examples) / max(total, 1))
    return Finding(
        name=name, severity=severity, count=len(examples), share=share, description=description, examples=filled
    )


class Kind(NamedTuple):
    """A kind of finding: how bad it is unless the recipe says otherwise, and the sentence that explains it."""

    severity: str
    description: str


KINDS: dict[str, Kind] = {
    "corrupt_file": Kind("error", "These files are damaged or no pictures and were left out."),
    "truncated_file": Kind("error", "These pictures end too early and were left out."),
    "empty_file": Kind("error", "These files are empty and were left out."),
    "zero_size_image": Kind("error", "These pictures have no pixels and were left out."),
    "too_many_pixels": Kind("error", "These pictures are larger than `data.max_pixels` and were left out."),
    "too_large_file": Kind("error", "These files are too large for a picture and were left out."),
    "unsupported_format": Kind("error", "These are pictures of a kind that cannot be read here; they were left out."),
    "ambiguous_name": Kind(
        "error",
        "The names in these lines fit several pictures, so the lines were left out. Write the pictures' paths in them.",
    ),
    "unreadable_file": Kind("error", "These files could not be read and were left out."),
    "unreadable_directory": Kind("error", "These folders could not be read; whatever is in them was left out."),
    "duplicate_across_splits": Kind(
        "warning", "The same picture stood in two splits; it was kept only in the split that is further from training."
    ),
    "conflicting_labels": Kind("warning", "The same picture stands in two classes."),
    "single_image_class": Kind(
        "warning", "These classes have a single picture; it went into training and cannot be judged."
    ),
    "empty_class": Kind("warning", "These class folders hold no usable picture; the classes were left out."),
    "similar_classes": Kind("warning", "The names of these classes differ in nothing but case, spaces or dashes."),
    "combined_classes": Kind(
        "warning",
        "The names of these classes are made of other classes' names, as if their pictures had several classes; each "
        "name is learnt as a class of its own.",
    ),
    "nested_folders": Kind(
        "warning",
        "In the folders of these classes lie folders with pictures of their own; all count for the class. If the last "
        "folder is the class, set `data.label_pattern='([^/]+)/[^/]+$'`.",
    ),
    "garbled_names": Kind(
        "warning", "This zip does not say in which letters its names are written, so they may be shown with others."
    ),
    "wrong_extension": Kind("warning", "These pictures are of another kind than their names say; they were used."),
    "found_columns": Kind("info", "What these columns and names mean was not said, and found by what they hold."),
    "dark_pictures": Kind(
        "warning",
        "These pictures have 16 bits a value and fill fewer; the upper 8 of 16 were kept, so they became dark. Save "
        "them with 8 bits a value.",
    ),
    "uneven_depth": Kind(
        "warning",
        "These pictures fill far fewer bits than others of the set, so they became dark by the rule that holds for "
        "all. Were they taken with another camera or program, save all with 8 bits a value.",
    ),
    "first_frame": Kind("info", "These files hold several frames or pages; the first one was used."),
    "deep_pictures": Kind(
        "info",
        "These pictures have 16 bits a value; of the bits that nearly all values fill, the upper 8 were kept, by one "
        "rule for all of them.",
    ),
    "duplicate_image": Kind("info", "The same picture occurs more than once in a split; all copies were used."),
    "unmet_in_split": Kind(
        "error",
        "These lists of a split name pictures that are not there. Bring the pictures, correct the lists, or set "
        "`data.given_splits=false`.",
    ),
    "photo_in_two_splits": Kind(
        "warning", "Two lists put these pictures into different splits; the one further from training was used."
    ),
    "contradicting_splits": Kind("warning", "Lists and folders put these pictures into different splits; lists count."),
    "picture_without_split": Kind(
        "warning", "The lists of the splits do not name these pictures; they are cut like training pictures."
    ),
    "unused_list": Kind("warning", "These files could give splits of the pictures, and were not used."),
    "second_picture": Kind(
        "warning", "These pictures are by their names masks or previews of pictures beside them; they were left out."
    ),
    "beside_splits": Kind(
        "warning", "These files lie in folders beside the train and test folders; they were ignored."
    ),
    "unlabelled_image": Kind("warning", "The data do not say the classes of these pictures; they were left out."),
    "unknown_file": Kind("info", "These files among the pictures are no pictures by their names; they were ignored."),
    "used_list": Kind("info", "The splits of the pictures were taken from these files."),
    "stray_file": Kind("info", "These files lie beside the class folders; they were ignored."),
}


class Findings:
    """Counts problems by kind and remembers the first few of each.

    Args:
        kinds: what can be found, worst first; by default in pictures.
    """

    def __init__(self, kinds: dict[str, Kind] = KINDS) -> None:
        self.kinds = kinds
        self.counts: dict[str, int] = {}
        self.examples: dict[str, list[dict[str, Any]]] = {}

    def add(self, problem: Problem, image: str = "") -> None:
        """Count one problem.

        Args:
            image: the image to show beside it, where its file is another one.
        """
        row = {"file": problem.file, "detail": problem.detail, "split": problem.split, "label": problem.label}
        self.merge({problem.name: 1}, {problem.name: [{**row, "photo": image} if image else row]})

    def merge(self, counts: dict[str, int], examples: dict[str, list[dict[str, Any]]]) -> None:
        """Add what was found elsewhere."""
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
            named = self.examples.setdefault(name, [])
            named += examples[name][: NAMED - len(named)]

    def errors(self, but: tuple[str, ...] = ()) -> int:
        """Return how many problems are errors unless the recipe says otherwise.

        Args:
            but: kinds that are not counted.
        """
        return sum(
            count for name, count in self.counts.items() if self.kinds[name].severity == "error" and name not in but
        )

    def report(self, total: int) -> list[Finding]:
        """Return the findings in the Anomalies form, worst first.

        Args:
            total: number of images that were looked at, for the shares.
        """
        return [
            Finding(
                name=name,
                severity=kind.severity,
                count=self.counts[name],
                share=min(1.0, self.counts[name] / max(total, 1)),
                description=kind.description,
                examples=self.examples[name],
            )
            for name, kind in self.kinds.items()
            if name in self.counts
        ]


def report_similar(names: Iterable[str], findings: Findings) -> None:
    """Tell of classes whose names differ in nothing but case, spaces, dashes or the form of their letters."""
    first: dict[str, str] = {}
    for name in sorted(names):
        plain = unicodedata.normalize("NFKC", name).casefold()
        other = first.setdefault(re.sub(r"[\s_-]+", "", plain) or plain, name)
        if other != name:
            findings.add(Problem("similar_classes", name, f"`{name}` and `{other}`", "", name))


def nothing_usable(what: str, path: Path, format_name: str, findings: Findings, advice: str = "") -> UserError:
    """Return the error that nothing of the data is left, with the most frequent finding that is an error, if any is.

    Args:
        advice: how the data must be; without it, as which format they were read.
    """
    fix = advice or f"The data were read as `{format_name}` (data.format)."
    if findings.counts:
        kind = max(findings.counts, key=lambda name: (findings.kinds[name].severity == "error", findings.counts[name]))
        example = findings.examples[kind][0]
        detail = f" ({example['detail']})" if example["detail"] else ""
        description = findings.kinds[kind].description
        fix = f"{findings.counts[kind]:,} x {kind}, for example {example['file']}{detail}: {description} {fix}"
    return UserError(what, str(path), fix)
