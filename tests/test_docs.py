"""The documentation can be typed: commands, options, names, files and numbers are those of the code."""

from __future__ import annotations

import pkgutil
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
from typed import typed

from dlbench import registry
from dlbench.api.request import DEFAULT_FORMATS, PROCESSES, TURN_SECONDS
from dlbench.cli.main import cli
from dlbench.errors import UnknownName
from dlbench.report import FORMATS
from dlbench.spec import PATHS, PHASES, Policy

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/README.md")])
COMMANDS = {name: command for name, command in cli.commands.items() if isinstance(command, click.Command)}
OF_OTHERS = {
    "--no-deps",
    "--only",
    "--upgrade",
    "--no-cache-dir",
    "--index-url",
    "--import-mode",
    "--codspeed",
    "--help",
    "--version",
    "--no-install-recommends",
    "--rm",
    "--user",
    "--cpus",
    "--cpuset-cpus",
    "--memory",
    "--shm-size",
    "--security-opt",
    "--gpus",
    "--address",
    "--include-dashboard",
    "--port",
}
"""Options of pip, pytest, pytest-codspeed, click, apt, docker, Ray and studies; of pytest-benchmark by its name."""
OF_READERS = ("acme.", "torch.resmlp")
"""Plugins that the reader might write."""

NOT_MODULES = ("dlbench.plugins", "dlbench.exports", "dlbench.jsonl", "dlbench.toml")
"""Groups of entry points, and files."""
FOLDERS = "dlbench|tests|docs|studies|examples|plugins|reports"

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def parse(line: str) -> None:
    """Read a command line as click does, without carrying it out; its plugins must be installed."""
    _, name, *rest = shlex.split(line, comments=True)
    command = COMMANDS[name]
    if not rest:
        return  # the name of a command
    with command.make_context(name, rest) as context:
        for plugin in (*context.params.get("plugin", ()), *context.params.get("plugins", ())):
            for found in () if plugin.startswith(OF_READERS) else registry.matching(plugin):
                registry.find(found)


@every_page
def test_command_lines_are_accepted(page):
    for line in typed(page.read_text()):
        if not re.search(r"\b(NAME|A B|SOURCE|PYTHON)\b|\.\.\.", line):  # the shape of a command, not one to type
            parse(line)


def test_a_line_that_is_wrong_is_found():
    good = "    dlbench list --devices  # all\n    dlbench run --plugin fake.linear \\\n        --jit\n`dlbench run`\n"
    lines = list(typed(good))
    assert lines == ["dlbench list --devices  # all", "dlbench run --plugin fake.linear --jit", "dlbench run"]
    for line in lines:
        parse(line)
    for line, error in (
        ("dlbench run --plugin fake.linear --jot", click.NoSuchOption),
        ("dlbench parity fake.linear fake.liner", UnknownName),
        ("dlbench rn", KeyError),
    ):
        with pytest.raises(error):
            parse(line)


@every_page
def test_options_exist(page):
    known = {
        flag
        for command in [cli, *COMMANDS.values()]
        for one in command.params
        for flag in (*one.opts, *one.secondary_opts)
    }
    known |= set(re.findall(r'addoption\("(--[\w-]+)"', (ROOT / "dlbench/pytest_plugin/gate.py").read_text()))
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", page.read_text()))
    assert {name for name in named - known - OF_OTHERS if not name.startswith("--benchmark-")} == set()


@every_page
def test_dotted_names_can_be_imported(page):
    for name in re.findall(r"`(dlbench(?:_\w+)?\.[\w.]+)(?:\([^`]*\))?`", page.read_text()):
        if name not in NOT_MODULES and not name.startswith("dlbench_acme"):
            pkgutil.resolve_name(name)


@every_page
def test_links_to_files_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target
    for name in re.findall(rf"`((?:{FOLDERS})/[\w./-]+)`", page.read_text()):
        assert (ROOT / name).exists(), name


