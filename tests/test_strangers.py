"""Fresh environments, as strangers have them: wheels of this tree and their dependencies, and every command works.

Each is made by pip, with the kept versions; nothing of this Python is seen in it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from dlbench.api import scaffold
from dlbench.api.scaffold import Wanted

pytestmark = [pytest.mark.untimed, pytest.mark.slow, pytest.mark.xdist_group("wheels")]

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.name.removeprefix("dlbench-") for path in (ROOT / "plugins").glob("dlbench-*"))
OLDEST = [
    "click==8.2.0",
    "msgspec==0.19.*",
    "psutil==6.0.*",
    "rich==13.7.*",
    "packaging==24.0",
    "importlib-metadata==8.0.*",
    "numpy==1.26.*",
    "scipy==1.13.*",
    "threadpoolctl==3.2.*",
]
"""Oldest versions of the dependencies that pyproject.toml allows. Python 3.13 has no wheels of some of them."""


class Kind(NamedTuple):
    """A plugin and how it is tried: the packages that are named to pip, by their last words, and what must not come."""

    plugin: str
    packages: tuple[str, ...]
    task: str = "line"
    phase: str = "train"
    path: str = "eager"
    without: str = ""


KINDS = {
    "torch": Kind("torch.mlp", ("torch",)),
    "tf": Kind("tf.mlp", ("tf",)),
    "jax": Kind("jax.mlp", ("jax",)),
    "keras": Kind("keras-torch.mlp", ("keras[torch]",), without="tensorflow"),
    "onnx": Kind("ort.mlp", ("onnx", "torch"), phase="predict", path="graph"),
    "acme": Kind("numpy.acme", ("acme",), task="acme"),
}
BENCHMARK = """
def test_step(dlbench_benchmark):
    dlbench_benchmark("{plugin}", phase="{phase}", path="{path}", task="{task}")
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Wheels of the core, of the packages and of a new one, built from their sources."""
    folder = tmp_path_factory.mktemp("wheels")
    scaffold.create(Wanted("acme", "numpy", task=True), folder / "acme")
    sources = [ROOT, *(ROOT / "plugins" / f"dlbench-{kind}" for kind in PACKAGES), folder / "acme"]
    for source in sources:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        subprocess.run(command, cwd=source, check=True, capture_output=True)
    return {path.name.partition("-")[0].removeprefix("dlbench_"): path for path in folder.glob("*.whl")}


def environment(folder: Path, *requirements: str, python: str = sys.executable, kept: bool = True) -> Path:
    """The bin folder of a new environment with these packages; `kept` holds them to the kept versions."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True, capture_output=True)
    constraints = ["-c", str(ROOT / "constraints.txt")] if kept else []
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *constraints]
    done = subprocess.run([*map(str, pip), *requirements], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def run(folder: Path, *command: str | Path, code: int = 0) -> str:
    done = subprocess.run([str(one) for one in command], check=False, cwd=folder, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def named(package: str, wheels: dict[str, Path]) -> str:
    """The words by which pip installs a wheel: `keras[torch]` is the package with what an extra of it needs."""
    name, bracket, extra = package.partition("[")
    return f"dlbench-{name}{bracket}{extra} @ {wheels[name].as_uri()}"


def test_a_kind_for_each_package():
    assert sorted(KINDS) == sorted([*PACKAGES, "acme"])


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_package_lists_checks_measures_reports_and_benchmarks(kind, wheels, tmp_path):
    packages = [named(package, wheels) for package in kind.packages]
    found = environment(tmp_path / "env", f"dlbench[pytest] @ {wheels['dlbench'].as_uri()}", *packages)
    assert kind.plugin in run(tmp_path, found / "dlbench", "list")
    arm = (kind.plugin, "--path", kind.path, "--task", kind.task)
    assert " 0 broken" in run(tmp_path, found / "dlbench", "check", *arm)
    run(tmp_path, found / "dlbench", "run", "--plugin", *arm, "--phase", kind.phase, "--quick", "--out", "o")
    run(tmp_path, found / "dlbench", "report", "o", "--format", "html,csv", "--out", "p")
    assert {"report.html", "samples.csv"} <= {path.name for path in (tmp_path / "p").iterdir()}
    (tmp_path / "test_it.py").write_text(BENCHMARK.format(**kind._asdict()))
    assert "1 passed" in run(tmp_path, found / "python", "-m", "pytest", "-q", "test_it.py")
    if kind.without:
        packages = run(tmp_path, found / "python", "-m", "pip", "list", "--format", "freeze")
        assert not [line for line in packages.splitlines() if line.startswith(kind.without)]


def core_alone(found: Path, folder: Path) -> None:
    """Everything that needs no plugin works, and what needs one says so in a line."""
    assert "none; pip install a package that provides some" in run(folder, found / "dlbench", "list")
    refused = run(folder, found / "dlbench", "run", "--plugin", "torch.mlp", code=2)
    assert "pip install dlbench-torch" in refused
    assert len(refused.splitlines()) == 1
    run(folder, found / "dlbench", "check", "torch.mlp", code=2)
    run(
        folder,
        found / "dlbench",
        "report",
        ROOT / "reports/tf-transformer-jit",
        "--format",
        "markdown",
        "--out",
        folder / "r",
    )
    kept = ROOT / "reports/tf-transformer-jit/report.md"
    assert (folder / "r" / "report.md").read_text() == kept.read_text()
    run(folder, found / "dlbench", "schema", "runs")
    run(folder, found / "dlbench", "new", "acme", "--framework", "numpy")
    assert (folder / "dlbench-acme" / "pyproject.toml").exists()


def interpreter(version: str) -> str:
    """A Python of this version, on the path or kept by pyenv; empty if there is none."""
    named = [shutil.which(f"python{version}"), *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))]
    works = (
        one for one in named if one and not subprocess.run([one, "-V"], check=False, capture_output=True).returncode
    )
    return next(works, "")


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_core_alone_works_on_every_python(version, wheels, tmp_path):
    python = interpreter(version)
    if not python:
        pytest.skip(f"Python {version} is not installed")
    core_alone(environment(tmp_path / "env", str(wheels["dlbench"]), python=python), tmp_path)


