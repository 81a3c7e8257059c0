"""The machine: its processors, memory, load, devices and variables."""
