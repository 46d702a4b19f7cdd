"""Facts: what artifacts say of themselves, small typed values in their manifests.

A fact that is missing or of another kind is an error, never guessed: an artifact of another version is made again
    or refused.
Facts that are not known here are left alone. The facts of a task's examples, statistics and models stand in
`components/tasks/<task>/facts.py`.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, SerializeAsAny

FactsT = TypeVar("FactsT", bound="Facts")


class Facts(BaseModel):
    """Base of all facts: values never change."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ExamplesFacts(Facts):
    """Of examples, whatever the task.

    Attributes:
        task: whose examples they are.
        splits: name -> number of examples.
        rejected: files or rows that were left out.
        source: name and format of the raw data.
    """

    task: str
    splits: dict[str, int]
    rejected: int = 0
    source: str = ""


class StatisticsFacts(Facts):
    """Of statistics: the task, and the splits that were measured."""

    task: str
    splits: list[str]


class SchemaFacts(Facts):
    """Of a schema: whether it is the user's own, and its features."""

    curated: bool
    features: list[str]


class AnomaliesFacts(Facts):
    """Of the data checks: numbers of findings, and the outcome in a sentence."""

    errors: int
    warnings: int
    summary: str = ""
    compared_with_previous: bool = False


class ModelFacts(Facts):
    """Of a trained network, whatever the task.

    Attributes:
        network: name of its file.
        metrics: those of the epoch that was kept, by split and name.
        best_epoch: number of the best epoch.
    """

    task: str
    network: str
    parameters: int
    epochs: int
    steps: int
    best_epoch: int
    metrics: dict[str, float]
    validation_split: str


class ExportFacts(Facts):
    """Of an exported model, whatever the task: names of what can be asked of it, where the task says."""

    signatures: list[str] = []


class EvaluationFacts(Facts):
    """Of an evaluation: figures by split and name, the split, and 95 % intervals by name."""

    metrics: dict[str, float]
    split: str
    intervals: dict[str, list[float] | None]


class Check(Facts):
    """One condition of a blessing: what was found, what is asked for."""

    name: str
    value: float | None
    limit: float
    passed: bool


class Change(Facts):
    """A figure of the last blessed model and the difference to it, each with its 95 % interval where there is one."""

    value: float
    interval: list[float] | None
    difference: float
    difference_interval: list[float] | None


class ComparisonFacts(Facts):
    """The comparison with the last blessed model; tasks add to it.

    Attributes:
        metrics: by name.
        skipped: why there is none; empty where there is one.
    """

    metrics: dict[str, Change] = {}
    skipped: str = ""


class VerdictFacts(Facts):
    """Of a blessing: the verdict.

    Attributes:
        reasons: of what failed; of all if nothing did; then remarks.
        baseline: digest of the model that was compared with.
    """

    blessed: bool
    reasons: list[str] = []
    checks: list[Check] = []
    comparison: SerializeAsAny[ComparisonFacts] | None = None
    baseline: str | None = None


class InfraVerdictFacts(Facts):
    """Of an infra blessing: whether the served model answers as the trained one.

    Attributes:
        max_difference, differences: largest ones, over all signatures and by signature; None where one is infinite.
        examples, split: that were sent.
    """

    blessed: bool
    reason: str
    tolerance: float
    engine: str
    max_difference: float | None
    differences: dict[str, float | None] = {}
    examples: int = 0
    split: str = ""


class PushedFacts(Facts):
    """Of a push.

    Attributes:
        pushed: it happened now; `already`: the newest version has the same bytes.
        path: below the workspace.
        reason: in words.
        batching: `on`, or why its requests are not merged.
        served_by: engine or address of the server that has taken it up; None where it ended meanwhile.
    """

    pushed: bool
    already: bool = False
    name: str = ""
    version: int | None = None
    path: str | None = None
    reason: str = ""
    batching: str = ""
    served_by: str | None = None
