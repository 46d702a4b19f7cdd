"""Components: functions with typed artifact inputs, `Out[...]` outputs and settings.

Called on its own a component is the plain function it was written as, so a test needs no framework. Called inside a
pipeline function it becomes a step of the graph, and a wrong wire is refused there, before anything runs.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Protocol, TypeVar

from pipeline.artifacts import Artifact
from pipeline.errors import UsageError, did_you_mean
from pipeline.progress import Progress
from pipeline.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Output:
    """Marks an artifact parameter that the component writes."""


Out = Annotated[T, Output()]


@dataclass
class Context:
    """What a component may know of the run around it.

    Attributes:
        workspace: the workspace's folder.
        run: the run's name.
        recipe: the recipe's name.
        scratch: a folder that survives a kill: the next run of the same step finds what was written there, and it
            goes when the step is sealed. Checkpoints belong here.
        logs: folder for TensorBoard logs, the same one before and after a kill.
        progress: where to report to the user.
    """

    workspace: Path
    run: str
    recipe: str
    scratch: Path
    logs: Path
    progress: Progress

    @classmethod
    def standalone(cls, folder: Path) -> Context:
        """Make a context for calling a component outside a run, as tests do."""
        context = cls(folder, "standalone", "standalone", folder / "scratch", folder / "logs", Progress(quiet=True))
        context.scratch.mkdir(parents=True, exist_ok=True)
        context.logs.mkdir(parents=True, exist_ok=True)
        return context


@dataclass(frozen=True)
class SourceTree:
    """The user's files that a component reads.

    Attributes:
        root: names in the fingerprint are relative to it, so moving the data reruns nothing.
        files: the files, anywhere below the root.
    """

    root: Path
    files: list[Path]


class PipelineTask(Protocol):
    """What the framework asks of the task of a recipe."""

    @property
    def name(self) -> str: ...

    def module_of(self, part: str) -> str:
        """Return the name of the module that does a part of a component."""

    def packages_of(self, part: str) -> tuple[str, ...]:
        """Return the packages whose versions belong to the part's fingerprint."""

    def prepare_process(self) -> None:
        """Make the process ready, before the first step."""


@dataclass(frozen=True)
class Signature:
    """A component's parameters by role; names keep the order of the function."""

    inputs: dict[str, type[Artifact]]
    optional: frozenset[str]
    outputs: dict[str, type[Artifact]]
    settings: dict[str, type[Settings]]
    context: str | None


@dataclass(frozen=True)
class Spec:
    """A component as the runner sees it."""

    name: str
    function: Callable[..., None]
    requires: tuple[str, ...]
    always: bool
    part: str
    sources: Callable[..., list[SourceTree]] | None
    prepare: Callable[..., None] | None
    signature: Signature


@dataclass(eq=False)
class Node:
    """One step of a pipeline: a component and where its arguments come from."""

    spec: Spec
    inputs: dict[str, Wire | None]
    settings: dict[str, Settings]


@dataclass(frozen=True, eq=False)
class Wire:
    """An artifact that a step will write or that the metadata store will be asked for."""

    kind: type[Artifact]
    node: Node | None = None
    output: str = ""
    resolver: str = ""
    of: Wire | None = None


@dataclass
class Graph:
    """The steps of a pipeline in the order they were called."""

    nodes: list[Node] = field(default_factory=list)


_graph: contextvars.ContextVar[Graph | None] = contextvars.ContextVar("graph", default=None)


@contextmanager
def building() -> Iterator[Graph]:
    """Collect the components called inside the block into a graph instead of running them."""
    token = _graph.set(Graph())
    try:
        graph = _graph.get()
        assert graph is not None
        yield graph
    finally:
        _graph.reset(token)


