"""Settings of the documentation."""

import re
import subprocess
import sys
from pathlib import Path

import sklearn_dl

HERE = Path(__file__).parent

project = "sklearn_dl"
author = "The sklearn_dl developers"
project_copyright = f"2026, {author}"
version = release = sklearn_dl.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = [
    "_build",
    # Downloads of the gallery, not pages.
    "auto_examples/**/*.ipynb",
    "auto_examples/**/*.py",
    "auto_examples/**/*.json",
    # Included by changes.rst.
    "generated/unreleased.md",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
default_role = "py:obj"
# The changes are included below a title of the page.
suppress_warnings = ["myst.header"]

autosummary_generate = True
autodoc_typehints = "none"
# The page of a class lists its members by the template.
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "navigation_with_keys": False,
}
html_sidebars = {"install": [], "getting_started": [], "changes": []}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "abort_on_example_error": True,
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_dl",),
    "download_all_examples": False,
    "show_memory": False,
    "within_subsection_order": "FileNameSortKey",
}


def write_unreleased_changes():
    """Render the fragments of the changes that no release holds yet."""
    draft = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "next"],
        cwd=HERE.parent,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # The first line is the title of the release to come, the page has its own.
    body = draft[draft.index("### ") :] if "### " in draft else "Nothing yet.\n"
    target = HERE / "generated" / "unreleased.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(body)


def unlink_sklearn_labels(app, what, name, obj, options, lines):
    """Turn links into scikit-learn's guide, in what we inherit from it, into text.

    Labels of another project need its inventory, and the build uses no network.
    """
    # Terms of its glossary come with inherited properties too, which have no module.
    text = re.sub(r":term:`([^`<]+?)\s*(?:<[^`>]+>)?`", r"``\1``", "\n".join(lines))
    module = getattr(obj, "__module__", None) or ""
    if module.startswith("sklearn."):
        text = re.sub(r":ref:`([^`<]+?)\s*(?:<[^`>]+>)?`", r"\1", text)
    lines[:] = text.split("\n")


def setup(app):
    write_unreleased_changes()
    app.connect("autodoc-process-docstring", unlink_sklearn_labels)
