"""The notebook runs from its first cell to its last, with the widgets that a reader would drag."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

WIDGET = "application/vnd.jupyter.widget-view+json"
NOTEBOOK = Path(__file__).parents[1] / "samples/notebook/verbs_with_sliders.ipynb"


# nbclient's kernel is a process of its own: what its libraries warn of is no concern of ours.
@pytest.mark.filterwarnings("default")
def test_the_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    ran = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    pictures = [output for output in outputs(ran) if "image/png" in output.get("data", {})]
    sliders = [output for output in outputs(ran) if WIDGET in output.get("data", {})]
    assert len(pictures) == 2  # those of `interact` lie inside their widgets
    assert len(sliders) == 3
    states = ran.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    inside = [output for state in states for output in state["state"].get("outputs", ())]
    assert sum("image/png" in output.get("data", {}) for output in inside) == 2
    assert all(output["output_type"] != "error" for output in (*outputs(ran), *inside))
    bar = next(state["state"] for state in states if state["state"].get("description") == "Enlarging")
    assert bar["value"] == 1


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def test_it_is_stored_without_results():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not outputs(notebook)
    assert {cell.get("execution_count") for cell in notebook.cells} == {None}
    assert os.path.getsize(NOTEBOOK) < 10_000
