"""`Dockerfile`: the champion behind `POST /predict`, in an image that runs without root.

Written from the running environment's versions; `docker build .` in the workspace is the check.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping

from mlops_core.dvcfiles import environment
from mlops_core.workspace import Workspace

TEXT = """\
FROM python:{python}-slim
RUN useradd --create-home --uid 1000 desk && apt-get update \\
 && apt-get install --yes --no-install-recommends git=1:* && rm -rf /var/lib/apt/lists/*
WORKDIR /workspace
# Where mlops-core comes from: a package index, a Git URL or a wheel beside this file.
ARG MLOPS_CORE="{core}"
RUN pip install --no-cache-dir {libraries} "$MLOPS_CORE"
COPY --chown=desk . /workspace
USER desk
EXPOSE 8600
CMD ["python", "-m", "mlops_core", "serve", "--host", "0.0.0.0", "--port", "8600"]
"""


def export(_workspace: Workspace) -> Mapping[str, str]:
    """Two files: `Dockerfile` and `.dockerignore`."""
    versions = {name: version for name, version in environment().items() if name != "python"}
    core = f"mlops-core=={versions.pop('mlops-core')}"
    libraries = " ".join(f"{name}=={version}" for name, version in sorted(versions.items()))
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        "Dockerfile": TEXT.format(python=python, libraries=libraries, core=core),
        ".dockerignore": ".dvc/cache\n.mlops/steps\n",
    }
