"""The page loop: a frame for now; its builder fills it."""

from pages.kit import blocks

blocks.section_head("loop")
blocks.code_cell("loop", "workspace.root.name")
blocks.next_stage("loop")
