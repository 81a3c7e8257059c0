"""A session: the plan of processes and the order in which they take turns."""
