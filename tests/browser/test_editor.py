"""The field in which letters are written, in its frame, in a real browser.

Source: WEBUI §3 (Compose), §4.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.editor import open_editor, paste, read, typed
from tests.support.frames import Sites, Watched, build, chromium, hostile, serving

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


def test_what_is_typed_is_read_as_html_and_as_text(watched: Watched) -> None:
    open_editor(watched)
    typed(watched, "Hello <Anna> & co\n\nSecond")
    assert read(watched) == {
        "html": "<div>Hello &lt;Anna&gt; &amp; co</div><div><br></div><div>Second</div>",
        "text": "Hello <Anna> & co\n\nSecond\n",
        "inline": [],
        "empty": False,
    }
    assert watched.call("log")["changes"] > 0


def test_an_editor_that_nothing_was_written_in_is_empty(watched: Watched) -> None:
    open_editor(
        watched, {"signature": "<p>Anna</p>", "quote": {"intro": "X:", "text": "y", "indent": True}}
    )
    assert read(watched)["empty"] is True
    typed(watched, "x")
    assert read(watched)["empty"] is False


def test_commands_mark_up_what_is_selected_and_say_how_it_stands(watched: Watched) -> None:
    open_editor(watched)
    typed(watched, "word")
    for command, tag in (("bold", "b"), ("italic", "i"), ("underline", "u"), ("strike", "s")):
        watched.page.keyboard.press("Control+a")
        watched.call("run", command)
        assert f"<{tag}>" in read(watched)["html"]
        watched.page.wait_for_timeout(200)
        assert watched.call("log")["format"][command] is True
        watched.call("run", command)
        assert f"<{tag}>" not in read(watched)["html"]
    for command, start in (("bullets", "<ul><li>"), ("numbers", "<ol><li>")):
        watched.call("run", command)
        assert read(watched)["html"].startswith(start)
    assert read(watched)["text"] == "1. word\n"
    watched.call("run", "numbers")
    watched.call("run", "quote")
    assert read(watched)["html"].startswith("<blockquote")
    assert read(watched)["text"] == "> word\n"
    watched.call("run", "unquote")
    assert "blockquote" not in read(watched)["html"]


def test_all_can_be_undone_and_done_again_under_trusted_types(watched: Watched) -> None:
    open_editor(watched)
    typed(watched, "one")
    watched.page.keyboard.press("Control+a")
    watched.call("run", "bold")
    assert "<b>" in read(watched)["html"]
    watched.page.keyboard.press("Control+z")
    assert "<b>" not in read(watched)["html"]
    assert "one" in read(watched)["text"]
    watched.call("run", "redo")
    assert "<b>" in read(watched)["html"]
    watched.page.keyboard.type("two")
    assert read(watched)["text"] == "two\n"


def test_formatting_is_taken_away(watched: Watched) -> None:
    open_editor(
        watched, {"html": "<div><b>bold</b> <i>and</i> <a href='https://a.example/'>link</a></div>"}
    )
    watched.page.keyboard.press("Control+a")
    watched.call("run", "plain")
    assert read(watched)["html"] == "<div>bold and link</div>"


def test_links_are_made_of_a_selection_or_of_words(watched: Watched) -> None:
    open_editor(watched)
    watched.call("link", "a.example/x", "here")
    assert '<a href="https://a.example/x">here</a>' in read(watched)["html"]
    assert read(watched)["text"] == "here <https://a.example/x>\n"
    watched.page.keyboard.press("Control+a")
    watched.call("link", "anna@a.example")
    assert 'href="mailto:anna@a.example"' in read(watched)["html"]
    watched.call("link", "javascript:canary()")
    assert "javascript" not in read(watched)["html"]
    watched.call("run", "unlink")
    assert "<a" not in read(watched)["html"]


def test_a_link_in_a_draft_does_not_take_the_editors_place(watched: Watched) -> None:
    frame = open_editor(watched, {"html": "<div><a href='https://outside.example/'>x</a></div>"})
    frame.locator("a").click()
    watched.settle()
    assert "/editor.html" in watched.frame("editor").url


def test_pasted_words_keep_their_meaning_and_lose_their_looks(watched: Watched) -> None:
    open_editor(watched)
    paste(
        watched,
        "<html><style>p{color:red}</style><b style='font-weight:normal' id=docs-internal-guid-1>"
        "<p style='color:red;font-family:Arial;font-size:40px' class=x onclick=canary()>"
        "<span style='font-weight:700;background:#ff0'>Bold</span>"
        " <font color=red size=7>plain</font>"
        " <a href='https://a.example/' style='color:red'>link</a>"
        "<img src='https://outside.example/x.png'></p>"
        "<ul style='margin:40px'><li style='color:red'>item</li></ul></b><script>canary()</script>",
    )
    html = read(watched)["html"]
    assert "<b>Bold</b>" in html
    assert '<a href="https://a.example/">link</a>' in html
    assert "<li>item</li>" in html.replace("<div>", "").replace("</div>", "").replace("<br>", "")
    for looks in ("style", "class", "font", "color", "img", "id="):
        assert looks not in html, looks


def test_pasted_text_is_text(watched: Watched) -> None:
    open_editor(watched)
    paste(watched, "", "<b>1</b>\n  two")
    assert read(watched)["text"] == "<b>1</b>\n  two\n"


def test_pasted_and_dropped_files_are_given_to_the_app(watched: Watched) -> None:
    frame = open_editor(watched)
    frame.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(['x'], 'a.png', { type: 'image/png' }));
          const root = document.getElementById('root');
          root.dispatchEvent(
            new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
          const other = new DataTransfer();
          other.items.add(new File(['x'], 'b.pdf', { type: 'application/pdf' }));
          root.dispatchEvent(
            new DragEvent('drop', { dataTransfer: other, bubbles: true, cancelable: true }));
        }"""
    )
    pixel = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
    paste(watched, f"<p>with <img alt=dot src='{pixel}'> a picture</p>")
    assert watched.call("log")["files"] == [
        {"name": "a.png", "type": "image/png", "from": "paste"},
        {"name": "b.pdf", "type": "application/pdf", "from": "drop"},
        {"name": "dot.gif", "type": "image/gif", "from": "paste"},
    ]
    assert "<img" not in read(watched)["html"]


