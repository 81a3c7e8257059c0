"""Bars of `dlbench explain`.

    python -m studies.explain attributed [--plugin tf.mlp,...] [--path eager,...] [--size base] [--seconds N]
    python -m studies.explain planted [--only NAME] [--keep FOLDER]
    python -m studies.explain intercept [--plugin torch.mlp,...] [--path eager] [--keep FOLDER]

`attributed` profiles arms and prints the share of a step that has a category, and its parts: what spans of the profiler
name (a model's work, and dispatch with guards), the rest of the step's thread, which is Python's, and gaps. Arms that
the file has are left out, so it goes on where it was ended. `planted` profiles a model beside the same with one
difference each, both in one process in turns, and compares category, sign and amount with the difference of their steps
without a profiler. `intercept` compares the host's share with the intercept of the time over the batch size. Each
row is printed, and added to a file of the folder, when its case is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import click
import msgspec

from dlbench.api.keywords import complete
from dlbench.api.subjects import trained
from dlbench.measure.profiling.answer import explain
from dlbench.measure.profiling.profile import profile_to_file
from dlbench.plugin import HOST, UNATTRIBUTED
from dlbench.record.explanation import Arm, Profile
from dlbench.spec import Policy, Spec
from dlbench.workers.backends import Starter
from dlbench.workers.calls import call
from dlbench.workers.child import ChildError, ChildHandle
from studies import end_what_was_started
from studies.explain import turns

HERE = Path(__file__).parent
KEPT = Path("reports/explain")
SEVEN = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")
PATHS = {"tf": ("eager", "graph", "jit"), "torch": ("eager", "jit"), "jax": ("eager", "jit")}
WITHIN = 0.25
"""Relative error of an amount that holds."""
TURNS = 3
"""Profiles of each batch size, in turn, each the mean of several; the fastest counts, and the least step beside any."""
keep = click.option("--keep", default=KEPT, show_default=True, type=click.Path(path_type=Path))


@click.group()
def study() -> None:
    """Bars of explanations."""
    end_what_was_started()


@study.command()
@click.option("--plugin", default=",".join(f"{framework}.{name}" for name in SEVEN for framework in PATHS))
@click.option("--path", default="")
@click.option("--size", default="base", show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--seconds", default=float("inf"), help="No arm is begun after these.")
@keep
def attributed(plugin: str, path: str, size: str, threads: int, seconds: float, keep: Path) -> None:
    """Print the share of a step that is attributed, an arm a line."""
    heads = "| arm | size | threads | step | cost | attributed | work | dispatch | Python | gaps | not in a table |"
    say = _Rows(keep / "attributed.md", "Share of a step that has a category", heads)
    begin = time.monotonic()
    for name in plugin.split(","):
        for one in path.split(",") if path else PATHS[name.partition(".")[0]]:
            spec = _spec({"plugin": (name,), "path": (one,), "size": (size,), "threads": threads})
            if not say.has(_arm(spec)) and time.monotonic() - begin < seconds:
                say(_line(_profiled([spec], 1)[0]))


@study.command()
@click.option("--only", default="", help="Names of planted differences.")
@click.option("--path", default="eager", show_default=True)
@keep
def planted(only: str, path: str, keep: Path) -> None:
    """Print whether each planted difference is found, with its sign and its amount."""
    from studies.explain.offenders import OFFENDERS
    from studies.explain.planted import PLANTED

    heads = "| planted | path | of a step | category found | sign | truth | said | within a quarter | first operation |"
    say = _Rows(keep / "planted.md", "Planted differences", heads)
    for name in only.split(",") if only else [*PLANTED, *OFFENDERS]:
        if name in OFFENDERS:
            offender = OFFENDERS[name]
            profiles = _in_turn([partial(_offender, name, form) for form in ("new", "old")])
            say(_of_planted(name, offender.spec.path, offender.categories, *profiles))
        else:
            profiles = turns.profiled([_planted_spec(one, path) for one in ("none", name)])
            say(_of_planted(name, path, PLANTED[name].categories, *profiles))


@study.command()
@click.option("--plugin", default="torch.mlp,tf.mlp,jax.mlp", show_default=True)
@click.option("--path", default="eager", show_default=True)
@click.option("--size", default="small", show_default=True)
@click.option("--batches", default="1,32,64,128,256,512,1024,2048", show_default=True)
@click.option("--turns", "times", default=TURNS, show_default=True)
@keep
def intercept(plugin: str, path: str, size: str, batches: str, times: int, keep: Path) -> None:
    """Print the host's share of a step beside the intercept of its time over the batch size."""
    from studies.explain.intercept import shares

    heads = "| arm | size | batch | step | by the intercept | host | optimizer | points apart | with fixed work |"
    say = _Rows(
        keep / "intercept.md", "The host's share, and the intercept of a step's time over the batch size", heads
    )
    for name in plugin.split(","):
        given = {"plugin": (name,), "path": (path,), "size": (size,), "threads": 1}
        profiles = _profiled([_spec({**given, "batch_size": (int(one),)}) for one in batches.split(",")], times)
        if reason := next((one.reason for one in profiles if one.reason), ""):
            say(f"| {name} {path} | {size} | | | {reason} | | | | |")
            continue
        for one, of in zip(profiles, shares(profiles), strict=True):
            say(
                f"| {one.spec.label} | {size} | {one.spec.batch_size} | {one.plain * 1e3:.3g} ms | {of.by_line:.0%} "
                f"| {of.host:.0%} | {of.optimizer:.0%} | {of.apart:.0f} | {of.unexplained:.0f} |"
            )


