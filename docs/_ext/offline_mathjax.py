"""MathJax beside the pages: `python docs/_ext/offline_mathjax.py` fetches it once, the build copies it.

One file of the npm package draws every formula as SVG, with its fonts inside; npm checks the archive against the
registry, the sum below checks the file.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "mathjax@3.2.2"
SHA256 = "d4295dc33744836935c1399feece5159577b34c5c8ffb9f1c6324cd82e03a882"
FILE = Path(__file__).parents[2] / "build" / "docs-vendor" / "tex-svg.js"


def fetch():
    """Put the file in its place, unless it is there."""
    if FILE.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            content = archive.extractfile("package/es5/tex-svg.js").read()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        sys.exit(f"{PACKAGE}: es5/tex-svg.js has SHA-256 {found}, expected {SHA256}")
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_bytes(content)


def place(app, error):
    if error is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "mathjax" / FILE.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FILE, target)


def check(app):
    if not FILE.exists():
        raise FileNotFoundError("MathJax is missing: run `python docs/_ext/offline_mathjax.py` once (it asks npm)")


def setup(app):
    app.connect("builder-inited", check)
    app.connect("build-finished", place)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    fetch()
