"""Results as JSON can hold them.

>>> plain({"share": float("nan"), "rows": (1, 2)})
{'share': None, 'rows': [1, 2]}
"""

from __future__ import annotations

import math
from collections.abc import Mapping


def plain(value: object) -> object:
    """A value that JSON can hold: NaN and infinities become null, tuples lists, everything unknown its text."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
