"""The race for the fastest setting, and the line of memory over batch sizes: numbers in, decisions out; no I/O."""
