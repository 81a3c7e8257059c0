"""Seconds from a file of ten lines to a report, with packages installed from wheels of this checkout.

    python -m studies.front_door [torch] [tf] [--folder FOLDER]

Each framework has a fresh environment with dlbench and its plugins, and a folder that holds `net.py` alone. `dlbench
run --model net.py:Net` is timed, cold compilations included; installing is reported beside it. The report must have
every phase and path, and parity between the paths. Exit code 1 if that fails, or if the bar is missed.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import dlbench
from dlbench.api.results import Results
from studies import end_what_was_started

ROOT = Path(__file__).parents[1]
BAR_SECONDS = 120.0
PHASES, PATHS = ("train", "predict"), ("eager", "jit")


class Door(NamedTuple):
    """A framework's file of ten lines and the input that it takes."""

    net: str
    shape: str


DOORS: Mapping[str, Door] = {
    "torch": Door(
        """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(width * 15 * 15, 10))
    def forward(self, x):
        return self.head(self.body(x))
""",
        "32x3x32x32",
    ),
    "tf": Door(
        """\
import keras
from keras import layers

class Net(keras.Sequential):
    def __init__(self, width=32):
        body = [layers.Conv2D(width, 3), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D()]
        super().__init__([*body, layers.Flatten(), layers.Dense(10)])
""",
        "32x32x32x3",
    ),
}


def main() -> int:
    """Print the seconds of each framework and the missing parts."""
    end_what_was_started()
    parser = argparse.ArgumentParser(description="seconds from a file of ten lines to a report")
    parser.add_argument("frameworks", nargs="*", metavar="torch|tf")
    parser.add_argument("--folder", type=Path, help="kept afterwards; a temporary one unless given")
    options = parser.parse_args()
    asked = options.frameworks or list(DOORS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        wheels = _wheels(folder / "dist")
        return max([_enter(name, folder / name, wheels) for name in asked])


def _wheels(folder: Path) -> Path:
    packages = [str(ROOT), *(str(ROOT / "plugins" / f"dlbench-{name}") for name in DOORS)]
    _run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), *packages], ROOT)
    return folder


def _enter(name: str, folder: Path, wheels: Path) -> int:
    """Install, measure, and print the seconds of both; 1 if the report lacks something or the bar is missed."""
    python = folder / "venv" / "bin" / "python"
    began = time.monotonic()
    venv.create(folder / "venv", with_pip=True, clear=True)
    built = [str(next(wheels.glob(f"{package}-*.whl"))) for package in ("dlbench", f"dlbench_{name}")]
    limits = ["--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
    _run([str(python), "-m", "pip", "install", "--quiet", *limits, *built], folder)
    installed = time.monotonic() - began
    (folder / "net.py").write_text(DOORS[name].net, encoding="utf-8")
    report = folder / f"report-{time.time_ns()}"
    asked = ["--input", DOORS[name].shape, "--path", ",".join(PATHS), "--quick", "--out", str(report)]
    began = time.monotonic()
    _run([str(python.with_name("dlbench")), "run", "--model", "net.py:Net", *asked], folder)
    seconds = time.monotonic() - began
    missing = list(_missing(dlbench.read(report)))
    late = seconds > BAR_SECONDS
    print(f"{name}: {seconds:.0f} s, {'over' if late else 'within'} {BAR_SECONDS:.0f} s; installing {installed:.0f} s")
    print("\n".join(f"{name}: {line}" for line in missing) or f"{name}: every phase and path, the same model: yes")
    return int(late or bool(missing))


def _missing(found: Results) -> Iterator[str]:
    """Lines about phases, paths and parity that a report lacks."""
    measured = {(run.spec.phase, run.spec.path) for run in found.runs if run.ok}
    for phase, path in itertools.product(PHASES, PATHS):
        if (phase, path) not in measured:
            yield f"no figure of {phase} {path}"
    if not found.report.parity or not all(one.same for one in found.report.parity):
        yield "the paths are not shown to be the same model"


def _run(command: Sequence[str], folder: Path) -> None:
    """Run the command. Raises SystemExit with its output if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
