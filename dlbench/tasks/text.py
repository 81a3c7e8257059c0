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
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dlbench.plugin import Adam, ArraySpec, Batch, Signature
from dlbench.record.schema import TaskInfo
from dlbench.tasks import TaskRequest
from dlbench.tasks.targets import Target, random_stream, target_for

Tokens = npt.NDArray[np.int32]

DEFAULT_SEQUENCE = 64
TARGETS = {
    "small": Target(target=2.80, learning_rate=1e-2, budget_steps=600, evaluate_every=50),
    "base": Target(target=2.60, learning_rate=3e-4, budget_steps=600, evaluate_every=50),
}


@dataclass(frozen=True)
class Corpus:
    """The text as token numbers, and what was read."""

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


@dataclass(frozen=True)
class TextTask:
    """Sequences of characters in, the same shifted by one out."""

    corpus: Corpus
    goal: Target
    batch_size: int
    sequence: int

    @property
    def info(self) -> TaskInfo:
        """Data, metric, target. The text differs between minor versions of Python, so its checksum is kept."""
        return TaskInfo(
            name="text",
            data=f"pydoc_data.topics of Python {sys.version_info.major}.{sys.version_info.minor}",
            sha256=self.corpus.sha256,
            metric="bits per character",
            unit="bit",
            higher_is_better=False,
            target=self.goal.target,
            budget_steps=self.goal.budget_steps,
        )

    @property
    def signature(self) -> Signature:
        """Tokens (batch, sequence) to logits (batch, sequence, symbols), causal."""
        shape, symbols = (self.batch_size, self.sequence), len(self.corpus.symbols)
        tokens = ArraySpec(shape, "int32")
        outputs = ArraySpec((*shape, symbols), "float32")
        return Signature(
            inputs=tokens, targets=tokens, outputs=outputs, loss="cross_entropy", vocabulary=symbols, causal=True
        )

    @property
    def optimizer(self) -> Adam:
        """Adam at the learning rate that reached the target."""
        return Adam(learning_rate=self.goal.learning_rate)

    @property
    def evaluate_every(self) -> int:
        """Steps between two evaluations."""
        return self.goal.evaluate_every

    def batch(self, seed: int, step: int) -> Batch:
        """Sequences from random places of the first 90 % of the text."""
        starts = random_stream(seed, step).integers(0, self._held_out_from - self.sequence, self.batch_size)
        return self._at(starts)

    def evaluate(self, predict: Callable[[Any], Any]) -> float:
        """Mean bits per character over the held-out blocks; the last batch is filled up and the filling not counted."""
        starts = np.arange(self._held_out_from, len(self.corpus.tokens) - self.sequence, 4 * self.sequence)
        chunks = [starts[at : at + self.batch_size] for at in range(0, len(starts), self.batch_size)]
        return float(np.concatenate([self._bits(predict, chunk) for chunk in chunks]).mean())

    @property
    def _held_out_from(self) -> int:
        return int(len(self.corpus.tokens) * 0.9)

    def _at(self, starts: npt.NDArray[np.int64]) -> Batch:
        windows = self.corpus.tokens[starts[:, None] + np.arange(self.sequence + 1)]
        return Batch(np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, 1:]))

    def _bits(self, predict: Callable[[Any], Any], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        batch = self._at(np.resize(starts, self.batch_size))
        logits = np.asarray(predict(batch.inputs), np.float64)[: len(starts)]
        logits = logits - logits.max(axis=-1, keepdims=True)  # a new array: this one is the plugin's
        picked = np.take_along_axis(logits, batch.targets[: len(starts), :, None], axis=-1)[..., 0]
        return np.asarray((np.log(np.exp(logits).sum(axis=-1)) - picked) / np.log(2.0))


def open_task(request: TaskRequest) -> TextTask:
    """Read the text once per process."""
    (sequence,) = request.input_shape or (DEFAULT_SEQUENCE,)
    return TextTask(corpus(), target_for(TARGETS, request.size), request.batch_size, sequence)
