"""The four things that fix a result, as they stand in a workspace: code, data, model, environment.

A name for each made from its content: Git's commit, the data's MD5 in its DVC pointer, the model file's digest behind an
alias, the digest of the library versions. `pins(ws).agree` asks whether the champion came from the data at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_core import dvcfiles, registry, versions
from mlops_core.errors import NotFound
from mlops_core.registry import ModelVersion
from mlops_core.versions import Version
from mlops_core.workspace import Workspace

CODE = ("params.yaml", "gates.yaml", "dvc.yaml", "steps")


@dataclass(frozen=True, slots=True)
class Pins:
    """`commit`: what HEAD names; `edited`: tracked files that differ from it. `data` and `champion` None: there is none.

    `trained_on`: name of the data version the champion came from, "" when it is not among the versions.
    """

    commit: str
    edited: tuple[str, ...]
    data: Version | None
    champion: ModelVersion | None
    trained_on: str
    environment: str
    libraries: Mapping[str, str]

    @property
    def agree(self) -> bool:
        """True when the champion was trained on the data that is checked out."""
        return bool(self.data and self.champion and self.champion.data_id == self.data.digest)


def pins(ws: Workspace) -> Pins:
    """Read all four; Damaged when the repository cannot be read."""
    history = versions.log(ws)
    champion = registry.champion(ws) if ws.ledger_db.exists() else None
    source = [version.name for version in history if champion and version.digest == champion.data_id]
    changed = ws.git("status", "--porcelain", "--untracked-files=no", "--", *CODE).splitlines()
    return Pins(
        commit=ws.git("rev-parse", "HEAD").strip(),
        edited=tuple(line[3:] for line in changed),
        data=_current(ws),
        champion=champion,
        trained_on=source[-1] if source else "",
        environment=dvcfiles.environment_digest(),
        libraries=dvcfiles.environment(),
    )


def _current(ws: Workspace) -> Version | None:
    try:
        return versions.current(ws)
    except NotFound:
        return None
