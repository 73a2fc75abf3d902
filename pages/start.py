"""The page start: a frame for now; its builder fills it."""

from pages.kit import blocks
from tutor.lesson import start as lesson


def numbers() -> lesson.DeskNumbers:
    """Numbers of the desk; the page's builder computes them from the workspace."""
    return lesson.DeskNumbers(services_up=1.0, cost_then=0.62, cost_now=0.71, cost_idle=0.74)


blocks.section_head("start")
blocks.predict(lesson.DESK_ALL_RIGHT, numbers)
blocks.next_stage("start")
