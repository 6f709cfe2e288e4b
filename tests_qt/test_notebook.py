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
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
    # nbclient moves what `interact` shows into its widget, and tells the kernel so on the socket on which it is waiting
    # for the end of the cell, which it then often misses until its timeout (jupyter/nbclient#312).
    client.widget_registry.clear()
    ran = client.execute()
    pictures = [output for output in outputs(ran) if "image/png" in output.get("data", {})]
    sliders = [output for output in outputs(ran) if WIDGET in output.get("data", {})]
    assert len(pictures) == 4
    assert len(sliders) == 3
    assert all(output["output_type"] != "error" for output in outputs(ran))
    states = ran.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
    bar = next(state["state"] for state in states if state["state"].get("description") == "Enlarging")
    assert bar["value"] == 1


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


def test_it_is_stored_without_results():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not outputs(notebook)
    assert {cell.get("execution_count") for cell in notebook.cells} == {None}
    assert os.path.getsize(NOTEBOOK) < 10_000
