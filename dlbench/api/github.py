"""GitHub's side of a gate: base commit of an event, summary and outputs of a step, the comment of a pull request.

The names of variables and fields are those of GitHub's documentation: "Variables reference", "Workflow commands" and
"REST API endpoints for issue comments".
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dlbench.api import commits
from dlbench.errors import DlbenchError, SpecError

SECONDS = 30.0
"""Longest time for the service to answer a request."""
PAGE = 100
"""Comments of one answer; the most that the service gives."""
TOKEN = "GITHUB_TOKEN"  # noqa: S105 (the name of the variable)
ADDRESS = ("GITHUB_API_URL", "GITHUB_REPOSITORY")
"""Variables that say where comments are."""


def event(variables: Mapping[str, str]) -> dict[str, Any]:
    """The event that started this workflow; empty outside of one. Raises SpecError if it cannot be read."""
    path = variables.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    try:
        found = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SpecError(f"GITHUB_EVENT_PATH {path} is not an event of GitHub ({error}); give --base COMMIT") from error
    if not isinstance(found, dict):
        raise SpecError(f"GITHUB_EVENT_PATH {path} is not an event of GitHub; give --base COMMIT")
    return found


def base(found: Mapping[str, Any], folder: Path, head: str) -> str:
    """The commit that `head` is to be compared with. Raises SpecError if the event names none.

    For a pull request that is the first parent of the merge that GitHub checks out, so that commits of the target
    branch are on both sides; for another head the newest common ancestor.
    """
    if "pull_request" in found:
        return _base_of_pull_request(found, folder, head)
    named = _stated(found, "merge_group", "base_sha") or _stated(found, "before")
    if not named:
        what = "this event of GitHub names no base commit" if found else "the gate has no base commit"
        raise SpecError(f"{what}; give --base COMMIT, such as --base main")
    if not named.strip("0"):
        raise SpecError("the first push of a branch has no base commit; give --base COMMIT, or run on pull requests")
    return named


def _stated(found: Any, *names: str) -> str:
    """The text at this place of an event; empty if there is none that could name a commit."""
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) and found.isprintable() else ""


def _base_of_pull_request(found: Mapping[str, Any], folder: Path, head: str) -> str:
    target, tip = (_stated(found, "pull_request", side, "sha") for side in ("base", "head"))
    if not target or not tip:
        raise SpecError("this event of a pull request names no base and head commit; give --base COMMIT")
    merged = commits.parents(folder, head)
    if len(merged) == 2 and merged[1] == tip:
        return merged[0]
    return commits.fork_point(folder, target, head) or target


def tell(variables: Mapping[str, str], page: str, outputs: Mapping[str, str]) -> None:
    """Append the page to the summary of this step and set its outputs, where a workflow asks for them."""
    if summary := variables.get("GITHUB_STEP_SUMMARY"):
        _append(summary, page)
    if values := variables.get("GITHUB_OUTPUT"):
        _append(values, "".join(f"{name}={' '.join(value.split())}\n" for name, value in outputs.items()))


def comment(variables: Mapping[str, str], page: str) -> str:
    """Post the page on the pull request of the event, or put it in the place of the comment that begins as it does.

    Its first line, which must be a marker that shows nothing, finds that comment. Returns a sentence on the outcome.
    Raises DlbenchError if the service refuses.
    """
    of_pull_request = event(variables).get("pull_request")
    number = of_pull_request.get("number") if isinstance(of_pull_request, dict) else None
    if not isinstance(number, int):
        return "no comment: this is not the event of a pull request"
    if not variables.get(TOKEN):
        raise DlbenchError(f"no comment: {TOKEN} is not set; pass github.token")
    if missing := [name for name in ADDRESS if not variables.get(name)]:
        raise DlbenchError(f"no comment: {missing[0]} is not set; run this in a workflow")
    home = f"{variables['GITHUB_API_URL']}/repos/{variables['GITHUB_REPOSITORY']}/issues"
    marker = page.partition("\n")[0]
    for one in _comments(f"{home}/{int(number)}/comments", variables[TOKEN]):
        if str(one.get("body") or "").startswith(marker):
            _ask("PATCH", f"{home}/comments/{int(one['id'])}", variables[TOKEN], page)
            return "the comment was brought up to date"
    _ask("POST", f"{home}/{int(number)}/comments", variables[TOKEN], page)
    return "the comment was posted"


def _comments(url: str, token: str) -> Iterator[dict[str, Any]]:
    number = 1
    while found := _ask("GET", f"{url}?per_page={PAGE}&page={number}", token):
        yield from found
        if len(found) < PAGE:
            return
        number += 1


def _ask(method: str, url: str, token: str, body: str | None = None) -> Any:
    """The answer of the service. The token goes to this address alone, and to none that it redirects to."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise SpecError(f"GITHUB_API_URL {url.partition('/repos/')[0]} is no address of a service")
    data = None if body is None else json.dumps({"body": body}).encode()
    request = urllib.request.Request(url, data, method=method)  # noqa: S310 (the scheme was looked at)
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    request.add_header("Accept", "application/vnd.github+json")
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        why = "; a fork's pull request may not comment, others need pull-requests: write" if error.code == 403 else ""
        raise DlbenchError(f"no comment: GitHub answered {error.code} to {method}{why}") from error
    except (OSError, ValueError) as error:
        raise DlbenchError(f"no comment: GitHub could not be asked ({error})") from error


def _append(path: str, text: str) -> None:
    file = Path(path)
    try:
        file.write_text((file.read_text("utf-8") if file.exists() else "") + text, "utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DlbenchError(f"{path}, a file of GitHub's, cannot be written ({error})") from error
