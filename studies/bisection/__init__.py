"""Rates at which a bisection names the right version: searches over simulated sessions, and over real ones."""
