"""The repeated sights of a page, so that a page is a script that reads: question, controls, one core call, picture.

blocks.section_head("pipelines")
if blocks.predict(lesson.WHICH_RERUN, context):
    blocks.figure(charts_pipelines.graph(run, look), alt="...", table=run.frame(), key="graph")
"""

from pages.kit.blocks.asking import mission, predict
from pages.kit.blocks.cell import code_cell
from pages.kit.blocks.sights import (
    Metric,
    badge,
    chip,
    code_that_ran,
    empty_state,
    figure,
    further,
    metrics,
    next_stage,
    note,
    problem,
    reset_panel,
    section_head,
    table,
    two_columns,
    verdict,
)

__all__ = [
    "Metric",
    "badge",
    "chip",
    "code_cell",
    "code_that_ran",
    "empty_state",
    "figure",
    "further",
    "metrics",
    "mission",
    "next_stage",
    "note",
    "predict",
    "problem",
    "reset_panel",
    "section_head",
    "table",
    "two_columns",
    "verdict",
]
