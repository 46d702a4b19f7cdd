"""Own policies: which versions `labline` chose to serve, told apart from what somebody wrote into models.config."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Policy = Literal["latest", "all", "specific"]


@dataclass(frozen=True)
class OwnPolicy:
    """What was last written for a model, and why.

    Attributes:
        newest: how many of the highest versions serve.
        policy: what stands in models.config, by which it is known again: `latest` with `newest`, or `specific` with
            `versions`.
        rolled_back: no version above this one serves; 0: any may.
        replaced: a policy written by hand, as text, which comes back when the rollback ends.
        labels: where labels that the rollback moved pointed before.
    """

    newest: int
    policy: Policy = "latest"
    versions: tuple[int, ...] = ()
    rolled_back: int = 0
    replaced: str = ""
    labels: dict[str, int] = field(default_factory=dict)

    def choose(self, on_disk: set[int], labelled: set[int]) -> tuple[int, ...]:
        """Return the versions that serve: the newest that may, and those that a label points to."""
        allowed = sorted(number for number in on_disk if not self.rolled_back or number <= self.rolled_back)
        return tuple(sorted({*allowed[-self.newest :], *(labelled & on_disk)}))


def apply_policy(entry: Any, own: OwnPolicy, on_disk: set[int], more: set[int] | None = None) -> OwnPolicy:
    """Write a model's policy into its entry of models.config: `latest` where that lets newer versions be taken up.

    Args:
        more: versions that serve besides, for now.
    """
    chosen = own.choose(on_disk, {*entry.version_labels.values(), *(more or ())})
    policy = entry.model_version_policy
    policy.Clear()
    if own.rolled_back or len(chosen) > own.newest:
        policy.specific.versions.extend(chosen)
        return dataclasses.replace(own, policy="specific", versions=chosen)
    policy.latest.num_versions = own.newest
    return dataclasses.replace(own, policy="latest", versions=())


def is_own(own: OwnPolicy, entry: Any) -> bool:
    """Say whether an entry's policy is still the one that `apply_policy` put there."""
    policy, newest, versions = policy_of(entry)
    return policy == own.policy and (newest == own.newest if policy == "latest" else versions == own.versions)


def policy_of(entry: Any) -> tuple[Policy, int, tuple[int, ...]]:
    """Return an entry's policy, with the number of newest versions or the versions themselves."""
    policy = entry.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return "all", 1, ()
    if choice == "specific":
        return "specific", 1, tuple(policy.specific.versions)
    return "latest", policy.latest.num_versions if choice == "latest" else 1, ()


def read_own_policies(file: Path) -> dict[str, OwnPolicy]:
    """Return the policies that were written by us; where that cannot be read, every policy counts as the user's."""
    try:
        return {name: own_policy(value) for name, value in json.loads(file.read_text("utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def own_policy(value: Any) -> OwnPolicy:
    """Read one; the first workspaces kept the number of newest versions only."""
    if isinstance(value, int):
        return OwnPolicy(value)
    return OwnPolicy(**{**value, "versions": tuple(value["versions"])})


def dump_own_policies(own: dict[str, OwnPolicy]) -> str:
    return json.dumps({name: dataclasses.asdict(policy) for name, policy in own.items()}, sort_keys=True) + "\n"
