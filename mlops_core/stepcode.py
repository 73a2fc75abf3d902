"""Steps are typed functions; their parameter names say what they read (the idea of Hamilton and of pytest fixtures).

One file, one function of the file's name. Positional parameters name the steps (or the dataset) whose output is read,
keyword-only parameters name sections of `params.yaml`, the return annotation says how the output is stored:

    def evaluate(split: pd.DataFrame, train: Model, *, costs: dict[str, float]) -> dict[str, Any]: ...

A file is parsed, never imported, to plan a run; it is compiled and executed here, and only here, when its step really runs.
"""

from __future__ import annotations

import ast
import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops_core.digest import digest_source
from mlops_core.errors import BadInput, NotFound
from mlops_core.parsing import parse

Stored = Literal["table", "record", "model"]
SUFFIX: Mapping[Stored, str] = {"table": ".parquet", "record": ".json", "model": ".skops"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step, read from its source: what it reads, which parameters it takes, how its output is stored.

    `code` is the digest of the parsed source without comments and docstrings.
    """

    name: str
    source: str
    code: str
    reads: tuple[str, ...]
    params: tuple[str, ...]
    stored: Stored
    text: str = ""

    @property
    def filename(self) -> str:
        """Name of the step's output in the reports folder."""
        return self.name + SUFFIX[self.stored]

    def function(self) -> Callable[..., Any]:
        """The step as something that can be called; a new function each time, nothing is kept between runs."""
        module = types.ModuleType(f"step_{self.name}")
        exec(compile(self.source, f"steps/{self.name}.py", "exec"), module.__dict__)  # noqa: S102 - the audited place
        function: Callable[..., Any] = getattr(module, self.name)
        return function


def _stored(annotation: ast.expr | None, name: str) -> Stored:
    words = ast.unparse(annotation) if annotation is not None else ""
    if "DataFrame" in words:
        return "table"
    if words.startswith(("dict", "Mapping")):
        return "record"
    if words.endswith(("Model", "Pipeline", "Estimator")):
        return "model"
    raise BadInput(
        f"step {name} returns {words or 'nothing named'}.",
        code="step.returns",
        fix="Annotate it with pd.DataFrame, dict[str, Any] or Model.",
        step=name,
    )


@functools.lru_cache(maxsize=512)
def parse_step(name: str, source: str) -> Step:
    """Read a step from its source; BadInput names the line when it does not parse, or what the function lacks.

    >>> parse_step("double", "def double(dataset: int, *, seed: int) -> dict[str, int]: return {'n': seed}").reads
    ('dataset',)
    """
    try:
        tree = parse(source)
    except SyntaxError as error:
        where = f"steps/{name}.py line {error.lineno}: {error.msg}"
        raise BadInput(
            f"{where}.", code="step.syntax", fix="Mend the line and run again.", line=error.lineno
        ) from error
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    if not found:
        raise BadInput(
            f"steps/{name}.py has no function {name}().", code="step.function", fix="Name it after its file."
        )
    node = found[0]
    if node.args.vararg or node.args.kwarg:
        raise BadInput(f"step {name} takes *args or **kwargs.", code="step.names", fix="Name each thing it reads.")
    return Step(
        name=name,
        source=source,
        code=digest_source(source),
        reads=tuple(a.arg for a in (*node.args.posonlyargs, *node.args.args)),
        params=tuple(a.arg for a in node.args.kwonlyargs),
        stored=_stored(node.returns, name),
        text=(ast.get_docstring(node) or "").split("\n")[0],
    )


def read_steps(folder: Path) -> tuple[Step, ...]:
    """Every step in a folder, by file name; NotFound when there is none."""
    files = sorted(folder.glob("*.py"))
    if not files:
        raise NotFound(f"no steps in {folder.name}/.", code="steps.missing", fix="Run `init` to bring them back.")
    return tuple(parse_step(file.stem, file.read_text(encoding="utf-8")) for file in files)
