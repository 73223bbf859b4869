"""What the web app costs over the wire: compressed sizes of the built files (WEBUI §7).

A page's first load is its document, the scripts and styles that come with it, and those of what it
fetches at once: the frame around the views, the mail view, and the texts of one language.
"""

import gzip
import json
import re
from functools import cache
from typing import Any

from webui.bundle import FRAMES, STATIC, read_bundle

KB = 1_024
FIRST_LOAD = 110 * KB
LANGUAGE = 15 * KB
FRAME = {"frame": 20 * KB, "editor": 40 * KB}
WORKER = 140 * KB

AT_ONCE = (
    "src/app/Shell.svelte",
    "src/views/mail/View.svelte",
    "src/views/search/SearchBox.svelte",
)
SIGNING_IN = ("src/views/signin/View.svelte",)
TEXTS = "virtual:texts/app/en"


@cache
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((STATIC / ".vite" / "manifest.json").read_bytes())
    return found


@cache
def packed(path: str) -> int:
    """Return the size of a file as it is sent to a browser that takes gzip alone."""
    file = STATIC / path
    other = file.with_name(file.name + ".gz")
    return len(other.read_bytes() if other.is_file() else gzip.compress(file.read_bytes()))


def with_imports(*sources: str) -> set[str]:
    """Return the files that come with chunks: their own, their styles, and what they import."""
    found: set[str] = set()
    waiting = [source for source in sources if source in manifest()]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            chunk = manifest()[name]
            found.update([chunk["file"], *chunk.get("css", ())])
            waiting += chunk.get("imports", ())
    return found


def load(*sources: str) -> dict[str, int]:
    """Return the sizes of the files that a page with these chunks fetches."""
    texts = [name for name in manifest() if name.endswith(TEXTS)]
    assert len(texts) == 1
    return {path: packed(path) for path in with_imports("index.html", *sources, *texts)}


def check(files: dict[str, int], most: int) -> None:
    total = packed("index.html") + sum(files.values())
    assert total <= most, (total, sorted(files.items(), key=lambda file: -file[1]))


def test_the_first_load_of_the_mail_is_small() -> None:
    check(load(*AT_ONCE), FIRST_LOAD)


def test_the_first_load_of_the_sign_in_is_smaller() -> None:
    check(load(*SIGNING_IN), FIRST_LOAD // 2)


def test_each_language_is_small() -> None:
    texts = [chunk["file"] for name, chunk in manifest().items() if "virtual:texts/" in name]
    assert len(texts) >= 4 * 3
    assert {path: packed(path) for path in texts if packed(path) > LANGUAGE} == {}


def test_each_frame_is_small() -> None:
    frames = read_bundle().frames
    for name in FRAMES:
        if name in frames:
            size = packed(frames[name].path) + packed(f"{name}.html")
            assert size <= FRAME[name], (name, size)


def test_ciphers_come_on_first_use_only() -> None:
    workers = [path for path in STATIC.glob("assets/*worker*.js")]
    for worker in workers:
        assert packed(f"assets/{worker.name}") <= WORKER, worker.name
    for path in load(*AT_ONCE):
        assert "openpgp" not in (STATIC / path).read_text().lower() or "worker" in path, path


def test_every_file_has_its_hash_in_its_name_and_its_compressed_forms() -> None:
    for file in (STATIC / "assets").iterdir():
        if file.suffix in (".br", ".gz"):
            continue
        assert re.search(r"-[\w-]{8}\.\w+$", file.name), file.name
        if file.suffix in (".js", ".css") and file.stat().st_size >= KB * 2:
            assert file.with_name(file.name + ".br").is_file(), file.name
