"""The page of the price of speed: what it says first, and where what was refused stands."""

from __future__ import annotations

from collections.abc import Sequence

from studies.price_of_speed.page import Row, page

EVERY = {
    "torch.mlp:eager": ["bf16", "matmul-high"],
    "torch.rnn:jit": ["bf16", "lite"],
    "torch.gru:jit": ["bf16", "lite", "unsafe-math"],
    "tf.mlp:jit": ["bf16"],
}


def _measured(ratio: Sequence[float | None] | None, outputs: float = 1e-7, *, good: int = 3) -> Row:
    errors = {"outputs": outputs}
    row: Row = {"ratio": ratio, "errors": errors, "bits": "yes", "same": True, "why": "", "failed": "it failed"}
    return row | {"processes": [good, 3], "machine": "a machine", "threads": 1}


def _refused(why: str) -> Row:
    return {"ratio": None, "errors": {}, "bits": "", "same": None, "why": why}


PARTS = {
    "torch.mlp:eager": {"base": _measured(None), "bf16": _measured([0.5, 0.4, 0.6], 7e-3)},
    "torch.rnn:jit": {
        "base": _measured(None),
        "bf16": _measured([1.1, 0.9, 1.3], 4e-3),
        "lite": _refused("dlbench: torch.rnn on the path jit: it leaves the loop"),
    },
    "torch.gru:jit": {
        "base": _measured(None),
        "lite": _refused("dlbench: torch.gru on the path jit: it leaves the loop"),
        "bf16": _refused("dlbench: --variant bf16=amp:bf16: this CPU has none"),
        "unsafe-math": _measured(None, good=0),
    },
}


def test_each_option_has_an_answer_of_the_arms_that_have_it() -> None:
    said = page(PARTS, "base", EVERY)
    assert "- `bf16`, 2 arms: faster in 1 (most: torch.mlp:eager, 0.500), slower in none, not told apart in 1" in said
    assert "differ by 7.0e-03 at most" in said


def test_what_was_refused_or_failed_stands_once_for_each_reason() -> None:
    table, _, missing = page(PARTS, "base", EVERY).partition("## What was not measured")
    assert "it leaves the loop" not in table
    assert "- `lite`: it leaves the loop (torch.rnn:jit, torch.gru:jit)" in missing
    assert "- `bf16`: this CPU has none (torch.gru:jit)" in missing
    assert "- `unsafe-math`: it failed (torch.gru:jit)" in missing
    assert "- not tried yet: tf.mlp:jit" in missing
    assert "- not tried yet with torch.mlp:eager: matmul-high" in missing
    assert missing.count("not tried yet") == 2
