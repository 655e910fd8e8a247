"""The documentation as a site: it builds without a warning, holds together, and opens without the network."""

import importlib
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
PUBLIC = [
    "plaplace", "estimators", "operators", "directions", "noise", "models", "networks", "memorization",
    "memorization.detection", "memorization.worlds", "scan", "verify", "compare", "testing", "strategies",
]  # fmt: skip


class Links(HTMLParser):
    """What a page refers to: (tag, address), and the places that can be referred to."""

    def __init__(self, text):
        super().__init__()
        self.resources, self.links, self.ids = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        elif tag == "link" and values.get("rel") not in ("canonical",):
            self.resources.append(values["href"])
        elif values.get("src"):
            self.resources.append(values["src"])
        if values.get("style"):
            self.resources += re.findall(r"url\(['\"]?([^)'\"]+)", values["style"])


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site, built as `make docs` builds it: a warning is an error."""
    for name in ("sphinx", "myst_parser", "furo", "sphinx_design", "sphinx_copybutton", "sphinx_gallery", "diffusers"):
        pytest.importorskip(name)
    if not (ROOT / "build" / "docs-vendor" / "tex-svg.js").exists():
        pytest.skip("MathJax is not there: `make docs` fetches it once")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-n", "-W", "--keep-going", "docs", str(out)]
    found = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert found.returncode == 0, found.stderr
    return out


@pytest.fixture(scope="session")
def html(site):
    return {path: Links(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


@pytest.mark.slow
def test_nothing_comes_from_elsewhere(site, html):
    for path, page in html.items():
        for address in page.resources:
            parts = urlsplit(address)
            assert parts.scheme in ("", "data"), f"{path.name} loads {address}"
            assert not parts.netloc, f"{path.name} loads {address}"
            assert not parts.path or (path.parent / unquote(parts.path)).exists(), f"{path.name}: no {address}"
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"""(?:url\(\s*['"]?|@import\s+['"])((?:https?:)?//[^)'"]+)""", text)
        assert not found, f"{path.name} loads {found}"


@pytest.mark.slow
def test_links_between_pages_lead_somewhere(html):
    for path, page in html.items():
        for address in page.links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                assert parts.scheme in ("https", "http"), f"{path.name}: {address}"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.name}: no {address}"
            if parts.fragment and target in html:
                assert unquote(parts.fragment) in html[target].ids, f"{path.name}: no {address}"


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented(html, name):
    full = name if name == "plaplace" else f"plaplace.{name}"
    modules = {"estimators", "noise", "detection"}  # pages of their own
    known = set().union(*(page.ids for path, page in html.items() if path.parent.name == "api"))
    missing = [each for each in importlib.import_module(full).__all__
               if each not in modules and f"{full}.{each}" not in known]  # fmt: skip
    assert not missing


@pytest.mark.slow
def test_pages_open_without_the_network(site):
    pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or pytest.skip("Chromium is not installed")
    # in a thread of its own: a browser of another test holds the event loop of this one
    with ThreadPoolExecutor(1) as pool:
        asked, said = pool.submit(visit, site, program).result()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def visit(site, program):
    """Open every page offline, formulas drawn: the addresses it asked for, and what its console said."""
    from playwright.sync_api import sync_playwright

    asked, said = [], []
    with sync_playwright() as playwright:
        context = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"]).new_context(offline=True)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
        page.on("request", lambda request: asked.append(request.url))
        for path in sorted(site.rglob("*.html")):
            page.goto(path.as_uri())
            if page.locator(".math").count():
                page.wait_for_function("window.MathJax?.startup?.promise?.then(() => true)")
                assert page.locator("mjx-container").count() >= page.locator(".math").count(), path.name
                assert page.locator("mjx-merror, [data-mjx-error]").count() == 0, path.name
    return asked, said
