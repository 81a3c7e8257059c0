"""Bars of models of the user's own."""
