"""dlbench plugins."""
