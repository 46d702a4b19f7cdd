"""Fingerprints: what a step's result depends on, and in words what changed since the last time."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.metadata
import inspect
import json
import os
import platform
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts import hash_file
from pipeline.component import Node, PipelineTask, SourceTree, Spec
from pipeline.metadata import MetadataStore, key_of, stamp
from pipeline.settings import ROOT, ModuleIn, NotFingerprinted, Settings, SourceFile, markers

# The framework itself is left out: it moves artifacts about, it does not change what stands in them.
CODE_FOLDERS = ("components", "data", "serving", "object_detection")
UNREADABLE = "unreadable:"
# settings, whose values count by themselves, and the faces of tasks, which only say where the code of a step stands
WITHOUT_CODE = ("config.py", "task.py")
LISTED_SOURCES = 2000  # so many source files are remembered by name, to say which of them changed


@dataclass(frozen=True)
class Fingerprint:
    """The five things a result depends on.

    Attributes:
        code: file -> hash of its syntax tree without docstrings, so comments and layout do not count.
        config: dotted recipe key -> value, as far as the component sees it.
        inputs: parameter -> content digest of the artifact; empty where an optional one is absent.
        source: `digest`, `count`, `bytes` of the user's files and, for up to 2,000 of them, `files`: name -> hash.
        environment: package -> version.
    """

    code: dict[str, str]
    config: dict[str, Any]
    inputs: dict[str, str]
    source: dict[str, Any]
    environment: dict[str, str]

    @property
    def value(self) -> str:
        """The fingerprint proper: 64 hexadecimal digits."""
        parts = asdict(self)
        parts["source"] = {key: parts["source"][key] for key in ("digest",) if key in parts["source"]}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def fingerprint(
    node: Node,
    inputs: dict[str, str],
    sections: dict[str, str],
    store: MetadataStore,
    progress: Any,
    task: PipelineTask | None = None,
) -> Fingerprint:
    """Work out the fingerprint of a step.

    Args:
        inputs: parameter -> content digest.
        sections: parameter of settings -> the recipe's section that it is.
        task: the recipe's task, whose part of the component counts too.
    """
    part = task.module_of(node.spec.part) if task and node.spec.part else ""
    return Fingerprint(
        code=code_of(node.spec, node.settings.values(), store, part),
        config=config_of({sections[name]: settings for name, settings in node.settings.items()}),
        inputs=inputs,
        source=source_of(node, store, progress),
        environment=environment_of(node.spec, task),
    )


def code_of(spec: Spec, settings: Iterable[Settings], store: MetadataStore, part: str) -> dict[str, str]:
    """Hash the component's file, its task's part, the modules its settings name, and all project files they import.

    Imports are followed all the way. Files of `WITHOUT_CODE` are left out, and what they alone import.
    """
    start = [Path(inspect.getsourcefile(spec.function) or "").resolve(), *(files_of_module(part) if part else [])]
    for config in settings:
        for name, marker in markers(config, ModuleIn).items():
            start += module_files(marker, getattr(config, name))
    found: dict[Path, str] = {}
    # a network of the user's own counts whatever its file is called
    named, waiting = set(start), start.copy()
    while waiting:
        path = waiting.pop()
        if path in found or (path.name in WITHOUT_CODE and path not in named):
            continue
        digest, imports = store.remember("code without types", path, read_code)
        found[path] = digest
        waiting += [file for name in imports for file in files_of_module(name)]
    return {code_name(path): found[path] for path in sorted(found)}


def code_name(path: Path) -> str:
    """Name a source file by its place in the project; a user's own file by its name alone, wherever it lies."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def module_files(marker: ModuleIn, name: str) -> list[Path]:
    """Return the file a setting names: a shipped module, or a user's own by path; for `auto`, all it may choose."""
    if name.endswith(".py"):
        return [Path(name).resolve()]
    return [ROOT / marker.folder / f"{known}.py" for known in marker.names() if name in (known, "auto")]


def read_code(path: Path) -> list[Any]:
    """Return a Python file's syntax hash and the project modules it imports; imports for type checkers do not count."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    tree.body = [item for item in tree.body if not is_for_type_checkers(item)]
    imports: set[str] = set()
    for item in ast.walk(tree):
        if isinstance(item, ast.Import):
            imports |= {alias.name for alias in item.names}
        elif isinstance(item, ast.ImportFrom) and item.module and not item.level:
            imports |= {item.module} | {f"{item.module}.{alias.name}" for alias in item.names}
        if (
            isinstance(item, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
            and ast.get_docstring(item, False) is not None
        ):
            item.body = item.body[1:] or [ast.Pass()]
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return [digest, sorted(name for name in imports if name.split(".")[0] in CODE_FOLDERS)]


def is_for_type_checkers(item: ast.stmt) -> bool:
    return isinstance(item, ast.If) and isinstance(item.test, ast.Name) and item.test.id == "TYPE_CHECKING"


def files_of_module(name: str) -> list[Path]:
    """Return the files that importing a project module loads: its packages' and its own; none for a function's name."""
    parts = name.split(".")
    packages = [ROOT.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [path for path in [*packages, ROOT.joinpath(*parts).with_suffix(".py")] if path.is_file()]


def config_of(settings: dict[str, Settings]) -> dict[str, Any]:
    """Flatten the settings that can change a result to dotted keys."""
    values: dict[str, Any] = {}
    for section, config in settings.items():
        flatten(section, kept(config), values)
    return values


def kept(config: Settings) -> dict[str, Any]:
    """Dump settings without the fields that cannot change a result, and without the place of source files."""
    values = config.model_dump(mode="json")
    for name in [*markers(config, NotFingerprinted), *markers(config, SourceFile)]:
        values.pop(name)
    for name, value in config:
        if isinstance(value, Settings):
            values[name] = kept(value)
    for name, marker in markers(config, ModuleIn).items():
        values[name] = Path(values[name]).name if marker and str(values[name]).endswith(".py") else values[name]
    return values


def flatten(prefix: str, value: Any, into: dict[str, Any]) -> None:
    """Spread nested dictionaries over dotted keys."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            flatten(f"{prefix}.{key}", item, into)
    else:
        into[prefix] = value


