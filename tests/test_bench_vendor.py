"""asv's pages without the network, on a page as asv writes it and packages made up here."""

import base64
import hashlib
import json
import re

import pytest

from benchmarks import vendor

HOSTS = {
    "jquery-3.3.1.min.js": "https://code.jquery.com/jquery-3.3.1.min.js",
    "bootstrap.min.css": "https://cdn.jsdelivr.net/npm/bootstrap@3.1.1/dist/css/bootstrap.min.css",
}


def content(name):
    size = "var AxeSize = minMaxValues[1] - minMaxValues[0];" if name == vendor.ORDER else ""
    return f"/* {name} */{size}".encode()


def integrity(name):
    return "sha256-" + base64.b64encode(hashlib.sha256(content(name)).digest()).decode()


def page():
    lines = []
    for name in vendor.PACKAGES:
        address = HOSTS.get(name, f"https://cdnjs.cloudflare.com/ajax/libs/x/1.0/{name}")
        extra = f'integrity="{integrity(name)}" crossorigin="anonymous"'
        if name.endswith(".css"):
            lines.append(f'<link rel="stylesheet" href="{address}" {extra}>')
        else:
            lines.append(f'<script src="{address}" {extra} onerror="js_load_failure()"></script>')
    own = '<script language="javascript" src="asv.js">\n</script><link href="asv.css" rel="stylesheet"/>'
    return "<head>" + "\n".join(lines) + own + '</head><a href="https://github.com/airspeed-velocity/asv/">asv</a>'


def packed(package):
    """What npm would give."""
    files = {path: content(name) for name, (each, path) in vendor.PACKAGES.items() if each == package}
    return files | {f"dist/fonts/{vendor.FONT}": b"font"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "index.html").write_text(page(), encoding="utf-8")
    (tmp_path / "index.json").write_text('{"project": "plaplace"}', encoding="utf-8")
    (tmp_path / "graphs" / "cpu-A B").mkdir(parents=True)
    (tmp_path / "graphs" / "cpu-A B" / "time.json").write_text("[[1, 2.5]]", encoding="utf-8")
    vendor.vendor(tmp_path, packed)
    return tmp_path


def test_every_loaded_file_is_beside_the_page(folder):
    written = (folder / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)"', written)
    assert len(loaded) == len(vendor.PACKAGES) + 3  # asv's own two, and the data
    assert not any("//" in each for each in loaded), loaded
    for each in loaded:
        assert each in ("asv.js", "asv.css") or (folder / each).is_file(), each
    for name in vendor.PACKAGES:
        assert (folder / "vendor" / name).read_bytes() == content(name).replace(*vendor.MENDED)
    assert b"minMaxValues[0] || 0;" in (folder / "vendor" / vendor.ORDER).read_bytes()
    assert (folder / "fonts" / vendor.FONT).read_bytes() == b"font"
    assert "integrity" not in written  # what is loaded from disk has no origin to check it with
    assert "https://github.com/airspeed-velocity/asv/" in written  # a link that loads nothing stays


def test_order_is_kept_and_the_data_follow_jquery(folder):
    names = re.findall(r'"vendor/([^"]+)"', (folder / "index.html").read_text(encoding="utf-8"))
    assert names == [names[0], "data.js", *list(vendor.PACKAGES)[1:]] and names[0] == "jquery-3.3.1.min.js"


def test_the_data_are_whole(folder):
    script = (folder / "vendor" / "data.js").read_text(encoding="utf-8")
    data = json.loads(script.removeprefix("var ASV_DATA = ").split(";\n")[0])
    assert data == {"index.json": {"project": "plaplace"}, "graphs/cpu-A B/time.json": [[1, 2.5]]}
    assert "ajaxTransport" in script


def test_an_unknown_link_is_refused():
    with pytest.raises(ValueError, match=r"the page loads cdn\.x/new.js; accepted are jquery-3.3.1.min.js"):
        vendor.rewritten('<script src="https://cdn.x/new.js"></script>', {"jquery-3.3.1.min.js": b""})


def test_another_content_is_refused():
    files = {name: content(name) for name in vendor.PACKAGES} | {"md5.min.js": b"changed"}
    with pytest.raises(ValueError, match=r"blueimp-md5@2.19.0 has another md5.min.js than the page expects"):
        vendor.rewritten(page(), files)


def test_the_pages_of_this_asv_are_known():
    pages = pytest.importorskip("asv", reason="asv writes the pages; pip install -e '.[bench]'")
    from pathlib import Path

    written = (Path(pages.__file__).parent / "www" / "index.html").read_text(encoding="utf-8")
    links = [found[3].rsplit("/", 1)[-1] for found in vendor.LINK.finditer(written)]
    assert sorted(links) == sorted(vendor.PACKAGES)
