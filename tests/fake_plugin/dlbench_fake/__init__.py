"""Plugins in NumPy: `linear` as it should be, `minimal` as short as it can be, `naughty` as bad as it is told to be."""
