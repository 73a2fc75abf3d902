"""The page monitoring: a frame for now; its builder fills it."""

from pages.kit import blocks

blocks.section_head("monitoring")
blocks.code_cell("monitoring", "workspace.root.name")
blocks.next_stage("monitoring")
