"""The command line with sessions of short samples, in which a group on a cluster is given up early."""

import sys

import short

from dlbench.api import request
from dlbench.cli import main
from dlbench.session.cluster import farm

if __name__ == "__main__":
    request.Policy = short.policy
    farm.GRACE = 2.0
    sys.argv[0] = "dlbench"
    main.main()
