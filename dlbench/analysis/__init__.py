"""Analysis: Runs in; metrics, comparisons, verdicts and gates out."""
