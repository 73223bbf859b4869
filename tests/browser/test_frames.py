"""The frames as people use them: links, pictures, heights, colours and keys of letters.

Source: WEBUI §3 (Message), §4.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.frames import ROOT, Sites, Watched, build, chromium, serving

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """The page with the frames."""
    with serving(build(tmp_path_factory.mktemp("frames"))) as found:
        yield found


@pytest.fixture(scope="module")
def browser(sites: Sites) -> Iterator[Browser]:
    """Chromium."""
    with chromium(sites) as found:
        yield found


@pytest.fixture
def watched(browser: Browser, sites: Sites) -> Iterator[Watched]:
    """The page, open; nothing may go wrong on it."""
    found = Watched.open(browser, sites)
    yield found
    assert found.harm() == []
    found.page.context.close()


def height(watched: Watched) -> float:
    """Return how high the frame of the letter is."""
    box = watched.page.locator("iframe").bounding_box()
    assert box is not None
    return box["height"]


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with the page and its frames."""
    axe = (ROOT / "webui" / "spa" / "node_modules" / "axe-core" / "axe.min.js").read_text()
    for frame in page.frames:
        frame.evaluate(axe)
    found: list[str] = page.evaluate(
        """async () => {
          const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
          const told = await axe.run(document, { runOnly: tags });
          return told.violations.map((each) => `${each.id}: ${each.nodes[0].html}`);
        }"""
    )
    return found


def computed(watched: Watched, selector: str, name: str) -> str:
    """Return what a style came to in the letter."""
    found: str = watched.frame().evaluate(
        "([at, name]) => getComputedStyle(document.querySelector(at)).getPropertyValue(name)",
        [selector, name],
    )
    return found


def test_the_frame_is_as_high_as_its_letter(watched: Watched) -> None:
    watched.call("show", "<p style='margin:0;height:300px'>x</p>")
    watched.page.wait_for_timeout(100)
    assert height(watched) == 324
    watched.call("show", "<p style='margin:0;height:100px'>x</p>")
    watched.page.wait_for_timeout(100)
    assert height(watched) == 124
    watched.call("show", "<p style='height:50000px'>x</p>")
    watched.page.wait_for_timeout(100)
    assert height(watched) == 20_000
    assert watched.frame().evaluate("() => document.documentElement.scrollHeight") > 50_000


def test_a_letter_that_follows_the_frame_does_not_grow_for_ever(watched: Watched) -> None:
    watched.call(
        "show", "<div style='height:calc(100% + 40px)'>x</div><p style='min-height:110vh'>"
    )
    watched.page.wait_for_timeout(500)
    assert height(watched) < 1000


def test_a_letter_wider_than_its_frame_scrolls_and_is_whole(watched: Watched) -> None:
    watched.call("show", "<table width=3000><tr><td height=100>x</td></tr></table>")
    watched.page.wait_for_timeout(100)
    wide, inner = watched.frame().evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.clientHeight]"
    )
    assert wide >= 3000
    assert inner >= 124
    assert watched.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_styles_of_a_letter_stay_and_hold_for_it_alone(watched: Watched) -> None:
    watched.call(
        "show",
        "<html><head><style><!-- body{background:#102030;color:rgb(1,2,3)} .a .b{color:red}"
        " #i{font-size:30px} @media(max-width:10px){.b{color:blue}} td>b:first-child{color:#0f0}"
        " --></style></head><body><p class=a><b class=b>x</b></p><p id=i>y</p>"
        "<table><tr><td bgcolor=#ffff00 style='padding:7px'><b>z</b></table></body></html>",
    )
    assert computed(watched, ".zegel-letter-0", "background-color") == "rgb(16, 32, 48)"
    assert computed(watched, ".zegel-letter-0", "color") == "rgb(1, 2, 3)"
    assert computed(watched, ".m-b", "color") == "rgb(255, 0, 0)"
    assert computed(watched, "#m-i", "font-size") == "30px"
    assert computed(watched, "td b", "color") == "rgb(0, 255, 0)"
    assert computed(watched, "td", "background-color") == "rgb(255, 255, 0)"
    assert computed(watched, "td", "padding-top") == "7px"


