"""The structure of the code: packages point downward, no module imports itself, files and functions are short."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("labline", "components", "object_detection", "serving", "data", "pipeline")  # from the top down
LOCAL_IMPORTS = 4.0  # in functions, a thousand lines
FILE_LINES, FUNCTION_LINES = 400, 60


def product_files() -> list[Path]:
    """List the product's Python files."""
    return sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """The imports of all modules, those inside functions and for type checkers included."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def test_packages_import_only_those_below_them(graph: grimp.ImportGraph) -> None:
    def level(module: str) -> int:
        return PACKAGES.index(module.partition(".")[0])

    upward = [
        f"{module} -> {imported}"
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if level(imported) < level(module)
    ]
    assert upward == []


def test_no_module_imports_itself_by_a_detour(graph: grimp.ImportGraph) -> None:
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(imports).prepare()  # raises CycleError, which names the modules


def test_imports_stand_at_the_top_of_their_files() -> None:
    local = sum(len(list(imports_in_functions(file))) for file in product_files())
    lines = sum(len(file.read_text("utf-8").splitlines()) for file in product_files())
    assert 1000 * local / lines < LOCAL_IMPORTS


def imports_in_functions(file: Path) -> Iterator[ast.stmt]:
    """Yield the imports that stand inside functions."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    seen: set[int] = set()
    for function in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(function, functions):
            for item in ast.walk(function):
                if isinstance(item, ast.Import | ast.ImportFrom) and id(item) not in seen:
                    seen.add(id(item))
                    yield item


def test_settings_files_hold_settings_and_nothing_that_a_step_does() -> None:
    # they are left out of fingerprints, because their values count: code in them would change results unseen
    allowed = {"idle"}
    for file in product_files():
        if file.name != "config.py" or "experiments" in file.parts:
            continue
        for item in ast.parse(file.read_text("utf-8")).body:
            assert not isinstance(item, ast.FunctionDef), f"{file}: {item.name} is no setting"
            if not isinstance(item, ast.ClassDef):
                continue
            for method in item.body:
                if isinstance(method, ast.FunctionDef) and method.name not in allowed:
                    names = [ast.unparse(decorator) for decorator in method.decorator_list]
                    assert any("validator" in name for name in names), f"{file}: {item.name}.{method.name}"


def test_files_and_functions_are_short() -> None:
    for file in product_files():
        text = file.read_text("utf-8")
        assert len(text.splitlines()) <= FILE_LINES, f"{file} is too long"
        for item in ast.walk(ast.parse(text)):
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (item.end_lineno or 0) - item.lineno < FUNCTION_LINES, f"{file}: {item.name} is too long"
