"""One model in this process: built, fed and timed."""