def test_parts_of_a_letter_do_not_reach_into_each_other(watched: Watched) -> None:
    told = watched.call(
        "show",
        [
            "<p class=a>one</p><style>.a{color:rgb(9,9,9)}</style>"
            "<img src='https://outside.example/?",
            "<p class=a>the secret</p>",
            "'><textarea><!--<p>three</p>",
            "<p>four</p>",
        ],
    )
    assert told["remote"] == []
    assert watched.frame().locator("#sheet > div").all_inner_texts() == [
        "one",
        "the secret",
        "'>",
        "four",
    ]
    assert computed(watched, "#sheet > div:nth-child(1) p", "color") == "rgb(9, 9, 9)"
    assert computed(watched, "#sheet > div:nth-child(2) p", "color") != "rgb(9, 9, 9)"


def test_colours_of_body_attributes_count(watched: Watched) -> None:
    watched.call("show", "<body bgcolor=#000000 text=#ffffff><p>x</p></body>")
    assert computed(watched, ".zegel-letter-0", "background-color") == "rgb(0, 0, 0)"
    assert computed(watched, ".zegel-letter-0 p", "color") == "rgb(255, 255, 255)"


def test_t_read_5_trackers_go_and_pictures_that_came_along_are_shown(watched: Watched) -> None:
    told = watched.call(
        "show",
        "<img src='cid:one%40x' alt=1><img src='cid:one@x'><img src='cid:missing@x'>"
        "<img src='cid:svg@x'><img src='cid:page@x'>"
        "<img src='https://pictures.example/a.png'><img src='//pictures.example/b.png'>"
        "<img src='https://pictures.example/a.png'>"
        "<img src='https://t.example/p' width=1 height=1>",
    )
    assert told["inline"] == ["one@x", "missing@x", "svg@x", "page@x"]
    assert told["remote"] == ["https://pictures.example/a.png", "https://pictures.example/b.png"]
    assert told["trackers"] == 1
    watched.page.wait_for_timeout(200)
    widths = "() => [...document.querySelectorAll('#sheet img')].map((each) => each.naturalWidth)"
    assert watched.frame().evaluate(widths) == [40, 40, 0, 0, 0, 0, 0, 0]
    assert not any("pictures" in each for each in watched.call("log")["asked"])
    watched.call("showRemote")
    watched.page.wait_for_timeout(200)
    assert watched.frame().evaluate(widths) == [40, 40, 0, 0, 0, 40, 40, 40]


def test_a_plain_link_opens_in_a_window_that_knows_nothing_of_us(watched: Watched) -> None:
    origin = watched.sites.origin.replace("127.0.0.1", "localhost")
    watched.call("show", f"<a href='{origin}/index.html?utm_source=x&id=2'>our news</a>")
    with watched.page.context.expect_page() as opened:
        watched.frame().locator("a").click()
    other = opened.value
    other.wait_for_load_state()
    assert other.url.endswith("/index.html?id=2")
    assert other.evaluate("() => [opener, document.referrer, origin !== 'null']") == [
        None,
        "",
        True,
    ]
    other.close()
    watched.requests.clear()


