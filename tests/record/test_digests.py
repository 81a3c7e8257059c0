"""Any changed byte of a report's raw files is found; what a digest cannot know is said."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import msgspec
import pytest
from command import answered
from example_runs import full_session
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import SPEC

from dlbench.api.verify import verify
from dlbench.errors import RecordError, SpecError, exit_codes
from dlbench.record import digests, files, journal
from dlbench.record.digests import DIGESTS_FILE, RAW_FILES
from dlbench.record.fidelity import FIDELITY_FILE, Fidelity
from dlbench.record.parity import Parity
from dlbench.record.schema import PARITY_FILE, Plan
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed

PLAN = Plan(session="s", specs=(SPEC,), policy=Policy())


def kept(folder, groups=1):
    """A report with every raw file, as a session leaves it."""
    with journal.begin(folder, PLAN) as book:
        journal.append(folder / PARITY_FILE, [Parity(baseline=SPEC, candidate=SPEC, seeds=(0,), steps=20)])
        book.append(full_session(groups))
        journal.append(folder / FIDELITY_FILE, [Fidelity(spec=SPEC, reason="one arm")])
        (folder / "gate.json").write_text("{}\n")
        book.cover()
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return kept(tmp_path_factory.mktemp("kept") / "report")


def states(folder):
    return {one.file: one.state for one in digests.verify(folder).files}


def test_a_report_is_intact_as_its_session_leaves_it(report):
    assert states(report) == dict.fromkeys((DIGESTS_FILE, *RAW_FILES), "intact")
    assert digests.verify(report).intact


@settings(max_examples=300, deadline=None)
@given(st.sampled_from((DIGESTS_FILE, *RAW_FILES)), st.integers(0, 10**9), st.integers(1, 255))
def test_any_changed_byte_of_any_file_is_found(report, name, place, change):
    path = report / name
    before = path.read_bytes()
    at = place % len(before)
    try:
        path.write_bytes(before[:at] + bytes([before[at] ^ change]) + before[at + 1 :])
        assert not digests.verify(report).intact
        assert states(report)[name] == "changed"
    finally:
        path.write_bytes(before)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(RAW_FILES), st.integers(0, 10**9), st.binary(min_size=1, max_size=3))
def test_an_inserted_or_removed_byte_is_found(report, name, place, more):
    path = report / name
    before = path.read_bytes()
    at = place % len(before)
    try:
        path.write_bytes(before[:at] + more + before[at:])
        assert not digests.verify(report).intact
        path.write_bytes(before[:at] + before[at + 1 :])
        assert not digests.verify(report).intact
    finally:
        path.write_bytes(before)


def test_a_file_that_came_or_went_is_found(tmp_path):
    folder = kept(tmp_path / "one")
    (folder / "gate.json").unlink()
    assert states(folder)["gate.json"] == "missing"
    with journal.begin(tmp_path / "two", PLAN) as book:
        book.append(full_session(1))
    (tmp_path / "two" / "gate.json").write_text("{}")
    assert states(tmp_path / "two")["gate.json"] == "not covered"
    assert not digests.verify(tmp_path / "two").intact


def test_rendering_again_changes_no_digest(report, tmp_path):
    before = digests.verify(report).digest
    assert answered("report", str(report), "--format", "markdown,json", "--quiet", cwd=tmp_path).returncode == 0
    assert digests.verify(report).digest == before


def test_every_finished_group_is_covered_at_once(tmp_path):
    runs = full_session(3)
    with journal.begin(tmp_path / "a", PLAN) as book:
        for run in runs:
            book.append([run])
            assert digests.verify(tmp_path / "a").intact


def test_a_resumed_session_is_covered_whole(tmp_path):
    folder, runs = tmp_path / "a", full_session(2)
    with journal.begin(folder, PLAN) as book:
        book.append(runs[:4])
    with journal.resume(folder) as book:
        book.truncate(3)
        book.append(runs[3:])
    assert digests.verify(folder).intact
    with journal.begin(tmp_path / "b", PLAN) as book:
        book.append(runs)
    assert digests.verify(folder).digest == digests.verify(tmp_path / "b").digest


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("kept", [0, 3])
def test_a_session_that_ends_after_it_forgot_runs_can_be_resumed(kept, killed, tmp_path, monkeypatch):
    folder, runs = tmp_path / "a", full_session(2)
    with journal.begin(folder, PLAN) as book:
        book.append(runs[:4])
    with journal.resume(folder) as book, contextlib.suppress(KeyboardInterrupt), monkeypatch.context() as patched:
        if killed:
            replace = files.replace
            patched.setattr(files, "replace", lambda path, content: _killed_at(path, replace, content))
        book.truncate(kept)
    assert states(folder)["runs.jsonl"] == ("longer" if killed else "intact")
    with journal.resume(folder) as book:
        assert len(book.runs) == (4 if killed else kept)


def _killed_at(path, replace, content):
    if path.name == "runs.jsonl":
        raise KeyboardInterrupt
    replace(path, content)


def test_a_line_that_was_being_written_is_no_change_and_resuming_covers_what_is_kept(tmp_path):
    folder, runs = tmp_path / "a", full_session(1)
    with journal.begin(folder, PLAN) as book:
        book.append(runs[:1])
    with (folder / "runs.jsonl").open("ab") as file:
        file.write(b'{"spec":')
    assert states(folder)["runs.jsonl"] == "longer"
    with journal.resume(folder) as book:
        book.append(runs[1:])
    assert digests.verify(folder).intact


@pytest.mark.parametrize("name", ["runs.jsonl", "plan.json"])
def test_a_changed_report_is_not_resumed_and_so_not_covered_anew(tmp_path, name):
    folder = kept(tmp_path / "a")
    text = (folder / name).read_text()
    assert '"s"' in text
    (folder / name).write_text(text.replace('"s"', '"t"', 1))
    with pytest.raises(
        RecordError, match=f"{name}: changed since dlbench wrote it; measure again.*remove digests.json"
    ):
        journal.resume(folder)
    assert states(folder)[name] == "changed"
    (folder / DIGESTS_FILE).unlink()
    journal.resume(folder).__exit__(None)


def test_a_report_of_an_earlier_version_has_no_digests_and_that_is_said(tmp_path):
    folder = kept(tmp_path / "a")
    (folder / DIGESTS_FILE).unlink()
    done = answered("verify", str(folder), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (exit_codes.FAILED, "")
    assert (
        done.stderr == f"dlbench: {folder}: has no digests.json, so nothing can be verified; "
        "reports of earlier versions have none\n"
    )
    journal.resume(folder).__exit__(None)


def test_who_rewrites_the_digests_is_found_by_the_one_that_was_kept_elsewhere(tmp_path):
    folder = kept(tmp_path / "a")
    digest = verify(folder).digest
    assert verify(folder, digest).intact
    with journal.resume(folder) as book:
        book.append(full_session(1))
    assert verify(folder).intact
    assert not verify(folder, digest).intact
    with pytest.raises(SpecError, match="--digest 'abc' is not one"):
        verify(folder, "abc")


def test_verify_prints_a_line_a_file_and_ends_with_its_code(report, tmp_path):
    done = answered("verify", str(report / "runs.jsonl"), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (exit_codes.FINE, "")
    assert done.stdout.splitlines()[:2] == ["digests.json    intact", "runs.jsonl      intact"]
    assert re.search(r"^digest          [0-9a-f]{64}$", done.stdout, re.MULTILINE)
    other = kept(tmp_path / "other")
    (other / "plan.json").write_text("{}")
    done = answered("verify", str(other), "--json", cwd=tmp_path)
    assert done.returncode == exit_codes.CHANGED
    found = json.loads(done.stdout)
    assert (found["intact"], [one["state"] for one in found["files"] if one["file"] == "plan.json"]) == (
        False,
        ["changed"],
    )


def test_verify_names_what_no_digest_is_of(report, tmp_path):
    folder = kept(tmp_path / "a")
    for name in ("report.md", "notes\x1b[2J.txt"):
        (folder / name).write_text("x")
    done = answered("verify", str(folder), cwd=tmp_path)
    assert done.returncode == exit_codes.FINE
    said = " ".join(done.stdout.split())
    assert "not verified: 'notes\\x1b[2J.txt', report.md; no digest is of them;" in said
    assert digests.verify(folder).others == ("notes\x1b[2J.txt", "report.md")


def test_a_folder_that_cannot_be_listed_is_one_line(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    folder = kept(tmp_path / "a")
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(RecordError, match=r"a: cannot be listed \(Permission denied\); see its permissions"):
        verify(folder)


def test_words_of_another_kind_in_the_place_of_digests_are_a_change(tmp_path):
    folder = kept(tmp_path / "a")
    for text in ("", "[]", "{", '{"digest": "x", "files": {"../x": {"bytes": 0, "sha256": ""}}}', "\udcff"):
        (folder / DIGESTS_FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
        assert not digests.verify(folder).intact
    assert msgspec.json.decode((folder / "plan.json").read_bytes())
