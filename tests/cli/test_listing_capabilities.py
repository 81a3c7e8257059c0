"""`dlbench list --capabilities`: what each plugin can do beyond its three methods, and the option that needs it."""

from __future__ import annotations

import json

import pytest

from dlbench.cli import listing_capabilities, listing_document
from dlbench.measure.capable import CAPABILITIES, Capable
from dlbench.registry.entry_points import Entry

pytestmark = pytest.mark.untimed


def entry(name, broken=""):
    return Entry(name, "dlbench-fake", "0", "x:y", broken)


@pytest.fixture
def installed(monkeypatch):
    found = [entry("fake.linear"), entry("fake.minimal"), entry("acme.net", "its module is missing")]
    monkeypatch.setattr("dlbench.registry.entries", lambda name="": [one for one in found if name in ("", one.name)])
    monkeypatch.setattr(
        "dlbench.cli.listing_capabilities.ask_capabilities",
        lambda names: {one: Capable(has=("Stages", "TrainsInParallel") if "linear" in one else ()) for one in names},
    )


def test_a_child_says_which_plugins_train_with_several_workers():
    """Of real plugins, loaded in a real child."""
    found = listing_capabilities.asked([entry("fake.linear"), entry("fake.minimal")])
    assert "TrainsInParallel" in found["fake.linear"].has
    assert found["fake.minimal"] == Capable()
    assert set(found["fake.linear"].has) <= set(CAPABILITIES)


def test_a_plugin_that_cannot_be_loaded_hides_no_other():
    found = listing_capabilities.asked([entry("fake.linear"), entry("fake.lost")])
    assert found["fake.linear"].has
    assert not found["fake.lost"].has
    assert "fake.lost" in found["fake.lost"].broken


def test_every_capability_has_a_row_with_its_option_and_its_plugins(installed):
    title, *rows = listing_capabilities.lines()
    assert title == "Capabilities"
    assert {row.split()[0] for row in rows} == {*CAPABILITIES, "acme.net"}
    of = {row.split()[0]: row.split()[1:] for row in rows}
    assert of["TrainsInParallel"] == ["--workers", "fake.linear"]
    assert of["TakesSettings"] == ["--variant", "none"]
    assert rows[-1].split(maxsplit=1)[1] == "broken: its module is missing"


def test_a_framework_all_of_whose_plugins_can_is_one_word():
    having = Capable(has=("Stages",))
    found = {"a.cnn": having, "a.mlp": having, "b.cnn": having, "b.mlp": Capable(), "c.mlp": having}
    assert ("Stages", "", "a.*, b.cnn, c.mlp") in list(listing_capabilities._rows(found))


def test_programs_get_the_capabilities_of_each_plugin(installed):
    found = json.loads(listing_document.document(with_capabilities=True))["capabilities"]
    assert found["fake.linear"] == {"has": ["Stages", "TrainsInParallel"], "broken": ""}
    assert found["acme.net"] == {"has": [], "broken": "its module is missing"}
    assert "capabilities" not in json.loads(listing_document.document())


def test_options_name_capabilities_that_there_are():
    assert set(listing_capabilities.OPTIONS) <= set(CAPABILITIES)
