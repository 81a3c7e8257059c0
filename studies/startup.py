"""Start-up time of `dlbench --help` and `dlbench list` over `python -c "import click"`, taking turns.

python -m studies.startup [--rounds N]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

DLBENCH = str(Path(sys.executable).with_name("dlbench"))
COMMANDS = {
    "import click": [sys.executable, "-c", "import click"],
    "dlbench --help": [DLBENCH, "--help"],
    "dlbench list": [DLBENCH, "list"],
}


def seconds(command: list[str]) -> float:
    """Wall seconds of one process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print the median ratio of each command."""
    parser = argparse.ArgumentParser(description="start-up cost")
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    for command in COMMANDS.values():
        seconds(command)
    found = [{name: seconds(command) for name, command in COMMANDS.items()} for _ in range(rounds)]
    for name in list(COMMANDS)[1:]:
        ratio = statistics.median(one[name] / one["import click"] for one in found)
        print(f"{name:16} {ratio:.2f} x `python -c 'import click'`")


if __name__ == "__main__":
    main()
