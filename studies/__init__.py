"""Studies of dlbench itself, each a command that can be run again."""
