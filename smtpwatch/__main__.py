"""`python -m smtpwatch`."""

import sys

from smtpwatch.cli import main

sys.exit(main())
