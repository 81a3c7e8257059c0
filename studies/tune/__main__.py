"""Measure a pool and replay races from it.

python -m studies.tune collect FOLDER [--minutes N]     # measures, goes on from where it was; again until it says done
python -m studies.tune replay FOLDER OUT [--sessions N] # writes pool.json and sessions.md to OUT
"""

from __future__ import annotations

import argparse
from pathlib import Path

from studies import end_what_was_started
from studies.tune import collect, replay


def main() -> None:
    """Read the words and do one of both."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    measured = kinds.add_parser("collect")
    measured.add_argument("folder", type=Path)
    measured.add_argument("--minutes", type=float, default=60.0)
    measured.add_argument("--groups", type=int, default=collect.GROUPS)
    replayed = kinds.add_parser("replay")
    replayed.add_argument("folder", type=Path)
    replayed.add_argument("out", type=Path)
    replayed.add_argument("--sessions", type=int, default=50)
    asked = parser.parse_args()
    if asked.kind == "collect":
        collect.collect(asked.folder, asked.minutes * 60, asked.groups)
    else:
        replay.write(asked.folder, asked.out, asked.sessions)


if __name__ == "__main__":
    main()
