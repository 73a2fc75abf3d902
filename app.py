"""Launcher: the teaching dashboard as one ASGI app, served by `streamlit run app.py` (or `python app.py`)."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read once, when scikit-learn loads OpenMP

from pages.kit import preflight

preflight.check_or_exit()

from streamlit import App  # noqa: E402  (the checks come first: a missing package is one of them)

from pages.kit import server  # noqa: E402

app = App(
    "pages/frame.py",
    lifespan=server.lifespan,
    middleware=server.middleware(),
    routes=server.routes(),
    on_script_error=server.say_script_error,
)

if __name__ == "__main__":
    app.run()
