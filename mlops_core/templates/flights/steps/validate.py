from typing import Any

import pandas as pd

from mlops_core.errors import BadData
from mlops_core.expectations import validate as check
from mlops_core.pipeline import note
from mlops_core.templates.flights.expectations import RULES
from mlops_core.templates.flights.selection import schema_for


def validate(ingest: pd.DataFrame) -> dict[str, Any]:
    """Hold the rows against what was promised; a broken promise stops the run here."""
    report = check(ingest, schema_for(ingest), RULES)
    note(f"{len(report.findings)} rules, {len(report.failed)} broken")
    blocking = [finding for finding in report.failed if finding.severity == "block"]
    if blocking:
        raise BadData("; ".join(finding.message for finding in blocking), code="data.rules")
    return report.to_dict()
