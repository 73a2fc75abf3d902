"""Run a learner's Python in a process of its own and bring back text, tables and figures as data.

    with CellRunner() as runner:
        result = runner.run("1 + 1", CellContext(workspace.root))      # result.outputs[0].text == "2"

This is level "basic": a separate pre-warmed process with limits, loopback only, after the learner agreed once.
"""

from tutor.cells.protocol import CellContext, CellError, CellLimits, CellResult, Level, Output, Table, level
from tutor.cells.runner import CellRunner

__all__ = ["CellContext", "CellError", "CellLimits", "CellResult", "CellRunner", "Level", "Output", "Table", "level"]
