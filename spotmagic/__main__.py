"""``python -m spotmagic`` is the command line."""

from __future__ import annotations

import sys

from spotmagic.cli import main

sys.exit(main())
