"""Planted silent-wrong variants: plugins that run without an error and compute something else."""
