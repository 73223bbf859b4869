"""The product and Debian's Chromium: a server a worker, a browser a module, a context a test."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.product import Product
from tests.support.webmail import PATIENCE_MS, Webmail, open_browser, watched_context
from webui.front_end import node_program

# Playwright's own Node.js needs a library that a bare Debian has not.
os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(node_program()))
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def webmail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webmail]:
    """A running product; at its end it must have logged no incident."""
    product = Product(tmp_path_factory.mktemp("webmail"))
    product.start()
    try:
        yield Webmail(product)
    finally:
        product.stop()
    assert "incident" not in product.words()


@pytest.fixture(scope="module")
def browser(webmail: Webmail) -> Iterator[Browser]:
    """A browser; it ends with the module, for its loop bears no other in the same thread."""
    with sync_playwright() as playwright:
        opened = open_browser(playwright, webmail)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, webmail: Webmail) -> Iterator[Page]:
    """A page of a browser that was never here; nothing may go wrong on it."""
    with watched_context(browser, webmail) as context:
        yield context.new_page()
