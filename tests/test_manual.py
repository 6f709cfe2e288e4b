"""The manual keeps up with the code: a sample for each verb, an example in each docstring, and no call that can't be."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import imgedit as ie
from imgedit.recipes.steps import MEASURES, MERGES, STEPS

ROOT = Path(__file__).parent.parent
SAMPLES = sorted((ROOT / "samples").glob("plot_*.py"))


def calls(tree):
    """Names after ``ie.`` that are used."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name))
    return {node.attr for node in nodes if node.value.id == "ie"}


@pytest.fixture(scope="module")
def sampled():
    return set().union(*(calls(ast.parse(path.read_text(encoding="utf-8"))) for path in SAMPLES))


@pytest.mark.parametrize("verb", sorted([*STEPS, *MERGES, *MEASURES, "inpaint", "composite_depth", "sample", "grid"]))
def test_each_verb_has_a_sample(verb, sampled):
    assert verb in sampled, f"write samples/plot_{verb}.py"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_one_short_task_with_one_picture(path):
    text = path.read_text(encoding="utf-8")
    title, line = text.splitlines()[1:3]
    assert len(text.splitlines()) <= 40
    assert text.count("plt.show()") == 1
    assert line == "=" * len(title)


@pytest.mark.parametrize("name", [name for name in ie.__all__ if inspect.isfunction(getattr(ie, name))])
def test_each_public_function_has_an_example_that_runs(name):
    assert ">>>" in getattr(ie, name).__doc__
