"""Rate at which `dlbench tune` finds a setting within 2 % of the fastest, and its time, over sessions of a pool."""
