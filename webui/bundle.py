"""The built web app: what lies in `webui/static`, read once and kept in memory.

A file is sent as the build wrote it, in the smallest form that the browser takes; nothing is
compressed while the server serves. A site sends only what its own page can come to ask for, as
the build's manifest tells it.

Source: RFC 9110 §8.8.3 (ETag), §12.5.3 (Accept-Encoding); Vite's manifest.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

STATIC: Final = Path(__file__).parent / "static"
ASSETS: Final = "assets/"
FRAMES: Final = ("frame", "editor")
"""Pages that run in a sandbox of their own inside the webmail's (WEBUI §4)."""

AT_ROOT: Final = ("sw.js", "manifest.webmanifest")
SOON: Final = (
    "src/app/Shell.svelte",
    "src/views/mail/View.svelte",
    "src/views/search/SearchBox.svelte",
)
"""What the mail's first view is made of, by its sources."""

_ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""In the order in which we like them."""
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".json": "application/json",
}
_SCRIPT = re.compile(r'<script src="/(assets/[\w.-]+\.js)">')


@dataclass(frozen=True, slots=True)
class File:
    """A file of the app, in the forms that the build wrote."""

    body: bytes
    media_type: str
    etag: str
    encoded: Mapping[str, bytes]
    """The same by the content coding it is in."""

    def for_browser(self, accepts: str) -> tuple[bytes, str]:
        """Return the octets for an Accept-Encoding field, and their coding; "" for none."""
        taken = _accepted(accepts)
        for coding, body in self.encoded.items():
            if coding in taken:
                return body, coding
        return self.body, ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the app, and everything that it may come to ask for."""

    document: File
    files: Mapping[str, File]
    """By their path, which has no `/` in front."""
    for_session: File
    """The document for a browser that comes with a session: it names what it is about to need."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A page for a sandboxed frame, and the one script that it runs."""

    document: File
    path: str
    """Of the script; it has no `/` in front."""
    script: File


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that was built."""

    pages: Mapping[str, Page]
    """By their name: `index`, `admin`, `secure`."""
    frames: Mapping[str, Frame]
    at_root: Mapping[str, File]
    """What must lie at the root: a service worker rules what lies below it."""


def read_bundle(directory: Path = STATIC) -> Bundle:
    """Return what was built into `directory`; empty where nothing was."""
    manifest = directory / ".vite" / "manifest.json"
    if not manifest.is_file():
        return Bundle({}, {}, {})
    return _read(directory, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(directory: Path, _written_at: int) -> Bundle:
    manifest = json.loads((directory / ".vite" / "manifest.json").read_bytes())
    pages = {}
    for source, chunk in manifest.items():
        if chunk.get("isEntry") and source.endswith(".html"):
            document = _file(directory / source)
            files = {path: _file(directory / path) for path in sorted(_reached(manifest, source))}
            soon = sorted(_needed(manifest, SOON) - _needed(manifest, [source]))
            pages[Path(source).stem] = Page(document, files, _naming(document, soon))
    frames = {}
    for name in FRAMES:
        if (directory / f"{name}.html").is_file():
            document = _file(directory / f"{name}.html")
            found = _SCRIPT.search(document.body.decode())
            if found is None:
                raise ValueError(f"{name}.html runs no script of ours")
            frames[name] = Frame(document, found[1], _file(directory / found[1]))
    at_root = {name: _file(directory / name) for name in AT_ROOT if (directory / name).is_file()}
    return Bundle(pages, frames, at_root)


def _reached(manifest: Mapping[str, Any], source: str) -> set[str]:
    """Return the files that a chunk may come to need: its own, and those of what it imports."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [source]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        chunk = manifest[name]
        found.update([chunk["file"], *chunk.get("css", ()), *chunk.get("assets", ())])
        waiting += [*chunk.get("imports", ()), *chunk.get("dynamicImports", ())]
    return found


def _needed(manifest: Mapping[str, Any], sources: Iterable[str]) -> set[str]:
    """Return scripts and styles without which none of `sources` runs."""
    found: set[str] = set()
    waiting, seen = [name for name in sources if name in manifest], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            found.update([manifest[name]["file"], *manifest[name].get("css", ())])
            waiting += manifest[name].get("imports", ())
    return found


def _naming(document: File, paths: Iterable[str]) -> File:
    """Return a document that names files besides, for the browser to fetch along with its own."""
    links = "".join(map(_link, paths)).encode()
    body = document.body.replace(b"</head>", links + b"</head>")
    return File(body, document.media_type, _etag(body), {})


def _link(path: str) -> str:
    if path.endswith(".css"):
        return f'<link rel="preload" as="style" crossorigin href="/{path}">\n'
    return f'<link rel="modulepreload" crossorigin href="/{path}" data-soon>\n'


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _file(path: Path) -> File:
    body = path.read_bytes()
    encoded = {
        coding: other.read_bytes()
        for coding, suffix in _ENCODINGS.items()
        if (other := path.with_name(path.name + suffix)).is_file()
    }
    return File(body, _TYPES.get(path.suffix, "application/octet-stream"), _etag(body), encoded)


def _accepted(accepts: str) -> set[str]:
    """Return the codings of an Accept-Encoding field that are not refused with `q=0`."""
    found = set()
    for item in accepts.split(","):
        coding, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        if quality.rstrip("0").rstrip(".") not in ("", "0"):
            found.add(coding)
    return found
