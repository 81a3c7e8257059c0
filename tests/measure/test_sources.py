"""The code that a Run was made with: found wherever it lies, as it was loaded, and never taken for another."""

from __future__ import annotations

import importlib
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest
from example_runs import spec

from dlbench import registry
from dlbench.measure import sources
from dlbench.record import journal
from dlbench.record.schema import Code, Plan
from dlbench.registry.references import FOLDER_VARIABLE
from dlbench.report import FORMATS, summarize
from dlbench.session import plan, schedule
from dlbench.session.listener import Quiet
from dlbench.session.machine import here
from dlbench.spec import ModelSource, Policy
from dlbench.workers.backends import Starter

pytestmark = pytest.mark.untimed

NAME = "acme.minimal"
PLUGIN = """
from dlbench_fake.minimal import Minimal as Model
"""
LATE = "def f():\n    from acme_more import x"
MODULE = {"acme_minimal.py": PLUGIN}
PACKAGE = {"acme/__init__.py": "", "acme/plugin.py": PLUGIN}
EDITS_ITSELF = """
from pathlib import Path
from dlbench_fake.minimal import Minimal

class Model(Minimal):
    def build(self, request):
        with open(__file__, "a") as file:
            file.write("# edited\\n")
        return super().build(request)
"""


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """Writes a distribution of one's own into a folder: files by name, the entry point, its version."""
    monkeypatch.syspath_prepend(tmp_path)
    for looked_at in (sources.of_plugin, sources.of_loaded_plugin, sources.of_core, sources.of_task):
        looked_at.cache_clear()

    def write(files, entry="acme_minimal:Model", version="0.1.0", recorded=()) -> Path:
        for stale in tmp_path.glob("*.dist-info"):
            for file in stale.iterdir():
                file.unlink()
            stale.rmdir()
        folder = tmp_path / f"acme-{version}.dist-info"
        texts = files | {
            f"{folder.name}/METADATA": f"Metadata-Version: 2.1\nName: acme\nVersion: {version}\n",
            f"{folder.name}/entry_points.txt": f"[dlbench.plugins]\n{NAME} = {entry}\n",
        }
        if recorded:
            texts[f"{folder.name}/RECORD"] = "".join(f"{name},,\n" for name in recorded)
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        importlib.invalidate_caches()
        return tmp_path

    yield write
    for name in [name for name in sys.modules if name.startswith("acme")]:
        del sys.modules[name]


def look(name=NAME) -> Code:
    sources.of_plugin.cache_clear()
    return sources.of_plugin(name, "")


@pytest.mark.parametrize(
    ("entry", "files", "edited"),
    [
        ("acme_minimal:Model", {}, "acme_minimal.py"),
        ("acme.plugin:Model", {"acme/deep/kernels.py": ""}, "acme/deep/kernels.py"),
        ("acme_minimal:Model", {"acme_minimal.py": "import acme_helper", "acme_helper.py": ""}, "acme_helper.py"),
        ("acme_minimal:Model", {"acme_minimal.py": LATE, "acme_more/__init__.py": ""}, "acme_more/__init__.py"),
        ("acme_space.one:Model", {"acme_space/one.py": PLUGIN}, "acme_space/one.py"),
        ("acme.plugin:Model", {}, "acme/kernel.so"),
        ("acme.plugin:Model", {}, "acme/kernel.cu"),
    ],
    ids=["module", "package", "helper", "package beside", "namespace", "extension", "kernel"],
)
def test_code_that_is_edited_has_another_digest_and_the_same_version(acme, entry, files, edited):
    folder = acme(MODULE | PACKAGE | files, entry)
    before = look()
    assert (before.of, before.distribution, before.version) == (f"plugin {NAME}", "acme", "0.1.0")
    assert look() == before
    (folder / edited).write_text("# edited\n")
    after = look()
    assert (after.version, len(after.digest)) == ("0.1.0", sources.DIGITS)
    assert after.digest != before.digest


