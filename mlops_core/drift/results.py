"""What a comparison says: one `ColumnDrift` per column and detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Code = Literal["same", "shifted", "missing", "new_category", "no_rows", "no_values"]


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column seen by one detector.

    `null_band`: where the statistic lies if nothing happened (its lower and upper alpha quantile). `p_value` belongs to
    the statistic, `p_missing` to the missing share, `p_new` to the new categories (NaN: not tested). `drifted` is the
    answer to all three together, `code` says why: what is shifted, missing or new; "no_rows" (nothing to compare) and
    "no_values" (all missing on one side, so there is no statistic) are answers too. `missing_*` are shares of rows.
    """

    column: str
    detector: str
    statistic: float
    p_value: float
    null_band: tuple[float, float]
    n_reference: int
    n_current: int
    missing_reference: float
    missing_current: float
    new_categories: tuple[str, ...]
    drifted: bool
    code: Code
    p_missing: float = float("nan")
    p_new: float = float("nan")

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, NaN as None (JSON has no NaN)."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        values |= {"null_band": [_plain(x) for x in self.null_band], "new_categories": list(self.new_categories)}
        return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and value != value else value
