"""Run the study from the command line."""

import sys

from studies.price_of_speed.measure import main

sys.exit(main())
