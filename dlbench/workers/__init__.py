"""Child processes: their start, the orders that they get, and their end."""
