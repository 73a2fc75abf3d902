"""`python -m mlops_core`."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read once, when scikit-learn loads OpenMP: before any other import
    try:
        from mlops_core.cli import main
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"Package {error.name} is missing in {sys.executable}. "
            "Run `make run` once, then `.venv/bin/python -m mlops_core`.\n"
        )
        sys.exit(2)
    from mlops_core.commands.base import INTERRUPTED

    code = main()
    if code == INTERRUPTED:  # interrupted inside an extension module, the interpreter would end by the signal instead
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
