"""The page delivery: a frame for now; its builder fills it."""

from pages.kit import blocks

blocks.section_head("delivery")
blocks.code_cell("delivery", "workspace.root.name")
blocks.next_stage("delivery")
