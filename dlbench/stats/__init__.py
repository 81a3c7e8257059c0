"""Statistics: numbers in, estimates and decisions out. Knows no Run."""
