"""Error rates of verdicts: pools of raw times with planted slowdowns, and decision rules replayed on them."""
