from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests import chromium
from tests.chromium import Tab
from tests.serving.browsing import opened
from tests.serving.page_server import writer
from tests.serving.server import Serving, serving


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One server for all tests that leave it as it was."""
    with serving(tmp_path_factory.mktemp("serving")) as found:
        yield found


@pytest.fixture
def client(shared: Serving) -> Iterator[httpx.Client]:
    with shared.client() as found:
        yield found


@pytest.fixture(scope="package")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The server of the page's tests."""
    folder = tmp_path_factory.mktemp("page")
    with serving(folder, writer(folder)) as found:
        yield found


@pytest.fixture(scope="package")
def browser() -> Iterator[Tab]:
    with chromium.chromium() as tab:
        yield tab


@pytest.fixture
def tab(browser: Tab, page: Serving) -> Iterator[Tab]:
    """The page as it is for who comes for the first time. It asks nobody but its server, and makes no mistakes."""
    for noted in (browser.requests, browser.failed, browser.console):
        noted.clear()
    browser.size(1280, 900)
    browser.call("Storage.clearDataForOrigin", origin=page.url, storageTypes="local_storage")
    opened(browser, page)
    yield browser
    own = (page.url, "blob:", "data:")
    assert (browser.console, [url for url in browser.requests if not url.startswith(own)]) == ([], [])
