"""What the page versions reads, each kept under the digest of what it is made from: tables, comparisons, trained facts."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from mlops_core import versions
from mlops_core.compare import Comparison, compare
from mlops_core.digest import digest_value
from mlops_core.params import read_params
from mlops_core.project import Template, template_of
from mlops_core.release import costs_of
from mlops_core.training import spec_of
from mlops_core.versions import Version
from pages.kit import charts, session
from tutor.lesson import versions as lesson

PAGE = "versions"
Known = Mapping[str, Version]  # every version by its name, oldest first


def known_versions() -> Known:
    """Every version of this learner's workspace."""
    return {version.name: version for version in versions.log(session.workspace())}


def course() -> Template:
    """The course of this learner's workspace."""
    return template_of(session.workspace())


def look() -> charts.Look:
    """The colours of this browser's theme."""
    return charts.Look(session.dark())


def table(version: Version) -> pd.DataFrame:
    """The table of a version."""
    workspace = session.workspace()
    return session.keep("versions.table", version.md5, lambda: versions.read(workspace, version.name))


def compared(old: Version, new: Version) -> Comparison:
    """Two versions held side by side: rows, cells, promises, drift."""
    about = course()

    def work() -> Comparison:
        return compare(table(old), table(new), about.schema, check=about.check)

    return session.keep("versions.compare", f"{about.name}:{old.digest}:{new.digest}", work)


def facts_of(version: Version, shuffle: bool = False) -> lesson.Facts:
    """MD5, digest and model of a version's table, as it is or with its rows shuffled."""
    workspace = session.workspace()
    model, seed, costs = (read_params(workspace.params)[name] for name in ("model", "seed", "costs"))
    train = lesson.trainer(
        course().schema, spec_of(model, ()), costs_of(workspace), seed=seed, rows=model["rows"] or None
    )
    key = digest_value([version.md5, shuffle, model, seed, costs])
    frame = table(version)
    return session.keep(
        "versions.facts", key, lambda: lesson.facts(lesson.shuffled(frame) if shuffle else frame, train)
    )
