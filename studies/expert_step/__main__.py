"""Each plugin's training step against the best hand-written program, and Keras `fit` against the plugin.

    python -m studies.expert_step [PLUGIN:PATH] [--size SIZE] [--rounds N] [--sample-ms MS] [--no-fit] [--out FOLDER]

A process for each plugin and path. In it the hand-written programs race, the fastest of them takes turns with the
plugin, and then Keras `compile` and `fit` does, on the plugin's framework as backend: run eagerly on the path eager,
compiled by XLA on the path jit of TensorFlow. All train on the same batches; `fit` takes them as NumPy arrays, as
people give them, and the others in the framework's own arrays; with `--no-fit` it is left out. Prints a table in
Markdown, row by row, and with `--out` keeps it in FOLDER/expert.md. A plugin is `within` the bar if the whole interval
of its ratio reaches 1.1 at most, `beyond` if it lies above, and else `undecided`: more rounds, on a quieter machine.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from dlbench import registry
from dlbench.measure.build import Prepared, build_checked, prepare
from dlbench.session.plan import expand
from dlbench.spec import Policy, Spec
from studies import end_what_was_started
from studies.expert_step import Problem, Program, programs
from studies.pairing import FEWEST, Loop, Ratio, loop_over, steps_for, take_turns

ARCHITECTURES = ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan")
PATHS = {"tf": ("eager", "graph", "jit"), "torch": ("eager", "jit"), "jax": ("eager", "jit")}
BACKENDS = {"tf": "tensorflow", "torch": "torch", "jax": "jax"}
BAR = 1.1
"""Largest time of a plugin's step over the best hand-written program's."""
BATCHES = 16
RACE_ROUNDS = 5
FIT_STEPS, FIT_SHARE = 20, 4
"""Least steps in an epoch of `fit`, so that starting it does not count; and rounds of the others for one of `fit`."""
HEADER = (
    "| plugin | path | plugin / expert | within 10 % | fit / plugin | step, ms | first step, s | the expert |",
    "|---|---|---|---|---|---|---|---|",
)


class First(NamedTuple):
    """A loop after its first step, which traces and compiles, and the seconds that this took."""

    loop: Loop
    seconds: float

    @classmethod
    def of(cls, program: Program) -> First:
        """Take the first step."""
        loop = loop_over(program)
        return cls(loop, loop(1))


def measure(spec: Spec, rounds: int, sample_seconds: float, *, fit: bool) -> str:
    """A row of the table; with a dash if `fit` is left out."""
    prepared = prepare(spec, registry.load(spec.plugin))
    problem = problem_of(spec, prepared)
    plugin = First.of(plugin_program(prepared, problem))
    steps = steps_for(plugin.loop, sample_seconds, warm_up=3)
    name, expert = fastest(programs(spec.framework, problem), steps)
    turns = take_turns((plugin.loop, expert), steps, rounds)
    ratio = Ratio.of([own / other for own, other in turns])
    step = min(own for own, _ in turns) / steps
    by_fit = shown(against_fit(plugin.loop, problem, steps, rounds)) if fit else "–"
    return (
        f"| {spec.plugin} | {spec.path} | {shown(ratio)} | {verdict(ratio)} | {by_fit} | {1000 * step:.3g} "
        f"| {plugin.seconds:.2g} | {name} |"
    )


def against_fit(plugin: Loop, problem: Problem, steps: int, rounds: int) -> Ratio:
    """Keras's step as a multiple of the plugin's."""
    loops = plugin, fit_loop(problem)
    turns = take_turns(loops, max(steps, FIT_STEPS), max(FEWEST, rounds // FIT_SHARE))
    return Ratio.of([other / own for own, other in turns])


def shown(ratio: Ratio) -> str:
    """The ratio with its interval."""
    return f"{ratio.middle:.2f} ({ratio.low:.2f}–{ratio.high:.2f})"


def verdict(ratio: Ratio) -> str:
    """Position of the interval against the bar."""
    return "within" if ratio.high <= BAR else "beyond" if ratio.low > BAR else "undecided"


def fastest(candidates: dict[str, Program], steps: int) -> tuple[str, Loop]:
    """The candidate with the least median time in a few rounds."""
    loops = {name: First.of(program).loop for name, program in candidates.items()}
    if len(loops) == 1:
        return next(iter(loops.items()))
    few = max(1, steps // 2)
    times = zip(*take_turns(list(loops.values()), few, RACE_ROUNDS), strict=True)
    race = dict(zip(loops, (sorted(seconds)[RACE_ROUNDS // 2] for seconds in times), strict=True))
    for name, seconds in race.items():
        print(f"  {name}: {1000 * seconds / few:.3f} ms", file=sys.stderr)
    winner = min(race, key=lambda name: race[name])
    return winner, loops[winner]


def problem_of(spec: Spec, prepared: Prepared) -> Problem:
    """Problem that the experts are given."""
    task = prepared.task
    return Problem(
        architecture=spec.architecture,
        path=spec.path,
        sizes=prepared.request.configuration,
        signature=task.signature,
        batches=[task.batch(spec.seed, step) for step in range(BATCHES)],
        threads=spec.threads,
        learning_rate=task.optimizer.learning_rate,
    )


def plugin_program(prepared: Prepared, problem: Problem) -> Program:
    """The plugin's step on staged batches."""
    plugin = prepared.plugin
    build_checked(plugin, prepared.request)
    batches = itertools.cycle([plugin.stage(batch) for batch in problem.batches])
    return lambda: plugin.train_step(next(batches))


