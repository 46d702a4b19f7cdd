"""What an error advises, clause by clause: some of its settings cannot be given everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable

CLAUSE = re.compile(r"(?<=[.?;]) |, or |\n\s*")
SETTING = re.compile(r"`data\.(\w+)")


def settings_in(text: str) -> list[str]:
    """Return the settings of `data` that a text names, without the section."""
    return SETTING.findall(text)


def keep_clauses(advice: str, possible: Callable[[str], bool]) -> list[str]:
    """Return the clauses of an advice, as sentences, that name no setting but possible ones.

    Args:
        possible: told a setting of `data`, without the section.
    """
    clauses = [clause.rstrip(".;") for clause in CLAUSE.split(advice) if clause]
    kept = [clause for clause in clauses if all(possible(name) for name in settings_in(clause))]
    return [f"{clause[0].upper()}{clause[1:]}{'' if clause.endswith('?') else '.'}" for clause in kept]
