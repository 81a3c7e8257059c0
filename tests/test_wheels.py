"""Published packages: licence, links that lead somewhere from anywhere, and an archive that can be built again."""

from __future__ import annotations

import configparser
import email
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from dlbench.plugin import CONTRACT_VERSION

ROOT = Path(__file__).parents[1]
PACKAGES = {"dlbench": ROOT} | {one.parent.name: one.parents[1] for one in ROOT.glob("plugins/*/dlbench_*/__init__.py")}
HOME = "https://github.com/dlbench/dlbench"
SITE = "https://dlbench.github.io/dlbench/"

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("wheels")]


def build(kind, source, folder):
    """The one file that hatchling makes from this tree, without asking an index."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module", params=PACKAGES)
def package(request, tmp_path_factory):
    """Name, folder, the opened wheel and its metadata."""
    source = PACKAGES[request.param]
    with zipfile.ZipFile(build("wheel", source, tmp_path_factory.mktemp("wheel"))) as wheel:
        (place,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        yield request.param, source, wheel, email.message_from_bytes(wheel.read(place))


def test_a_wheel_has_its_licence_its_types_and_every_module(package):
    name, source, wheel, metadata = package
    files = set(wheel.namelist())
    (licence,) = [one for one in files if one.endswith(".dist-info/licenses/LICENSE")]
    assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()
    assert metadata["License-Expression"] == "Apache-2.0"
    assert f"{name}/py.typed" in files
    here = {
        str(path.relative_to(source))
        for path in (source / name).rglob("*")
        if path.suffix in (".py", ".toml", ".css", ".js")
    }
    assert here <= files
    assert {one.partition("/")[0] for one in files} == {name, licence.partition("/")[0]}


def test_metadata_leads_home_and_says_for_whom_it_is(package):
    _, source, _, metadata = package
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL"))
    assert set(urls) == {"Homepage", "Documentation", "Changelog", "Issues"}
    assert urls.pop("Documentation") == SITE
    assert all(url.startswith(HOME) for url in urls.values())
    assert {"Programming Language :: Python :: 3.11", "Typing :: Typed"} <= set(metadata.get_all("Classifier"))
    assert (
        metadata["Requires-Python"]
        == tomllib.loads((source / "pyproject.toml").read_text())["project"]["requires-python"]
    )


def test_entry_points_are_those_of_the_project_and_the_package_is_small(package):
    name, source, wheel, _ = package
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    (place,) = [one for one in wheel.namelist() if one.endswith(".dist-info/entry_points.txt")]
    found = configparser.ConfigParser(delimiters=("=",))
    found.optionxform = str
    found.read_string(wheel.read(place).decode())
    groups = {**project.get("entry-points", {}), "console_scripts": project.get("scripts", {})}
    assert {group: dict(found[group]) for group in found.sections()} == {one: to for one, to in groups.items() if to}
    assert name == "dlbench" or dict(found["dlbench.contract"]) == {CONTRACT_VERSION: name}
    assert sum(one.compress_size for one in wheel.infolist()) < 1_000_000


def test_the_templates_of_new_packages_are_in_the_wheel(package):
    name, source, wheel, _ = package
    here = {str(path.relative_to(source)) for path in (source / name).rglob("templates/**/*") if path.is_file()}
    assert here <= set(wheel.namelist())
    assert bool(here) is (name == "dlbench")


def test_links_of_a_description_lead_somewhere_from_anywhere(package):
    metadata = package[3]
    links = [*re.findall(r"\]\(([^)\s]+)\)", metadata.get_payload()), *dict.values(_urls(metadata))]
    assert links
    for link in links:
        assert link.startswith("https://"), f"{link} is dead outside the repository"
        if match := re.match(rf"{HOME}/(?:blob|tree)/main/([^#]+)", link):
            assert (ROOT / match[1]).exists(), link


def _urls(metadata):
    return dict(line.split(", ") for line in metadata.get_all("Project-URL"))


def test_extras_of_named_models_pin_every_package():
    """Those that a loader's hint and a README name; a package of models changes them without a word."""
    for name in ("dlbench-tf", "dlbench-torch"):
        source = ROOT / "plugins" / name
        extra = tomllib.loads((source / "pyproject.toml").read_text())["project"]["optional-dependencies"]["zoo"]
        assert extra
        assert all(re.fullmatch(r"[\w-]+==[\d.]+", one) for one in extra)
        assert any(f"'{name}[zoo]'" in path.read_text() for path in (source / name.replace("-", "_")).glob("*.py"))
        assert f"'{name}[zoo]'" in (source / "README.md").read_text()


def test_the_data_of_real_tasks_carries_nothing_along():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["data"]
    assert [re.match(r"[\w-]+", one)[0] for one in extra] == ["gymnasium", "pip"]


def test_an_archive_of_sources_makes_the_same_wheel(package, tmp_path):
    _, source, wheel, _ = package
    with tarfile.open(build("sdist", source, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = [path for path in tmp_path.iterdir() if path.name != "sdist"]
    with zipfile.ZipFile(build("wheel", unpacked, tmp_path / "wheel")) as again:
        contents = [{name: one.read(name) for name in one.namelist()} for one in (wheel, again)]
    assert contents[0] == contents[1]


def test_a_test_package_is_no_part_of_what_benchmarks():
    """`make bench` installs a user's packages; the plugins of the tests come with `make test` alone."""
    dry = {target: _dry(target) for target in ("bench", "test")}
    assert "tests/fake_plugin" not in dry["bench"]
    assert "[data,dev,docs]" not in dry["bench"]
    assert "[data,dev,docs]" in dry["test"]
    assert "-e plugins/dlbench-tf" in dry["bench"]
    assert "tests/fake_plugin" in dry["test"]


def _dry(target):
    command = ["make", "--dry-run", "VENV=nowhere", target]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
