"""``python -m modelprofiler.load``."""

import sys

from modelprofiler.load.command import main

sys.exit(main())
