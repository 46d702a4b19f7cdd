"""Follows what errors advise, to the letter: each advice must lead on, to success or to another error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import typer

from components.recipes import load
from components.tasks import find_task
from labline.cli.data_check import show_data_check, task_of_data
from labline.cli.main import app
from pipeline.errors import UserError
from pipeline.progress import Progress

QUOTED = re.compile(r"`([^`]+)`( to \d+| below \d+)?")
KEY = re.compile(r"[a-z_]+(\.[a-z_0-9]+)+")
CLAUSE = re.compile(r"; |\. |\n|,? or (?=name|set|the|have|correct|leave|say|`)|: (?=`)")
IN_QUOTES = re.compile(r"^([a-z_.]+)='(.*)'$")
EXAMPLE = re.compile("such as `([a-z_.]+=[^`]+)`")
TAKEN_BACK = re.compile("(?i)leave out `[^`]+`")  # what was set before
MISTYPED = re.compile("Unknown key `([^`]+)`")
DEEP = 4  # advices followed one after the other
Look = Callable[[list[str]], UserError | None]
NOT_HERE = "not here"
ELSEWHERE = {"data.path"}  # the data themselves


def look_at_data(arguments: list[str]) -> UserError | None:
    """Return the error that `labline data check` ends with; None if a run could use the data."""
    try:
        show_data_check(arguments[0], arguments[1:], "auto", as_json=True)
    except UserError as error:
        return error
    return None


def look_at_photos(arguments: list[str]) -> UserError | None:
    """Return the error of data of images, or one made of the findings that would stop a run."""
    task = task_of_data(arguments[0], arguments[1:])
    try:
        data = load(task, [f"data.path={arguments[0]}", *arguments[1:]]).recipe
        found = find_task(task).data_check.inspect(data.data, data.validation, Progress(quiet=True))
    except UserError as error:
        return error
    wrong = [item for item in found["findings"] if item["severity"] == "error"]
    if not found["stops"]:
        return None
    return UserError(", ".join(item["name"] for item in wrong), "", " ".join(item["description"] for item in wrong))


def settle_recipe(arguments: list[str]) -> UserError | None:
    """Return the error that `labline run` ends with before its first step."""
    try:
        load(arguments[0], arguments[1:])
    except UserError as error:
        return error
    return None


@dataclass(frozen=True)
class Case:
    """An input whose error advises something.

    Attributes:
        name: for the test's own name.
        make: writes the input into an empty folder, and returns the arguments of the command.
        choices: key -> value that a person would give where the advice leaves it open; NOT_HERE where its `if` does
            not hold.
        ends_well: whether some of what is advised must lead to success.
        look: returns the error of some arguments.
    """

    name: str
    make: Callable[[Path], list[str]]
    choices: Mapping[str, str] = field(default_factory=dict)
    ends_well: bool = True
    look: Look = look_at_data


def check_case(case: Case, folder: Path) -> None:
    """Follow all that is advised, one after the other.

    Raises:
        AssertionError: an advice changes nothing, leads in a circle, names what there is not, or leads nowhere.
    """
    arguments = case.make(folder)
    first = case.look(arguments)
    assert first is not None, "this input has no error, so nothing is advised"
    good = follow(case, arguments, first, (first.what,))
    assert good or not case.ends_well, f"nothing that is advised leads to success:\n{first}"


def follow(case: Case, arguments: list[str], error: UserError, seen: tuple[str, ...]) -> bool:
    """Follow each way out that an error advises; say whether one of them leads to success."""
    good = False
    for settings in ways_out(error, case.choices):
        way = f"`{' '.join(settings)}` is advised after {' '.join(arguments[1:]) or 'nothing'}:\n{error}"
        literal = all(f"`{setting}`" in str(error) for setting in settings)
        if set(settings) <= set(arguments):
            assert not literal, f"it is set already: {way}"
            continue  # something is to be corrected, and the case knows one value of it
        changed = apply(settings, arguments)
        found = case.look(changed)
        if found is None:
            good = True
            continue
        assert found.what not in seen, f"it leads back to an error that was there: {way}"
        assert not found.what.startswith("Unknown key"), f"it is unknown: {way}"
        if len(seen) < DEEP:
            good = follow(case, changed, found, (*seen, found.what)) or good
    return good


def apply(settings: tuple[str, ...], arguments: list[str]) -> list[str]:
    """Return arguments with some settings, or with a key put right."""
    wrong, mistyped, right = settings[0].partition("->")
    if mistyped:
        return [re.sub(rf"^{re.escape(wrong)}(?=[.=])", right, item) for item in arguments]
    settings = tuple(IN_QUOTES.sub(r"\1=\2", setting) for setting in settings)  # as the shell reads what is pasted
    keys = {setting.partition("=")[0] for setting in settings}
    if keys == {"data.path"}:
        return [settings[0].partition("=")[2], *arguments[1:]]
    return [item for item in arguments if item.partition("=")[0] not in keys] + list(settings)


def ways_out(error: UserError, choices: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return what an error advises: settings that stand together with `and` are given together.

    Raises:
        AssertionError: a value is left open, and the case does not choose one; or there is no such command.
    """
    if mistyped := MISTYPED.match(error.what):
        meant = re.match("Did you mean `([^`]+)`", error.fix)
        assert meant, f"the key that was meant is not told:\n{error}"
        return [(f"{mistyped[1]}->{meant[1]}",)]
    ways: dict[tuple[str, ...], None] = {(found[1],): None for found in EXAMPLE.finditer(error.what)}
    for clause in CLAUSE.split(error.fix):
        settings = list(dict.fromkeys(settings_of(clause, error, choices)))
        together = " and " in clause
        ways |= dict.fromkeys([tuple(settings)] if together and settings else [(item,) for item in settings])
    return list(ways)


def settings_of(clause: str, error: UserError, choices: Mapping[str, str]) -> Iterator[str]:
    """Yield the settings that a clause advises, and check that its commands and options are there."""
    for quoted, limit in QUOTED.findall(TAKEN_BACK.sub("", clause)):
        key, equals, _ = quoted.partition("=")
        if quoted.startswith(("labline ", "--")):
            check_command(quoted)
        elif not KEY.fullmatch(key) or (key in ELSEWHERE and not equals):
            continue
        elif equals and not quoted.endswith("="):
            yield quoted
        elif limit:
            yield f"{key}={int(limit.split()[-1]) - limit.startswith(' below')}"
        elif key in choices:
            yield from [f"{key}={choices[key]}"] if choices[key] != NOT_HERE else []
        elif f"`{key}=" not in error.fix:
            raise AssertionError(f"the value of `{key}` is left open, and the case chooses none:\n{error}")


def check_command(text: str) -> None:
    """Check that a command, or an option of any command, is there."""
    group = typer.main.get_command(app)
    words = text.split()
    if words[0] != "labline":
        known = {option for command in commands(group) for item in command.params for option in item.opts}
        assert words[0] in known, f"there is no option {words[0]}"
        return
    for word in words[1:]:
        inner = getattr(group, "commands", {})
        if not inner:
            return
        assert word in inner, f"there is no command `{text}`"
        group = inner[word]


def commands(group: object) -> list:  # type: ignore[type-arg]
    """List a command and all below it."""
    return [group, *(one for inner in getattr(group, "commands", {}).values() for one in commands(inner))]
