"""`dlbench new`: packages that parse, pass the linter, install and conform as they stand; and what is refused."""

from __future__ import annotations

import ast
import email
import itertools
import os
import re
import resource
import shlex
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import answered
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from dlbench import __version__
from dlbench.api import scaffold
from dlbench.api.scaffold import Wanted
from dlbench.errors import SpecError, UnknownName
from dlbench.plugin import CONTRACT_VERSION
from dlbench.tasks import TaskRequest

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("wheels")]

FRAMEWORKS = scaffold.frameworks()
KINDS = [Wanted("acme", *kind) for kind in itertools.product(["", *FRAMEWORKS], [False, True]) if any(kind)]
LONGEST = "a" * 30
PLUGINS = Path(__file__).parents[2] / "plugins"


def test_the_frameworks_are_those_of_the_issue_and_their_packages():
    assert FRAMEWORKS == ["jax", "keras", "numpy", "tf", "torch"]


@pytest.mark.parametrize("wanted", KINDS, ids=str)
def test_every_kind_of_package_parses_and_is_whole(wanted):
    files = scaffold.rendered(wanted)
    for name, text in files.items():
        assert "NAME" not in name
        assert text.endswith("\n") or not text, name
        if name.endswith(".py"):
            ast.parse(text)
    project = tomllib.loads(files["pyproject.toml"])["project"]
    points = project["entry-points"]
    assert points["dlbench.contract"] == {CONTRACT_VERSION: "dlbench_acme"}
    assert ("dlbench.tasks" in points) is wanted.task
    assert ("dlbench.plugins" in points) is bool(wanted.framework)
    for value in [value for group in points.values() for value in group.values()]:
        module, _, name = value.partition(":")
        path = f"{module.replace('.', '/')}.py" if name else f"{module}/__init__.py"
        assert not name or f"\n{name} = " in files[path] or f"def {name}(" in files[path]
    own = [one for one in map(Requirement, project["dependencies"]) if one.name.startswith("dlbench")]
    assert "dlbench" in {one.name for one in own}
    for one in own:
        assert one.specifier.contains(Version(__version__)), one
        assert not one.specifier.contains(Version("99")), one
    assert project["authors"] == [{"name": "the authors of dlbench-acme"}]
    assert (project["license"], project["license-files"]) == ("MIT", ["LICENSE"])
    assert files["LICENSE"].startswith("MIT License\n\nCopyright (c) the authors of dlbench-acme\n")
    assert {"dlbench_acme/py.typed", "README.md", "Makefile", ".github/workflows/ci.yml"} <= set(files)
    workflow = files[".github/workflows/ci.yml"]
    assert "timeout-minutes: 60\n" in workflow
    assert "cache: pip\n" in workflow
    assert ("whl/cpu\n      - run: pip install -e" in workflow) is (wanted.framework == "torch")
    if wanted.framework:
        test = files["tests/test_conformance.py"]
        assert len(test.splitlines()) <= 10
        assert test.count("dlbench") == 2  # the function, and the type of a path


def test_mypy_reads_no_inside_of_the_compiler_of_pytorch_and_everything_that_a_package_imports():
    overrides = tomllib.loads(scaffold.rendered(Wanted("acme", "torch"))["pyproject.toml"])["tool"]["mypy"]["overrides"]
    (unread,) = [one["module"] for one in overrides if one.get("follow_imports") == "skip"]
    assert "torch._inductor.*" in unread
    assert {name for name in unread if not name.startswith(("torch._", "sympy."))} == set()
    assert "torch._C.*" not in unread, "the types of tensors stand there"
    for framework in ("tf", "keras", "jax", "numpy"):
        assert "follow_imports" not in scaffold.rendered(Wanted("acme", framework))["pyproject.toml"]


@pytest.mark.parametrize("name", ["acme", LONGEST])
def test_the_linter_finds_nothing(name, tmp_path):
    for place, wanted in enumerate(KINDS):
        scaffold.create(Wanted(name, wanted.framework, wanted.task), tmp_path / str(place))
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
            check=False, cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_packages_of_dlbench_are_those_of_the_repository():
    assert sorted(folder.name for folder in PLUGINS.iterdir() if folder.is_dir()) == scaffold.own_packages()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("acme"), "give --framework jax|keras|numpy|tf|torch"),
        (Wanted("Acme", task=True), "NAME 'Acme' must begin with a small letter"),
        (
            Wanted("acme_", task=True),
            "NAME 'acme_' must begin with a small letter, end with a small letter or digit, have small letters, digits",
        ),
        (Wanted("class_", "numpy"), "NAME 'class_' must begin"),
        (Wanted("_acme", task=True), "NAME '_acme' must begin"),
        (Wanted("a" * 29 + "_", task=True), "be at most 30 characters long"),
        (Wanted("dlbench", task=True), "NAME 'dlbench' is the harness itself"),
        (Wanted("print", "numpy"), "NAME print is a function of Python, which the module would hide; choose print_net"),
        (Wanted("a-b", task=True), "NAME 'a-b' must begin"),
        (Wanted("1a", task=True), "NAME '1a' must begin"),
        (Wanted("class", task=True), "NAME 'class' is a word of Python itself; choose another, such as class_net"),
        (Wanted("torch", task=True), "dlbench-torch is a package of dlbench, as dlbench-jax, dlbench-keras"),
        (Wanted("onnx", task=True), "dlbench-onnx is a package of dlbench"),
        (Wanted("nn", "torch"), "NAME nn is used in the module itself for something else; choose nn_net"),
        (Wanted("make", "tf"), "NAME make is used"),
        (Wanted("plugin", "jax"), "NAME plugin is used"),
        (Wanted("int", "keras"), "NAME int is used"),
        (Wanted("np", "numpy"), "NAME np is used"),
        (Wanted("é", task=True), "NAME 'é' must begin"),
        (Wanted("", task=True), "NAME '' must begin"),
        (Wanted("../up", task=True), "NAME '../up' must begin"),
        (Wanted(LONGEST + "a", task=True), "at most 30"),
        (Wanted("mlp", "numpy"), "mlp is an architecture that dlbench or a package describes"),
        (Wanted("line", task=True), "line is a task of dlbench"),
        (Wanted("fake", task=True), "a module dlbench_fake is installed here"),
        (Wanted("acme", "nunpy"), "unknown framework 'nunpy'; did you mean numpy"),
    ],
    ids=str,
)
def test_what_cannot_be_made_is_refused_in_one_line_and_leaves_nothing(wanted, said, tmp_path):
    with pytest.raises((SpecError, UnknownName)) as error:
        scaffold.create(wanted, tmp_path / "new")
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "acme2", "a_b", "a__b", LONGEST])
def test_a_name_that_is_taken_is_one_that_a_project_may_have(name, tmp_path):
    scaffold.create(Wanted(name, task=True), tmp_path / "new")
    (project,) = re.findall(r'^name = "(.*)"', (tmp_path / "new" / "pyproject.toml").read_text(), re.MULTILINE)
    assert canonicalize_name(project, validate=True).startswith("dlbench-a")


