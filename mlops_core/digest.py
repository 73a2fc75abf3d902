"""Same content, same name: digests of bytes, files, values, frames and source code.

SHA-256 everywhere, except `md5_file`, which is the name DVC gives a file. A frame has two names: `ordered=False`
ignores the order of rows and columns (two shuffles of one table are the same data), `ordered=True` does not.

>>> digest_value({"b": 1, "a": 2}) == digest_value({"a": 2, "b": 1})
True
>>> digest_source("x = 1  # one") == digest_source("x = 1")
True
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mlops_core.errors import BadParameter
from mlops_core.parsing import parse

_BLOCK = 1 << 20


def digest_bytes(data: bytes) -> str:
    """SHA-256 of `data` as 64 hex characters."""
    return hashlib.sha256(data).hexdigest()


def _digest_file(path: Path, algorithm: str) -> str:
    state = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
    return state.hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes; OSError when it cannot be read."""
    return _digest_file(path, "sha256")


def md5_file(path: Path) -> str:
    """MD5 of a file's bytes: the name under which DVC caches it."""
    return _digest_file(path, "md5")


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path | pd.Timestamp):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return sorted(value) if not isinstance(value, tuple) else list(value)
    raise BadParameter(f"a value of type {type(value).__name__} has no canonical form", code="digest.type")


def digest_value(value: object) -> str:
    """SHA-256 of a value's canonical JSON: keys sorted, no white space, NaN allowed.

    Raises BadParameter for a type that has no canonical form.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain, ensure_ascii=False)
    return digest_bytes(text.encode())


def _column_hashes(column: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """One 64-bit hash a cell; the numbers 1 and 1.0 are the same cell, missing is missing in every type."""
    values = column
    if isinstance(column.dtype, pd.CategoricalDtype):
        values = column.astype(column.cat.categories.dtype)
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype="float64", na_value=np.nan)
        numbers = np.where(numbers == 0, 0.0, numbers)  # -0.0 is 0.0
        return np.asarray(pd.util.hash_array(numbers), dtype=np.uint64)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return np.asarray(pd.util.hash_array(values.to_numpy(dtype="datetime64[ns]").view("int64")), dtype=np.uint64)
    codes, uniques = pd.factorize(values, use_na_sentinel=True)
    words = pd.util.hash_array(np.asarray([str(u) for u in uniques], dtype=object), categorize=False)
    table = np.append(np.asarray(words, dtype=np.uint64), np.uint64(0x9E3779B97F4A7C15))
    return np.asarray(table[codes], dtype=np.uint64)


def digest_frame(frame: pd.DataFrame, *, ordered: bool = False) -> str:
    """SHA-256 of a table's content (column names and cells; the index does not count).

    `ordered=False` (default): the order of rows and of columns does not matter; a duplicated row does.
    `ordered=True`: both orders matter. Integers and floats of equal value are equal cells; missing equals missing.

    >>> t = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    >>> digest_frame(t) == digest_frame(t.iloc[::-1][["b", "a"]])
    True
    >>> digest_frame(t, ordered=True) == digest_frame(t.iloc[::-1], ordered=True)
    False
    """
    names = [str(name) for name in frame.columns]
    order = range(len(names)) if ordered else np.argsort(np.asarray(names, dtype=object), kind="stable").tolist()
    mixed = np.zeros(len(frame), dtype=np.uint64)
    for at in order:
        name_hash = np.uint64(int.from_bytes(hashlib.sha256(names[at].encode()).digest()[:8], "little"))
        cells = _column_hashes(frame.iloc[:, at]) ^ name_hash
        mixed = mixed * np.uint64(0x100000001B3) + cells  # FNV-style mixing, modulo 2**64
    rows = mixed if ordered else np.sort(mixed)
    head = json.dumps([names[at] for at in order], ensure_ascii=False).encode()
    return digest_bytes(head + rows.astype("<u8").tobytes())


class _Bare(ast.NodeTransformer):
    """Drops docstrings; comments are gone already once the code is parsed."""

    def _strip(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        body: list[ast.stmt] = getattr(node, "body", [])
        first = body[0].value if body and isinstance(body[0], ast.Expr) else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            body[:1] = [] if len(body) > 1 else [ast.Pass()]
        return node

    visit_Module = visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _strip


def digest_source(source: str) -> str:
    """SHA-256 of parsed Python without comments, docstrings and layout; raises SyntaxError.

    >>> digest_source("def f():\\n    'says'\\n    return 1") == digest_source("def f(): return 1")
    True
    >>> digest_source("def f(): return 2") == digest_source("def f(): return 1")
    False
    """
    return digest_bytes(ast.dump(_Bare().visit(parse(source)), annotate_fields=False).encode())


def short(digest: str) -> str:
    """The first eight characters: enough for eyes, never for comparing."""
    return digest[:8]