def test_a_picture_in_the_text_is_sent_by_its_content_id(watched: Watched) -> None:
    frame = open_editor(watched)
    watched.call("insertPicture", "new@x", "A cat")
    typed(watched, "after")
    assert frame.locator("img").get_attribute("src").startswith("blob:")  # type: ignore[union-attr]
    written = read(watched)
    assert 'src="cid:new@x"' in written["html"]
    assert written["inline"] == ["new@x"]
    assert written["text"] == "[A cat]after\n"
    watched.call("reopen", {"html": written["html"]})
    watched.page.wait_for_timeout(200)
    assert watched.frame("editor").locator("img").get_attribute("src").startswith("blob:")  # type: ignore[union-attr]
    assert read(watched)["inline"] == ["new@x"]


def test_a_template_goes_where_the_cursor_is_and_replaces_nothing(watched: Watched) -> None:
    open_editor(watched)
    typed(watched, "before after")
    for _ in range(5):
        watched.page.keyboard.press("ArrowLeft")
    watched.page.keyboard.down("Shift")
    watched.page.keyboard.press("ArrowLeft")
    watched.page.keyboard.up("Shift")
    watched.call("insert", "<b>template</b><script>canary()</script>")
    assert read(watched)["text"] == "before templateafter\n"
    watched.call("insertText", "<i>")
    assert "template<i>after" in read(watched)["text"]


def test_the_signature_is_text_and_can_be_changed(watched: Watched) -> None:
    open_editor(watched, {"signature": "<p>Anna<br>Zegel</p>", "quote": None})
    typed(watched, "Hi")
    assert read(watched)["text"] == "Hi\n\n-- \nAnna\nZegel\n"
    watched.call("setSignature", "<p>Bo <img src=x onerror=canary()></p>")
    assert read(watched)["text"] == "Hi\n\n-- \nBo\n"
    html = read(watched)["html"]
    assert html.count("zegel-signature") == 1
    watched.call("reopen", {"html": html})
    watched.call("setSignature", "")
    assert "zegel-signature" not in read(watched)["html"]
    watched.call("setSignature", "<p>Cleo</p>")
    assert read(watched)["text"].endswith("-- \nCleo\n")


QUOTE = {
    "intro": "On Monday Bo wrote:",
    "html": "<html><head><style>.t td{color:rgb(1,2,3)} body{background:#eee}</style></head>"
    "<body><center><table class=t border=1><tr><td>cell<hr></td></tr></table></center>"
    "<font size=5 color=red>big</font><script>canary()</script>"
    "<img src='cid:logo@x' alt=logo><img src='https://pictures.example/a.png'>"
    "<img src='https://t.example/p' width=1 height=1></body></html>",
    "indent": True,
}


def test_a_quoted_letter_keeps_its_own_markup(watched: Watched) -> None:
    frame = open_editor(watched, {"signature": "<p>Anna</p>", "quote": QUOTE})
    typed(watched, "My answer")
    assert (
        frame.evaluate("() => getComputedStyle(document.querySelector('#root td')).color")
        == "rgb(1, 2, 3)"
    )
    assert frame.evaluate("() => getComputedStyle(document.body).color") != "rgb(1, 2, 3)"
    written = read(watched)
    html = written["html"]
    for kept in (
        "<center>",
        "<table",
        "<hr>",
        '<font size="5" color="red">big</font>',
        "<style>.m-quote-",
    ):
        assert kept in html, kept
    assert 'src="cid:logo@x"' in html
    assert 'src="https://pictures.example/a.png"' in html
    assert "t.example" not in html
    assert "script" not in html
    assert written["inline"] == ["logo@x"]
    assert written["text"] == (
        "My answer\n\n-- \nAnna\n\nOn Monday Bo wrote:\n"
        "> cell\n> ----------------------------------------\n>\n> big[logo]\n"
    )
    watched.page.wait_for_timeout(200)
    assert watched.call("log")["asked"] == ["logo@x"]


