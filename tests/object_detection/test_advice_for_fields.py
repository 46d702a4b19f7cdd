"""Every field of which one value can be had stops at another one, with its line and with advice that works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.recipes import load
from object_detection.pipeline_config.networks import NETWORKS, Network
from object_detection.pipeline_config.writing import pipeline_config
from pipeline.errors import UserError
from tests.support.old_configs import values_of

OTHERS = {"true": "false", "false": "true"}
TYPE = "model.ssd.feature_extractor.type"


def every_field(network: Network) -> list[str]:
    """Return the lines of a configuration with every field of a network written out."""
    overrides = [f"trainer.network={network.name}", "trainer.options.width=1.0"]
    values = {key: value for key, (value, _) in load("object_detection", overrides).values.items()}
    return pipeline_config(values, 3).splitlines()


def paths(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the number of each line that has a field without others in it, and the field's path."""
    around: list[str] = []
    for number, line in enumerate(lines):
        if line.endswith("{"):
            around.append(line.split()[0])
        elif line.strip() == "}":
            around.pop()
        elif ":" in line and not line.startswith("#"):
            yield number, ".".join([*around, line.partition(":")[0].strip()])


def other(value: str, allowed: list[str]) -> str:
    """Return a value of the same kind that is none of those allowed."""
    if value in OTHERS:
        return OTHERS[value]
    if re.fullmatch(r"[A-Z_0-9]+", value) and not value.isdigit():
        return "ANOTHER"
    numbers = ("7", "5") if re.fullmatch(r"-?\d+", value) else ("0.7", "0.6")
    return next(number for number in numbers if number not in allowed)


@pytest.mark.parametrize("network", NETWORKS, ids=[network.name for network in NETWORKS])
def test_the_advice_at_a_field_of_one_value_works(network: Network, tmp_path: Path) -> None:
    lines, path, tried = every_field(network), tmp_path / "pipeline.config", 0
    path.write_text("\n".join(lines), "utf-8")
    values_of(path)
    for number, name in list(paths(lines)):
        item = network.fields[name]
        if not item.only or name == TYPE or (isinstance(item.only[0], str) and "checkpoint_type" in name):
            continue
        key, value = (part.strip() for part in lines[number].split(":", 1))
        changed = [*lines]
        changed[number] = f"{key}: {other(value, [str(allowed) for allowed in item.only])}"
        path.write_text("\n".join(changed), "utf-8")
        with pytest.raises(UserError, match=re.escape(f"`{name}` is")) as error:
            values_of(path)
        assert error.value.where.endswith(f", line {number + 1}"), name
        advice = re.findall(r"set `([^`]*)`", error.value.fix)
        changed[number] = advice[0] if advice else lines[number]
        assert advice or item.refused, name
        path.write_text("\n".join(changed), "utf-8")
        values_of(path)
        tried += 1
    assert tried > 30


@pytest.mark.parametrize("network", NETWORKS, ids=[network.name for network in NETWORKS])
def test_a_misspelt_field_anywhere_is_told_with_its_line_and_its_right_name(network: Network, tmp_path: Path) -> None:
    lines, path = every_field(network), tmp_path / "pipeline.config"
    for number, name in list(paths(lines)):
        key = name.rpartition(".")[2]
        changed = [*lines]
        changed[number] = lines[number].replace(f"{key}:", f"{key[:-1]}x:", 1)
        path.write_text("\n".join(changed), "utf-8")
        with pytest.raises(UserError) as error:
            values_of(path)
        told = str(error.value)
        assert f"line {number + 1}" in told
        assert f"There is no field `{name[:-1]}x`" in told or "There is no augmentation" in told
        assert re.search(r"Did you mean `\w+`\?", told), name


def test_a_value_that_is_left_out_is_added_as_it_is_advised(tmp_path: Path) -> None:
    """Where the proto's default cannot be had."""
    for network in NETWORKS:
        lines, path, tried = every_field(network), tmp_path / "pipeline.config", 0
        for number, name in list(paths(lines)):
            item = network.fields[name]
            if not item.only or item.default in item.only or name == TYPE:
                continue
            shorter = [line for place, line in enumerate(lines) if place != number]
            path.write_text("\n".join(shorter), "utf-8")
            with pytest.raises(UserError, match="as it is left out") as error:
                values_of(path)
            advice = re.findall(r"set `([^`]*)`", error.value.fix)
            place = int(error.value.where.rpartition(" ")[2])
            assert shorter[place - 1].endswith("{"), "the message that it belongs into"
            shorter.insert(place, advice[0] if advice else lines[number])
            path.write_text("\n".join(shorter), "utf-8")
            values_of(path)
            tried += 1
        assert tried > 3
