"""`dlbench tune`: the fastest setting of a model within limits, and the largest batch that fits."""
