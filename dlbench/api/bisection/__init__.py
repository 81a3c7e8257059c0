"""The work of `dlbench bisect`: a range, its environments, its trials, and the answer in its folder."""
