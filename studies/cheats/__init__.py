"""Cheats planted in a model of NumPy and one of PyTorch, and honest plugins beside them: what dlbench names of it."""
