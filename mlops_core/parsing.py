"""One thread parses Python at a time.

CPython 3.11 counts the depth of its syntax tree in one place for all threads; two threads that parse at once can fail with
"SystemError: AST constructor recursion depth mismatch" (github.com/python/cpython/issues/106905). NumPy's file header is
Python too, so loading a model parses.
"""

from __future__ import annotations

import ast
import threading

PARSING = threading.RLock()


def parse(source: str) -> ast.Module:
    """`ast.parse` under the lock; raises SyntaxError.

    >>> len(parse("x = 1").body)
    1
    """
    with PARSING:
        return ast.parse(source)
