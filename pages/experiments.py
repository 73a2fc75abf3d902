"""The page experiments: a frame for now; its builder fills it."""

from pages.kit import blocks

blocks.section_head("experiments")
blocks.code_cell("experiments", "workspace.root.name")
blocks.next_stage("experiments")