@every_page
def test_make_targets_and_extras_exist(page):
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in re.findall(r"(?:`|^    )make ((?:[a-z-]+ ?)+)", text, re.MULTILINE):
        assert set(line.split()) <= targets
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {name for names in re.findall(r"\bdlbench\[([\w,]+)\]", text) for name in names.split(",")} <= set(extras)


def options(flag: str) -> list[click.Option]:
    return [
        one
        for command in COMMANDS.values()
        for one in command.params
        if isinstance(one, click.Option) and flag in one.opts
    ]


def test_every_command_and_option_has_help_that_ends_a_sentence():
    for name, command in COMMANDS.items():
        assert command.help, name
        for one in command.params:
            if isinstance(one, click.Option):
                assert re.search(r"\.(  \[[^]]+\])?$", one.help or ""), f"{name} {one.opts}: {one.help}"


def test_help_names_the_values_that_there_are():
    for flag, values in (("--phase", PHASES), ("--path", PATHS), ("--format", FORMATS)):
        texts = [one.help or "" for one in options(flag) if f"{flag[2:]}s" not in (one.help or "").lower()]
        assert texts
        for value in values:
            assert any(value in text for text in texts), f"{flag} {value}"
    (formats,) = {one.help for one in COMMANDS["run"].params if "--format" in one.opts}  # type: ignore[attr-defined]
    assert all(name in formats for name in DEFAULT_FORMATS)


def test_help_and_pages_state_the_numbers_of_the_code():
    processes, quick, rigorous = (options(flag) for flag in ("--processes", "--quick", "--rigorous"))
    assert {f"[default: {Policy().processes}]" in one.help for one in processes} == {True}
    assert {one.help.startswith(f"{PROCESSES['quick']} process an arm:") for one in quick} == {True}
    assert {one.help.startswith(f"{PROCESSES['rigorous']} processes") for one in rigorous} == {True}
    readme, method = ((ROOT / name).read_text() for name in ("README.md", "docs/method.md"))
    assert f"# {PROCESSES['rigorous']} processes" in readme
    default = Policy()
    for text in (
        f"The default is {default.processes} fresh processes",
        f"`--rigorous` takes {PROCESSES['rigorous']}",
        f"lasts {default.sample_seconds * 1000:g} ms",
        f"take turns a sample lasts {TURN_SECONDS * 1000:g} ms",
        f"at least {default.settle_steps} steps and {default.settle_seconds:g} s",
        f"agree\n   within {default.settle_tolerance * 100:g} %",
        f"After {default.settle_cap_seconds:g} s or {default.settle_cap_samples} samples",
        f"up to {default.latency_steps} steps or {default.latency_seconds:g} s",
    ):
        assert " ".join(text.split()) in " ".join(method.split())


def test_the_map_of_the_house_has_a_line_for_every_room():
    """CONTRIBUTING lists each package and module of the core once, and its rule of imports has the same names."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    listed = re.findall(r"^\| `dlbench/(\w+)(?:\.py)?` \|", text, re.MULTILINE)
    rooms = {
        path.stem
        for path in (ROOT / "dlbench").iterdir()
        if (path.suffix == ".py" and not path.stem.startswith("__")) or (path / "__init__.py").exists()
    }
    assert sorted(listed) == sorted(rooms)
    rule = text.partition("**One rule of imports.**")[2].partition("\n\n    ")[2].partition("\n\n")[0]
    assert set(re.findall(r"[a-z_]+", rule)) == rooms


def test_the_readme_has_fewer_than_200_lines():
    assert len((ROOT / "README.md").read_text().splitlines()) < 200


def test_entries_of_the_changelog_are_whole_and_stand_once():
    """Two branches that add lines at its end may leave a torn entry, or an older wording of one."""
    unreleased = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1]
    entries = [" ".join(entry.split()) for entry in re.split(r"\n+- ", unreleased)[1:]]
    assert len(entries) > 100
    assert [entry for entry in entries if not entry.endswith((".", "!"))] == []
    begins = [" ".join(entry.split()[:8]) for entry in entries]
    assert [begin for begin in set(begins) if begins.count(begin) > 1] == []
