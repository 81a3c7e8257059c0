"""The search for the version or the commit that changed a figure: numbers in, decisions out; no I/O."""
