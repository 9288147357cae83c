"""The rules of docs/architecture.md that no linter knows."""

from __future__ import annotations

import ast
import statistics
import tomllib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from scripts.mirror import mirror_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROOT = HERE.parent
PRODUCT = tuple(sorted([*ROOT.glob("racer/**/*.py"), *ROOT.glob("adapters/**/*.py")]))
TOOLS = tuple(sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("scripts/*.py")]))
TESTS = tuple(sorted(HERE.glob("**/*.py")))
PURE_IN_ACCOUNTS = (
    "absence", "card", "diagnosis", "gauge", "headroom", "inquiry", "outlook", "statement", "timeline",
)  # fmt: skip
PURE_IN_BATCH = (
    "bits", "case", "desk", "form", "formats", "line", "missing", "pace", "plan", "progress", "records",
    "rows", "tanks", "terms",
)  # fmt: skip
PURE_IN_BENCH = (
    "chance", "contest", "drawn", "figures", "hindsight", "quantile", "remarks", "report", "resample",
    "sample", "words",
)  # fmt: skip
PURE_IN_SERVER = (
    "addresses", "anthropic", "anthropic_stream", "anthropic_turns", "calls", "condition", "fault", "fields",
    "guard", "lately", "names", "ollama", "ollama_stream", "ollama_turns", "openai", "openai_parts",
    "openapi", "openapi_bodies", "pictures", "query", "question", "schemas", "tally", "unfit", "wording",
)  # fmt: skip
PURE = (
    "adapters/racer_adapters",
    "racer/core",
    "racer/sim/profile.py",
    "racer/sim/wire",
    *(f"racer/accounts/{name}.py" for name in PURE_IN_ACCOUNTS),
    *(f"racer/batch/{name}.py" for name in PURE_IN_BATCH),
    *(f"racer/bench/{name}.py" for name in PURE_IN_BENCH),
    *(f"racer/server/{name}.py" for name in PURE_IN_SERVER),
)
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "tools"}
LONGEST_FUNCTION, LONGEST_FILE = 40, 400
MEDIAN_FUNCTION, LONG_FUNCTION = 8, 25

# Files without a test file of their own, and why.
UNMIRRORED = {
    "racer/__init__.py": "names only: tests/test_exports.py",
    "racer/accounts/__init__.py": "a docstring",
    "racer/batch/__init__.py": "a docstring",
    "racer/bench/__init__.py": "a docstring",
    "racer/batch/workers.py": "part of a batch's progress: tests/racer/batch/test_batch.py",
    "racer/batch/line.py": "records, which every test of a batch makes or reads",
    "racer/batch/order.py": "a record: tests/racer/batch/test_orders.py",
    "racer/batch/parts.py": "a record, which every test of a batch has a Racer make",
    "racer/cli/__init__.py": "a docstring",
    "racer/config/__init__.py": "names only",
    "racer/core/__init__.py": "a docstring",
    "racer/pages/__init__.py": "a docstring",
    "racer/server/__init__.py": "a docstring",
    "racer/stage.py": "two records, which every test of the engine makes",
    "racer/storage.py": "a protocol; the stores of the ledger's tests fit it",
    "racer/store/__init__.py": "a docstring",
    "adapters/racer_adapters/__init__.py": "a table: tests/test_exports.py",
    "adapters/racer_adapters/types.py": "records without behaviour",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    """Read once: to parse them all takes seconds."""
    return ast.parse(path.read_text())


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring taken off."""
    first, last = function.body[0], function.body[-1]
    lines = (last.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def contracts() -> list[dict[str, Any]]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: list[dict[str, Any]] = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return found


def test_the_tree_is_found() -> None:
    """The rules below are asked of the files that exist: an empty list would pass them all."""
    assert len(PRODUCT) > 20
    assert all(any(name_of(path).startswith(pure) for path in PRODUCT) for pure in PURE)


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_pure_code_never_waits(path: Path) -> None:
    """No `async` and no `await` in what is called pure; import-linter sees to clocks, sockets and disks."""
    if not name_of(path).startswith(PURE):
        return
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)

    found = [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, waits)]

    assert found == []


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_pure_code_never_opens_or_prints(path: Path) -> None:
    """The builtins that reach outside need no import, so they are looked for by name."""
    if not name_of(path).startswith(PURE):
        return
    outside = {"open", "print", "input", "exec", "eval", "__import__"}
    calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]

    found = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id in outside]

    assert found == []


@pytest.mark.parametrize("path", [*PRODUCT, *TOOLS, *TESTS], ids=name_of)
def test_nothing_is_caught_wholesale(path: Path) -> None:
    """No bare `except` and no `except BaseException`: catch what you named."""
    handlers = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ExceptHandler)]
    names = [(each.lineno, ast.unparse(each.type) if each.type else "") for each in handlers]

    assert [(line, name) for line, name in names if not name or "BaseException" in name] == []


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_each_source_file_has_its_test_file(path: Path) -> None:
    """tests/ mirrors the packages; a file without a test of its own has its reason above."""
    mirrored = (ROOT / mirror_of(PurePosixPath(name_of(path)))).is_file()

    assert mirrored is (name_of(path) not in UNMIRRORED), f"{mirror_of(PurePosixPath(name_of(path)))}"


def test_reasons_are_of_files_that_exist() -> None:
    """A reason goes when its file goes."""
    assert [name for name in UNMIRRORED if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("path", [*PRODUCT, *TOOLS], ids=name_of)
def test_files_and_functions_are_short(path: Path) -> None:
    """A file has at most 400 lines, a function 40, its docstring not counted. Tests may list more."""
    lines = path.read_text().count("\n")
    long = {
        function.name: length(function) for function in functions(path) if length(function) > LONGEST_FUNCTION
    }

    assert lines <= LONGEST_FILE
    assert long == {}


def test_most_functions_are_shorter_still() -> None:
    """Half of all functions have at most 8 lines, nine in ten at most 25."""
    lengths = sorted(length(function) for path in PRODUCT for function in functions(path))

    assert statistics.median(lengths) <= MEDIAN_FUNCTION
    assert lengths[int(len(lengths) * 0.9)] <= LONG_FUNCTION


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_a_file_is_named_after_a_thing(path: Path) -> None:
    """No drawer for odds and ends."""
    assert VAGUE.isdisjoint(path.relative_to(ROOT).with_suffix("").parts)


def test_the_directions_of_imports_are_written_down() -> None:
    """Each contract that scripts/check has import-linter check is there, and the layers leave no file out."""
    kinds = [contract["type"] for contract in contracts()]
    (layers,) = [contract for contract in contracts() if contract["type"] == "layers"]
    pure = {
        name
        for contract in contracts()
        if "asyncio" in contract.get("forbidden_modules", [])
        for name in contract["source_modules"]
    }

    assert kinds.count("forbidden") >= 2
    assert "independence" in kinds
    assert layers["exhaustive"] is True
    assert pure == {name.removeprefix("adapters/").removesuffix(".py").replace("/", ".") for name in PURE}