class _Rows:
    """Prints rows of a table and adds them to a file, which begins with the heads."""

    def __init__(self, file: Path, title: str, heads: str) -> None:
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            rule = "|".join([""] + [" --- "] * (heads.count("|") - 1) + [""])
            file.write_text(f"# {title}\n\n`python -m studies.explain {file.stem}`\n\n{heads}\n{rule}\n")
        self._before = file.read_text()
        click.echo(heads)

    def has(self, begin: str) -> bool:
        """True if the file had a row with this beginning before."""
        return f"\n{begin}" in self._before

    def __call__(self, row: str) -> None:
        with self._file.open("a") as file:
            file.write(f"{row}\n")
        click.echo(row)


def _of_planted(name: str, path: str, categories: Sequence[str], before: Profile, after: Profile) -> str:
    """Truth is the difference of the steps without a profiler."""
    if before.reason or after.reason:
        return f"| {name} | {path} | {before.reason or after.reason} | | | | | | |"
    sides = [Arm(label=label, profile=one, step=one.plain) for label, one in (("plain", before), (name, after))]
    found, truth = explain(name, *sides), after.plain - before.plain
    said = sum(one.difference for one in found.categories if one.category in categories)
    first = found.categories[0].category
    right = "yes" if first in categories else "NO"
    within = abs(said - truth) <= WITHIN * abs(truth)
    sign = "yes" if said * truth > 0 else "NO"
    return (
        f"| {name} | {path} | {truth / before.plain:.0%} | {right}: {first} | {sign} | {truth * 1e3:.3f} ms "
        f"| {said * 1e3:.3f} ms | {'yes' if within else 'NO'} | {found.differences[0].name} |"
    )


def _planted_spec(name: str, path: str) -> Spec:
    from studies.explain.planted import INPUT

    model = f"torch={HERE.relative_to(Path.cwd()) / 'planted.py'}:Perceptron"
    return _spec({"model": (model,), "input": (INPUT,), "set": (f"planted={name}",), "path": (path,), "threads": 1})


def _spec(given: dict[str, object]) -> Spec:
    (spec,) = trained({**complete({}), "plugin": (), **given}, Policy())
    return spec


def _profiled(specs: Sequence[Spec], times: int) -> list[Profile]:
    """The fastest profile of each, in a child of its own, taken in turn."""
    with ExitStack() as children:
        takes = [partial(children.enter_context(_child(spec)), spec) for spec in specs]
        return _in_turn(takes, times)


@contextmanager
def _child(spec: Spec) -> Iterator[Callable[[Spec], Profile]]:
    """A function that profiles a Spec in a child that was started for this one, or in a new one after a failure."""
    with tempfile.TemporaryDirectory() as folder, Starter() as start, ExitStack() as children:
        file = str(Path(folder) / "trace.json")
        alive: list[ChildHandle] = []

        def take(one: Spec) -> Profile:
            try:
                if not alive:
                    alive.append(start(spec, Policy()))
                    children.callback(alive[0].close)
                return call(alive[0], profile_to_file, one, file)
            except ChildError as error:
                alive.clear()
                children.close()
                return Profile(spec=one, reason=str(error))

        yield take


def _in_turn(takes: Sequence[Callable[[], Profile]], times: int = 1) -> list[Profile]:
    """The profile of each in which a step took least, with the least step beside any of them."""
    return [_least(of) for of in zip(*([take() for take in takes] for _ in range(times)), strict=True)]


def _least(found: Sequence[Profile]) -> Profile:
    refused = [one for one in found if one.reason]
    best = min(refused or found, key=lambda one: one.seconds)
    costs = [one.cost for one in found if one.cost is not None]
    return msgspec.structs.replace(best, plain=min(one.plain for one in found), cost=min(costs, default=None))


def _offender(name: str, form: str) -> Profile:
    """The profile of an offender, from a process of its own."""
    from studies.explain.offenders import OFFENDERS

    offender = OFFENDERS[name]
    command = [sys.executable, "-m", "studies.explain.offenders", name, form]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, **offender.environment})
    if done.returncode:
        return Profile(spec=offender.spec, reason=done.stderr.decode(errors="replace").strip()[-200:])
    return msgspec.json.decode(done.stdout, type=Profile)


def _arm(spec: Spec) -> str:
    return f"| {spec.label} | {spec.size} | {spec.threads} |"


def _line(profile: Profile) -> str:
    label = _arm(profile.spec)
    if profile.reason:
        return f"{label} | | {profile.reason} | | | | | |"
    shares: defaultdict[str, float] = defaultdict(float)
    for op in profile.ops:
        shares[op.category] += op.seconds / profile.seconds
    unknown = ", ".join(sorted({op.name[:40] for op in profile.ops if op.category == UNATTRIBUTED}))
    host = shares["dispatch"] + shares["guards"]
    work = 1 - sum(share for kind, share in shares.items() if kind in {*HOST, UNATTRIBUTED})
    return (
        f"{label} {profile.plain * 1e3:.3g} ms | {profile.cost:.2f} | {1 - shares[UNATTRIBUTED]:.1%} | {work:.1%} "
        f"| {host:.1%} | {shares['Python']:.1%} | {shares['waiting'] + shares['gaps']:.1%} | {unknown} |"
    )


if __name__ == "__main__":
    study()