def test_a_link_that_names_another_site_is_asked_about(watched: Watched) -> None:
    watched.call(
        "show", "<a href='https://outside.example/login?x=1'>https://www.bank.example/</a>"
    )
    anchor = watched.frame().locator("a")
    assert anchor.get_attribute("href") is None
    anchor.click()
    dialog = watched.page.get_by_role("dialog", name="Open this link?")
    expect(dialog).to_contain_text("outside.example")
    expect(dialog).to_contain_text("www.bank.example")
    assert dialog.get_by_role("link", name="Open anyway").get_attribute("href") == (
        "https://outside.example/login?x=1"
    )
    dialog.get_by_role("button", name="Do not open").click()
    expect(dialog).to_be_hidden()
    anchor.focus()
    anchor.press("Enter")
    expect(dialog).to_be_visible()
    watched.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_host_in_confusable_letters_is_asked_about_and_shown_as_it_is(watched: Watched) -> None:
    watched.call("show", "<a href='https://xn--80ak6aa92e.com/'>Sign in</a>")
    watched.frame().locator("a").click()
    dialog = watched.page.get_by_role("dialog")
    expect(dialog).to_contain_text("аррӏе.com (xn--80ak6aa92e.com)")
    dialog.get_by_role("button", name="Do not open").click()


def test_words_that_are_not_drawn_do_not_hide_what_a_link_names(watched: Watched) -> None:
    watched.call(
        "show",
        "<style>.h{display:none}</style>"
        "<a href='https://outside.example/1'>www.bank.example<i style='font-size:0'></i></a>"
        "<a href='https://outside.example/2'>bank.ex<b class=h>no site at all</b>ample</a>"
        "<a href='https://outside.example/3'><b style='display:none'>x y</b>bank.example/login</a>"
        "<a href='https://outside.example/4'><b>a plain</b> link</a>",
    )
    assert watched.frame().locator("a[href]").all_inner_texts() == ["a plain link"]
    assert watched.frame().locator(".zegel-ask").count() == 3


def test_t_read_5_links_lose_what_follows_the_reader(watched: Watched) -> None:
    told = watched.call(
        "show",
        "<a href='https://www.google.com/url?q=https%3A%2F%2Fshop.example%2Fp%3Fid%3D1%26utm_id%3D2'>"
        "The coat</a> <a href='https://list.example/unsubscribe?mc_eid=7'>Unsubscribe</a>",
    )
    assert (told["stripped"], told["unwrapped"]) == (1, 1)
    first, second = watched.frame().locator("a").all()
    assert first.get_attribute("href") == "https://shop.example/p?id=1"
    assert first.get_attribute("title") == "shop.example"
    assert second.get_attribute("href") == "https://list.example/unsubscribe?mc_eid=7"


def test_mail_addresses_and_places_in_the_letter_are_the_apps(watched: Watched) -> None:
    watched.call(
        "show",
        "<a href='mailto:anna@example.test?subject=Hi'>Anna</a> <a href='#end'>end</a>"
        "<p style='height:3000px'>x</p><p id=end>y</p>",
    )
    watched.frame().locator("a").first.click()
    assert watched.call("log")["mailtos"] == ["mailto:anna@example.test?subject=Hi"]
    watched.frame().locator("a").last.click()
    watched.settle()


def test_keys_pressed_in_a_letter_are_the_apps(watched: Watched) -> None:
    watched.call("show", "<p>x</p><a href='https://a.example/'>link</a>")
    watched.frame().locator("p").click()
    watched.page.evaluate(
        "() => zegel.listenFor(['j', 'ArrowDown', 'Mod+k', '/', 'Enter', 'Mod+c'])"
    )
    for key in ("j", "ArrowDown", "Control+k", "/", "Control+c", "Enter"):
        watched.page.keyboard.press(key)
    watched.settle()
    assert watched.call("log")["keys"] == ["j", "Mod+k", "/", "Enter"]


def test_colours_are_adapted_and_turned_back(watched: Watched) -> None:
    watched.call("setDark", True)
    watched.call(
        "show",
        "<table bgcolor=white><tr><td style='color:black'>x<b style='color:#c00'>y</b></table>",
        {"adapt": True},
    )
    lightness = """(at) => {
      const canvas = document.createElement('canvas').getContext('2d');
      const style = getComputedStyle(document.querySelector(at));
      return ['color', 'backgroundColor'].map((name) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = style[name];
        canvas.fillRect(0, 0, 1, 1);
        const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
        return Math.round((red + green + blue) / 3);
      });
    }"""
    assert watched.frame().evaluate(lightness, "td")[0] > 200
    assert watched.frame().evaluate(lightness, "table")[1] < 50
    assert watched.frame().evaluate(lightness, "html")[1] < 50
    watched.call("setAdapt", False)
    watched.settle()
    assert computed(watched, "td", "color") == "rgb(0, 0, 0)"
    assert computed(watched, "table", "background-color") == "rgb(255, 255, 255)"
    watched.call("setDark", False)


