"""What a run leaves to be looked at: its steps, metrics, verdict and places."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Step:
    """What became of one component in a run."""

    component: str
    status: str
    seconds: float
    fingerprint: str
    reason: str


@dataclass
class Run:
    """One run: the object that `labline run --json` prints, and what the report is made of.

    Attributes:
        status: `running`, `done`, `partial` (it was asked to go no further than one of its steps), `stopped` or
            `failed`.
        stopped_after: the step that a partial run was to end with; empty otherwise.
        served: the name its model is served under.
        command: what to type to run it again.
        artifacts: output name -> folder of the sealed artifact.
    """

    run: str
    recipe: str
    served: str = ""
    status: str = "running"
    started: float = 0.0
    seconds: float = 0.0
    process: int = 0
    command: str = ""
    steps: list[Step] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    blessed: bool | None = None
    reasons: list[str] = field(default_factory=list)
    warnings: str = ""
    pushed: dict[str, Any] | None = None
    report: str = ""
    logs: str = ""
    error: str = ""
    stopped_after: str = ""
    artifacts: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[Any]] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return the documented JSON object."""
        keys = (
            "run",
            "recipe",
            "status",
            "stopped_after",
            "metrics",
            "reasons",
            "warnings",
            "pushed",
            "report",
            "logs",
        )
        record = {key: getattr(self, key) for key in keys}
        return (
            record
            | {"steps": [asdict(step) for step in self.steps], "blessed": bool(self.blessed)}
            | ({"error": self.error} if self.error else {})
        )


def duration(seconds: float) -> str:
    """Write a duration for people."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
