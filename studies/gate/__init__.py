"""Red jobs among pull requests that change nothing, and that plant a slowdown, under the gate of the action."""
