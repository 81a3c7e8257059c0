"""Character language model on the English help topics that CPython ships (`pydoc_data.topics`; PSF licence).

About 465,000 characters folded to 94 ASCII symbols. The first 90 % train; of the last 10 %, cut into blocks of one
sequence, every 4th block is evaluated. Quality is bits per character on those. For orientation on Python 3.11: unigram
4.69, bigram 3.34, trigram 2.55.
"""

from __future__ import annotations

import functools
import hashlib
import sys
import unicodedata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dlbench.plugin import ArraySpec, Batch, Signature
from dlbench.tasks.evaluation import Places, outputs_of
from dlbench.tasks.targets import Metric, Target, random_stream, target_for
from dlbench.tasks.task import Predict, Task, TaskRequest

Tokens = npt.NDArray[np.int32]

DEFAULT_SEQUENCE = 64
BITS = Metric("bits per character", higher_is_better=False, unit="bit")
TARGETS = {
    "small": Target(target=2.80, learning_rate=1e-2, budget_steps=600, evaluate_every=50),
    "base": Target(target=2.60, learning_rate=3e-4, budget_steps=600, evaluate_every=50),
}


class Corpus(NamedTuple):
    """The text as token numbers, and the data read."""

    tokens: Tokens
    symbols: str
    sha256: str


@functools.cache
def corpus() -> Corpus:
    """Fold the help topics, in the order of their names, to ASCII and number their symbols in code-point order."""
    from pydoc_data.topics import topics

    text = "\n".join(topics[name] for name in sorted(topics))
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore")
    symbols, tokens = np.unique(np.frombuffer(folded, np.uint8), return_inverse=True)
    return Corpus(tokens.astype(np.int32), symbols.tobytes().decode("ascii"), hashlib.sha256(folded).hexdigest())


class Sequences(NamedTuple):
    """Sequences of `length` characters, (n, length), and the same shifted by one."""

    corpus: Corpus
    length: int

    @property
    def held_out_from(self) -> int:
        """The first character that no training batch has."""
        return int(len(self.corpus.tokens) * 0.9)

    def at(self, starts: Places) -> Batch:
        """Windows that start here."""
        windows = self.corpus.tokens[starts[:, None] + np.arange(self.length + 1)]
        return Batch(np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, 1:]))

    def draw(self, seed: int, step: int, count: int) -> Batch:
        """Sequences from random places of the first 90 % of the text."""
        return self.at(random_stream(seed, step).integers(0, self.held_out_from - self.length, count))

    def quality(self, predict: Predict, batch_size: int) -> float:
        """Mean bits per character over the held-out blocks."""
        starts = np.arange(self.held_out_from, len(self.corpus.tokens) - self.length, 4 * self.length)
        held_out = self.at(starts)
        logits = outputs_of(predict, lambda places: held_out.inputs[places], len(starts), batch_size)
        return float(bits(logits, held_out.targets).mean())

    def signature(self, batch_size: int) -> Signature:
        """Tokens (batch, length) to logits (batch, length, symbols), causal."""
        shape, symbols = (batch_size, self.length), len(self.corpus.symbols)
        tokens, outputs = ArraySpec(shape, "int32"), ArraySpec((*shape, symbols), "float32")
        return Signature(
            inputs=tokens, targets=tokens, outputs=outputs, loss="cross_entropy", vocabulary=symbols, causal=True
        )


def bits(logits: npt.NDArray[np.float32], targets: Tokens) -> npt.NDArray[np.float64]:
    """Bits (n, length) that each character costs under logits (n, length, symbols)."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    picked = np.take_along_axis(shifted, targets[..., None], axis=-1)[..., 0]
    return np.asarray((np.log(np.exp(shifted).sum(axis=-1)) - picked) / np.log(2.0))


def open_task(request: TaskRequest) -> Task:
    """The text, read once per process. It differs between minor versions of Python, so its checksum is recorded."""
    goal, size = target_for(TARGETS, request.size), request.batch_size
    (length,) = request.input_shape or (DEFAULT_SEQUENCE,)
    sequences = Sequences(corpus(), length)
    data = f"pydoc_data.topics of Python {sys.version_info.major}.{sys.version_info.minor}"
    return Task(
        goal.info("text", data, corpus().sha256, BITS),
        sequences.signature(size),
        goal.optimizer,
        goal.evaluate_every,
        lambda seed, step: sequences.draw(seed, step, size),
        lambda predict: sequences.quality(predict, size),
    )
