"""The scheduler of `--cluster` beside a cluster that is not there: its own time and memory for each group."""
