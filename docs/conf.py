"""Configuration of the documentation site: `make docs`. Nothing here or in a page needs the network."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import plaplace

project = "plaplace"
author = "The plaplace authors"
copyright = "The plaplace authors, MIT licence"
version = release = plaplace.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_design",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "plain_docstrings",
    "offline_mathjax",
]
exclude_patterns = ["examples", "figures", "README.md"]
nitpicky = True
# no inventories are fetched: names of torch, numpy and the standard library stay text, ours must resolve
nitpick_ignore_regex = [("py:.*", r"(?!plaplace\.).*")]
# types in public signatures that nobody has to name
nitpick_ignore = [
    ("py:class", f"plaplace.{name}")
    for name in (
        "memorization.probe.Options",
        "memorization.given.Given",
        "memorization.draws.Draws",
        "models.conditions.Prepared",
    )
]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"

mathjax_path = "mathjax/tex-svg.js"
mathjax3_config = {
    "tex": {
        "macros": {
            "E": r"\operatorname{E}",
            "Var": r"\operatorname{Var}",
            "Cov": r"\operatorname{Cov}",
            "tr": r"\operatorname{tr}",
            "div": r"\operatorname{div}",
            "diag": r"\operatorname{diag}",
            "sign": r"\operatorname{sign}",
            "R": r"\mathbb{R}",
            "T": r"\mathsf{T}",
            "abs": [r"\left\lvert #1 \right\rvert", 1],
            "norm": [r"\left\lVert #1 \right\rVert", 1],
        }
    },
    "options": {"enableMenu": False},  # its help and accessibility entries would ask the network
}

html_theme = "furo"
html_title = "plaplace"
html_static_path = ["_static"]
html_css_files = ["plaplace.css"]
html_copy_source = False
html_show_sphinx = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "abort_on_example_error": False,
    "image_scrapers": ("matplotlib",),
    "write_computation_times": False,
    "run_stale_examples": True,  # the package may have changed where the script has not
}
