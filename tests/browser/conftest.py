"""Debian's Chromium, driven by playwright, with the network off. Nothing is downloaded."""

import shutil

import pytest

from plaplace.scan import report

LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser; it is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("the report is opened in Chromium; it is not installed (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Writes findings, opens the page from disk and gives it; what it logs and asks for is checked at the end."""
    contexts, said, asked = [], [], []

    def opened(findings, viewport=LAPTOP, **options):
        path = report.write(findings, tmp_path / f"report-{len(contexts)}.html")
        context = browser.new_context(offline=True, viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    own = {(tmp_path / f"report-{number}.html").as_uri() for number in range(len(contexts))}
    assert {url for url in asked if not url.startswith("data:")} <= own
