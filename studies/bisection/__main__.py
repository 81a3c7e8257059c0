"""Write the page of bisections over drawn sessions: `python -m studies.bisection FOLDER [--searches N]`."""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path

from studies import end_what_was_started
from studies.bisection import agreement, history, metrics, noise, real, simulated

HEAD = """# Bisections over drawn sessions

`python -m studies.bisection FOLDER --searches {searches}`: ranges of {versions} versions, {searches} searches of each
kind. A process's logarithm is drawn with a spread of {spread:g} % unless stated, and one in 75 differs by a tenth.
`exact` names the right versions and no other; `partly` leaves one of them out and does not say so; `none` says that the
ends are the same; `wrong` and `alarm` name one in which nothing changed. Groups and processes are means of a search.

"""
REAL_NOISE = """The noise of real searches is that of `real.md`: a drawn group has the deviations of a real one from
the medians of its trial, of the same kind, all its members together. Their {number:,} ratios of two processes have a
spread of {spread:.2%} without outliers, and {outlying:.1%} of them lie beyond four such spreads; processes that are
drawn with a spread of {drawn:g} % have ratios with one of {pair:.2%}.

"""
AGREEMENT = """
## Real searches beside drawn ones

Both have the noise of the real ones; a drawn search takes its groups from all of them, each independent of the others.

"""
REAL = """# Real bisections

`python -m studies.bisection FOLDER --real N --workplace PLACE`: sixteen wheels of a small package of NumPy, one of
which and all after it compute 5 % more, or none, searched by `dlbench bisect`. A hundred take many hours; these are as
many as there was time for, and `simulated.md` has a hundred of each kind over groups that are drawn, and these real
searches beside drawn ones. Seconds are those of the whole command, or those of its trials where it was cut short and
resumed (`resumed`).

"""
METRICS = """# Real bisections by other figures than time

`python -m studies.bisection FOLDER --metrics --workplace PLACE`: four wheels of a small package of NumPy, the third of
which changes one figure, searched by `dlbench bisect --metric`. Seconds are those of the trials.

"""


def main() -> None:
    """Draw searches and write `simulated.md`, or add real ones and write `real.md`."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument("--real", type=int, default=0, help="Real searches to add; nothing is drawn.")
    parser.add_argument("--metrics", action="store_true", help="A real search by each other metric; nothing is drawn.")
    parser.add_argument("--history", action="store_true", help="A search of this repository; nothing is drawn.")
    parser.add_argument(
        "--workplace", type=Path, default=Path(tempfile.gettempdir(), "bisections"), help="Of real searches."
    )
    asked = parser.parse_args()
    head = HEAD.format(searches=asked.searches, versions=simulated.VERSIONS, spread=simulated.SPREAD * 100)
    asked.folder.mkdir(parents=True, exist_ok=True)
    if asked.metrics:
        metrics.measure(asked.folder, asked.workplace)
        _write(asked.folder, "metrics", METRICS, metrics.table(asked.folder))
        return
    if asked.history:
        history.measure(asked.folder, asked.workplace)
        return
    if asked.real:
        real.measure(asked.folder, asked.real, asked.workplace)
        _write(asked.folder, "real", REAL, real.table(asked.folder))
        return
    measured = noise.pooled(real.lines(asked.folder))
    body = f"{_of_noise(measured)}{simulated.table(asked.searches, measured)}"
    if measured:
        body += f"\n{AGREEMENT}{agreement.table(real.lines(asked.folder), measured, asked.searches)}"
    _write(asked.folder, "simulated", head, body)


def _write(folder: Path, name: str, head: str, body: str) -> None:
    """Write a page; what someone noted of the searches in this folder stands below its head."""
    path = folder / f"{name}.note.md"
    noted = f"{path.read_text(encoding='utf-8').strip()}\n\n" if path.exists() else ""
    (folder / f"{name}.md").write_text(f"{head}{noted}{body}\n", encoding="utf-8")


def _of_noise(measured: noise.Noise) -> str:
    """The paragraph on real noise; empty where none is kept."""
    if not measured:
        return ""
    number, spread, outlying = noise.spread(measured)
    pair = math.sqrt(2) * simulated.SPREAD
    return REAL_NOISE.format(number=number, spread=spread, outlying=outlying, drawn=simulated.SPREAD * 100, pair=pair)


if __name__ == "__main__":
    main()
