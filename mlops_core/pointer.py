"""DVC's pointer file: a few lines of YAML that stand for a payload, with our facts about it under `meta`.

DVC keeps `desc` and `meta` as they are and gives them no meaning (DVC user guide, ".dvc files").

    text = pointer_text(md5, size, "First quarter", {"md5": md5, "rows": 80_789})
    parse_pointer(text).md5
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from mlops_core.errors import Damaged

POINTER = "data/dataset.parquet.dvc"
PAYLOAD = "dataset.parquet"
_MD5 = re.compile(r"^[0-9a-f]{32}$")


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer says: MD5 and size (bytes) of the payload, the message, our facts."""

    md5: str
    size: int
    message: str
    facts: dict[str, object]


def pointer_text(md5: str, size: int, message: str, facts: dict[str, object]) -> str:
    """The pointer to a payload; `facts` should repeat its md5, so that facts about another one can be told."""
    outs = [{"md5": md5, "size": size, "hash": "md5", "path": PAYLOAD}]
    return yaml.safe_dump({"outs": outs, "desc": message, "meta": facts}, sort_keys=False, allow_unicode=True)


def parse_pointer(text: str) -> Pointer:
    """Read a pointer, ours or DVC's. Facts that describe another payload (`dvc add` keeps them) are dropped."""
    try:
        document = yaml.safe_load(text)
        out = document["outs"][0]
        md5, size = str(out["md5"]), int(out.get("size", 0))
        if not _MD5.match(md5):
            raise ValueError("no md5")
        facts = dict(document.get("meta") or {})
    except (yaml.YAMLError, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise damaged(POINTER, "Restore it with git.") from error
    own = facts.get("md5") == md5
    return Pointer(md5, size, str(document.get("desc") or ""), facts if own else {})


def damaged(file: str, fix: str, **values: object) -> Damaged:
    """The error that names a file whose bytes are not what they should be."""
    text = f"{file} does not hold what its name promises."
    return Damaged(text, code="version.damaged", fix=fix, file=file, **values)
