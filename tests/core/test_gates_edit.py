"""Edit one threshold and keep the file; ask the gates how often they promote a model that is no better."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from synthetic import SCHEMA, rides

from mlops_core.errors import BadData, BadParameter, NotFound
from mlops_core.gates import Evidence, load_policy, parse_policy, set_setting, shares

COURSE = Path(__file__).parents[2] / "mlops_core/templates/flights/gates.yaml"
FRAME = rides(days=30, per_day=40)
RNG = np.random.default_rng(3)
EVIDENCE = Evidence(SCHEMA, FRAME, RNG.uniform(0, 1, len(FRAME)), RNG.uniform(0, 1, len(FRAME)))


def test_one_number_changes_and_every_comment_stays(tmp_path: Path) -> None:
    path = tmp_path / "gates.yaml"
    shutil.copyfile(COURSE, path)
    before = load_policy(path)
    after = set_setting(path, "absolute floor", "at_least", 0.7)
    assert path.read_text() == COURSE.read_text().replace("at_least: 0.65", "at_least: 0.7")
    assert load_policy(path) == after
    assert after.digest != before.digest
    assert set_setting(path, "absolute floor", "at_least", 0.65).digest == before.digest


def test_a_policy_that_cannot_be_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "gates.yaml"
    shutil.copyfile(COURSE, path)
    with pytest.raises(BadParameter, match="at_least is 2"):
        set_setting(path, "absolute floor", "at_least", 2)
    with pytest.raises(NotFound, match="states no gain"):
        set_setting(path, "cheaper than the champion", "gain", 0.1)
    assert path.read_bytes() == COURSE.read_bytes()


def test_two_equal_models_pass_a_point_rule_half_of_the_time_and_superiority_rarely() -> None:
    policy = parse_policy("gates: [{name: lower, kind: point}, {name: proven, kind: superiority}]")
    found = shares(EVIDENCE, policy, draws=400, rng=np.random.default_rng(1))
    assert 0.42 < found["lower"] < 0.58
    assert found["proven"] < 0.09


def test_the_shares_say_what_they_need() -> None:
    policy = parse_policy("gates: [{name: lower, kind: point}]")
    with pytest.raises(BadParameter, match="draws is 0"):
        shares(EVIDENCE, policy, draws=0, rng=RNG)
    with pytest.raises(BadData, match="no champion"):
        shares(dataclasses.replace(EVIDENCE, champion=None), policy, draws=1, rng=RNG)
