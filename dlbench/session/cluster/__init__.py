"""A session on several machines: each group is measured on one node of a Ray cluster, at most one at a time there."""
