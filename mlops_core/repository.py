"""The Git and DVC side of a workspace: an ordinary repository, made in milliseconds, closed to the user's own settings.

`init_repository` writes what `git init` and `dvc init` would: the user's hooks and templates stay outside, and
`dvc init` takes a second. `import_commit` makes a commit and its tag with one `git fast-import`: no hook, no index.

    init_repository(ws)
    import_commit(ws, {"data/dataset.parquet.dvc": text}, message="Bring April", tag="data/v6")
"""

from __future__ import annotations

from collections.abc import Mapping

from mlops_core.errors import BadInput
from mlops_core.workspace import Workspace, write_atomic

IDENTITY = ("MLOps lab", "lab@localhost")

_GIT_CONFIG = f"""[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tautocrlf = false
\tsafecrlf = false
\thooksPath = .git/hooks
\texcludesFile =
\tattributesFile =
\tfsmonitor = false
\tquotePath = false
[user]
\tname = {IDENTITY[0]}
\temail = {IDENTITY[1]}
[commit]
\tgpgSign = false
[tag]
\tgpgSign = false
[gc]
\tauto = 0
"""
# `?*`, not `*`: DVC reads `/data/*` as ignoring the folder itself and would see no pointer in it.
_GIT_IGNORE = """/data/?*
!/data/*.dvc
/reports/
/mlflow.db*
/mlartifacts/
/.dvc/cache/
/.dvc/tmp/
/.dvc/config.local
/.mlops/
__pycache__/
"""
_FILES = {
    ".gitignore": _GIT_IGNORE,
    ".dvcignore": ".mlops/\nmlartifacts/\nmlflow.db*\n__pycache__/\n",
    ".dvc/config": "[core]\n    analytics = false\n    autostage = false\n",
}


def init_repository(ws: Workspace) -> None:
    """Make `ws` a Git repository in the DVC layout and commit the files that say so; a second call changes nothing.

    The configuration in the repository overrides the user's hooks, signing, line endings and ignore files.
    """
    git = ws.root / ".git"
    if (git / "HEAD").exists():
        return
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info", "hooks"):
        (git / folder).mkdir(parents=True, exist_ok=True)
    write_atomic(git / "config", _GIT_CONFIG.encode())
    for name, text in _FILES.items():
        if not (ws.root / name).exists():
            write_atomic(ws.root / name, text.encode())
    ws.mlops.mkdir(exist_ok=True)
    ws.data.mkdir(exist_ok=True)
    write_atomic(git / "HEAD", b"ref: refs/heads/main\n")  # last: only now is it a repository
    ws.git("add", "--", *_FILES)
    ws.git("commit", "--quiet", "--no-verify", "-m", "Lay out the workspace", "--", *_FILES)


def import_commit(ws: Workspace, files: Mapping[str, str], *, message: str, tag: str) -> None:
    """Commit `files` (path in the repository -> text) on top of the branch that HEAD names, then write the tag, last.

    The index and the working copy are left alone. Raises BadInput when HEAD is detached.
    """
    branch = _branch(ws)
    tip = ws.git("for-each-ref", "--format=%(objectname)", branch).strip()
    who = f"{IDENTITY[0]} <{IDENTITY[1]}> now"
    lines = [f"commit {branch}", "mark :1", f"committer {who}", _data(message + "\n")]
    lines += [f"from {tip}"] if tip else []
    for path, text in files.items():
        lines += [f"M 100644 inline {path}", _data(text)]
    lines += [f"tag {tag}", "from :1", f"tagger {who}", _data(message + "\n"), "done", ""]
    ws.git("fast-import", "--quiet", "--done", "--date-format=now", stdin="\n".join(lines))


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"


def _branch(ws: Workspace) -> str:
    head = (ws.root / ".git" / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref: refs/heads/"):
        raise BadInput("HEAD is detached.", code="git.detached", fix="Run `git switch main` first.")
    return head.removeprefix("ref: ")
