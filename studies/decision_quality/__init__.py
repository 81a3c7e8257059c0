"""How often are verdicts right? Pools of raw times with planted slowdowns, and decision rules replayed on them."""
