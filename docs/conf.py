"""Sphinx configuration; `rules.md` is written from the tables before every build."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import rules_page  # noqa: E402

from adtransform import __version__  # noqa: E402

project = "adtransform"
author = "the adtransform authors"
copyright = "2026, the adtransform authors"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
# Shown as text where there is no network.
mathjax_path = "mathjax.js"
html_theme = "furo"
html_title = "adtransform"
html_copy_source = False
exclude_patterns = ["_build"]
highlight_language = "python"
autodoc_typehints = "none"
nitpicky = False


def setup(app: object) -> None:
    """Generate what is generated."""
    (HERE / "rules.md").write_text(rules_page.text(), encoding="utf-8")
