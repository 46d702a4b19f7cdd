"""A pipeline.config as the value of every field: the file's own, or the proto's default where it has none."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.detection.text_proto import Message, Scalar, parse, read_text, without_backslashes
from object_detection.pipeline_config.choices import SIZE, Choice
from object_detection.pipeline_config.fields import Field
from object_detection.pipeline_config.networks import SSD_MOBILENET_V1, Network, by_type
from object_detection.pipeline_config.other_networks import MODELS, explain_model, explain_type
from pipeline.errors import UserError, did_you_mean

KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
    "word": "a name without quotes",
}
TYPE = ("model", "ssd", "feature_extractor", "type")
ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
CHECKPOINT = ("train_config", "fine_tune_checkpoint")
LARGEST = 2**32 - 1  # whole number of the protos
BOOLEANS = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}


@dataclass(frozen=True)
class Value:
    """What a field holds.

    Attributes:
        value: a bool, int, float or str; a list of them, or of `Message`s, for a repeated field.
        line: where it stands, or where the message stands that it is missing from.
        given: the file has it; else it is the proto's default.
    """

    value: Any
    line: int
    given: bool


@dataclass(frozen=True)
class Wrong:
    """Something that stops the reading."""

    line: int
    what: str
    fix: str


@dataclass
class PipelineConfig:
    """A file that was read.

    Attributes:
        source: its name.
        network: that it describes.
        values: by path, those of alternatives that were not chosen left out.
        chosen: path of a message with alternatives -> the one that is set, and its line.
        ignored: path, line and reason of every field that has no effect here.
        wrong: what cannot be carried over.
    """

    source: str
    network: Network = SSD_MOBILENET_V1
    values: dict[str, Value] = field(default_factory=dict)
    chosen: dict[str, tuple[str, int]] = field(default_factory=dict)
    ignored: list[tuple[str, int, str]] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)

    def __getitem__(self, path: str) -> Any:
        """Return a field's value."""
        return self.values[path].value

    def stop(self, path: str, what: str, fix: str) -> None:
        """Note that a field cannot be carried over; `check` tells."""
        self.wrong.append(Wrong(self.values[path].line, f"`{path}` {what}", fix))

    def check(self) -> None:
        """Raise what was found wrong, all of it.

        Raises:
            UserError: there is something.
        """
        wrong = sorted(self.wrong, key=lambda item: item.line)
        if len(wrong) == 1:
            raise UserError(wrong[0].what, f"{self.source}, line {wrong[0].line}", wrong[0].fix)
        if wrong:
            told = "".join(f"\n  line {item.line}: {item.what} {item.fix}" for item in wrong)
            raise UserError(
                f"{len(wrong)} fields cannot be carried over.{told}", self.source, "Mend them in a copy of the file."
            )


def read_pipeline_config(path: Path) -> PipelineConfig:
    """Read a file; call `check` on the result when all of it was looked at.

    Raises:
        UserError: it cannot be read, is not in text format, or is another network's.
    """
    text = read_text(path, "The pipeline.config")
    message = parse(text, str(path))
    config = PipelineConfig(str(path), find_network(message, str(path)))
    settle(message, "", 1, config)
    return config


def find_network(message: Message, source: str) -> Network:
    """Return the network that a file describes; the first of ours where the file does not say.

    Raises:
        UserError: it is not here. What else the file says is of no use then.
    """
    for name, values in inside(message, TYPE[:1]).items():
        if name in MODELS:
            what, fix = explain_model(name)
            raise UserError(what, f"{source}, line {values[0].line}", fix)
    value = next(iter(inside(message, TYPE[:-1]).get(TYPE[-1], [])), None)
    if not isinstance(value, Scalar):
        return SSD_MOBILENET_V1
    network = by_type(str(value.value))
    if network is None:
        start = next(iter(inside(message, CHECKPOINT[:-1]).get(CHECKPOINT[-1], [])), None)
        what, fix = explain_type(str(value.value), str(start.value) if isinstance(start, Scalar) else "")
        raise UserError(what, f"{source}, line {value.line}", fix)
    return network


def inside(message: Message, path: tuple[str, ...]) -> dict[str, list[Scalar | Message]]:
    """Return the fields of a message inside others; none where there is none."""
    for name in path:
        found = next((value for value in message.fields.get(name, []) if isinstance(value, Message)), None)
        if found is None:
            return {}
        message = found
    return message.fields


def settle(message: Message | None, path: str, line: int, config: PipelineConfig) -> None:
    """Note the value of every field at and below a message; one that is missing has the proto's defaults."""
    given = dict(message.fields) if message else {}
    choice, known = config.network.choices.get(path), config.network.inside.get(path, ())
    chosen = choose(choice, given, path, line, config) if choice else None
    for name, values in given.items():
        if name not in known and (choice is None or name not in choice.refused):
            shown = join(path, name)
            near, _, listed = did_you_mean(name, [*known, *(choice.refused if choice else ())]).partition("? ")
            config.wrong.append(Wrong(values[0].line, f"There is no field `{shown}`.", f"{near}?" if listed else near))
    for name in known:
        values = given.get(name, [])
        if choice is not None and name in choice.taken and name != chosen:
            continue
        inner = join(path, name)
        item = config.network.fields.get(inner)
        if item is not None:
            read_field(item, inner, values, line, config)
            if item.kind != "empty":
                continue
        if len(values) > 1:
            config.wrong.append(
                Wrong(values[1].line, f"`{inner}` stands here a second time.", "Leave one of them out.")
            )
        value = values[0] if values else None
        if isinstance(value, Scalar):
            config.wrong.append(Wrong(value.line, f"`{inner}` is no message.", f"Write `{name} {{ ... }}`."))
            continue
        settle(value, inner, line if value is None else value.line, config)


