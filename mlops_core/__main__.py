"""`python -m mlops_core`."""

import sys

from mlops_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
