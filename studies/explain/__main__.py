"""Bars of `dlbench explain`.

    python -m studies.explain attributed [--plugin tf.mlp,...] [--path eager,...] [--size base]
    python -m studies.explain planted [--only NAME]

`attributed` profiles arms and prints the share of a step that has a category, and how much of that is Python's: the
time of the step's thread outside of every span. `planted` profiles a perceptron beside the same with one difference
each, and compares category, sign and amount with the difference of two steps without a profiler.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

import click

from dlbench.api.keywords import complete
from dlbench.api.subjects import trained
from dlbench.plugin import UNATTRIBUTED
from dlbench.profiling.answer import explain
from dlbench.profiling.profile import profile_to_file
from dlbench.record.explanation import Arm, Profile
from dlbench.spec import Policy, Spec
from dlbench.workers.backends import Starter
from dlbench.workers.calls import call
from dlbench.workers.child import ChildError

HERE = Path(__file__).parent
SEVEN = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")
PATHS = {"tf": ("eager", "graph", "jit"), "torch": ("eager", "jit")}
WITHIN = 0.25
"""Relative error of an amount that holds."""


@click.group()
def study() -> None:
    """Bars of explanations."""


@study.command()
@click.option("--plugin", default=",".join(f"{framework}.{name}" for name in SEVEN for framework in PATHS))
@click.option("--path", default="")
@click.option("--size", default="base", show_default=True)
@click.option("--threads", default=1, show_default=True)
def attributed(plugin: str, path: str, size: str, threads: int) -> None:
    """Print the share of a step that is attributed, an arm a line."""
    print(f"| arm, {size}, threads {threads} | step | cost | attributed | of it Python | not in a table |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    for name in plugin.split(","):
        for one in path.split(",") if path else PATHS[name.partition(".")[0]]:
            given = {"plugin": (name,), "path": (one,), "size": (size,), "threads": threads}
            print(_line(_profile(*_specs(given))), flush=True)


@study.command()
@click.option("--only", default="", help="Names of planted differences.")
@click.option("--path", default="eager", show_default=True)
def planted(only: str, path: str) -> None:
    """Print whether each planted difference is found, with its sign and its amount."""
    from studies.explain.planted import PLANTED

    names = only.split(",") if only else list(PLANTED)
    base = _arm("none", path)
    print("| planted | category found | sign | truth | said | within a quarter |")
    print("| --- | --- | --- | ---: | ---: | --- |")
    for name in names:
        print(_of_planted(name, PLANTED[name].categories, base, _arm(name, path)), flush=True)


def _of_planted(name: str, categories: tuple[str, ...], base: Arm, other: Arm) -> str:
    """Truth is the difference of the steps without a profiler."""
    if base.step is None or other.step is None:
        return f"| {name} | {other.profile.reason} | | | | |"
    found = explain(name, base, other)
    truth = other.step - base.step
    said = sum(one.difference for one in found.categories if one.category in categories)
    first = found.categories[0].category
    right = "yes" if first in categories else "NO"
    within = abs(said - truth) <= WITHIN * abs(truth)
    sign = "yes" if said * truth > 0 else "NO"
    return (
        f"| {name} ({truth / base.step:.0%} of a step) | {right}: {first} | {sign} | {truth * 1e3:.3f} ms "
        f"| {said * 1e3:.3f} ms | {'yes' if within else 'NO'} |"
    )


def _arm(name: str, path: str) -> Arm:
    from studies.explain.planted import INPUT

    options = {
        "model": (f"torch={HERE.relative_to(Path.cwd()) / 'planted.py'}:Perceptron",),
        "input": (INPUT,),
        "set": (f"planted={name}",),
        "path": (path,),
        "threads": 1,
    }
    profile = _profile(*_specs(options))
    return Arm(label=name, profile=profile, step=profile.plain if not profile.reason else None)


def _specs(given: dict[str, object]) -> list[Spec]:
    return trained({**complete({}), "plugin": (), **given}, Policy())


def _profile(spec: Spec) -> Profile:
    with tempfile.TemporaryDirectory() as folder, Starter() as start:
        child = start(spec, Policy())
        try:
            return call(child, profile_to_file, spec, str(Path(folder) / "trace.json"))
        except ChildError as error:
            return Profile(spec=spec, reason=str(error))
        finally:
            child.close()


def _line(profile: Profile) -> str:
    if profile.reason:
        return f"| {profile.spec.label} | | | {profile.reason} | | |"
    shares: defaultdict[str, float] = defaultdict(float)
    for op in profile.ops:
        shares[op.category] += op.seconds / profile.seconds
    unknown = ", ".join(sorted({op.name[:40] for op in profile.ops if op.category == UNATTRIBUTED}))
    return (
        f"| {profile.spec.label} | {profile.plain * 1e3:.3g} ms | {profile.cost:.2f} "
        f"| {1 - shares[UNATTRIBUTED]:.1%} | {shares['Python']:.1%} | {unknown} |"
    )


if __name__ == "__main__":
    study()