def test_a_letter_that_has_a_form_says_so(watched: Watched) -> None:
    told = watched.call("show", "<form><input name=x><p>words</p></form>")
    assert told["forms"] is True
    assert watched.call("show", "<p>x</p>")["forms"] is False


def test_a_letter_too_long_is_cut(watched: Watched) -> None:
    told = watched.call("show", "<p>" + "word " * 700_000)
    assert told["cut"] is True


def test_a_letter_of_half_a_megabyte_holds_nothing_up(watched: Watched) -> None:
    link = "<a href='https://a.example/?utm_id=1'>Item</a>"
    row = f"<tr><td style='padding:4px;color:#333'>{link}</td></tr>"
    letter = f"<table>{row * 5000}</table>"
    watched.call("show", "<p>x</p>")
    took = watched.page.evaluate(
        "async (html) => { const from = performance.now(); await zegel.show(html);"
        " return performance.now() - from; }",
        letter,
    )
    assert took < 10_000  # 0.3 s where nothing else runs


def test_a_frame_that_cannot_be_fetched_says_so(browser: Browser, sites: Sites) -> None:
    watched = Watched.open(browser, sites)
    watched.page.route("**/frame.html", lambda route: route.abort())
    watched.page.evaluate("() => { void zegel.show('<p>late</p>'); }")
    expect(watched.page.get_by_text("cannot be shown right now")).to_be_visible(timeout=20_000)
    watched.page.unroute("**/frame.html")
    watched.page.get_by_role("button", name="Try again").click()
    expect(watched.page.frame_locator("iframe").get_by_text("late")).to_be_visible(timeout=20_000)
    watched.page.context.close()


def test_printing_shows_the_letter_and_nothing_else(watched: Watched) -> None:
    watched.call("show", "<p style='height:900px'>x</p>")
    watched.call("showText", "other words")
    watched.page.evaluate("() => { window.print = () => {}; zegel.printFrame(); }")
    watched.page.emulate_media(media="print")
    expect(watched.page.locator("iframe")).to_be_visible()
    expect(watched.page.get_by_text("other words")).to_be_hidden()
    watched.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    expect(watched.page.get_by_text("other words")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_shown_and_asked_is_accessible(watched: Watched, theme: str) -> None:
    watched.call("setDark", theme == "dark")
    watched.call("show", "<p>words</p><a href='https://outside.example/'>www.bank.example</a>")
    watched.call("showText", "see https://xn--80ak6aa92e.com/\n> a\n> b\n\nx\n> c")
    watched.call("edit", {"signature": "<p>Anna</p>", "quote": None})
    watched.page.locator("iframe").first.wait_for()
    watched.frame().locator(".zegel-ask").click()
    assert violations(watched.page) == []
    watched.page.keyboard.press("Escape")
    assert violations(watched.page) == []


def test_plain_text_has_links_and_folded_quotes(watched: Watched) -> None:
    watched.call(
        "showText",
        "See https://a.example/x. <b>not bold</b>\n\n> old 1\n> old 2\n> > older\n-- \nAnna",
    )
    page = watched.page
    link = page.get_by_role("link", name="https://a.example/x", exact=True)
    assert link.get_attribute("rel") == "noopener noreferrer"
    assert page.locator("b").count() == 0
    quote = page.locator("details").first
    assert quote.get_attribute("open") is None
    page.get_by_text("Quoted text, 3 lines").click()
    expect(page.get_by_text("old 1")).to_be_visible()
