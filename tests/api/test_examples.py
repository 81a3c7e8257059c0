"""The example of the library runs as the page shows it, and so does the notebook."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from short import policy

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "library.md"]
QUICK = {
    '"torch.mlp"': '"fake.linear"',
    '"tf.mlp"': '"twin.linear"',
    "processes=5": "processes=2, cold=True, parity=False",
}
"""Replacements that make an example quick: plugins that need no framework, fewer processes."""


def examples():
    pages = "\n".join(page.read_text() for page in PAGES)
    blocks = re.findall(r"^```python\n(.*?)^```", pages, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "dlbench.run(" in block]


@pytest.mark.parametrize("example", examples(), ids=range(len(examples())))
def test_the_example_of_the_library_runs_and_is_short(example, tmp_path, monkeypatch, capsys):
    assert len([line for line in example.splitlines() if line]) <= 12
    for shown, quick in QUICK.items():
        example = example.replace(shown, quick)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dlbench.api.request.Policy", policy)
    names = {}
    exec(compile(example, "example", "exec"), names)
    assert "seconds a step" in capsys.readouterr().out
    assert {row["plugin"] for row in names["rows"]} == {"fake.linear", "twin.linear"}
    assert names["page"].startswith("# Training steps: fake.linear eager, twin.linear eager")


class ThisPython(KernelSpecManager):
    """The kernel of the Python that runs the tests, whatever else is installed."""

    def get_kernel_spec(self, kernel_name):
        return KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"])


@pytest.mark.parametrize("plugin", ["fake.linear", pytest.param("torch.mlp", marks=pytest.mark.slow)])
def test_the_notebook_runs_and_shows_tables_and_progress(plugin, tmp_path, monkeypatch):
    """As it stands, and with a plugin that compiles in no time."""
    monkeypatch.setenv("DLBENCH_FAKE_JIT", "1,0,0")
    monkeypatch.setenv("TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS", "0")  # each process would, for one small program
    notebook = nbformat.read(ROOT / "examples" / "first_steps.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    for cell in notebook.cells:
        cell.source = cell.source.replace("torch.mlp", plugin)
    manager = AsyncKernelManager(kernel_spec_manager=ThisPython())
    client = nbclient.NotebookClient(notebook, timeout=280, km=manager, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    cells = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    told = "".join(one.text for one in cells[0] if one.output_type == "stream")
    assert f"{plugin} jit predict: " in told
    (shown,) = [one for one in cells[0] if one.output_type == "execute_result"]
    assert "<table>" in shown.data["text/html"]
    assert shown.data["text/markdown"].startswith(f"# Prediction steps: {plugin} eager, {plugin} jit")
    assert cells[-1][0].data["text/plain"] == "True"