@pytest.mark.parametrize(
    ("options", "brings"),
    [
        (["--framework", "keras"], "brings plugin keras-tf.acme"),
        (["--framework", "numpy", "--task"], "brings plugin numpy.acme and task acme"),
        (["--task"], "brings task acme"),
    ],
)
def test_the_answer_names_what_the_package_brings_and_the_next_command_as_a_shell_reads_it(options, brings, tmp_path):
    done = answered("new", "acme", *options, "--out", "my dir/it's", cwd=tmp_path)
    said, following = done.stdout.splitlines()[-2:]
    assert (done.returncode, said) == (0, brings)
    words = shlex.split(following)
    assert words[:3] == ["next:", "cd", "my dir/it's"]
    assert (tmp_path / words[2] / "pyproject.toml").is_file()


def test_the_goal_of_a_task_is_said_in_the_unit_of_its_metric():
    text = scaffold.rendered(Wanted("acme", task=True))["dlbench_acme/task.py"]
    module: dict[str, Any] = {}
    exec(text, module)
    task = module["open_task"](TaskRequest("small", 32))
    assert (task.info.metric, task.info.target) == ("mean squared error", 0.05)
    assert round(task.evaluate(lambda inputs: np.zeros((len(inputs), 1), np.float32))) == 8
    assert "mean squared error of at most 0.05 " in text
    assert "answering zero has one of 8." in text


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "dlbench-acme").mkdir()
    done = answered("new", "acme", "--framework", "numpy", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "dlbench: dlbench-acme exists, and nothing is overwritten; choose another NAME or --out FOLDER\n"
    )
    assert list((tmp_path / "dlbench-acme").iterdir()) == []
    (tmp_path / "file").touch()
    done = answered("new", "acme", "--task", "--out", "file/x", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_the_wheel_of_a_package_is_what_strangers_want(tmp_path):
    scaffold.create(Wanted("acme", "torch", task=True), tmp_path / "package")
    for kind in ("wheel", "sdist"):
        command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(tmp_path)]
        subprocess.run(command, check=True, cwd=tmp_path / "package", capture_output=True)
    (path,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        files = {name for name in wheel.namelist() if ".dist-info" not in name}
        (place,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
        metadata = email.message_from_bytes(wheel.read(place))
    assert files == {f"dlbench_acme/{name}" for name in ("__init__.py", "model.py", "task.py", "py.typed")}
    assert metadata["Name"] == "dlbench-acme"
    assert "Typing :: Typed" in metadata.get_all("Classifier")
    assert metadata["Requires-Python"] == ">=3.11"
    assert path.stat().st_size < 10_000
    with tarfile.open(*tmp_path.glob("*.tar.gz")) as sources:
        assert any(name.endswith("tests/test_conformance.py") for name in sources.getnames())


def installed(wanted: Wanted, folder: Path) -> Path:
    """Make a package and install it, without an index, beside what this Python has."""
    scaffold.create(wanted, folder / "package")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    more = ["--no-build-isolation", "--target", str(folder / "site"), "."]
    subprocess.run([*pip, *more], check=True, cwd=folder / "package", capture_output=True)
    return folder / "package"


CPU_SECONDS = 180.0
"""Processor time that a new package's own checks and tests may take; a busy neighbour adds little to it."""


def made(target: str, folder: Path) -> float:
    """Carry out a target of the package's Makefile, and return the processor time of all its processes."""
    environment = {**os.environ, "PYTHONPATH": str(folder.parent / "site")}
    command = ["make", *target.split(), f"PYTHON={sys.executable}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=1100
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout + done.stderr
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_package_of_both_kinds_installs_and_conforms_as_it_stands(tmp_path):
    made("test", installed(Wanted("acme", "numpy", task=True), tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("wanted", [one for one in KINDS if one.framework != "numpy" or not one.task], ids=str)
def test_every_kind_of_package_passes_its_own_checks_and_tests(wanted, tmp_path):
    if wanted.framework:
        pytest.importorskip(f"dlbench_{wanted.framework}" if wanted.framework != "numpy" else "numpy")
    assert made("check test", installed(wanted, tmp_path)) <= CPU_SECONDS