def component(
    *,
    requires: list[str] | None = None,
    always: bool = False,
    part: str = "",
    sources: Callable[..., list[SourceTree]] | None = None,
    prepare: Callable[..., None] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., Any]]:
    """Make a pipeline step of a function.

    Args:
        requires: packages whose versions belong to the fingerprint, by distribution name.
        always: run it even if nothing changed, because what it touches lies outside the artifacts.
        part: the part of the run's task that does what differs between tasks; its code and its packages belong to the
            fingerprint too.
        sources: given the settings by parameter name and `progress`, finds (and downloads, if need be) the user's files
            that the component reads. Without it they are the files that settings marked `SourceFile` name.
        prepare: given the same, finds what the component will read besides artifacts before the first step of a run, so
            that what is not to be had is told at once.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **keywords: Any) -> Any:
            graph = _graph.get()
            if graph is None:
                return function(*arguments, **keywords)
            return add_node(graph, spec_of(call), arguments, keywords)

        call.component = (function, tuple(requires or ()), always, part, sources, prepare)  # type: ignore[attr-defined]
        return call

    return decorate


@functools.cache
def spec_of(call: Callable[..., Any]) -> Spec:
    """Return the spec of a decorated function; its annotations are resolved here, when they are first needed."""
    function, requires, always, part, sources, prepare = call.component  # type: ignore[attr-defined]
    signature = read_signature(function)
    return Spec(function.__name__, function, requires, always, part, sources, prepare, signature)


def read_signature(function: Callable[..., None]) -> Signature:
    """Sort a component's parameters into inputs, outputs, settings and context.

    Raises:
        UsageError: a parameter is none of these.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    inputs: dict[str, type[Artifact]] = {}
    outputs: dict[str, type[Artifact]] = {}
    settings: dict[str, type[Settings]] = {}
    optional, context = set(), None
    for name in inspect.signature(function).parameters:
        hint = hints.get(name)
        members = typing.get_args(hint)
        if typing.get_origin(hint) is Annotated and any(isinstance(item, Output) for item in members[1:]):
            outputs[name] = members[0]
        elif hint is Context:
            context = name
        elif NoneType in members:
            inputs[name] = next(item for item in members if item is not NoneType)
            optional.add(name)
        elif isinstance(hint, type) and issubclass(hint, Artifact):
            inputs[name] = hint
        elif isinstance(hint, type) and issubclass(hint, Settings):
            settings[name] = hint
        else:
            raise UsageError(
                f"Component `{function.__name__}`: parameter `{name}` is {hint}.",
                inspect.getsourcefile(function) or "",
                "Annotate it with an artifact type, Out[an artifact type], a Settings class or Context.",
            )
    return Signature(inputs, frozenset(optional), outputs, settings, context)


def add_node(graph: Graph, spec: Spec, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Check a call's wires, append it to the graph and return wires for its outputs."""
    signature = spec.signature
    outside = [*signature.outputs, signature.context]
    names = [name for name in inspect.signature(spec.function).parameters if name not in outside]
    if len(arguments) > len(names):
        raise UsageError(f"`{spec.name}` takes {len(names)} arguments ({', '.join(names)}), not {len(arguments)}.")
    given = dict(zip(names, arguments, strict=False))
    if doubled := sorted(given.keys() & keywords.keys()):
        raise UsageError(f"`{spec.name}` is given `{doubled[0]}` twice.")
    given |= keywords
    if unknown := sorted(given.keys() - set(names)):
        raise UsageError(f"`{spec.name}` has no argument `{unknown[0]}`.", fix=did_you_mean(unknown[0], names))
    node = Node(spec, {}, {})
    for name in names:
        value = given.get(name)
        if name in signature.settings:
            node.settings[name] = check_settings(spec, name, value)
        else:
            node.inputs[name] = check_wire(spec, name, value)
    graph.nodes.append(node)
    wires = tuple(Wire(kind, node, output) for output, kind in signature.outputs.items())
    return wires[0] if len(wires) == 1 else wires


def check_settings(spec: Spec, name: str, value: Any) -> Settings:
    """Refuse settings of another class than the component declares."""
    wanted = spec.signature.settings[name]
    if not isinstance(value, wanted):
        raise UsageError(f"`{spec.name}` needs `{name}`: a {wanted.__name__}, not {type(value).__name__}.")
    return value


def check_wire(spec: Spec, name: str, value: Any) -> Wire | None:
    """Refuse an input that is missing, no artifact, or of another type than the component declares."""
    wanted = spec.signature.inputs[name]
    if value is None:
        if name in spec.signature.optional:
            return None
        raise UsageError(f"`{spec.name}` needs `{name}`: the {wanted.__name__} of another component.")
    if not isinstance(value, Wire):
        raise UsageError(
            f"`{spec.name}` needs `{name}`: a {wanted.__name__} of another component, not {type(value).__name__}."
        )
    if not issubclass(value.kind, wanted):
        source = value.node.spec.name if value.node else value.resolver
        raise UsageError(
            f"`{spec.name}` needs `{name}`: a {wanted.__name__}, not the {value.kind.__name__} of `{source}`."
        )
    return value


def earlier(of: Any) -> Any:
    """Ask for the newest artifact of the same type and recipe that was sealed before `of`; none on the first run."""
    return Wire(of.kind, resolver="earlier", of=of)


def latest_blessed(model: Any) -> Any:
    """Ask for the newest blessed model that served under the same name when `model` was first judged.

    There is none before the first.
    """
    return Wire(model.kind, resolver="latest_blessed", of=model)
