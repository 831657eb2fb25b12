"""The house: who may import whom, how large things may grow, and what may stand in no file."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("dialplan", "erp", "ami_bridge", "asterisk_agi")
ARROWS = {
    "dialplan": {"dialplan"},
    "erp": {"erp", "dialplan"},
    "ami_bridge": {"ami_bridge", "erp", "dialplan"},
    "asterisk_agi": {"asterisk_agi", "erp", "dialplan"},
}
COMPOSITION_ROOTS = {
    f"asterisk_agi/{file}.py" for file in ("app", "app_bridge", "cli", "settings")
}
TOP_LEVEL = {
    *("setup.cfg", "asterisk_agi", "ami_bridge", "dialplan", "erp", "tests", "etc", "docs"),
    *("Makefile", "README.rst", "pyproject.toml", "LICENSE", "CHANGELOG.rst", "MANIFEST.in"),
    *("CONTRIBUTING.rst", "SECURITY.rst", ".ci", ".gitignore", ".ruff.toml"),
}
FILE_MAX_LINES = 500
FUNCTION_MEDIAN_LINES, FUNCTION_P90_LINES, FUNCTION_MAX_LINES = 8, 30, 60
CLASS_MAX_LINES, CLASS_MAX_METHODS, CLASS_MAX_ATTRIBUTES = 400, 25, 12
BROAD_EXCEPTS_PER_1000_LINES = 0.5

Function = ast.FunctionDef | ast.AsyncFunctionDef


def product() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def all_python() -> list[Path]:
    return product() + sorted((ROOT / "tests").rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def nodes(kind: type[ast.AST] | tuple[type[ast.AST], ...]) -> Iterator[tuple[str, ast.AST]]:
    for path in product():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kind):
                yield name(path), node


def body_lines(function: Function) -> int:
    """Lines of a function without its signature and docstring."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    if not body:
        return 1
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize("path", product(), ids=name)
def test_imports_follow_the_arrows(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    allowed = set(ROOMS) if name(path) in COMPOSITION_ROOTS else ARROWS[room]
    for module in imported(path):
        top = module.split(".")[0]
        assert top not in ROOMS or top in allowed, f"{name(path)} imports {module}"
        assert top != "tests", f"{name(path)} imports {module}"


def test_no_file_is_over_its_size() -> None:
    for path in all_python():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= FILE_MAX_LINES, f"{name(path)} has {lines} lines"


def test_functions_are_small() -> None:
    sizes = {
        f"{where}:{node.name}": body_lines(node)
        for where, node in nodes((ast.FunctionDef, ast.AsyncFunctionDef))
        if isinstance(node, Function)
    }
    largest = max(sizes, key=lambda key: sizes[key])
    assert sizes[largest] <= FUNCTION_MAX_LINES, f"{largest} has {sizes[largest]} lines"
    assert statistics.median(sizes.values()) <= FUNCTION_MEDIAN_LINES
    assert statistics.quantiles(sizes.values(), n=10)[-1] <= FUNCTION_P90_LINES


def test_classes_are_small() -> None:
    for where, node in nodes(ast.ClassDef):
        assert isinstance(node, ast.ClassDef)
        label = f"{where}:{node.name}"
        methods = [part for part in node.body if isinstance(part, Function)]
        attributes = {
            part.attr
            for part in ast.walk(node)
            if isinstance(part, ast.Attribute)
            and isinstance(part.ctx, ast.Store)
            and isinstance(part.value, ast.Name)
            and part.value.id == "self"
        }
        assert (node.end_lineno or 0) - node.lineno < CLASS_MAX_LINES, label
        assert len(methods) <= CLASS_MAX_METHODS, f"{label} has {len(methods)} methods"
        assert len(attributes) <= CLASS_MAX_ATTRIBUTES, f"{label} has {sorted(attributes)}"


def is_broad(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
    )


def test_broad_excepts_stay_within_their_budget() -> None:
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in product())
    broad = [
        f"{where}:{node.lineno}"
        for where, node in nodes(ast.ExceptHandler)
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]
    assert len(broad) <= lines / 1000 * BROAD_EXCEPTS_PER_1000_LINES, broad


def test_no_error_is_swallowed_without_a_word() -> None:
    for where, node in nodes(ast.ExceptHandler):
        assert isinstance(node, ast.ExceptHandler)
        silent = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
        assert not silent, f"{where}:{node.lineno}: except ...: pass"


def test_every_module_says_what_it_is() -> None:
    for path in product():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), name(path)


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.fail("this is no git checkout: the test reads the list of files from git")
    return listed.stdout.splitlines()


def test_the_top_level_is_fixed() -> None:
    tops = {path.split("/")[0] for path in tracked()}
    assert tops - TOP_LEVEL == set()


TEXTS = (".py", ".cfg", ".toml", ".yaml", ".rst", ".conf", ".md")
UNFINISHED = re.compile(
    r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b|NotImplemented" r"Error|pragma: no" r" cover"
)
UNREACHABLE = re.compile(r"(pypi|registry)\.(org|npmjs\.org)|deb\.debian" r"\.org|\.\./sha" "red")


@pytest.mark.parametrize("pattern", [UNFINISHED, UNREACHABLE], ids=["unfinished", "foreign"])
def test_no_file_holds_what_must_stand_in_none(pattern: re.Pattern[str]) -> None:
    for path in tracked():
        if path.endswith((*TEXTS, "Makefile", ".ci/run")):
            found = pattern.search((ROOT / path).read_text(encoding="utf-8"))
            assert found is None, f"{path}: {found.group()}"
