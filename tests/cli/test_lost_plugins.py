"""Plugins that take their process with them when they are described, and models that are named in two ways."""

from __future__ import annotations

import json

import pytest
from command import planned, refused, short
from distributions import leftover

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("order", [1, -1])
def test_a_file_and_the_module_that_it_is_are_one_model(folder, order):
    (folder / "pack" / "deep").mkdir(parents=True)
    (folder / "pack" / "__init__.py").touch()
    (folder / "pack" / "deep" / "net.py").write_text((folder / "own.py").read_text())
    for one in (["own.py:Two", "own:Two"], ["pack/deep/net.py:Two", "pack.deep.net:Two"]):
        first, second = one[::order]
        said = refused("--model", first, "--model", second)
        assert f"--model {second} is {first}, which is given twice" in said
    assert "unknown module or loader 'gone'" in refused("--model", "own.py:Two", "--model", "gone:Two")


CRASH, HANG = "import os\nos._exit(9)\n", "import time\nwhile True:\n    time.sleep(1)\n"


@pytest.fixture
def acme(folder, monkeypatch):
    """A plugin of this text is installed."""

    def installed(text):
        (folder / "site").mkdir()
        (folder / "site" / "acme_net.py").write_text(text)
        metadata = b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"
        points = b"[dlbench.plugins]\nacme.net = acme_net:Sized\n"
        leftover(folder / "site", "acme-1.0", METADATA=metadata, entry_points=points)
        monkeypatch.setenv("PYTHONPATH", str(folder / "site"))

    return installed


def test_a_plugin_that_ends_the_interpreter_is_a_row_and_others_are_measured(folder, acme):
    acme(CRASH)
    arms = ("--plugin", "acme.net,fake.linear", "--phase", "predict", "--quick", "--quiet")
    done = short("run", *arms, "--out", "report", cwd=folder)
    assert done.returncode == 2
    runs = {run["spec"]["plugin"]: run for run in map(json.loads, (folder / "report" / "runs.jsonl").open())}
    assert {name: run["status"] for name, run in runs.items()} == {"acme.net": "crashed", "fake.linear": "ok"}
    assert "dlbench: predict, acme.net eager: crashed" in done.stderr


def test_a_plugin_that_hangs_when_it_is_imported_does_not_end_the_session(folder, acme):
    acme(HANG)
    said = planned("--plugin", "acme.net,fake.linear", "--phase", "predict", "--timeout", "3")
    assert "fake.linear eager" in said
    assert "acme.net eager" in said
