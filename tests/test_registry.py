"""Discovery: names from metadata alone, and every way in which an installed plugin can be broken.

Distributions are made up: a folder `<name>.dist-info` on `sys.path` is all that an installed package shows of itself.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import importlib_metadata
import numpy as np
import pytest
from distributions import entry, leftover

from dlbench import registry
from dlbench.api import request
from dlbench.errors import ContractViolation, PluginLoadError, UnknownName, Unsupported
from dlbench.plugin import ModelPlugin
from dlbench.registry.entry_points import Entry
from dlbench.spec import PLUGIN_NAMES, Spec

pytestmark = pytest.mark.untimed

Install = Callable[..., Path]

GOOD = "class Plugin:\n    def build(self, request): ...\n    train_step = predict = build\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution with entry points, and perhaps a module, for the length of a test."""

    def installed(distribution: str, points: dict[str, str], *, requires: tuple[str, ...] = (), **modules: str) -> Path:
        site = tmp_path / distribution
        info = site / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir(parents=True)
        needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n{needs}")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[dlbench.plugins]\n{lines}")
        for name, text in modules.items():
            (site / f"{name}.py").write_text(text)
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(site)
        return site

    return installed


def test_an_installed_plugin_is_listed_with_its_distribution_and_version_and_loads(install: Install) -> None:
    install("dlbench-zoo", {"zoo.good": "zoo_good:Plugin"}, zoo_good=GOOD)
    assert entry("zoo.good") == Entry("zoo.good", "dlbench-zoo", "1.2", "zoo_good:Plugin")
    assert isinstance(registry.load("zoo.good"), ModelPlugin)


def test_entries_come_sorted_by_name(install: Install) -> None:
    install("dlbench-zoo", {"zoo.b": "zoo_good:Plugin", "zoo.a": "zoo_good:Plugin"}, zoo_good=GOOD)
    names = [entry.name for entry in registry.entries()]
    assert names == sorted(names)
    assert {"zoo.a", "zoo.b", "fake.linear"} <= set(names)


def test_listing_imports_no_plugin(install: Install) -> None:
    site = install("dlbench-zoo", {"zoo.loud": "zoo_loud:Plugin"}, zoo_loud="raise SystemExit('was imported')\n")
    code = "from dlbench import registry; print([entry.name for entry in registry.entries() if not entry.broken])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(site)}, check=True
    )
    assert "'zoo.loud'" in result.stdout
    with pytest.raises(SystemExit, match="was imported"):
        registry.load("zoo.loud")


RENAME = "rename it in its entry points"


@pytest.mark.parametrize(
    ("name", "value", "requires", "reason"),
    [
        (
            "zoo.gone",
            "zoo_gone:Plugin",
            (),
            "module zoo_gone is not there; install it again, or mend its entry point 'zoo_gone:Plugin' first",
        ),
        (
            "zoo.odd",
            "zoo_good",
            (),
            "its value 'zoo_good' is not module:callable, such as dlbench_acme.model:Wide; mend its entry point "
            "'zoo_good', and install it again",
        ),
        ("zoo", "zoo_good:Plugin", (), f"its name 'zoo' must be {PLUGIN_NAMES}; {RENAME}"),
        ("zoo.a b", "zoo_good:Plugin", (), f"its name 'zoo.a b' must be {PLUGIN_NAMES}; {RENAME}"),
        ("zoo.a..b", "zoo_good:Plugin", (), f"its name 'zoo.a..b' must be {PLUGIN_NAMES}; {RENAME}"),
        (
            "zoo.needs",
            "zoo_good:Plugin",
            ("numpy>=1", "no-such-framework>=2; extra == 'x'", "no-such-framework[cpu]>=2"),
            "it needs no-such-framework, which is not installed; pip install 'no-such-framework[cpu]>=2'",
        ),
        (
            "zoo.old",
            "zoo_good:Plugin",
            (f"numpy<1.0; python_version >= '{sys.version_info[0]}'",),
            f"it needs numpy<1.0, {np.__version__} is installed; pip install 'numpy<1.0'",
        ),
        (
            "zoo.here",
            "zoo_good:Plugin",
            (f"no-such-framework; sys_platform == '{sys.platform}'",),
            "it needs no-such-framework, which is not installed; pip install no-such-framework",
        ),
        (
            "zoo.garbled",
            "zoo_good:Plugin",
            ("numpy >>> 1",),
            "its requirement 'numpy >>> 1' cannot be read; install it again",
        ),
    ],
)
def test_a_plugin_that_cannot_work_is_listed_as_broken_and_refused_with_the_reason(
    install: Install, name: str, value: str, requires: tuple[str, ...], reason: str
) -> None:
    install("dlbench-zoo", {name: value}, requires=requires, zoo_good=GOOD)
    assert entry(name).broken == reason
    for attempt in (registry.find, registry.load):
        with pytest.raises(PluginLoadError) as caught:
            attempt(name)
        assert str(caught.value) == f"plugin {name} of dlbench-zoo cannot be loaded: {reason}"