def test_caches_and_what_lies_beside_are_none_of_its_code(acme):
    folder = acme(PACKAGE, "acme.plugin:Model")
    before = look()
    for name in ("acme/__pycache__/plugin.cpython-311.pyc", "acme/log.txt", "other.py", "others/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("# anything\n")
    assert look() == before


def test_what_the_installer_wrote_down_belongs_to_it(acme):
    folder = acme(MODULE | {"acme_apart/inner.py": ""}, recorded=("acme_minimal.py", "acme_apart/inner.py"))
    before = look()
    (folder / "acme_apart/inner.py").write_text("X = 1\n")
    assert look().digest != before.digest


def test_another_version_of_the_same_files_is_another(acme):
    acme(MODULE)
    before = look()
    acme(MODULE, version="0.2.0")
    assert look() == Code(of=before.of, distribution="acme", version="0.2.0", digest=before.digest)


def test_code_that_changes_while_it_is_loaded_is_like_no_other(acme):
    folder = acme(MODULE)
    before = sources.of_plugin(NAME, "")
    registry.load(NAME)
    (folder / "acme_minimal.py").write_text("# edited\n")
    found = sources.of_loaded_plugin(NAME, "")
    assert found.digest.startswith(f"{before.digest} and ")
    assert found.digest.endswith("while it was loaded")


def test_code_that_changes_once_it_is_loaded_is_what_was_loaded(acme):
    """So has a forked child the code of the parent that loaded it, and every Run under the isolation `none`."""
    folder = acme(MODULE)
    sources.of_plugin(NAME, "")
    loaded = sources.of_loaded_plugin(NAME, "")
    (folder / "acme_minimal.py").write_text("# edited\n")
    assert sources.of_plugin(NAME, "") == sources.of_loaded_plugin(NAME, "") == loaded


def test_a_long_file_is_read_at_its_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MOST_BYTES", 8)
    (path := tmp_path / "big.so").write_bytes(bytes(64))
    digests = {sources._digest({"big.so": path})}
    for content in (b"1" + bytes(63), bytes(63) + b"1", bytes(65)):
        path.write_bytes(content)
        digests.add(sources._digest({"big.so": path}))
    assert len(digests) == 4


POLICY = Policy(
    processes=2, samples=3, sample_seconds=0.001, settle_seconds=0.0, settle_cap_seconds=0.05, latency_steps=2
)


def measured(folder, *plugins, **changes):
    """The Runs of a session of two processes each."""
    policy = msgspec.structs.replace(POLICY, **changes)
    specs = tuple(spec(plugin, "predict", path="eager", task="line", threads=1) for plugin in plugins)
    with journal.begin(folder, Plan(session="s", specs=specs, policy=policy)) as book, Starter() as start:
        return schedule.record(plan.groups(specs, policy), book, Quiet(), here(start))


@pytest.mark.parametrize("isolation", ["fresh", "fork"])
def test_a_plugin_that_changes_between_two_processes_is_no_one_figure(acme, tmp_path, monkeypatch, isolation):
    monkeypatch.setenv("PYTHONPATH", str(acme({"acme_minimal.py": EDITS_ITSELF})))
    runs = measured(tmp_path / "out", NAME, "fake.minimal", isolation=isolation)
    assert [run.reason for run in runs] == [""] * 4
    first, second = (next(iter(run.code)) for run in runs if run.spec.plugin == NAME)
    assert first.version == second.version == "0.1.0"
    text = FORMATS["markdown"].render(summarize(runs))
    assert f"predict, {NAME} eager #2 (process 2 of session s)" in text
    said = f"code differs: plugin {NAME}: acme 0.1.0, files differ ({first.digest} became {second.digest})"
    assert said in text
    assert "| Processes | 1 of 2 | 2 of 2 | 1 of 2 |" in text
    assert f"| code | – | acme 0.1.0 (files {first.digest})" in text


def test_a_process_that_loaded_a_plugin_once_has_one_code_of_it(acme, tmp_path):
    acme({"acme_minimal.py": EDITS_ITSELF})
    one, other = measured(tmp_path / "out", NAME, isolation="none")
    assert one.code == other.code != ()
    assert [code.of for code in one.code] == [f"plugin {NAME}", "dlbench"]


def test_the_code_of_a_model_of_no_package_is_the_users_own_file_and_what_it_imports(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "models").mkdir()
    net, sibling = tmp_path / "models" / "net.py", tmp_path / "models" / "blocks.py"
    net.write_text("from blocks import Block\nclass Net(Block): ...\n")
    sibling.write_text("class Block: ...\n")
    (tmp_path / "models" / "other.py").write_text("")

    def look_at_model() -> Code:
        sources.of_plugin.cache_clear()
        return sources.of_plugin("fake.Net", "models/net.py:Net")

    first = look_at_model()
    assert (first.of, first.distribution, first.version) == ("plugin fake.Net", "models/net.py", "")
    (tmp_path / "models" / "other.py").write_text("# nobody imports this\n")
    assert look_at_model() == first
    sibling.write_text("class Block: width = 3\n")
    assert look_at_model().digest != first.digest


def test_a_loss_and_an_optimizer_in_files_of_their_own_are_code_of_the_spec(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "net.py").write_text("class Net: ...\n")
    (tmp_path / "losses.py").write_text("def mine(outputs, targets): return 1\n")
    (tmp_path / "steps.py").write_text("def slow(parameters): return 1\n")
    model = ModelSource(reference="net.py:Net", loss="losses.py:mine", optimizer="steps.py:slow")
    asked = spec(plugin="fake.Net", model=model)

    def digests() -> dict[str, str]:
        sources.of_function.cache_clear()
        return {code.of: code.digest for code in sources.of_spec(asked)}

    first = digests()
    assert {"loss losses.py:mine", "optimizer steps.py:slow"} < set(first)
    (tmp_path / "losses.py").write_text("def mine(outputs, targets): return 2\n")
    changed = {name for name, digest in digests().items() if digest != first[name]}
    assert changed == {"loss losses.py:mine"}


def test_a_neighbour_that_many_files_import_is_looked_for_once(acme, monkeypatch) -> None:
    many = {f"acme/part{number}.py": "import acme_more" for number in range(30)}
    acme(PACKAGE | many | {f"acme_more/{name}.py": "" for name in ("__init__", "one", "two")}, "acme.plugin:Model")
    walked: list[Path] = []
    walk = sources._walk
    monkeypatch.setattr(sources, "_walk", lambda folder: [walked.append(folder), *walk(folder)][1:])
    whole = look().digest
    assert [path.name for path in walked].count("acme_more") == 1
    (walked[0].parent / "acme_more" / "two.py").write_text("changed = True")
    assert look().digest != whole