def test_the_oldest_versions_are_those_that_the_project_states():
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    least = {
        one.name: clause.version
        for one in map(Requirement, stated)
        for clause in one.specifier
        if clause.operator == ">="
    }
    tried = {one.name: one.specifier for one in map(Requirement, OLDEST)}
    assert tried.keys() == least.keys()
    assert [name for name, version in least.items() if not tried[name].contains(Version(version))] == []


def test_the_core_alone_works_with_the_oldest_dependencies(wheels, tmp_path):
    python = interpreter("3.11")
    if not python:
        pytest.skip("Python 3.11 is not installed")
    core_alone(environment(tmp_path / "env", str(wheels["dlbench"]), *OLDEST, python=python, kept=False), tmp_path)


def test_the_core_alone_works_with_the_newest_dependencies(wheels, tmp_path):
    core_alone(environment(tmp_path / "env", str(wheels["dlbench"]), kept=False), tmp_path)


def test_the_core_installs_from_its_sources_alone(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (sources,) = tmp_path.glob("*.tar.gz")
    core_alone(environment(tmp_path / "env", str(sources)), tmp_path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_options(shell, wheels, tmp_path):
    """The question of each shell's script is asked here, so that no shell need be installed."""
    found = environment(tmp_path / "env", str(wheels["dlbench"]))
    script = run(tmp_path, "env", f"_DLBENCH_COMPLETE={shell}_source", found / "dlbench")
    assert "_DLBENCH_COMPLETE" in script
    words = ["COMP_WORDS=dlbench run --ad", f"COMP_CWORD={'--ad' if shell == 'fish' else 2}"]
    completed = run(tmp_path, "env", f"_DLBENCH_COMPLETE={shell}_complete", *words, found / "dlbench").splitlines()
    wanted = {"bash": "plain,--adaptive", "zsh": "--adaptive", "fish": "plain,--adaptive\t"}[shell]
    assert any(line.startswith(wanted) for line in completed)
