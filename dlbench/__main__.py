"""`python -m dlbench`: the command of the environment that this Python belongs to."""

from dlbench.cli import main

if __name__ == "__main__":
    main()
