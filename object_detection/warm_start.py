"""Puts trained weights into a new network, and says of every variable what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from object_detection.weights.arrays import Weights, body_of
from pipeline.errors import UserError

Parts = Literal["body", "body_and_boxes", "all"]


@dataclass
class LoadReport:
    """What became of each variable.

    Attributes:
        loaded: set from the weights.
        fresh: kept new on purpose, such as class predictors of other classes.
        missing: wanted, and not among the weights.
        mismatched: wanted and there, in another shape: name -> (ours, theirs).
        unused: among the weights, and in no variable of the network.
    """

    origin: str
    loaded: list[str] = field(default_factory=list)
    fresh: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Say it in a line, and name what went wrong."""
        total = len(self.loaded) + len(self.fresh) + len(self.missing) + len(self.mismatched)
        lines = [f"warm start from {self.origin}: {len(self.loaded)} of {total} variables loaded"]
        lines[0] += f", {len(self.fresh)} left new on purpose" if self.fresh else ""
        if self.missing:
            lines.append(f"  not in the file: {shorten(self.missing)}")
        for name, (ours, theirs) in list(self.mismatched.items())[:3]:
            lines.append(f"  other shape: {name} has {list(ours)} here, {list(theirs)} in the file")
        if len(self.mismatched) > 3:
            lines.append(f"  and {len(self.mismatched) - 3} more of other shapes")
        if self.unused:
            lines.append(f"  in the file, but not in the network: {shorten(self.unused)}")
        return "\n".join(lines)


def warm_start(variables: dict[str, Any], weights: Weights, parts: Parts = "body_and_boxes") -> LoadReport:
    """Set the network's variables from trained weights.

    Args:
        variables: by the Object Detection API's names, as `name_variables` gives them.
        weights: what was read.
        parts: `body` as the Object Detection API did from a detection checkpoint: all feature maps; `body_and_boxes`:
            all but the class predictors; `all`: for the same classes.

    Raises:
        UserError: they are of another body or width, or nothing of them fits.
    """
    (body, ours), theirs = body_of(variables), body_of(weights.arrays)[0]
    if body != theirs:
        raise UserError(
            f"The weights are a {theirs.rpartition('/')[2]}'s, the network has a {body.rpartition('/')[2]}.",
            weights.origin,
            "Set `trainer.network` to one that they fit.",
        )
    if weights.width != ours:
        raise UserError(
            f"The weights are of width {weights.width:g}, the network of width {ours:g}.",
            weights.origin,
            f"Set `trainer.options.width={weights.width:g}`.",
        )
    report = LoadReport(weights.origin, unused=sorted(set(weights.arrays) - set(variables)))
    for name, variable in variables.items():
        array = weights.arrays.get(name)
        if not wanted(name, parts):
            report.fresh.append(name)
        elif array is None:
            report.missing.append(name)
        elif tuple(variable.shape) != array.shape:
            report.mismatched[name] = (tuple(variable.shape), array.shape)
        else:
            variable.assign(array)
            report.loaded.append(name)
    if not report.loaded:
        raise UserError("No variable of the network is among the weights.", weights.origin, str(report))
    return report


def wanted(name: str, parts: Parts) -> bool:
    """Tell whether a variable belongs to the parts that are to be loaded."""
    if "/ClassPredictor/" in name:
        return parts == "all"
    return parts != "body" or name.startswith("FeatureExtractor/")


def shorten(names: list[str], limit: int = 3) -> str:
    """List some names and count the others."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(f"`{name}`" for name in sorted(names)[:limit]) + more
