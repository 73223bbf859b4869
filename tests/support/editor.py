"""The editor in its frame, typed into and read as the app does it."""

from typing import Any

from playwright.sync_api import Frame

from tests.support.frames import Watched

EMPTY: dict[str, Any] = {"signature": "", "quote": None}


def open_editor(watched: Watched, draft: dict[str, Any] = EMPTY) -> Frame:
    """Open an editor with the cursor in it."""
    watched.call("edit", draft)
    watched.call("focus")
    watched.settle()
    return watched.frame("editor")


def typed(watched: Watched, text: str) -> None:
    """Type, with line breaks as a person presses them."""
    for at, line in enumerate(text.split("\n")):
        if at:
            watched.page.keyboard.press("Enter")
        watched.page.keyboard.type(line)


def read(watched: Watched) -> dict[str, Any]:
    """Return what is written."""
    written: dict[str, Any] = watched.call("read")
    return written


def paste(watched: Watched, html: str, plain: str = "") -> None:
    """Paste what another program put on the clipboard."""
    watched.frame("editor").evaluate(
        """([html, plain]) => {
          const data = new DataTransfer();
          if (html) data.setData('text/html', html);
          if (plain) data.setData('text/plain', plain);
          document.getElementById('root').dispatchEvent(
            new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        [html, plain],
    )
    watched.settle()
