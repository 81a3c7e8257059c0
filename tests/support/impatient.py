"""The command line with sessions of short samples, in which a group on a cluster has half a minute."""

import sys
from pathlib import Path

from dlbench.api import request
from dlbench.cli import main
from dlbench.session.cluster import farm

SECONDS = 30.0

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    import short

    request.Policy = short.policy
    farm.Farm._allowed = lambda self, group: SECONDS
    sys.argv[0] = "dlbench"
    main.main()