def source_of(node: Node, store: MetadataStore, progress: Any) -> dict[str, Any]:
    """Hash the user's files that a step reads; files whose size, time and inode are known are not read again."""
    if node.spec.sources is not None:
        trees = node.spec.sources(**node.settings, progress=progress)
    else:
        trees = [tree for config in node.settings.values() for tree in marked_sources(config)]
    names, paths = [], []
    for tree in trees:
        names += [key_of(path.relative_to(tree.root).as_posix()) for path in tree.files]
        paths += tree.files
    if not paths:
        return {}
    hashes = hash_sources(paths, store, progress)
    total = hashlib.sha256()
    for name, (size, digest) in sorted(zip(names, hashes, strict=True)):
        total.update(f"{name}\0{size}\0{digest}\n".encode())
    source: dict[str, Any] = {
        "digest": total.hexdigest(),
        "count": len(paths),
        "bytes": sum(size for size, _ in hashes),
    }
    if len(paths) <= LISTED_SOURCES:
        source["files"] = {name: digest for name, (_, digest) in sorted(zip(names, hashes, strict=True))}
    return source


def marked_sources(config: Settings) -> list[SourceTree]:
    """Return the files that settings marked `SourceFile` name."""
    trees = []
    for name in markers(config, SourceFile):
        if value := getattr(config, name):
            path = Path(value)
            trees.append(SourceTree(path if path.is_dir() else path.parent, files_of(path)))
    return trees


def files_of(path: Path) -> list[Path]:
    """Return the file itself, every file below a folder, or those that begin as a checkpoint's `model.ckpt` does."""
    if path.is_dir():
        return sorted(Path(folder, file) for folder, _, names in os.walk(path) for file in names)
    return [path] if path.exists() else sorted(path.parent.glob(f"{path.name}.*")) or [path]


def hash_sources(paths: list[Path], store: MetadataStore, progress: Any) -> list[tuple[int, str]]:
    """Return size and sha256 of each file."""
    known = store.known_hashes(paths)
    unknown = [path for path, entry in zip(paths, known, strict=True) if entry is None]
    if not unknown:
        return [entry for entry in known if entry is not None]
    with progress.job("hashing source files", len(unknown)) as job, ThreadPoolExecutor() as pool:
        hashed = {}
        for path, found in zip(unknown, pool.map(hash_with_stamp, unknown), strict=True):
            hashed[path] = found
            job()
    # one that could not be read may be readable next time, and looks the same then
    store.remember_hashes({path: found for path, found in hashed.items() if not found[1].startswith(UNREADABLE)})
    return [entry or (hashed[path][0][0], hashed[path][1]) for path, entry in zip(paths, known, strict=True)]


def hash_with_stamp(path: Path) -> tuple[tuple[int, int, int], str]:
    """Hash a file; one that cannot be read counts as such, and the component will report it."""
    before = stamp(path)
    try:
        return before, hash_file(path)
    except OSError as error:
        return before, f"{UNREADABLE} {error.strerror}"


def environment_of(spec: Spec, task: PipelineTask | None) -> dict[str, str]:
    """Return the versions of Python and of the packages that the component and its task's part name."""
    named = task.packages_of(spec.part) if task and spec.part else ()
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for package in (*spec.requires, *named):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Say in words what differs between two fingerprints given as dictionaries."""
    said = []
    for key in sorted(old["config"].keys() | new["config"].keys()):
        before, after = old["config"].get(key, "unset"), new["config"].get(key, "unset")
        if before != after:
            said.append(f"{key} {shown(before)} -> {shown(after)}")
    changed = [f for f in sorted(old["code"].keys() | new["code"].keys()) if old["code"].get(f) != new["code"].get(f)]
    if changed:
        said.append("code of " + listed(changed))
    said += source_differences(old["source"], new["source"])
    changed = [
        name
        for name in sorted(old["inputs"].keys() | new["inputs"].keys())
        if old["inputs"].get(name) != new["inputs"].get(name)
    ]
    if changed:
        said.append("new " + listed(changed))
    for package in sorted(old["environment"].keys() | new["environment"].keys()):
        before, after = old["environment"].get(package, "none"), new["environment"].get(package, "none")
        if before != after:
            said.append(f"{package} {before} -> {after}")
    return said


def source_differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Say which of the user's files were added, removed or changed."""
    if old.get("digest") == new.get("digest"):
        return []
    before, after = old.get("files"), new.get("files")
    if before is None or after is None:
        return [f"source files changed ({old.get('count', 0):,} -> {new.get('count', 0):,})"]
    said = []
    for word, names in (
        ("added", sorted(after.keys() - before.keys())),
        ("removed", sorted(before.keys() - after.keys())),
        ("changed", sorted(name for name in before.keys() & after.keys() if before[name] != after[name])),
    ):
        if names:
            said.append(f"{len(names):,} source file{'s' * (len(names) > 1)} {word}: {listed(names)}")
    return said


def listed(names: list[str]) -> str:
    """Join names, at most three of them."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def shown(value: Any) -> str:
    """Show a value as YAML would."""
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
