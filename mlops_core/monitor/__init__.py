"""Watch a model on a stream of windows, with what was known then.

`Baseline.of(held_out, schema, model, costs=costs)` learns what is normal; `replay(frame, schema, model, baseline,
MonitorPolicy(), start, end)` yields one `Window` a week or day with its alarms; `timeline` makes a table of them and
`detection` says which layer rang first for an incident.
"""

from mlops_core.monitor.alarms import Alarm, MonitorPolicy, Settled
from mlops_core.monitor.baseline import Baseline, Expected, Span, windows
from mlops_core.monitor.replay import Detection, Window, detection, replay, timeline

__all__ = [
    "Alarm",
    "Baseline",
    "Detection",
    "Expected",
    "MonitorPolicy",
    "Settled",
    "Span",
    "Window",
    "detection",
    "replay",
    "timeline",
    "windows",
]
