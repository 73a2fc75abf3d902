"""Scores given to the replay replace scoring and nothing else."""

import numpy as np
import pytest

from mlops_core.errors import BadData
from mlops_core.monitor import MonitorPolicy, replay
from mlops_core.training import predict
from tests.core.test_monitor import BASELINE, MODEL, SCHEMA, START, last_day, stream


def test_given_scores_are_used_for_their_own_rows():
    frame = stream(4, seed=2).sample(frac=1, random_state=0)
    span = (START, last_day(4))
    own = [window.to_dict() for window in replay(frame, SCHEMA, MODEL, BASELINE, MonitorPolicy(), *span)]
    scores = predict(MODEL, frame)
    given = [
        window.to_dict() for window in replay(frame, SCHEMA, MODEL, BASELINE, MonitorPolicy(), *span, scores=scores)
    ]
    other = [
        window.to_dict() for window in replay(frame, SCHEMA, MODEL, BASELINE, MonitorPolicy(), *span, scores=1 - scores)
    ]
    assert given == own
    assert other != own


def test_too_few_scores_are_refused():
    with pytest.raises(BadData, match="scores for"):
        next(replay(stream(1), SCHEMA, MODEL, BASELINE, MonitorPolicy(), START, last_day(1), scores=np.zeros(3)))
