"""Tests that did not run are named once for each reason, over all suites and workers."""

from __future__ import annotations

import json
from pathlib import Path

import left_out
import pytest

pytestmark = pytest.mark.untimed

pytest_plugins = ["pytester"]

SUITE = """
    import pytest

    NEEDED = pytest.mark.skipif(True, reason="needs a chip")

    @pytest.mark.parametrize("number", [1, 2])
    @NEEDED
    def test_skipped(number): ...

    @NEEDED
    def test_skipped_for_the_same(): ...

    def test_skipped_within():
        pytest.skip("no  such\\ndevice")

    @pytest.mark.xfail
    def test_known_to_fail():
        raise ValueError

    @pytest.mark.gpu
    @pytest.mark.slow
    def test_both(): ...

    @pytest.mark.slow
    def test_slow(): ...

    @pytest.mark.other
    def test_other(): ...
"""
RENDERED = """\
{skipped} tests skipped
  tests  reason
      3  needs a chip
      1  no such device
{absent}
2 tests left out for a mark
  tests  mark
      1  gpu, run by `make test-gpu`
      1  slow, run by `make test-all`
"""
MODULE = "import pytest\npytest.importorskip('no_such_package')\ndef test_it(): ...\n"


@pytest.fixture
def rendered(pytester: pytest.Pytester):
    """The tables after these suites, each with its further arguments."""
    lines = "".join(f"    {mark}: of this suite\n" for mark in (*left_out.COMMANDS, "other"))
    pytester.makeini(f"[pytest]\nmarkers =\n{lines}")

    def rendered(*suites):
        for arguments in suites:
            command = ["-p", "left_out", "-m", "not gpu and not slow and not other", "--left-out", "kept/a.json"]
            run = pytester.runpytest_subprocess if "-n" in arguments else pytester.runpytest_inprocess
            run(*command, *arguments)
        return left_out.render(**json.loads(Path("kept/a.json").read_text()))

    return rendered


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(left_out.__file__).parent))


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "two workers"])
def test_a_reason_or_a_mark_stands_once_with_its_tests_counted(pytester, rendered, workers):
    pytester.makepyfile(SUITE)
    assert rendered(workers) == RENDERED.format(skipped=4, absent="")


def test_suites_are_added_up_and_a_test_that_two_of_them_met_counts_once(pytester, rendered):
    one = pytester.makepyfile(SUITE)
    other = pytester.makepyfile(test_other=MODULE)
    text = rendered([one], [one], [other])
    absent = "      1  could not import 'no_such_package': No module named 'no_such_package'\n"
    assert text == RENDERED.format(skipped=5, absent=absent)


def test_a_suite_that_ran_whole_says_so(pytester, rendered):
    pytester.makepyfile("def test_it(): ...")
    assert rendered([]) == "0 tests skipped\n\n0 tests left out for a mark\n"
