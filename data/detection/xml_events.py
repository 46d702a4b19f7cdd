"""XML files read by their events, with lines, as large as a program writes them and never larger than they say."""

from __future__ import annotations

from collections.abc import Callable
from xml.parsers import expat


def parse_xml(data: bytes, begin: Callable[[str, dict[str, str], int], None], end: Callable[[str], None]) -> None:
    """Call `begin` with name, attributes and line of each element, and `end` with its name.

    Raises:
        ValueError: it is no xml, ends early, or declares entities; says the line.
    """
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: begin(name, attributes, parser.CurrentLineNumber)
    parser.EndElementHandler, parser.EntityDeclHandler = end, refuse_entities
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(f"line {error.lineno}: {expat.ErrorString(error.code)}") from None
    except LookupError as error:  # an encoding that is none
        raise ValueError(f"line 1: {error}") from None


def refuse_entities(*_: object) -> None:
    """Refuse what could blow a small file up to any size."""
    raise ValueError("it declares entities, which no annotation needs")
