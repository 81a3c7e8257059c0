"""Reports that the repository keeps are what the code renders today; `make reports` renews them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlbench.api import render
from dlbench.api.request import DEFAULT_FORMATS
from dlbench.record.schema import RUNS_FILE
from dlbench.report import FORMATS

pytestmark = pytest.mark.untimed

KEPT = Path(__file__).parents[2] / "reports"
OTHERS = {
    "article-why": ("report.md", "python -m studies.article why"),
    "bisect-history": ("report.md", "dlbench bisect --git"),
    "bisection": ("simulated.md", "python -m studies.bisection"),
    "cheats": ("report.md", "python -m studies.cheats"),
    "cluster": ("report.md", "python -m studies.cluster"),
    "decision-quality": ("report.md", "python -m studies.decision_quality replay"),
    "explain": ("planted.md", "python -m studies.explain planted"),
    "expert-step": ("expert.md", "python -m studies.expert_step"),
    "gate": ("report.md", "python -m studies.gate"),
    "jax-strip": ("report.md", "dlbench bisect 'jax==0.8.0..0.10.2' --all"),
    "keras-strip": ("report.md", "dlbench bisect --all 'keras==3.8..3.15'"),
    "price-of-speed": ("report.md", "python -m studies.price_of_speed"),
    "sessions": ("sessions.md", "python -m studies.decision_quality sessions"),
    "silent-wrong": ("report.md", "python -m studies.silent_wrong"),
    "tune": ("sessions.md", "python -m studies.tune replay"),
    "planted": ("sessions.md", "python -m studies.any_model planted"),
    "zoo": ("report.md", "python -m studies.zoo"),
}
"""Folders whose figures are no Runs, and the command that their page names."""
PLACE = re.compile(
    r"(?<![\w.~-])/(?:home|root|Users|tmp|var/folders|work|workspace|builds)/[^\s\"',;]*"
    r"|(?<![\w.~:/-])/(?!/)[^\s\"',;:]*/(?:dlbench|plugins|site-packages)/"
)
"""A folder of one machine: a home folder, which is written as `~`, a temporary folder or a checkout."""
RENDERED = sorted(folder.name for folder in KEPT.iterdir() if (folder / RUNS_FILE).exists())
IGNORED = {folder.name for folder in KEPT.iterdir() if folder.name.startswith("20") or folder.name == "local"}
"""Folders that git ignores."""


@pytest.mark.parametrize("name", RENDERED)
def test_a_kept_report_is_what_its_runs_give_today(name):
    folder = KEPT / name
    runs, report = render.read(folder)
    for format_name, one in FORMATS.items():
        path = folder / one.file_name
        if format_name not in DEFAULT_FORMATS and not path.exists():
            continue
        assert path.read_text(encoding="utf-8") == one.text(runs, report), (
            f"reports/{name}/{one.file_name} is out of date: make reports"
        )


def test_every_kept_folder_is_rendered_from_runs_or_names_the_command_of_its_figures():
    tracked = {folder.name for folder in KEPT.iterdir() if folder.is_dir()}
    assert tracked - IGNORED == {*RENDERED, *OTHERS} - IGNORED
    for name, (page, command) in OTHERS.items():
        assert command in (KEPT / name / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted({*RENDERED, *OTHERS} - IGNORED))
def test_a_kept_report_names_no_folder_of_the_machine_that_made_it(name):
    files = (one for one in (KEPT / name).rglob("*") if one.is_file())
    texts = {one: one.read_text(encoding="utf-8", errors="replace") for one in files}
    assert {one.name: found[0] for one, text in texts.items() if (found := PLACE.findall(text))} == {}


@pytest.mark.parametrize(
    "text", ['"/opt/own/dlbench/spec.py"', "file:///tmp/clone@1", "/home/alice", "in /usr/lib/site-packages/x"]
)
def test_folders_of_a_machine_are_known(text):
    assert PLACE.search(text)


@pytest.mark.parametrize(
    "text", ["~/own/dlbench/spec.py", "https://github.com/dlbench/dlbench/", "samples/step", "dlbench/a.py"]
)
def test_a_home_folder_without_its_name_and_addresses_are_none(text):
    assert not PLACE.search(text)
