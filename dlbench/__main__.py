"""`python -m dlbench`: the command of the environment that this Python belongs to."""

import sys
from pathlib import Path

if __name__ == "__main__":
    if not sys.flags.safe_path and sys.path[0] in ("", str(Path.cwd())):
        del sys.path[0]  # no child imports from the folder of the call, whose files are not installed

    from dlbench.cli.main import main

    main()