def test_a_pattern_stands_for_the_installed_names_that_it_matches(install: Install) -> None:
    install("dlbench-zoo", {"zoo.good": "zoo_good:Plugin", "zoo.gone": "zoo_gone:Plugin"}, zoo_good=GOOD)
    assert registry.matching("zoo.*") == registry.matching("z?o.go[no]*") == ["zoo.gone", "zoo.good"]
    assert registry.matching("*.good") == ["zoo.good"]
    assert registry.matching("not.installed") == ["not.installed"]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("fake.x*", "unknown plugin 'fake.x.'; "),
        ("acme.*", "pip install dlbench-acme"),
        ("*.x", "known: fake.linear, "),
    ],
)
def test_a_pattern_that_matches_nothing_says_what_there_is(pattern: str, text: str) -> None:
    with pytest.raises(UnknownName, match=text):
        registry.matching(pattern)


def test_a_requirement_whose_marker_does_not_apply_is_not_missing(install: Install) -> None:
    needs = ("no-such-framework; python_version < '3'", "numpy<1; extra == 'old'", "NumPy>=1.0.dev0")
    install("dlbench-zoo", {"zoo.good": "zoo_good:Plugin"}, requires=needs, zoo_good=GOOD)
    assert not entry("zoo.good").broken


def test_one_broken_plugin_leaves_the_others_alone(install: Install) -> None:
    install("dlbench-zoo", {"zoo.gone": "zoo_gone:Plugin"})
    assert not entry("fake.linear").broken
    registry.load("fake.linear")


def test_two_distributions_that_claim_one_name_are_both_named_and_neither_wins(install: Install) -> None:
    for distribution in ("dlbench-zoo", "another-zoo"):
        install(distribution, {"zoo.good": "zoo_good:Plugin"}, zoo_good=GOOD)
    claims = [entry for entry in registry.entries() if entry.name == "zoo.good"]
    assert [entry.distribution for entry in claims] == ["another-zoo", "dlbench-zoo"]
    expected = "another-zoo and dlbench-zoo both claim this name; uninstall one"
    assert {entry.broken for entry in claims} == {expected}
    with pytest.raises(PluginLoadError, match=expected):
        registry.load("zoo.good")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def broken(:\n", "SyntaxError: "),
        ("1 / 0\n", "ZeroDivisionError: division by zero (dlbench-zoo/zoo_fails.py:1, in <module>)"),
        ("", "zoo_fails has no 'Plugin'; mend its entry point 'zoo_fails:Plugin', and install it again"),
        ("def Plugin():\n    raise OSError('no driver')\n", "OSError: no driver"),
        ("Plugin = 3\n", "TypeError: 'int' object is not callable"),
        ("def Plugin(size): ...\n", "TypeError: Plugin() missing 1 required positional argument: 'size'"),
    ],
)
def test_a_plugin_that_fails_to_import_or_to_be_made_names_the_cause(install: Install, text: str, cause: str) -> None:
    install("dlbench-zoo", {"zoo.fails": "zoo_fails:Plugin"}, zoo_fails=text)
    with pytest.raises(PluginLoadError) as caught:
        registry.load("zoo.fails")
    assert f"plugin zoo.fails of dlbench-zoo cannot be loaded: {cause}" in str(caught.value)


