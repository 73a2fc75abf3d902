"""`make run`: the checks first, then Streamlit on the port that is free for us.

python -m pages.kit.launch            (the same as `streamlit run app.py`, with the port checked before anything loads)
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

from pages.kit import preflight

ROOT = Path(__file__).resolve().parents[2]


def settings() -> tuple[str, int]:
    """Address and port that Streamlit will use: its environment variables, else .streamlit/config.toml, else 8501."""
    server = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text()).get("server", {})
    address = os.environ.get("STREAMLIT_SERVER_ADDRESS", server.get("address", "127.0.0.1"))
    port = str(os.environ.get("STREAMLIT_SERVER_PORT", server.get("port", 8501)))
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise preflight.Refusal(f"STREAMLIT_SERVER_PORT is {port!r}. Set a number from 1 to 65535.")
    return str(address), int(port)


def main() -> None:
    """Check, then become Streamlit: one process, so that an interrupt reaches it."""
    os.chdir(ROOT)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        preflight.check_all()
        preflight.check_port(*settings())
    except preflight.Refusal as refusal:
        preflight.leave(str(refusal))
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *sys.argv[1:]]
    os.execv(command[0], command)  # noqa: S606 - no shell is what we want


if __name__ == "__main__":
    main()