def test_a_draft_that_is_opened_again_is_the_same(watched: Watched) -> None:
    open_editor(watched, {"signature": "<p>Anna</p>", "quote": QUOTE})
    typed(watched, "My answer")
    first = read(watched)
    watched.call("edit", {"html": first["html"]})
    second = read(watched)
    assert second["html"] == first["html"]
    assert second["text"] == first["text"]
    watched.call("edit", {"html": second["html"]})
    assert read(watched)["html"] == first["html"]


def test_quoted_text_is_text(watched: Watched) -> None:
    quote = {"intro": "Bo wrote:", "text": "<b>one</b>\n\n> two", "indent": True}
    open_editor(watched, {"signature": "", "quote": quote})
    assert read(watched)["text"] == "Bo wrote:\n> <b>one</b>\n>\n> > two\n"
    assert "&lt;b&gt;" in read(watched)["html"]


def test_a_hostile_letter_does_nothing_when_it_is_quoted(watched: Watched) -> None:
    wrong = {}
    for name, parts in hostile().items():
        for html in parts:
            watched.call(
                "edit", {"signature": "", "quote": {"intro": "X", "html": html, "indent": True}}
            )
            written = read(watched)
            watched.call("edit", {"html": written["html"]})
            watched.call("run", "undo")
            again = read(watched)
            watched.settle()
            if found := watched.harm():
                wrong[name] = found
            for unsafe in ("<script", "onerror=", "javascript:", "<iframe", "<form", "<svg"):
                if unsafe in tags(written["html"]) + tags(again["html"]):
                    wrong.setdefault(name, []).append(unsafe)
    assert wrong == {}


def tags(html: str) -> str:
    """Return a text's markup: what stands within `<` and `>`, and not in quotes."""
    outside = []
    quoted = inside = False
    for letter in html:
        inside = (inside or letter == "<") and (letter != ">" or quoted)
        if inside and letter == '"':
            quoted = not quoted
        if inside and not quoted:
            outside.append(letter)
    return "".join(outside)


def test_keys_of_the_app_reach_it_and_no_others(watched: Watched) -> None:
    open_editor(watched)
    for key in (
        "Control+Enter",
        "Control+s",
        "Control+.",
        "Control+k",
        "Control+Shift+c",
        "Escape",
        "j",
        "Control+b",
    ):
        watched.page.keyboard.press(key)
    watched.settle()
    assert watched.call("log")["keys"] == ["Enter", "s", ".", "k", "c", "Escape"]
    assert read(watched)["text"] == "j\n"


def test_tab_leaves_the_field(watched: Watched) -> None:
    open_editor(watched)
    watched.page.keyboard.press("Tab")
    expect(watched.page.get_by_role("button", name="After")).to_be_focused()


def test_the_field_says_what_it_is(watched: Watched) -> None:
    frame = open_editor(watched)
    field = frame.get_by_role("textbox", name="Write your message")
    expect(field).to_have_attribute("aria-multiline", "true")
    expect(field).to_have_attribute("spellcheck", "true")
    expect(field).to_have_attribute("lang", "en")
    content = "() => getComputedStyle(document.getElementById('root'), '::before').content"
    assert frame.evaluate(content) == '"Write here"'
    typed(watched, "x")
    assert frame.evaluate(content) == "none"
    assert watched.page.locator("iframe").get_attribute("title") == "Write your message"


def test_a_dark_app_has_a_dark_field_with_light_quotes(watched: Watched) -> None:
    watched.call("setDark", True)
    frame = open_editor(watched, {"signature": "", "quote": QUOTE})
    colour = "(at) => getComputedStyle(document.querySelector(at)).backgroundColor"
    assert frame.evaluate(colour, "body") == "rgb(20, 23, 28)"
    assert frame.evaluate(colour, "[class^=m-quote-]") in (
        "rgb(255, 255, 255)",
        "rgb(238, 238, 238)",
    )
    typed(watched, "x")
    assert "color" not in read(watched)["html"].split("zegel-intro")[0].split("</style>")[-1]


def test_a_frame_that_is_loaded_anew_goes_on_with_what_was_read(watched: Watched) -> None:
    frame = open_editor(watched)
    typed(watched, "kept")
    read(watched)
    frame.evaluate("() => location.reload()")
    watched.page.wait_for_timeout(500)
    assert read(watched)["text"] == "kept\n"
