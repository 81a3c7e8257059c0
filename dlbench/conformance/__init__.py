"""The contract as a suite: the duties of a plugin, checked on the plugin itself.

    dlbench check acme.wide

or, in the tests of a plugin package:

    @pytest.mark.parametrize("path", ["eager", "jit"])
    def test_conforms(path):
        conformance.assert_conforms("acme.wide", path, task="line")

`skips=["nothing_leaks"]` names clauses that are known not to hold; one that holds fails the test, so that no list of
exceptions grows stale.

Each plugin and path is examined in a process of its own, one clause after the other. A clause holds, is broken, or was
not checked: because the plugin lacks a capability, or because of an earlier fault.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import msgspec

from dlbench.conformance.examine import NAMES, Cause, Finding, examine_clause
from dlbench.conformance.hints import hint
from dlbench.errors import SpecError, UnknownName
from dlbench.measure.build import task_of
from dlbench.measure.describe import describe_model
from dlbench.record.flags import STATUSES
from dlbench.session.inference import SYNTHETIC
from dlbench.session.models import AskedModel, Subjects, expand
from dlbench.spec import CLAUSE_SECONDS, Path, Policy, Spec
from dlbench.tasks import fitting
from dlbench.workers.calls import call
from dlbench.workers.child import Child, ChildError, fresh_child

__all__ = ["CLAUSE_SECONDS", "EVERYTHING_ELSE", "assert_conforms", "check", "specs", "with_data"]

LOG = logging.getLogger(__name__)
"""Signs of life of a test: each clause before its check."""
EVERYTHING_ELSE = "everything else"
"""The clause of a Finding that stands for all clauses not looked at, because the examination could not go on."""
NOT_DESCRIBED = "no sample can be made for it: its process ended, or took too long, before it had described itself"
"""The note on a plugin whose inputs are not known."""


class _EndedInDescribe(ChildError):
    """The end of a process in the plugin's `describe()`, before any clause."""


def specs(
    plugin: str | AskedModel,
    path: Path | Sequence[Path],
    size: str = "small",
    task: str = "",
    device: str = "cpu",
    timeout: float = CLAUSE_SECONDS,
) -> list[Spec]:
    """Specs to examine of a plugin or a model on a path, or on several.

    One that describes itself may take `timeout` seconds for it. Raises UnknownName, PluginLoadError or SpecError.
    """
    paths = (path,) if isinstance(path, str) else tuple(path)
    # One thread: several that share a core with another program wait for each other, and nothing is timed here.
    values = {"phase": "train", "size": size, "device": device, "threads": 1} | ({"task": task} if task else {})
    selection = {"path": paths, **{name: (value,) for name, value in values.items()}}
    policy = Policy(processes=1, timeout_seconds=timeout)
    if isinstance(plugin, str):
        return expand(Subjects({**selection, "plugin": (plugin,)}), policy)
    return expand(Subjects(selection, [plugin]), policy)


def with_data(spec: Spec, *, named: bool) -> tuple[Spec, str]:
    """The Spec with a task whose data is here, and a sentence on it if it is another task.

    Another task is taken unless the task was `named`. A plugin whose process ended before it had stated its inputs
    is examined as it is: a clause says how it ended. Raises SpecError if no task that fits has its data.
    """
    if _is_undescribed(spec) and not named:
        return spec, NOT_DESCRIBED
    try:
        task_of(spec)
    except SpecError as error:
        for task in [] if named else fitting(spec.architecture):
            other = msgspec.structs.replace(spec, task=task)
            if _opens(other):
                return other, f"examined on the task {task}, for {error}"
        raise
    return spec, ""


def check(
    spec: Spec, timeout: float = CLAUSE_SECONDS, announce: Callable[[str], object] = lambda _: None
) -> Iterator[Finding]:
    """Examine one plugin on one path in a process of its own: a Finding for each clause, as soon as it is decided.

    `announce` is called with each clause before its check. A clause may take `timeout` seconds. If the process ends, or
    the plugin cannot meet the Spec at all, the last Finding is EVERYTHING_ELSE.
    """
    child = fresh_child(spec.threads, timeout)
    try:
        for place, clause in enumerate(NAMES, start=1):
            announce(clause)
            try:
                child.allow(timeout)
                if clause == NAMES[1] and _is_undescribed(spec):  # it can be loaded
                    _describe_again(child, spec)
                yield call(child, examine_clause, spec, clause)
            except ChildError as error:
                yield from _ended(clause, error, timeout, len(NAMES) - place)
                return
    finally:
        child.close()