def test_what_is_unsupported_while_loading_stays_unsupported(install: Install) -> None:
    text = "from dlbench.errors import Unsupported\ndef Plugin():\n    raise Unsupported('no such chip')\n"
    install("dlbench-zoo", {"zoo.picky": "zoo_picky:Plugin"}, zoo_picky=text)
    with pytest.raises(Unsupported, match="no such chip"):
        registry.load("zoo.picky")


def test_a_factory_that_returns_no_plugin_is_told_which_methods_are_missing(install: Install) -> None:
    text = "class Plugin:\n    def build(self, request): ...\n"
    install("dlbench-zoo", {"zoo.half": "zoo_half:Plugin"}, zoo_half=text)
    with pytest.raises(ContractViolation) as caught:
        registry.load("zoo.half")
    assert (
        str(caught.value)
        == "plugin zoo.half: zoo_half:Plugin returned an object of Plugin, which lacks train_step, predict"
    )


def test_what_an_installer_left_does_not_hide_the_whole_distribution(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("dlbench-zoo", {"zoo.good": "zoo_good:Plugin"}, zoo_good=GOOD)
    leftover(tmp_path, "dlbench_zoo-1.0", entry_points=b"[dlbench.plugins]\nzoo.good = zoo_good:Plugin\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert entry("zoo.good").version == "1.2"


@pytest.mark.parametrize("value", ["zoo_good:Plugin [gpu]", "zoo_good:Plugin[gpu, cpu]", "zoo_good : Plugin []"])
def test_an_entry_point_with_extras_is_loaded(value: str, install: Install) -> None:
    install("dlbench-zoo", {"zoo.good": value}, zoo_good=GOOD)
    assert entry("zoo.good").broken == ""
    assert isinstance(registry.load("zoo.good"), ModelPlugin)


@pytest.mark.parametrize("name", ["zoo.resnet-50", "my-zoo.vgg.16", "zoo.a_b", "zoo.été"])
def test_a_name_may_have_dashes_and_further_dots_everywhere(name: str, install: Install) -> None:
    install("dlbench-zoo", {name: "zoo_good:Plugin"}, zoo_good=GOOD)
    assert entry(name).broken == ""
    assert registry.matching(f"{name[:-2]}*") == [name]
    spec = Spec(plugin=name, phase="train", path="eager", size="small", task="line", batch_size=1, threads=1)
    assert f"{spec.framework}.{spec.architecture}" == name
    assert request._default_folder([name]).name.endswith(f"-{name}")


def test_a_module_that_cannot_be_looked_for_is_broken(install: Install) -> None:
    install("dlbench-zoo", {"zoo.main": "__main__:Plugin"})
    assert entry("zoo.main").broken == "" or "cannot be found" in entry("zoo.main").broken


def test_what_lies_in_the_folder_of_the_call_is_not_installed(tmp_path: Path) -> None:
    info = tmp_path / "stale.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_bytes(b"Metadata-Version: 2.1\nName: stale\nVersion: 1.0\n")
    (info / "entry_points.txt").write_bytes(b"[dlbench.plugins]\nstale.linear = stale_here:Plugin\n")
    (tmp_path / "stale_here.py").write_text(GOOD)
    command = [sys.executable, "-m", "dlbench", "list"]
    listed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "stale" not in listed.stdout
    assert "fake.linear" in listed.stdout


def test_metadata_is_read_of_distributions_with_plugins_alone(monkeypatch):
    """Reading all metadata takes longer than the rest of `dlbench list`; the parser of mail is never called."""
    read, original = [], importlib_metadata.PathDistribution.read_text

    def counted(distribution, filename):
        if filename == "METADATA":
            read.append(distribution._path.name)
        return original(distribution, filename)

    monkeypatch.setattr(importlib_metadata.PathDistribution, "read_text", counted)
    monkeypatch.setattr(importlib_metadata.Distribution, "metadata", property(lambda one: read.append("parsed")))
    assert registry.entries()
    assert {name.startswith("dlbench") for name in read} == {True}
