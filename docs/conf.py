"""How the manual is built: ``make docs``. Warnings are errors.

The reference is generated from ``imgedit.__all__``, so that a public name can't be missing from it. Formulas become
MathML, which browsers draw by themselves: the pages need neither the network nor a script.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import latex2mathml.converter
from docutils import nodes
from sphinx.ext.autodoc.mock import mock

import imgedit
from imgedit.compositing.dressing import Effect
from imgedit.geometry.paints import Paint

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

project = "imgedit"
author = "the imgedit authors"
project_copyright = "2026, the imgedit authors"
version = release = imgedit.__version__

extensions = [
    "choices",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = [
    "_build",
    "gallery/*.md5",
    "gallery/*.ipynb",
    "gallery/*.py",
    "gallery/*.zip",
    "gallery/backreferences",
]
suppress_warnings = ["config.cache", "myst.xref_missing"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3

html_theme = "furo"
html_favicon = "_static/favicon.svg"
html_css_files = ["manual.css"]
html_math_renderer = "mathml"
html_title = "imgedit"
html_static_path = ["_static"]
html_show_sphinx = False
html_copy_source = False

autodoc_mock_imports = ["PySide6", "torch"]  # the reference of imgedit.qt and imgedit.training needs neither
autodoc_typehints = "none"  # numpydoc's Parameters section says it in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
# Checked on every public name; left out: the blank-line and wording rules that ruff already holds, and See Also.
numpydoc_validation_checks = {"GL06", "GL07", "GL08", "SS01", "PR01", "PR02", "PR03", "PR04", "PR07", "RT01", "RT03"}
# Methods of Qt's classes say in a line what they do, as Qt's own manual does.
QT = r"\.qt\.(Canvas|Pyramid|Tool|View|Worker)(\.|$)"
# So do those of a `Task`, which whoever trains a net of a new kind fills in.
TASK = r"\.training\.\w+\.\w*Task(\.|$)"
numpydoc_validation_exclude = {r"\.__", r"\.args$", r"errors\.", QT, TASK}

sphinx_gallery_conf = {
    "examples_dirs": "../samples",
    "gallery_dirs": "gallery",
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("imgedit",),
    "filename_pattern": r"plot_",
    "ignore_pattern": r"(^|[/\\])(?!plot_)[^/\\]*\.py$",  # the others are programs, not pictures
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 10,
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "matplotlib_animations": False,
}

MODEL_MODULES = [f"imgedit.{name}" for name in ("models", "superres", "restoration", "matting", "styling", "sampling")]

# Heading of a reference page -> modules whose public names stand on it.
REFERENCE = {
    "files": ("Files", ["imgedit.io"]),
    "geometry": ("Geometry", ["imgedit.geometry"]),
    "compositing": ("Compositing", ["imgedit.compositing", "imgedit.fusion"]),
    "inpainting": ("Inpainting and cloning", ["imgedit.inpainting", "imgedit.cloning"]),
    "tone": ("Tone and colour", ["imgedit.tone", "imgedit.color"]),
    "filters": ("Filters and text", ["imgedit.filters"]),
    "models": ("Models", MODEL_MODULES),
    "metrics": ("Metrics", ["imgedit.metrics", "imgedit.perception"]),
    "batch": ("Recipes and batch", ["imgedit.recipes", "imgedit.batch", "imgedit.engines"]),
    "pixels": ("Arrays and conversions", ["imgedit.pixels"]),
    "qt": ("Qt", ["imgedit.qt"]),
    "training": ("Training", ["imgedit.training"]),
}


def page_of(thing: object) -> str:
    """Reference page on which a public thing stands, by the module that defines it."""
    module = getattr(thing, "__module__", None) or getattr(thing, "__name__", "")
    for page, (_, modules) in REFERENCE.items():
        if any(module == name or module.startswith(name + ".") for name in modules):
            return page
    raise LookupError(f"{thing!r} of {module} has no page: add its module to REFERENCE in docs/conf.py")


def write_reference(_app: object) -> None:
    """Write one page a group, with every name of ``imgedit`` and ``imgedit.qt``: verbs first, then classes.

    What trains nets has a section for each module instead.
    """
    pages: dict[str, list[str]] = {page: [] for page in REFERENCE}
    training = training_modules()
    pages["training"] = [section(module) for module in training]
    for package in (imgedit, over_stand_ins(["imgedit.qt", *training])[0]):
        for name in sorted(package.__all__, key=lambda name: (inspect.isclass(getattr(package, name)), name)):
            thing = getattr(package, name)
            if name not in ("__version__", "errors") and (callable(thing) or inspect.ismodule(thing)):
                pages[page_of(thing)].append(entry(f"{package.__name__}.{name}", thing))
    for page, entries in pages.items():
        file = HERE / "reference" / f"{page}.rst"
        title = REFERENCE[page][0]
        if entries:
            file.write_text(f"{title}\n{'=' * len(title)}\n\n" + "\n".join(entries), encoding="utf-8")
        else:
            file.unlink(missing_ok=True)


def over_stand_ins(modules: list[str]) -> list[object]:
    """Import what needs Qt or torch over stand-ins, before Sphinx looks for the real ones: those would clash."""
    with mock(autodoc_mock_imports):
        return [importlib.import_module(module) for module in modules]


def training_modules() -> list[str]:
    """Name the modules of ``imgedit.training``: first what a caller needs, then what the trainings are made of."""
    found = {module.name for module in pkgutil.iter_modules([str(Path(imgedit.__file__).parent / "training")])}
    first = [
        "job",
        "superres",
        "restoration",
        "inpainting",
        "style",
        "style_any",
        "gan",
        "vae",
        "features",
        "gatys",
        "quantization",
    ]
    ordered = sorted(found, key=lambda name: (first.index(name) if name in first else len(first), name))
    return [f"imgedit.training.{name}" for name in ordered]


def section(module: str) -> str:
    """Write what stands for one module: its docstring and its public names."""
    return f"{module}\n{'-' * len(module)}\n\n.. automodule:: {module}\n   :members:\n"


def entry(name: str, thing: object) -> str:
    """Write what stands for one name: its docstring, and the samples that use it."""
    if inspect.ismodule(thing):
        return f".. automodule:: {thing.__name__}\n   :members:\n"
    if inspect.isclass(thing):
        return f".. autoclass:: {name}\n   :members:\n"
    return f".. autofunction:: {name}\n\n.. minigallery:: {name}\n"


# What the library asks of a paint or an effect; who uses one never does.
ASKED = {name for protocol in (Effect, Paint) for name in vars(protocol) if not name.startswith("_")}


def skip_asked(_app: object, _what: str, name: str, *_rest: object) -> bool | None:
    """Keep these out of the reference, and what Qt calls."""
    return True if name in ASKED or name == "event" or name.endswith("Event") else None


def visit_math(translator: object, node: nodes.Element) -> None:
    """Write one formula, in a line or by itself."""
    block = isinstance(node, nodes.math_block)
    formula = latex2mathml.converter.convert(node.astext(), display="block" if block else "inline")
    translator.body.append(f'<div class="formula">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def setup(app: object) -> None:
    """Connect what this file adds to the build."""
    app.connect("builder-inited", write_reference)
    app.connect("autodoc-skip-member", skip_asked)
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
