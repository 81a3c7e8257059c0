"""`dlbench comment`: one comment a pull request, brought up to date; refusals are one line, and no token leaks."""

from __future__ import annotations

import pytest
from pull_requests import TOKEN, service

from dlbench.api import github
from dlbench.cli import comment
from dlbench.errors import DlbenchError, RecordError
from dlbench.report import pull_request as pull_request_page
from studies.gate.workflow import COMMENT, Workflow

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize("code", [401, 403, 404, 500])
def test_a_refused_comment_is_one_line_and_changes_no_exit_code(tmp_path, code):
    with service(refuse=code) as (api, _):
        job = Workflow(tmp_path / "runner", {"pull_request": {"number": 7}}, api)
        (tmp_path / "runner" / "dlbench-gate").mkdir()
        (tmp_path / "runner" / "dlbench-gate" / "comment.md").write_text(f"{pull_request_page.MARKER}\nall\n")
        done = job.step(COMMENT, tmp_path, GITHUB_TOKEN=TOKEN)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert f"GitHub answered {code}" in line
    assert ("a fork's pull request" in line) == (code == 403)
    assert TOKEN not in line


@pytest.mark.parametrize(
    "document", ["{}", "[]", "3", '{"a": 1}', '{"outcomes": []}', "", "text", '{"outcomes": [{}]}']
)
def test_a_folder_whose_gate_has_no_result_is_refused_in_one_line(tmp_path, document):
    (tmp_path / "comment.md").write_text(f"{pull_request_page.MARKER}\nall\n")
    (tmp_path / "gate.json").write_text(document)
    with pytest.raises(RecordError, match=r"gate\.json: no gate result \(.*\); remove it") as error:
        comment.show(tmp_path)
    assert "\n" not in str(error.value)


def test_a_long_list_of_comments_is_read_to_its_end():
    with service(kept=250) as (api, found):
        found.kept[240]["body"] = f"{pull_request_page.MARKER}\nold"
        variables = {"GITHUB_API_URL": api, "GITHUB_REPOSITORY": "acme/net", "GITHUB_TOKEN": TOKEN}
        posted = _posted(variables)
    assert posted == "the comment was brought up to date"
    assert found.kept[240]["body"] == f"{pull_request_page.MARKER}\nnew"
    assert len(found.kept) == 250


def _posted(variables):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(github, "event", lambda _: {"pull_request": {"number": 7}})
        return github.comment(variables, f"{pull_request_page.MARKER}\nnew")


def test_the_token_goes_to_no_address_that_the_service_redirects_to():
    with service() as (api, found), service() as (first, _):
        _.do_GET = lambda self: (
            self.send_response(302),
            self.send_header("Location", api + self.path),
            self.end_headers(),
        )
        variables = {"GITHUB_API_URL": first, "GITHUB_REPOSITORY": "acme/net", "GITHUB_TOKEN": TOKEN}
        _posted(variables)
    assert [said for said in found.asked if said[0] == "GET"] == [("GET", "")]


def test_an_event_without_a_pull_request_is_not_commented(tmp_path, monkeypatch):
    (tmp_path / "event.json").write_text('{"before": "1"}')
    assert "no comment" in github.comment({"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}, "x")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"GITHUB_API_URL": ""}, "no comment: GITHUB_API_URL is not set"),
        ({"GITHUB_REPOSITORY": ""}, "no comment: GITHUB_REPOSITORY is not set"),
    ],
)
def test_a_comment_without_its_address_is_one_line(tmp_path, changes, said):
    event = tmp_path / "event.json"
    event.write_text('{"pull_request": {"number": 3}}')
    known = {"GITHUB_API_URL": "http://127.0.0.1:9", "GITHUB_REPOSITORY": "a/b", "GITHUB_TOKEN": "t"}
    with pytest.raises(DlbenchError, match=said):
        github.comment({"GITHUB_EVENT_PATH": str(event), **known, **changes}, "<!-- x -->\n")
    event.write_text('{"pull_request": null}')
    assert "not the event of a pull request" in github.comment({"GITHUB_EVENT_PATH": str(event), **known}, "")