def choose(choice: Choice, given: dict[str, Any], path: str, line: int, config: PipelineConfig) -> str | None:
    """Return which alternative of a message is set."""
    found = [name for name in given if name in choice.taken or name in choice.refused]
    for name in found:
        if name in choice.refused:
            fix = choice.refused[name].replace(SIZE, f"{size_of(given[name][0], config.network)}")
            config.wrong.append(Wrong(given[name][0].line, f"`{join(path, name)}` cannot be had here.", fix))
    if not found and choice.needed:
        some = "` or `".join(choice.taken)
        config.wrong.append(Wrong(line, f"`{path}` is missing or empty.", f"Add `{some}`."))
    if len(found) > 1:
        config.wrong.append(Wrong(given[found[1]][0].line, f"`{path}` has {len(found)} alternatives.", "Leave one."))
    taken = [name for name in found if name in choice.taken]
    if taken:
        config.chosen[path] = (taken[0], given[taken[0]][0].line)
    return taken[0] if taken else None


def size_of(resizer: Any, network: Network) -> int:
    """Return the size that a resizer with two sides would become here: its larger side, as far as that can be had."""
    given = inside(Message(0, {"": [resizer]}), ("",)).get("max_dimension", [])
    usual = network.fields["model.ssd.image_resizer.fixed_shape_resizer.height"].default
    size = given[0].value if given and isinstance(given[0], Scalar) and isinstance(given[0].value, int) else usual
    return network.nearest_size(size)


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def read_field(item: Field, path: str, values: list[Any], line: int, config: PipelineConfig) -> None:
    """Note a field's value, or what is wrong with it."""
    if item.kind == "empty":
        return
    if item.kind == "any":
        if values and item.refused:
            config.wrong.append(Wrong(values[0].line, f"`{path}` cannot be had here.", item.refused))
        elif values:
            config.ignored.append((path, values[0].line, item.ignored))
        return
    line = values[0].line if values else line
    if len(values) > 1 and not item.repeated:
        config.wrong.append(Wrong(values[1].line, f"`{path}` stands here a second time.", "Leave one of them out."))
    read = []
    for value in values:
        try:
            read.append(convert(value, item.kind))
            check_escapes(value, path, config)
        except ValueError:
            shown = f"`{value.value}`" if isinstance(value, Scalar) else "a message"
            what = f"`{path}` must be {KINDS.get(item.kind, 'a message')}, not {shown}."
            config.wrong.append(Wrong(value.line, what, "Mend the line."))
            read.append(item.default)
    if item.repeated:
        config.values[path] = Value(read or list(item.default), line, bool(values))
        return
    value = read[0] if read else item.default
    config.values[path] = Value(value, line, bool(values))
    if item.only and not any(same(value, allowed) for allowed in item.only):
        allowed = " or ".join(show(one) for one in item.only if one != "")
        left_out = "" if values else " as it is left out"
        fix = (
            item.refused
            or f"Here it is {allowed}: set `{path.rpartition('.')[2]}: {show(item.only[0])}` if that will do."
        )
        config.wrong.append(Wrong(line, f"`{path}` is {show(value)}{left_out}, which cannot be had here.", fix))


def convert(value: Scalar | Message, kind: Any) -> Any:
    """Return what a file has, as the proto's kind.

    Raises:
        ValueError: it is of another kind.
    """
    if kind == "message":
        if isinstance(value, Message):
            return value
        raise ValueError
    if isinstance(value, Message):
        raise ValueError
    if kind is bool and value.word and value.value in BOOLEANS:
        return BOOLEANS[str(value.value)]
    if kind is bool and not value.word and value.value in (0, 1):
        return bool(value.value)
    if kind is int and isinstance(value.value, int) and abs(value.value) <= LARGEST:
        return value.value
    if kind is float and isinstance(value.value, (int, float)) and abs(value.value) <= LARGEST:  # no infinity, no nan
        return shortest(float(value.value))
    if (kind is str and isinstance(value.value, str) and not value.word) or (kind == "word" and value.word):
        return value.value
    raise ValueError


def shortest(value: float) -> float:
    """Return the number with the fewest digits that the protos, which keep seven of them, hold for the same."""
    stored = struct.pack("f", value)
    candidates = (float(f"{value:.{digits}g}") for digits in range(1, 9))
    return next((found for found in candidates if struct.pack("f", found) == stored), value)


def check_escapes(value: Scalar | Message, path: str, config: PipelineConfig) -> None:
    """Note a text in which a backslash of a path became something else: a tab, a line's end, a letter by its number."""
    written = value.written if isinstance(value, Scalar) else ""
    for octal, hexadecimal, letter in ESCAPE.findall(written):
        number = int(octal, 8) if octal else int(hexadecimal, 16) if hexadecimal else 128
        if letter in tuple("abfnrtv") or number < 128:
            what = f"`{path}` has single backslashes in it, which are escapes: `{written}`."
            config.wrong.append(Wrong(value.line, what, without_backslashes(written)))
            return


def same(value: Any, allowed: Any) -> bool:
    """Tell whether two values are equal, numbers as closely as a file tells them."""
    if isinstance(value, float) and isinstance(allowed, float):
        return math.isclose(value, allowed, rel_tol=1e-6)
    return bool(value == allowed)


def show(value: Any) -> str:
    """Write a value as a pipeline.config has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return value if value.isupper() else f'"{value}"'
    return f"{value:g}" if isinstance(value, float) else str(value)
