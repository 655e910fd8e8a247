"""asv's pages without the network: scripts and styles from npm beside them, links rewritten, data in a script.

The pages as asv writes them load ten files from content delivery networks and their data by requests, which a page
opened from disk may not make. Here every link becomes a file in `vendor/`, and the data become `vendor/data.js`, which
answers jQuery's requests.
"""

import base64
import hashlib
import io
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

# file in the link -> npm package and path in it; the versions are those asv 0.6.6 links to
PACKAGES = {
    "jquery-3.3.1.min.js": ("jquery@3.3.1", "dist/jquery.min.js"),
    "jquery.flot.min.js": ("flot@0.8.3", "jquery.flot.js"),
    "jquery.flot.time.min.js": ("flot@0.8.3", "jquery.flot.time.js"),
    "jquery.flot.selection.min.js": ("flot@0.8.3", "jquery.flot.selection.js"),
    "jquery.flot.categories.min.js": ("flot@0.8.3", "jquery.flot.categories.js"),
    "jquery.flot.orderBars.js": ("flot-orderbars@1.0.0", "js/jquery.flot.orderBars.js"),
    "stupidtable.min.js": ("stupid-table-plugin@1.1.3", "stupidtable.min.js"),
    "md5.min.js": ("blueimp-md5@2.19.0", "js/md5.min.js"),
    "bootstrap.min.js": ("bootstrap@3.1.1", "dist/js/bootstrap.min.js"),
    "bootstrap.min.css": ("bootstrap@3.1.1", "dist/css/bootstrap.min.css"),
}
FONT = "glyphicons-halflings-regular.woff"  # bootstrap.min.css asks for it in ../fonts/
LINK = re.compile(r'<(script|link)\b[^>]*?\b(src|href)="(?:https?:)?//([^"]+)"[^>]*>')
# names on an axis have no difference: the script would shift every bar by "not a number", and draw none
ORDER = "jquery.flot.orderBars.js"
MENDED = (b"minMaxValues[1] - minMaxValues[0];", b"minMaxValues[1] - minMaxValues[0] || 0;")
STYLE = "<style>.btn { white-space: normal; }</style>"  # machines differ in the end of their names
SAME = ("jquery-3.3.1.min.js", "jquery.flot.orderBars.js", "md5.min.js", "bootstrap.min.js", "bootstrap.min.css")

# what a graph does not have for a machine is "not found", and the icon, which asv asks for to see whether its server
# is up, is always there; later, as over a network, for asv's pages register themselves after the first request
TRANSPORT = """
jQuery.ajaxTransport("+*", function (options) {
    var path = decodeURIComponent(options.url.split("?")[0]);
    var known = Object.prototype.hasOwnProperty.call(ASV_DATA, path);
    return {
        send: function (headers, done) {
            setTimeout(function () {
                if (known) { done(200, "OK", {json: ASV_DATA[path]}); }
                else if (path === "swallow.ico") { done(200, "OK", {text: ""}); }
                else { done(404, "Not Found"); }
            }, 0);
        },
        abort: function () {}
    };
});
"""


def packed(package):
    """The files of an npm package by their paths; npm checks the archive against the registry."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        content = archive.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = [each for each in tar.getmembers() if each.isfile()]
        return {each.name.partition("/")[2]: tar.extractfile(each).read() for each in members}


def matches(tag, content):
    """Whether a file has the hash that a tag's `integrity` states."""
    stated = re.search(r'integrity="(sha\d+)-([^"]+)"', tag)
    return stated is None or base64.b64encode(hashlib.new(stated[1], content).digest()).decode() == stated[2]


def rewritten(page, files):
    """The page with each link to another host replaced by `vendor/NAME`; `files` are the contents by name.

    Raises:
        ValueError: a link to a file that is not in `PACKAGES`, or whose content is not the one the page expects.
    """

    def local(found):
        tag, kind, attribute, address = found[0], found[1], found[2], found[3]
        name = address.split("?")[0].rsplit("/", 1)[-1]
        if name not in files:
            raise ValueError(f"the page loads {address}; accepted are {', '.join(files)}")
        # flot and stupidtable come from npm as other builds of the same version
        if name in SAME and not matches(tag, files[name]):
            raise ValueError(f"{PACKAGES[name][0]} has another {name} than the page expects; asv's version has changed")
        style = ' rel="stylesheet"' if kind == "link" else ""
        return f'<{kind}{style} {attribute}="vendor/{name}">'

    page = LINK.sub(local, page)
    # after jQuery, before anything asks for data
    jquery = 'src="vendor/jquery-3.3.1.min.js"></script>'
    page = page.replace(jquery, f'{jquery}\n    <script src="vendor/data.js"></script>')
    return page.replace("</head>", f"{STYLE}\n  </head>")


def data_script(folder):
    """The pages' JSON files as a script that answers requests for them, paths relative to `folder`."""
    paths = sorted(path for path in folder.rglob("*.json"))
    lines = [f"{json.dumps(path.relative_to(folder).as_posix())}: {path.read_text(encoding='utf-8')}" for path in paths]
    return "var ASV_DATA = {\n" + ",\n".join(lines) + "\n};\n" + TRANSPORT


def vendor(folder, pack=packed):
    """Make the pages in `folder` work from disk, without the network."""
    packages = {name: pack(name) for name in sorted({package for package, _ in PACKAGES.values()})}
    files = {name: packages[package][path] for name, (package, path) in PACKAGES.items()}
    index = folder / "index.html"
    page = rewritten(index.read_text(encoding="utf-8"), files)
    (folder / "vendor").mkdir(exist_ok=True)
    (folder / "fonts").mkdir(exist_ok=True)
    files[ORDER] = files[ORDER].replace(*MENDED)
    for name, content in files.items():
        (folder / "vendor" / name).write_bytes(content)
    (folder / "fonts" / FONT).write_bytes(packages["bootstrap@3.1.1"][f"dist/fonts/{FONT}"])
    (folder / "vendor" / "data.js").write_text(data_script(folder), encoding="utf-8")
    index.write_text(page, encoding="utf-8")
