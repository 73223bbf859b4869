"""The app's two frames in a real browser: a page with nothing else on it, and what leaves it.

The page is built from the app's own sources and sent with the app's own headers. The browser is
told to ask a proxy of ours for whatever is not on this machine, so that a request that leaves is a
request seen, whichever part of the browser sends it.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Frame, Page, sync_playwright

from mailserver.protocol.mime.charsets import decode
from mailserver.protocol.mime.headers import parameter
from mailserver.protocol.mime.scan import scan
from mailserver.protocol.mime.transfer import decoded
from tests.support.corpus import OWN
from webui.front_end import FrontEnd
from webui.jmap.bodies import leaves, tree
from webui.security import ALWAYS, DOCUMENT_POLICY, frame_policy

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = OWN / "hostile-html"
WHAT_STAYS_FILE = ROOT / "webui" / "spa" / "tests" / "frames" / "what-stays.js"
WHAT_STAYS = WHAT_STAYS_FILE.read_text().rstrip(";\n")
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_ITS_OWN = re.compile(
    r"\S+ (?:https?://)?(?:accounts\.google|(?:update|content-autofill)\.googleapis|[\w.-]+\.gvt1)\.com[:/]"
)
"""What Chromium asks for by itself, whatever it shows."""
SANDBOX = {
    "frame": "allow-scripts allow-popups allow-popups-to-escape-sandbox",
    "editor": "allow-scripts",
}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_SCRIPT = re.compile(rb'<script src="(/assets/[\w.-]+\.js)">')
_PARSED = re.compile(r"^Executing inline event handler violates|Permissions-Policy header")
"""What Chromium says of a handler while it parses HTML, in documents that run none, too."""
_WATCH = """
globalThis.canary ??= (...said) => { globalThis.zegelCanary?.(String(said)); };
addEventListener('securitypolicyviolation', (event) => {
  if (event.violatedDirective === 'script-src-attr') return;  // see _PARSED
  globalThis.zegelViolation?.(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


def build(directory: Path) -> Path:
    """Build the page into `directory` and return it."""
    app = FrontEnd.of(ROOT)
    app.install(development=True)
    config = "tests/frames/vite.config.ts"
    vite = "node_modules/vite/bin/vite.js"
    app.node(vite, "build", "--config", config, "--outDir", str(directory), "--logLevel", "warn")
    return directory


class _Pages(BaseHTTPRequestHandler):
    directory: Path
    fenced: bool

    def do_GET(self) -> None:
        """Send a file with the headers that the app's server gives it."""
        name = self.path.partition("?")[0].lstrip("/") or "index.html"
        path = (self.directory / name).resolve()
        if self.directory not in path.parents or not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = path.read_bytes()
        self.send_response(HTTPStatus.OK)
        fields = {**dict(ALWAYS), **self._fields(path, body)}
        for field_name, value in fields.items():
            self.send_header(field_name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fields(self, path: Path, body: bytes) -> dict[str, str]:
        fields = {"content-type": f"{_TYPES.get(path.suffix, 'text/plain')}; charset=utf-8"}
        if path.suffix == ".js" and path.stem.startswith(("frame-", "editor-")):
            fields["cross-origin-resource-policy"] = "cross-origin"
        if path.suffix == ".html":
            fields["content-security-policy"] = DOCUMENT_POLICY
        if path.stem in SANDBOX and path.suffix == ".html" and (found := _SCRIPT.search(body)):
            script = f"http://{self.headers['host']}{found[1].decode()}"
            policy = frame_policy(script, SANDBOX[path.stem])
            fields["content-security-policy"] = policy if self.fenced else "frame-ancestors 'self'"
        return fields

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Seen(BaseHTTPRequestHandler):
    seen: list[str]

    def _see(self) -> None:
        if not _ITS_OWN.match(self.requestline):
            self.seen.append(self.requestline)
        self.send_error(HTTPStatus.BAD_GATEWAY)

    do_GET = do_POST = do_HEAD = do_CONNECT = do_PUT = do_OPTIONS = _see

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def _serving(kind: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@dataclass
class Sites:
    """Where the page is, and what asked for anything else."""

    origin: str
    sink: int
    """The port of a proxy that answers nothing."""
    left: list[str]
    """Each request that left, by its first line."""


@contextmanager
def serving(directory: Path, *, fenced: bool = True) -> Iterator[Sites]:
    """Send the page that was built into `directory`; not `fenced`, the frames have no policy."""
    pages = type("Pages", (_Pages,), {"directory": directory.resolve(), "fenced": fenced})
    left: list[str] = []
    seen = type("Seen", (_Seen,), {"seen": left})
    with _serving(pages) as port, _serving(seen) as sink:
        yield Sites(f"http://127.0.0.1:{port}", sink, left)


@dataclass
class Watched:
    """The page in a browser, and everything about it that must not happen."""

    page: Page
    sites: Sites
    canaries: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, browser: Browser, sites: Sites) -> "Watched":
        """Open the page in a profile of its own."""
        context = browser.new_context(viewport={"width": 900, "height": 700})
        page = context.new_page()
        watched = cls(page, sites)
        context.expose_function("zegelCanary", lambda said: watched.canaries.append(said))
        context.expose_function("zegelViolation", lambda said: watched.violations.append(said))
        context.add_init_script(_WATCH)
        page.on("console", watched._console)
        page.on("pageerror", lambda error: watched.errors.append(str(error)))
        page.on("request", lambda request: watched._request(request.url))
        page.goto(sites.origin + "/")
        page.locator("body[data-ready]").wait_for(state="attached")
        return watched

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _PARSED.search(message.text):
            self.errors.append(message.text)

    def _request(self, url: str) -> None:
        if not url.startswith(
            (self.sites.origin + "/", f"blob:{self.sites.origin}/", "blob:null/", "data:")
        ):
            self.requests.append(url)

    def call(self, name: str, *arguments: Any) -> Any:
        """Call a function of the page, and wait for what it promises."""
        return self.page.evaluate(
            "([name, args]) => globalThis.zegel[name](...args)", [name, list(arguments)]
        )

    def frame(self, name: str = "frame") -> Frame:
        """Return the frame of a letter, or that of the `editor`."""
        (found,) = [each for each in self.page.frames if f"/{name}.html" in each.url]
        return found

    def settle(self) -> None:
        """Let what would happen happen: two frames drawn, and what they began begun."""
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() =>"
            " requestAnimationFrame(() => setTimeout(done, 30))))"
        )

    def harm(self) -> list[str]:
        """Return everything that happened and must not, since it was last asked for."""
        found = [
            *(f"a script ran: {each}" for each in self.canaries),
            *(f"the policy had to stop: {each}" for each in self.violations),
            *(f"the console says: {each}" for each in self.errors),
            *(f"a page asked for: {each}" for each in self.requests),
            *(f"the browser asked for: {each}" for each in self.sites.left),
        ]
        if len(self.page.context.pages) != 1:
            found.append("another window opened")
        if self.page.url != self.sites.origin + "/":
            found.append(f"the app went to {self.page.url}")
        for each in (self.canaries, self.violations, self.errors, self.requests, self.sites.left):
            each.clear()
        return found


@contextmanager
def chromium(sites: Sites) -> Iterator[Browser]:
    """Start the browser of the system."""
    with sync_playwright() as playwright:
        proxy = f"--proxy-server=http://127.0.0.1:{sites.sink}"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, proxy])
        yield browser
        browser.close()


def html_parts(message: bytes) -> list[str]:
    """Return what is HTML in a message, as the server gives it to the app: each part by itself."""
    return [
        decode(decoded(node.part, message), parameter(node.part.params, b"charset"))
        for node in leaves(tree(scan(message)))
        if node.type == b"text/html"
    ]


def hostile() -> dict[str, list[str]]:
    """Return the HTML of each hostile letter, by the name that says what it tries."""
    found = {path.stem: [path.read_text("utf-8")] for path in HOSTILE.glob("*.html")}
    found |= {path.stem: html_parts(path.read_bytes()) for path in HOSTILE.glob("*.eml")}
    return dict(sorted(found.items()))
