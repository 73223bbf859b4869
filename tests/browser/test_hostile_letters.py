"""Letters that were written to do harm, in the frame that shows them, in a real browser.

Each is a file of `tests/corpus/hostile-html`, named by what it tries. None may run a script, send a
request, leave its frame, or keep anything that the frame's policy would have to stop: what cleans
the letters and what fences them in are each enough by themselves, and this looks at the first.

Source: WEBUI §4, PRIVACY §9 (T-READ-1, T-READ-2, T-READ-5).
"""

import gzip
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.corpus import SHARED
from tests.support.frames import (
    WHAT_STAYS,
    Sites,
    Watched,
    build,
    chromium,
    hostile,
    html_parts,
    serving,
)

pytestmark = pytest.mark.long
LETTERS = hostile()
MOST_PIXELS = 20_000
MIXTURES = 200


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page with the frames was built."""
    return build(tmp_path_factory.mktemp("frames"))


@pytest.fixture(scope="module")
def sites(built: Path) -> Iterator[Sites]:
    """The page with the frames."""
    with serving(built) as found:
        yield found


@pytest.fixture(scope="module")
def browser(sites: Sites) -> Iterator[Browser]:
    """Chromium."""
    with chromium(sites) as found:
        yield found


@pytest.fixture(scope="module")
def watched(browser: Browser, sites: Sites) -> Watched:
    """The page, open."""
    return Watched.open(browser, sites)


def shown(watched: Watched, html: str) -> list[str]:
    """Show a letter and return what is wrong."""
    watched.call("show", html)
    watched.settle()
    frame = watched.frame()
    wrong = list(frame.evaluate(WHAT_STAYS))
    if not frame.url.startswith(watched.sites.origin + "/frame.html#"):
        wrong.append(f"the frame went to {frame.url}")
    if len(watched.page.frames) != 2:
        wrong.append(f"there are {len(watched.page.frames)} frames")
    height = watched.page.locator("iframe").bounding_box()
    if height is None or not 0 < height["height"] <= MOST_PIXELS:
        wrong.append(f"the frame is at {height}")
    return wrong + watched.harm()


@pytest.mark.parametrize("name", LETTERS)
def test_t_read_1_a_hostile_letter_does_nothing(watched: Watched, name: str) -> None:
    for html in LETTERS[name]:
        assert shown(watched, html) == []
        assert "Still here." in (watched.frame().locator("#sheet").text_content() or "")


def test_t_read_1_cleaning_alone_is_enough(browser: Browser, built: Path, sites: Sites) -> None:
    """Without the frame's policy, so that nothing but the cleaning stops a letter."""
    wrong = {}
    with serving(built, fenced=False) as unfenced:
        watched = Watched.open(browser, replace(unfenced, left=sites.left))
        for name, parts in LETTERS.items():
            for html in parts:
                if found := shown(watched, html):
                    wrong[name] = found
        watched.frame().evaluate("() => { new Image().src = 'http://outside.example/x.png'; }")
        watched.settle()
        assert "the browser asked for: GET http://outside.example/x.png HTTP/1.1" in watched.harm()
    assert wrong == {}


def test_pieces_of_letters_in_any_order_do_nothing(
    browser: Browser, built: Path, sites: Sites
) -> None:
    """Markup broken as nobody wrote it, without the frame's policy; the same each time."""
    pieces = [
        piece
        for parts in LETTERS.values()
        for html in parts
        if len(html) < 6000
        for piece in re.findall(r"<[^>]*>?|[^<]+", html)
    ]
    chance = random.Random(1)
    wrong = {}
    with serving(built, fenced=False) as unfenced:
        watched = Watched.open(browser, replace(unfenced, left=sites.left))
        for _ in range(MIXTURES):
            html = "".join(chance.choices(pieces, k=chance.randint(3, 60)))
            if found := shown(watched, html):
                wrong[html] = found
    assert wrong == {}


def test_the_corpus_is_as_large_as_was_promised() -> None:
    assert len(LETTERS) >= 60


@pytest.mark.skipif(not SHARED.is_dir(), reason="no mail of other projects is at hand")
def test_letters_of_other_projects_do_nothing(watched: Watched) -> None:
    wrong = {}
    letters = 0
    for path in sorted(SHARED.rglob("*.eml")):
        for html in html_parts(path.read_bytes()):
            letters += 1
            if found := shown(watched, html):
                wrong[path.name] = found
    assert letters > 50
    assert wrong == {}


def test_what_must_not_happen_would_be_seen(browser: Browser, sites: Sites) -> None:
    watched = Watched.open(browser, sites)
    watched.call("show", "<p>x</p>")
    assert watched.harm() == []
    watched.frame().evaluate("() => canary('here')")
    assert watched.harm() == ["a script ran: here"]
    watched.frame().evaluate("() => { new Image().src = 'https://outside.example/x.png'; }")
    watched.settle()
    assert any("the policy had to stop: img-src" in each for each in watched.harm())
    watched.page.context.new_page().goto("http://outside.example/")
    assert "the browser asked for: GET http://outside.example/ HTTP/1.1" in watched.harm()


def test_a_frame_has_no_origin_no_cookie_and_no_storage(watched: Watched) -> None:
    watched.call("show", "<p>x</p>")
    told = watched.frame().evaluate(
        """() => {
          const failing = (act) => {
            try { act(); return 'allowed'; } catch (error) { return error.name; }
          };
          return [origin, failing(() => document.cookie), failing(() => localStorage.length),
            failing(() => parent.document),
            failing(() => { document.body.innerHTML = '<b>x</b>'; })];
        }"""
    )
    assert told == ["null", "SecurityError", "SecurityError", "SecurityError", "TypeError"]
    watched.settle()
    assert any("require-trusted-types-for" in each for each in watched.harm())


def test_a_page_that_takes_the_frames_place_is_not_listened_to(watched: Watched) -> None:
    watched.call("show", "<p>before</p>")
    height = watched.page.locator("iframe").bounding_box()
    watched.frame().evaluate(
        """() => {
          for (const token of ['', 'x', undefined]) {
            parent.postMessage({ token, kind: 'height', height: 9999 }, '*');
            const link = { href: 'https://outside.example', text: '', doubts: [] };
            parent.postMessage({ token, kind: 'ask', link }, '*');
          }
        }"""
    )
    watched.settle()
    assert watched.page.locator("iframe").bounding_box() == height
    assert watched.page.locator("dialog[open]").count() == 0
    assert watched.harm() == []


def test_sizes_stay_within_their_budget(built: Path) -> None:
    for name, most in (("frame", 20 * 1024), ("editor", 40 * 1024)):
        (script,) = (built / "assets").glob(f"{name}-*.js")
        files = [script.read_bytes(), (built / f"{name}.html").read_bytes()]
        assert sum(len(gzip.compress(each)) for each in files) <= most