def fit_loop(problem: Problem) -> Loop:
    """Keras's own way; one call is one epoch."""
    from studies.expert_step.keras_fit import fit

    run = fit(problem)
    run(FIT_STEPS)

    def loop(steps: int) -> float:
        start = time.perf_counter()
        run(steps)
        return time.perf_counter() - start

    return loop


def tabulate(options: argparse.Namespace) -> int:
    """Measure each row in a process, whose failure is printed; returns the number of failures."""
    failed = 0
    lines = [f"Size {options.size}, {options.rounds} rounds of {options.sample_ms:g} ms.", "", *HEADER]
    print(*lines, sep="\n", flush=True)
    same = ["--size", options.size, "--rounds", str(options.rounds), "--sample-ms", str(options.sample_ms)]
    same += [] if options.fit else ["--no-fit"]
    for name in options.names:
        command = [sys.executable, "-m", "studies.expert_step", name, "--row", *same]
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
        failed += done.returncode != 0
        plugin, _, path = name.partition(":")
        row = done.stdout.strip() if done.returncode == 0 else f"| {plugin} | {path} | failed | | | | | |"
        print(row, flush=True)
        lines.append(row)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / "expert.md").write_text("\n".join([*lines, ""]))
    return failed


def main() -> None:
    """Print the table, row by row."""
    end_what_was_started()
    names = [
        f"{framework}.{architecture}:{path}"
        for framework, paths in PATHS.items()
        for architecture in ARCHITECTURES
        for path in paths
    ]
    parser = argparse.ArgumentParser(description="plugins against experts and Keras fit")
    parser.add_argument("names", nargs="*", default=names, metavar="PLUGIN:PATH")
    parser.add_argument("--size", default="small")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--sample-ms", type=float, default=50.0, help="how long a turn lasts at least")
    parser.add_argument("--no-fit", dest="fit", action="store_false", help="leave Keras `fit` out")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="keep the table in FOLDER/expert.md")
    parser.add_argument("--row", action="store_true", help="measure one, in this process, and print its row alone")
    options = parser.parse_args()
    if options.rounds < FEWEST:
        parser.error(f"--rounds {options.rounds}: fewer than {FEWEST} have no 95 % interval")
    if not options.row:
        sys.exit(min(1, tabulate(options)))
    plugin, _, path = options.names[0].partition(":")
    os.environ.setdefault("KERAS_BACKEND", BACKENDS[plugin.partition(".")[0]])
    (spec,) = expand({"plugin": [plugin], "path": [path], "phase": ["train"], "size": [options.size]}, Policy())
    print(measure(spec, options.rounds, options.sample_ms / 1000, fit=options.fit), flush=True)


if __name__ == "__main__":
    main()
