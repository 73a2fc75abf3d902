"""`python -m mlops_core`."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read once, when scikit-learn loads OpenMP: before any other import
    from mlops_core.cli import main

    sys.exit(main())
