"""A page of Debian's Chromium with a clock: what a person sees, when, and what it cost whom.

The clock runs inside the page, from the event that begins something to the frame in which it is
there, so that the way between this program and the browser is in no figure.
"""

import base64
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Playwright, ViewportSize

from webui.front_end import node_program

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
VIEWPORT: ViewportSize = {"width": 1366, "height": 768}
LONGEST_MS = 600_000
"""Of one step; the peer reads a large mailbox through for a search."""

REST_MS = 1_000

# A frame is drawn after its callbacks: what is timed then has been painted.
_LOADED = """
window.benchPainted = new Promise((painted) => {
  const look = () => {
    if (document.querySelector(%r)) setTimeout(() => painted(performance.now()));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
"""
_WATCHED = """
() => {
  const state = () => (%s);
  const before = state();
  window.benchDone = new Promise((done) => {
    const begin = (event) => {
      removeEventListener(%r, begin, true);
      const look = () => {
        const now = state();
        if (now !== undefined && now !== before) {
          setTimeout(() => done(performance.now() - event.timeStamp));
        } else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    };
    addEventListener(%r, begin, true);
  });
}
"""


@dataclass(frozen=True, slots=True)
class Took:
    """What a step took, in milliseconds."""

    wall_ms: float
    page_ms: float
    """Processor time of the page's main thread."""
    server_ms: float
    """Processor time of the server; 0 where nobody asked."""

    @property
    def cpu_ms(self) -> float:
        """Processor time on the way from the deed to what is seen."""
        return self.page_ms + self.server_ms


def chromium(playwright: Playwright, certificate: Path) -> Browser:
    """Start Debian's Chromium, which believes `certificate` and no other of an unknown issuer.

    Raises:
        RuntimeError: it is not installed.
    """
    program = shutil.which("chromium")
    if program is None:
        raise RuntimeError("Chromium is not installed; as root: apt-get install chromium")
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    believed = base64.b64encode(hashlib.sha256(octets).digest()).decode()
    believing = f"--ignore-certificate-errors-spki-list={believed}"
    return playwright.chromium.launch(
        executable_path=program, headless=True, args=[*FLAGS, believing]
    )


def use_our_node() -> None:
    """Have Playwright run on the Node.js that builds the web app; its own needs more libraries."""
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(node_program()))


def context_of(browser: Browser, state: Any = None) -> BrowserContext:
    """Open a browser that was never here, but for the cookies in `state`."""
    context = browser.new_context(
        viewport=VIEWPORT, locale="en-GB", reduced_motion="reduce", storage_state=state
    )
    context.set_default_timeout(LONGEST_MS)
    return context


class Clock:
    """Times what happens on a page."""

    def __init__(self, page: Page, server_pid: int | None = None) -> None:
        """Time `page`; the server's processor time counts where its process is named."""
        self.page = page
        self._pid = server_pid
        self._devtools: CDPSession = page.context.new_cdp_session(page)
        # Ticks of the thread, not of the wall: true on a busy machine, too.
        self._devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def load(self, url: str, selector: str) -> Took:
        """Go to `url`; it is over when what `selector` names has been painted."""
        self.page.add_init_script(_LOADED % selector)
        return self._loaded(lambda: self.page.goto(url, wait_until="commit"))

    def reload(self) -> Took:
        """Load the page again, as `load` did."""
        return self._loaded(lambda: self.page.reload(wait_until="commit"))

    def _loaded(self, go: Callable[[], object]) -> Took:
        page_before, server_before = self.page_cpu_ms(), self._server_cpu_ms()
        go()
        wall = self.page.evaluate("() => window.benchPainted")
        page, server = self.page_cpu_ms(), self._server_cpu_ms()
        spent = page - page_before if page >= page_before else page  # another process: from 0
        return Took(wall, spent, server - server_before)

    def until(self, begin: str, state: str, deed: Callable[[], object]) -> Took:
        """Time from the event `begin` of `deed` until `state` has become another.

        Args:
            begin: name of a DOM event.
            state: an expression of JavaScript; undefined while there is nothing to see.
            deed: does it, as a person would.
        """
        self.page.evaluate(_WATCHED % (state, begin, begin))
        page, server = self.page_cpu_ms(), self._server_cpu_ms()
        deed()
        wall = self.page.evaluate("() => window.benchDone")
        return Took(wall, self.page_cpu_ms() - page, self._server_cpu_ms() - server)

    def taken(self, script: str, argument: object) -> Took:
        """Run what times itself: a function in the page, which returns milliseconds."""
        page, server = self.page_cpu_ms(), self._server_cpu_ms()
        wall = self.page.evaluate(script, argument)
        return Took(wall, self.page_cpu_ms() - page, self._server_cpu_ms() - server)

    def rest(self) -> None:
        """Let what comes afterwards come; the network is never idle while the server may push."""
        self.page.wait_for_timeout(REST_MS)

    def page_cpu_ms(self) -> float:
        """Return the processor time of the page's main thread so far."""
        return self.metric("TaskDuration") * 1_000

    def metric(self, name: str) -> float:
        """Return a figure of the browser's own."""
        metrics = self._devtools.send("Performance.getMetrics")["metrics"]
        return next(float(each["value"]) for each in metrics if each["name"] == name)

    def heap_octets(self) -> float:
        """Return what the page's scripts hold once all that is not used has gone."""
        self._devtools.send("HeapProfiler.collectGarbage")
        return self.metric("JSHeapUsedSize")

    def _server_cpu_ms(self) -> float:
        """Return the processor time of the server's threads, which is told in nanoseconds."""
        if self._pid is None:
            return 0.0
        tasks = Path(f"/proc/{self._pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6
