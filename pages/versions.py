"""The page versions: a frame for now; its builder fills it."""

from pages.kit import blocks

blocks.section_head("versions")
blocks.code_cell("versions", "workspace.root.name")
blocks.next_stage("versions")
