"""Nine men each say the Japanese vowels /ae/, and the speaker is to be told.

The recordings are of Kudo, Toyama and Shimbo (1999; UCI, CC BY 4.0), and sktime (BSD) ships them: 7 to 29 frames of 12
cepstral coefficients of linear prediction, 270 to train on and 370 held out, as their authors parted them. Coefficients
are standardised over the training frames. Shorter recordings are filled up with zeros in front, so that the last frame
is a real one. Quality is accuracy on the held-out recordings. For orientation: always the most frequent speaker 0.24, a
linear model of all frames 0.95.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dlbench.plugin import Batch
from dlbench.tasks.classification import Source, Split, classification
from dlbench.tasks.data_files import VOWELS, checksum, find_files, verify
from dlbench.tasks.targets import Target, target_for
from dlbench.tasks.task import Task, TaskRequest

SHA256 = "f69100c2a1add91a3f65c821c249dbdd5b346da8557489f7d532fd02c8343848"
FRAMES, COEFFICIENTS, SPEAKERS = 29, 12, 9
TARGETS = {
    "small": Target(target=0.95, learning_rate=2e-3, budget_steps=200, evaluate_every=20),
    "base": Target(target=0.95, learning_rate=1e-3, budget_steps=200, evaluate_every=20),
}
Recording = npt.NDArray[np.float32]


@functools.cache
def vowels() -> Split:
    """Read and check the recordings once per process. Raises SpecError."""
    parts = [_read(path) for path in find_files(VOWELS, "vowels")]
    frames = np.concatenate(parts[0][0])
    mean, deviation = frames.mean(axis=0, dtype=np.float64), frames.std(axis=0, dtype=np.float64)
    train, held_out = (
        Batch(np.stack([_filled((one - mean) / deviation) for one in recordings]), labels)
        for recordings, labels in parts
    )
    everything = tuple(array for recordings, labels in parts for array in (*recordings, labels))
    return Split(train, held_out, verify(checksum(everything), SHA256, "vowels", VOWELS))


def open_task(request: TaskRequest) -> Task:
    """Recordings are as long as they are, whatever the architecture is stated for."""
    source = Source("vowels", "JapaneseVowels of sktime", SPEAKERS)
    return classification(source, vowels(), target_for(TARGETS, request.size), request.batch_size)


def _read(path: Path) -> tuple[list[Recording], npt.NDArray[np.int32]]:
    """Recordings (frames, coefficients) and speakers 0..8 of a file: a line each, coefficients parted by colons."""
    lines = path.read_text(encoding="utf-8").partition("@data")[2].split()
    rows = [line.split(":") for line in lines]
    recordings = [np.array([part.split(",") for part in row[:-1]], np.float32).T for row in rows]
    return recordings, np.array([int(row[-1]) - 1 for row in rows], np.int32)


def _filled(recording: npt.NDArray[np.float64]) -> Recording:
    return np.pad(recording, ((FRAMES - len(recording), 0), (0, 0))).astype(np.float32)
