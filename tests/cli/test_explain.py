"""`dlbench explain` from outside: the answer, its files, and one line for what it cannot explain."""

import json

import pytest
from command import short

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("test_explain")]  # one session, explained once

FAST = ("--quick", "--task", "line", "--threads", "1", "--out", "out")


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained")
    return folder / "out", short("explain", "--plugin", "fake.linear,fake.minimal,twin.linear", *FAST, cwd=folder)


def test_two_arms_are_profiled_and_explained_in_forty_lines(explained):
    folder, done = explained
    (pair, alone) = json.loads((folder / "explanation.json").read_text())["explanations"]
    assert [pair[side]["label"] for side in ("before", "after")] == ["fake.linear eager", "twin.linear eager"]
    shares = {
        op["name"]: op["seconds"] / pair["before"]["profile"]["seconds"] for op in pair["before"]["profile"]["ops"]
    }
    assert shares.keys() == {"product", "kernel of adam", "Python"}, "the fake model was told to instrument"
    assert max(shares, key=lambda name: shares[name]) == "product", (
        "the rest depends on what a neighbour adds to a profile"
    )
    assert sum(shares.values()) == pytest.approx(1.0)
    assert "Category" in done.stdout
    assert len(done.stdout.splitlines()) <= 40
    assert "fake.linear eager" in (folder / "explanation.md").read_text()
    assert alone["before"]["label"] == "fake.minimal eager"
    bars = (folder / "explanation.html").read_text().count('class="i s')
    assert bars == 6, "three categories on two sides; an arm without a profile has none"


def test_an_arm_without_a_profile_says_how_to_add_one_and_fails_the_command(explained):
    _, done = explained
    assert "No profile of fake.minimal eager: fake.minimal has no profile(); give" in " ".join(done.stdout.split())
    assert done.returncode == 2


def test_each_arm_has_a_trace_that_perfetto_opens(explained):
    folder, _ = explained
    rows = json.loads((folder / "trace-1-fake.linear-eager.json").read_text())["traceEvents"]
    assert {row["name"] for row in rows} == {"process_name", "dlbench step", "product", "kernel of adam"}
    assert len(list(folder.glob("trace-*.json"))) == 2


def test_nothing_to_explain_is_one_line_and_leaves_the_report(tmp_path):
    done = short("explain", "--plugin", "fake.minimal", *FAST, "--quiet", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("dlbench: nothing to explain: fake.minimal has no profile()")
    assert (tmp_path / "out" / "report.md").exists()


def test_json_is_the_explanation_and_nothing_else(tmp_path):
    done = short("explain", "--plugin", "fake.linear", *FAST, "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json.loads((tmp_path / "out" / "explanation.json").read_text())


def test_a_run_explains_its_arms_when_asked(tmp_path):
    words = ("--plugin", "fake.linear,twin.linear", "--phase", "train", "--no-parity", *FAST)
    done = short("run", "--explain", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Report: out/report.md" in done.stdout
    assert "Explanation: out/explanation.md" in done.stdout
    (pair,) = json.loads((tmp_path / "out" / "explanation.json").read_text())["explanations"]
    assert [pair[side]["label"] for side in ("before", "after")] == ["fake.linear eager", "twin.linear eager"]
