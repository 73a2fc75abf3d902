"""Predict first, then see: a question whose answer key is computed, never typed.

Watching a demonstration teaches no more than none; committing to a prediction first does (Crouch et al., 2004, Am. J.
Phys. 72:835; Miller et al., 2013). So an option is chosen before anything is revealed, once.

>>> coin = Prediction("coin", "start", belief=7, options=options("fair", "loaded"), answer=lambda n: Answer("fair"))
>>> coin.reveal(10).option
'fair'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_core.digest import digest_value, short
from mlops_core.errors import BadParameter


@dataclass(frozen=True, slots=True)
class Option:
    """One possible answer: a stable `code` (its words are in the catalogue) and, if useful, the value it stands for."""

    code: str
    value: object = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What running the scenario gave: the code of the right option and the named numbers the feedback quotes."""

    option: str
    values: Mapping[str, object] = field(default_factory=dict)


def options(*codes: str) -> tuple[Option, ...]:
    """Options without values.

    >>> [option.code for option in options("yes", "no")]
    ['yes', 'no']
    """
    return tuple(Option(code) for code in codes)


@dataclass(frozen=True, slots=True)
class Prediction:
    """A question of one page, aimed at one wrong belief (numbered 1 to 16 in the lesson plan).

    Args:
        code: unique name; its texts are `predict.<code>.*` in the catalogue.
        page: page it stands on.
        belief: number of the wrong belief it corrects.
        options: two or more possible answers.
        answer: computes the answer from the page's context; called only after the learner has committed.

    Raises:
        BadParameter: fewer than two options, or two with one code.
    """

    code: str
    page: str
    belief: int
    options: tuple[Option, ...]
    answer: Callable[[Any], Answer]

    def __post_init__(self) -> None:
        codes = [option.code for option in self.options]
        if len(codes) < 2 or len(set(codes)) != len(codes):
            raise BadParameter(f"prediction {self.code!r} needs two or more options with different codes, not {codes}.")

    @property
    def version(self) -> str:
        """Name of the content: when the belief or the options change, old answers no longer count."""
        return short(digest_value([self.code, self.belief, [option.code for option in self.options]]))

    def reveal(self, context: Any) -> Answer:
        """Compute the answer; BadParameter when it names an option that does not exist."""
        answer = self.answer(context)
        if all(answer.option != option.code for option in self.options):
            raise BadParameter(f"the answer {answer.option!r} is no option of prediction {self.code!r}.")
        return answer
