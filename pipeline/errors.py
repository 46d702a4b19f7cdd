"""Errors that tell the user what is wrong, where, and how to put it right."""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable
from pathlib import Path

EXIT_INPUT, EXIT_USAGE, EXIT_ANOMALIES, EXIT_NOT_BLESSED, EXIT_INTERNAL, EXIT_INTERRUPTED = 1, 2, 3, 4, 70, 130

LONG_TEXT, LONG_WORD, FEW_NAMES = 400, 60, 12  # characters of a text that is looked at and of a cell; names in a list


class UserError(Exception):
    """Something the user can mend.

    Args:
        what: one sentence in the user's words.
        where: the file, line or recipe key it concerns; empty if nowhere in particular.
        fix: how to put it right.
    """

    exit_status = EXIT_INPUT

    def __init__(self, what: str, where: str = "", fix: str = "") -> None:
        super().__init__(what, where, fix)
        self.what, self.where, self.fix = shortened(what), where, shortened(fix)

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix:   {self.fix}")
        return "\n".join(lines)


class FactsError(UserError):
    """An artifact that does not say of itself what is needed."""


class UsageError(UserError):
    """The command line or a recipe key is wrong."""

    exit_status = EXIT_USAGE


class DataStopped(UserError):
    """The data checks found an anomaly that the recipe does not tolerate."""

    exit_status = EXIT_ANOMALIES


class NotBlessed(UserError):
    """`--require-blessing` was given and the model was not blessed."""

    exit_status = EXIT_NOT_BLESSED


def shortened(text: str) -> str:
    """Return a text whose quoted cells and lists of names are no longer than one reads; settings stay whole."""
    if len(text) < LONG_TEXT:
        return text

    def cut(found: re.Match[str]) -> str:
        words = found[1]
        return found[0] if re.match(r"data\.|labline |--", words) else f"`{words[:LONG_WORD]} ...`"

    def few(found: re.Match[str]) -> str:
        names = re.findall(r"`[^`\n]*`", found[0])
        return f"{', '.join(names[:FEW_NAMES])} and {len(names) - FEW_NAMES:,} more"

    names = rf"(?:`[^`\n]*`, ){{{2 * FEW_NAMES},}}`[^`\n]*`"
    return re.sub(names, few, re.sub(rf"`([^`\n]{{{2 * LONG_WORD},}})`", cut, text))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a sentence that suggests the nearest of `names` and lists them all."""
    known = sorted(names)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    listed = ", ".join(f"`{item}`" for item in known) or "none"
    suggestion = f"Did you mean `{near[0]}`? " if near else ""
    return f"{suggestion}There are: {listed}."


def explain_os_error(error: OSError, path: Path | str = "") -> UserError:
    """Translate a failed system call into what, where and how."""
    where = str(error.filename or path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            "The disk is full.",
            where,
            "Free some space and run the same command again: finished steps are kept and reused.",
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return UserError(
            f"No permission: {error.strerror}.",
            where,
            "Give permission to read or write it, or choose another folder with --workspace.",
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return UserError("A file stands where a folder is needed.", where, "Move it away, or name another folder.")
    return UserError(f"{error.strerror or error}.", where)


def install_extra(extra: str) -> str:
    """Say how packages that are not always installed come in: some need versions forced, which pip alone cannot do."""
    return f"In the folder of labline's source, type `sh bootstrap.sh {extra}`; `dev` brings all but `gpu`."
