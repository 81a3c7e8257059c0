"""Parity: proof that two plugins are the same model."""
