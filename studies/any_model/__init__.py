"""Bars of models that no package brings."""
