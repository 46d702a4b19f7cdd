"""Numbers functions of a SavedModel anew, so that the same network exported at any time gives the same bytes.

TensorFlow numbers the functions that it traces through the life of a process, so their names and their order in the
file say what else the process has done: a run that was killed before its export would end in other bytes than one that
was not.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tensorflow.core.protobuf import saved_model_pb2

GIVEN = "_user_specified_name"  # of what a function takes from around it: a number as above
NUMBERED = re.compile(r"(.*_)(\d+)")
# an argument of a loop's condition, called by its number
UNUSED = re.compile(r"(.*_)(\d+)(___redundant_placeholder\d+)")


def renumber_functions(file: Path) -> None:
    """Rewrite a `saved_model.pb` with its functions numbered from 0 as they were traced, and sorted by name."""
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for meta_graph in model.meta_graphs:
        names = new_names([function.signature for function in meta_graph.graph_def.library.function])
        rename(meta_graph, names | {old.encode(): new.encode() for old, new in names.items()})
        for function in meta_graph.graph_def.library.function:
            for holder in (*function.arg_attr.values(), *function.node_def):
                if GIVEN in holder.attr and holder.attr[GIVEN].s.isdigit():
                    holder.attr[GIVEN].s = b"captured"
        meta_graph.graph_def.library.function.sort(key=lambda function: function.signature.name)
        meta_graph.graph_def.library.gradient.sort(key=lambda gradient: gradient.function_name)
    file.write_bytes(model.SerializeToString(deterministic=True))


def new_names(signatures: list[Any]) -> dict[Any, Any]:
    """Return the new names of functions and arguments that hold a number; numbers that several share stay shared."""
    found = [NUMBERED.fullmatch(item.name) for item in signatures]
    found += [UNUSED.fullmatch(argument.name) for item in signatures for argument in item.input_arg]
    parts = [match for match in found if match]
    numbers = {number: str(place) for place, number in enumerate(sorted({int(match[2]) for match in parts}))}
    return {match[0]: match[1] + numbers[int(match[2])] + "".join(match.groups()[2:]) for match in parts}


def rename(message: Any, names: dict[Any, Any]) -> None:
    """Replace every text of a protocol buffer, and of all within it, that is one of the old names."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            rename_map(value, field.message_type.fields_by_name["value"].message_type is not None, names)
        elif field.label == field.LABEL_REPEATED:
            if field.message_type is not None:
                for item in value:
                    rename(item, names)
            elif field.cpp_type == field.CPPTYPE_STRING and any(item in names for item in value):
                value[:] = [names.get(item, item) for item in value]
        elif field.message_type is not None:
            rename(value, names)
        elif field.cpp_type == field.CPPTYPE_STRING and value in names:
            setattr(message, field.name, names[value])


def rename_map(entries: Any, of_messages: bool, names: dict[Any, Any]) -> None:
    """Do the same in a map, its keys included."""
    for key in list(entries):
        if of_messages:
            rename(entries[key], names)
        elif entries[key] in names:
            entries[key] = names[entries[key]]
    moved = {key: entries[key] for key in list(entries) if key in names}
    if of_messages:
        moved = {key: type(value).FromString(value.SerializeToString()) for key, value in moved.items()}
    for key in moved:
        del entries[key]
    for key, value in moved.items():
        if of_messages:
            entries[names[key]].CopyFrom(value)
        else:
            entries[names[key]] = value
