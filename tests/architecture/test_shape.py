"""The house rules that a machine can keep."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE_LINES = 400
FUNCTION_LINES = 50
WEB_SOURCES = {".ts", ".svelte", ".css", ".mjs"}
GIVEN = {"benchmarks/mailbench.py"}  # measures every server alike, so it stays as it is

SOURCES = sorted(
    path
    for folder in ("mailserver", "webui", "migrations", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if str(path.relative_to(ROOT)) not in GIVEN
)
PRODUCT = ("mailserver", "webui")
THEIRS = {"handle_websocket_upgrade"}
"""Names that a library looks for in our classes."""
OURS = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in PRODUCT]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    return [ROOT / line for line in listed.stdout.decode().split("\0") if line]


def test_modules_can_be_read_in_one_go() -> None:
    read = [*SOURCES, *(path for path in tracked() if path.suffix in WEB_SOURCES)]
    long = [name(path) for path in read if len(path.read_text().splitlines()) > MODULE_LINES]
    assert long == []


def test_functions_fit_a_screen() -> None:
    long = []
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES and not is_table(node):
                    long.append(f"{name(path)}: {node.name}, {lines} lines")
    assert long == []


def is_table(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A total match over an enumeration is one table, however many rows it has."""
    body = [node for node in function.body if not isinstance(node, ast.Expr)]
    return len(body) == 1 and isinstance(body[0], ast.Match)


def test_each_package_opens_with_what_it_may_and_must_not() -> None:
    for path in sorted((ROOT / "mailserver").glob("*/__init__.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert len(docstring) > 100, name(path)


def test_names_say_what_a_thing_does() -> None:
    vague = re.compile(r"^_*(handle|process)_|manager$|^helpers?$|^utils?$", re.IGNORECASE)
    found = []
    for path in OURS:
        if vague.search(path.stem):
            found.append(name(path))
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if node.name in THEIRS:
                continue
            # aiosmtpd calls hooks by this prefix
            if vague.search(node.name) and "smtp" not in path.parts:
                found.append(f"{name(path)}: {node.name}")
    assert found == []


def test_nothing_is_unfinished_or_swallowed() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X")  # apart, or this line would be found
    pattern = re.compile(
        rf"\b({'|'.join(words)})\b|Not(?:Implemented)Error|except( (Base)?Exception)?:\s*pass\b"
    )
    found = [
        f"{name(path)}:{text.count(chr(10), 0, match.start()) + 1}"
        for path in SOURCES
        for text in [path.read_text()]
        for match in pattern.finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize("lock", sorted(path.name for path in ROOT.glob("requirements*.lock")))
def test_lock_files_pin_by_hash_and_name_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"https?://|--index|--find-links|--extra", text)
    pins = re.findall(r"^[a-z0-9][^\s=]*==\S+.*$", text, re.MULTILINE | re.IGNORECASE)
    assert pins
    assert all(pin.endswith("\\") for pin in pins)


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-dev.lock": project["dependency-groups"]["dev"],
        "requirements-build.lock": project["dependency-groups"]["build"],
    }
    for lock, requirements in wanted.items():
        locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text(), re.MULTILINE))
        names = {re.split(r"[\[<>=;]", requirement)[0].strip() for requirement in requirements}
        assert names <= locked, lock


def test_no_registry_and_no_place_on_a_machine_is_named() -> None:
    found = []
    pattern = re.compile(
        r"(pypi|npmjs|pythonhosted|debian)\.(org|com|net)|/(work|farm|root|home)/[a-z]"
    )
    for path in tracked():
        if path.suffix in {".eml", ".png"} or not path.is_file() or path == Path(__file__):
            continue
        if pattern.search(path.read_text(encoding="utf-8", errors="replace")):
            found.append(name(path))
    assert found == []


def test_layers_in_the_document_are_those_that_are_kept() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    kept = next(c["layers"] for c in contracts if c["type"] == "layers")
    drawn = (ROOT / "docs" / "architecture.md").read_text()
    lines = [line.strip() for line in drawn.splitlines() if line.startswith("   ")]
    at = [
        next(n for n, line in enumerate(lines) if line.startswith(layer.replace("|", "│")))
        for layer in kept
    ]
    assert at == sorted(at)
