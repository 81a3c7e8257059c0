"""A session that was cut short goes on from the command line."""

import pytest
from command import answered, raw_runs, short

pytestmark = pytest.mark.untimed


def comparable(folder):
    """The Runs without measurements and times."""
    measured = ("session", "started", "wall_seconds", "times", "memory", "load", "environment", "peak_flop_rate")
    noise = {"not_settled", "not_quiet"}
    kept = []
    for run in raw_runs(folder):
        kept.append({name: value for name, value in run.items() if name not in measured})
        kept[-1]["flags"] = [one for one in run.get("flags", []) if one not in noise]
        kept[-1]["evaluations"] = [{**at, "seconds": 0} for at in run.get("evaluations", [])]
        kept[-1]["samples"] = [(one["stage"], one.get("round"), one.get("turn")) for one in run.get("samples", [])]
        kept[-1]["samples"] = [one for one in kept[-1]["samples"] if one[0] in ("steady", "converge")]
    return kept


RESUMED = (
    "--plugin",
    "fake.linear,twin.linear",
    "--phase",
    "converge,predict",
    "--processes",
    "2",
    "--threads",
    "1",
    "--cold",
)


def test_a_session_that_was_cut_short_goes_on_and_ends_as_if_it_had_not_been(tmp_path):
    assert short("run", *RESUMED, "--out", "whole", cwd=tmp_path).returncode == 0
    (tmp_path / "cut").mkdir()
    for name in ("plan.json", "parity.jsonl"):
        (tmp_path / "cut" / name).write_bytes((tmp_path / "whole" / name).read_bytes())
    lines = (tmp_path / "whole" / "runs.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "cut" / "runs.jsonl").write_bytes(b"".join(lines[:3]) + lines[3][:100])
    done = short("run", "--resume", "cut", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cut" / "runs.jsonl").read_bytes().startswith(b"".join(lines[:2]))
    assert comparable(tmp_path / "cut") == comparable(tmp_path / "whole")
    before = (tmp_path / "cut" / "runs.jsonl").read_bytes()
    assert short("run", "--resume", "cut", cwd=tmp_path).returncode == 0
    assert (tmp_path / "cut" / "runs.jsonl").read_bytes() == before, "nothing was missing"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--resume", "nowhere"), "only a folder with a plan.json can be resumed"),
        (("--resume", "x", "--plugin", "fake.linear"), "leave --plugin out"),
        (("--resume", "x", "--precision", "bf16", "--timeout", "9"), "leave --precision, --timeout out"),
        (("--resume", "x", "--isolation", "fork"), "leave --isolation out"),
        (("--plugin", "fake.linear", "--memory-limit", "much"), "512M or 4G"),
        (("--plugin", "fake.linear", "--memory-limit", "1K"), "a process without a model needs 96M; give more"),
        (("--plugin", "fake.linear", "--isolation", "jail"), "fresh"),
    ],
)
def test_options_of_isolation_and_resumption_are_checked(arguments, text, tmp_path):
    done = answered("run", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert list(tmp_path.iterdir()) == []
