"""When the web app is built anew, and what a package carries of it."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from webui.bundle import STATIC
from webui.front_end import STAMP, FrontEnd, NotBuilt

ROOT = Path(__file__).resolve().parents[2]
LOCK = """{"name": "a", "version": "1.0.0", "lockfileVersion": 3,
 "packages": {"": {"name": "a", "version": "1.0.0"}}}"""


@pytest.fixture
def app(tmp_path: Path) -> FrontEnd:
    app = FrontEnd.of(tmp_path)
    (app.sources / "src").mkdir(parents=True)
    app.built.mkdir()
    (app.sources / "package.json").write_text('{"name": "a", "version": "1.0.0"}')
    (app.sources / "package-lock.json").write_text(LOCK)
    (app.sources / "src" / "main.ts").write_text("export {};")
    return app


def is_current(app: FrontEnd) -> bool:
    return app.is_current


def test_what_is_built_is_built_again_when_its_sources_change(app: FrontEnd) -> None:
    assert app.is_there
    assert not is_current(app)
    (app.built / STAMP).write_text(app.digest())
    assert is_current(app)
    assert not app.build()
    (app.sources / "src" / "main.ts").rename(app.sources / "src" / "other.ts")
    assert not is_current(app)


def test_tests_and_fetched_packages_are_no_sources(app: FrontEnd) -> None:
    before = app.digest()
    for folder in ("node_modules", "tests"):
        (app.sources / folder).mkdir()
        (app.sources / folder / "a.ts").write_text("a")
    assert app.digest() == before


def test_a_failure_is_told_in_a_line(app: FrontEnd) -> None:
    with pytest.raises(NotBuilt, match=r"nothing\.js ended with 1"):
        app.node("nothing.js")


def test_packages_are_fetched_once_for_a_lock_file(app: FrontEnd) -> None:
    app.install()
    marker = app.sources / "node_modules" / ".installed"
    first = marker.stat().st_mtime_ns
    app.install()
    assert marker.stat().st_mtime_ns == first
    app.install(development=True)
    app.install()  # what was fetched for development builds, too
    assert '"development": true' in marker.read_text()


def test_the_app_that_is_served_is_that_of_the_sources() -> None:
    assert FrontEnd.of(ROOT).is_current, "run python -m webui.dev build"


@pytest.mark.long
def test_packages_carry_the_built_app(tmp_path: Path) -> None:
    for kind in ("wheel", "sdist"):
        command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(tmp_path)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    built = {f"webui/static/{path.relative_to(STATIC)}" for path in STATIC.rglob("*.*")}
    assert built <= names | {"webui/static/.vite"}
    assert not any(name.startswith("webui/spa") for name in names)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        inside = {name.partition("/")[2] for name in opened.getnames()}
    assert {"hatch_build.py", "webui/spa/package-lock.json", f"webui/static/{STAMP}"} <= inside
    assert not any("node_modules" in name for name in inside)
