"""The page pipelines: a frame for now; its builder fills it."""

from pages.kit import blocks

blocks.section_head("pipelines")
blocks.code_cell("pipelines", "workspace.root.name")
blocks.next_stage("pipelines")