def assert_conforms(
    plugin: str, path: Path, *, skips: Collection[str] = (), timeout: float = CLAUSE_SECONDS, **more: str
) -> None:
    """Raise AssertionError that lists every clause which the plugin breaks on this path, with advice on each.

    A clause that was not checked is no failure, unless the examination could not go on. `skips` are clauses that are
    known not to hold: one that holds all the same is a failure, and one that was not checked a line of the log. A
    clause may take `timeout` seconds. Warns if the data of the architecture's task is not installed and another task
    was taken. Raises UnknownName for a skip that is no clause.
    """
    check_skips(skips)
    found = [
        one
        for spec in specs(plugin, path, timeout=timeout, **more)
        for one in check(_warned(spec, named="task" in more), timeout, LOG.info)
    ]
    wrong = [
        one for one in found if one.clause == EVERYTHING_ELSE or (one.verdict == "broken" and one.clause not in skips)
    ]
    lines = [line for one in wrong for line in (f"{one.clause}: {one.why}", *(f"  {line}" for line in hint(one)))]
    for line in idle(found, skips):
        LOG.warning(line)
    lines += stale(found, skips)
    if lines:
        said = "\n".join(f"  {line}" for line in lines)
        raise AssertionError(f"{plugin} on the path {path} breaks the contract:\n{said}")


def check_skips(skips: Iterable[str]) -> None:
    """Raise UnknownName for a skip that is no clause."""
    for clause in skips:
        if clause not in NAMES:
            raise UnknownName("clause", clause, NAMES)


def stale(found: Iterable[Finding], skips: Collection[str]) -> list[str]:
    """A line for each of the skips whose clause holds."""
    held = [one.clause for one in found if one.clause in skips and one.verdict == "holds"]
    return [f"{clause}: stale skip: the clause holds now; remove it from the skips" for clause in held]


def idle(found: Iterable[Finding], skips: Collection[str]) -> list[str]:
    """A line for each of the skips whose clause was not looked at: nothing says whether it is needed."""
    decided = {one.clause for one in found if one.verdict != "not looked at"}
    return [
        f"{clause}: this skip met nothing: the clause was not looked at" for clause in skips if clause not in decided
    ]


def _is_undescribed(spec: Spec) -> bool:
    """True for a plugin that is to be given samples for its inputs, and has stated none."""
    return spec.task == SYNTHETIC and spec.model is None


def _describe_again(child: Child, spec: Spec) -> None:
    """Meet once more what kept a plugin from describing itself, so that a finding says it. Raises _EndedInDescribe."""
    try:
        call(child, describe_model, spec, spec.framework)
    except ChildError as error:
        raise _EndedInDescribe(error.status, error.reason) from error


def _ended(clause: str, error: ChildError, timeout: float, left: int) -> Iterator[Finding]:
    """The clause at which it ended, and the others."""
    if not STATUSES[error.status].failed:
        why = f"unsupported: {error}"
        yield Finding(clause=EVERYTHING_ELSE, verdict="not looked at", why=why)
        return
    cause: Cause = "time" if error.status == "timeout" else "end"
    place = " in describe()" if isinstance(error, _EndedInDescribe) else ""
    slow = f"no word from the plugin for {timeout:g} s{place}: it loops or waits, or needs a longer timeout"
    why = slow if cause == "time" else f"{error.status}{place}: {error}"
    yield Finding(clause=clause, verdict="broken", why=why, cause=cause)
    if left:
        why = f"{left} clauses: the examination ended in {clause}"
        yield Finding(clause=EVERYTHING_ELSE, verdict="not looked at", why=why)


def _opens(spec: Spec) -> bool:
    try:
        task_of(spec)
    except SpecError:
        return False
    return True


def _warned(spec: Spec, *, named: bool) -> Spec:
    ready, note = with_data(spec, named=named)
    if note:
        warnings.warn(f"{spec.plugin} is {note}", stacklevel=3)
    return ready
