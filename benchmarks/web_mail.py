"""The web app as a person uses it, timed: signing in, lists, letters, searches, keys, scrolling."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from playwright.sync_api import Browser, BrowserContext

from benchmarks.jmap import USER
from benchmarks.jmap_client import Jmap
from benchmarks.serve import ACCOUNT_PASSWORD
from benchmarks.web_page import Clock, Took, context_of

ADDRESS_FIELD = "form input[autocomplete=username]"
ROWS = "[data-row]"
ARCHIVED = 2_000
"""Letters that lie in the archive, too."""
AT_ONCE = 400
KEYS = "j" * 40 + "x" * 10
FRAMES = 600
STEP_PX = 240
JUMPS = 10
LONGEST_JUMP_MS = 5_000

_FIRST_ROW = f"document.querySelector('{ROWS}')?.dataset.row"
_OPENED = """(() => {
  const letter = [...document.querySelectorAll('article.open')].at(-1);
  return letter?.querySelector('.plain')?.innerText ? letter.dataset.message : undefined;
})()"""
_FOUND = f"""(location.pathname.startsWith('/search') && document.querySelector('{ROWS}')
  && document.querySelector('h1')?.innerText.includes(%r) ? 'found' : undefined)"""
_KEYED = """[document.querySelector('[data-row][tabindex="0"]')?.dataset.row,
  document.querySelectorAll('[data-row][aria-selected=true]').length].join()"""
# The box is moved a step a frame, as a wheel that is turned hard does.
_SCROLLED = """
([frames, step]) => new Promise((done) => {
  const box = document.querySelector('[role=grid] > .box');
  const gaps = [];
  let most = 0, last = performance.now();
  const move = () => {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    most = Math.max(most, box.querySelectorAll('[role=row]').length);
    if (gaps.length === frames) {
      gaps.sort((a, b) => a - b);
      done({ rows: most, frame_p95_ms: gaps[Math.floor(frames * 0.95)] });
    } else {
      box.scrollTop += step;
      requestAnimationFrame(move);
    }
  };
  requestAnimationFrame(move);
})
"""
_JUMPED = """
([share, longest]) => new Promise((done) => {
  const box = document.querySelector('[role=grid] > .box');
  const begun = performance.now();
  box.scrollTop = share * (box.scrollHeight - box.clientHeight);
  const { top, bottom } = box.getBoundingClientRect();
  const isShown = () => {
    const seen = [...box.querySelectorAll('[role=row]')].filter((row) => {
      const place = row.getBoundingClientRect();
      return place.bottom > top + 1 && place.top < bottom - 1;
    });
    const high = seen.reduce((sum, row) => sum + row.offsetHeight, 0);
    return high >= bottom - top - 1 && seen.every((row) => row.dataset.row);
  };
  let frame = 0;
  const look = () => {
    const now = performance.now() - begun;
    if (frame++ > 0 && (isShown() || now > longest)) {
      setTimeout(() => done(performance.now() - begun));
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})
"""


@dataclass(frozen=True, slots=True)
class Scrolled:
    """What a long way through the list took."""

    rows: int
    """Most rows in the page at once."""
    cpu_ms: float
    """Of the main thread, a frame."""
    frame_p95_ms: float
    heap_octets: float


def archive(account: Jmap, count: int) -> None:
    """See that the archive has some of the `count` letters, in the middle of the inbox."""
    inbox, into = account.mailbox("inbox"), account.mailbox("archive")
    held = account.call("Email/query", filter={"inMailbox": into}, limit=1)["ids"]
    if held:
        return
    for start in range(count // 10, count // 10 + min(ARCHIVED, count // 2), AT_ONCE):
        ids = account.call(
            "Email/query", filter={"inMailbox": inbox}, position=start, limit=AT_ONCE
        )["ids"]
        done = account.call(
            "Email/set", update={each: {f"mailboxIds/{into}": True} for each in ids}
        )
        if done.get("notUpdated"):
            raise RuntimeError(f"not archived: {done['notUpdated']}")


class Mail:
    """The web app of a running server."""

    def __init__(self, browser: Browser, origin: str, pid: int, account: Jmap) -> None:
        """Measure the app at `origin`; `account` is the same mailbox as a program sees it."""
        self._browser = browser
        self._origin = origin
        self._pid = pid
        self._inbox, self._archive = account.mailbox("inbox"), account.mailbox("archive")
        self._state: Any = None

    def sign_in(self) -> Took:
        """Sign in once; the time of the first list after the server's start is returned."""
        context = context_of(self._browser)
        page = context.new_page()
        page.goto(self._origin)
        page.get_by_label("E-mail address").fill(USER)
        page.get_by_role("button", name="Next").click()
        page.get_by_label("Password", exact=True).fill(ACCOUNT_PASSWORD)
        clock = Clock(page, self._pid)
        button = page.get_by_role("button", name="Sign in")
        first = clock.until("mousedown", _FIRST_ROW, button.click)
        clock.rest()
        self._state = context.storage_state()
        context.close()
        return first

    def run(self, opened: int, searches: Iterable[str]) -> dict[str, list[Took]]:
        """Take each figure once, in browsers that were never here."""
        context = context_of(self._browser)
        signing_in = Clock(context.new_page(), self._pid).load(self._origin, ADDRESS_FIELD)
        context.close()
        context = context_of(self._browser, self._state)
        found = {"sign_in_page": [signing_in], **self._lists(context)}
        clock = self._inbox_of(context)
        rows = clock.page.locator(ROWS)
        found["open"] = [
            clock.until("mousedown", _OPENED, rows.nth(n).locator(".names").click)
            for n in range(1, opened + 1)
        ]
        field = clock.page.get_by_role("combobox", name="Search mail")
        for text in searches:
            field.fill(text)
            clock.rest()
            found[f"search {text}"] = [
                clock.until("keydown", _FOUND % text, lambda: field.press("Enter"))
            ]
        context.close()
        return found

    def _lists(self, context: BrowserContext) -> dict[str, list[Took]]:
        """Load the app twice, and go to another mailbox and back."""
        page = context.new_page()
        clock = Clock(page, self._pid)
        found = {"list": [clock.load(f"{self._origin}/", ROWS)]}
        clock.rest()
        found["list_warm"] = [clock.reload()]
        clock.rest()
        for name, mailbox in (("folder", self._archive), ("folder_cached", self._inbox)):
            chosen = page.locator(f"[data-mailbox='{mailbox}']")
            found[name] = [clock.until("mousedown", _FIRST_ROW, chosen.click)]
            clock.rest()
        page.close()
        return found

    def _inbox_of(self, context: BrowserContext) -> Clock:
        page = context.new_page()
        clock = Clock(page, self._pid)
        clock.load(f"{self._origin}/", ROWS)
        clock.rest()
        return clock

    def keys(self) -> list[Took]:
        """Press keys, one after the other, each when the last one's change is seen."""
        context = context_of(self._browser, self._state)
        clock = self._inbox_of(context)
        clock.page.keyboard.press("j")
        clock.page.wait_for_timeout(500)
        took = [
            clock.until("keydown", _KEYED, partial(clock.page.keyboard.press, key)) for key in KEYS
        ]
        context.close()
        return took

    def scroll(self) -> tuple[Scrolled, list[Took]]:
        """Scroll a long way, then jump about; return that and each jump."""
        context = context_of(self._browser, self._state)
        clock = self._inbox_of(context)
        page_before = clock.page_cpu_ms()
        told = clock.page.evaluate(_SCROLLED, [FRAMES, STEP_PX])
        spent = (clock.page_cpu_ms() - page_before) / FRAMES
        clock.rest()
        heap = clock.heap_octets()
        jumps = []
        for n in range(JUMPS):
            share = (n * 7 % JUMPS + 0.5) / JUMPS
            jumps.append(clock.taken(_JUMPED, [share, LONGEST_JUMP_MS]))
            clock.rest()
        context.close()
        return Scrolled(told["rows"], spent, told["frame_p95_ms"], heap), jumps
