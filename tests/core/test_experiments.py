"""Sweep, compare, reproduce: the numbers are those of fit and predict, and a run comes back byte for byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from lab import SCHEMA, SPECS, new_workspace, rows

from mlops_core import experiments, registry, tracking, versions
from mlops_core.dataset import Costs
from mlops_core.digest import digest_frame
from mlops_core.errors import BadData, NotFound
from mlops_core.stats.paired import paired_by_day
from mlops_core.training import ModelSpec, Trial, evaluate, fit, predict, row_cost
from mlops_core.workspace import Workspace

DATA = rows(800)
TRAIN, HOLDOUT = DATA[DATA["day"] < "2013-01-11"], DATA[DATA["day"] >= "2013-01-11"]
NOISY = replace(SPECS[2], params={**SPECS[2].params, "max_features": 0.5})


@pytest.fixture(scope="module")
def seen() -> list[Trial]:
    return []


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory, seen: list[Trial]) -> Workspace:
    made = new_workspace(tmp_path_factory.mktemp("experiments") / "ws")
    versions.init_repository(made)
    versions.commit(made, DATA.drop(columns="rain"), name="other", message="Other", lesson_date="2013-01-01")
    versions.commit(made, DATA, name="v1", message="First", lesson_date="2013-01-01")
    experiments.sweep(
        made,
        TRAIN,
        HOLDOUT,
        SCHEMA,
        [SPECS[1], NOISY],
        [1, 2],
        data_id=versions.current(made).digest,
        by=["c"],
        tags={"mlops.code": "abc"},
        on_trial=seen.append,
    )
    return made


def test_a_sweep_logs_what_fit_and_predict_give(ws: Workspace, seen: list[Trial]) -> None:
    assert [(t.params["kind"], t.params["seed"]) for t in seen] == [
        ("logistic", 1),
        ("logistic", 2),
        ("boosting", 1),
        ("boosting", 2),
    ]
    for trial in seen:
        spec = SPECS[1] if trial.params["kind"] == "logistic" else NOISY
        p = predict(fit(TRAIN, SCHEMA, spec, seed=int(str(trial.params["seed"]))), HOLDOUT)
        assert trial.metrics == evaluate(HOLDOUT["y"], p, Costs())
        assert {part.value for part in trial.slices} >= {"a", "b", "ü"}
    records = tracking.trials(ws, "sweep")
    assert [r.run_id for r in records] == [t.run_id for t in seen]
    assert [r.metrics["auc"] for r in records] == [t.metrics.auc for t in seen]
    assert {r.tags["mlops.code"] for r in records} == {"abc"}
    assert {r.tags["mlops.data"] for r in records} == {digest_frame(DATA)}
    assert not list(ws.mlops.glob("tmp*"))


def test_two_trials_are_compared_by_the_day(ws: Workspace, seen: list[Trial]) -> None:
    found = experiments.compare_trials(ws, seen[0].run_id, seen[2].run_id, costs=Costs(1, 5))
    costs = [
        row_cost(HOLDOUT["y"], predict(fit(TRAIN, SCHEMA, spec, seed=1), HOLDOUT), Costs(1, 5))
        for spec in (SPECS[1], NOISY)
    ]
    assert found.difference == paired_by_day(costs[0], costs[1], HOLDOUT["day"])
    assert (found.cost_a, found.cost_b) == pytest.approx((costs[0].mean(), costs[1].mean()))
    assert found.difference.mean == pytest.approx(found.cost_a - found.cost_b)
    assert found.difference.days == 10
    turned = experiments.compare_trials(ws, seen[2].run_id, seen[0].run_id, costs=Costs(1, 5))
    assert turned.difference.mean == pytest.approx(-found.difference.mean)


def test_the_days_add_up_to_the_difference(ws: Workspace, seen: list[Trial]) -> None:
    a, b, prices = seen[0].run_id, seen[2].run_id, Costs(1, 5)
    daily = experiments.daily_difference(ws, a, b, costs=prices)
    costs = [row_cost(HOLDOUT["y"], predict(fit(TRAIN, SCHEMA, spec, seed=1), HOLDOUT), prices)
             for spec in (SPECS[1], NOISY)]  # fmt: skip
    by_hand = pd.Series(costs[0] - costs[1], index=HOLDOUT.index).groupby(HOLDOUT["day"]).agg(["size", "mean"])
    assert daily["day"].tolist() == by_hand.index.tolist()
    assert daily["rows"].tolist() == by_hand["size"].tolist()
    assert daily["difference"].tolist() == pytest.approx(by_hand["mean"].tolist())
    found = experiments.compare_trials(ws, a, b, costs=prices).difference
    assert (daily["rows"] * daily["difference"]).sum() / daily["rows"].sum() == pytest.approx(found.mean)
    turned = experiments.daily_difference(ws, b, a, costs=prices)
    assert turned["difference"].tolist() == pytest.approx((-daily["difference"]).tolist())
    dearer = experiments.daily_difference(ws, a, b, costs=Costs(1, 20))
    assert dearer["difference"].tolist() != pytest.approx(daily["difference"].tolist())


def test_other_rows_are_not_compared(ws: Workspace, seen: list[Trial]) -> None:
    changed = HOLDOUT.assign(x=HOLDOUT["x"] + 1)
    (other,) = experiments.sweep(ws, TRAIN, changed, SCHEMA, SPECS[:1], [1], data_id="", experiment="other rows")
    with pytest.raises(BadData, match="different rows"):
        experiments.compare_trials(ws, seen[0].run_id, other.run_id)
    with pytest.raises(BadData, match="different rows"):
        experiments.daily_difference(ws, seen[0].run_id, other.run_id)


def test_every_trial_comes_back_byte_for_byte(ws: Workspace, seen: list[Trial]) -> None:
    for trial in seen:
        again = experiments.reproduce(ws, trial.run_id)
        assert again.same
        assert again.digest == tracking.trial(ws, trial.run_id).tags["mlops.model"]
        assert again.seconds > 0
    digests = {experiments.reproduce(ws, trial.run_id).digest for trial in seen[2:]}
    assert len(digests) == 2  # another seed is another model: the digest can tell


def test_a_wrong_seed_would_be_noticed(ws: Workspace, seen: list[Trial], monkeypatch: pytest.MonkeyPatch) -> None:
    def other_seed(frame: pd.DataFrame, schema: object, spec: ModelSpec, *, seed: int, rows: int | None) -> object:
        return fit(frame, SCHEMA, spec, seed=seed + 1, rows=rows)

    monkeypatch.setattr(experiments, "fit", other_seed)
    assert experiments.reproduce(ws, seen[2].run_id).same is False


def test_a_sample_of_rows_is_drawn_again(ws: Workspace) -> None:
    digest = versions.current(ws).digest
    (trial,) = experiments.sweep(
        ws, TRAIN, HOLDOUT, SCHEMA, SPECS[2:], [5], data_id=digest, rows=200, experiment="sample"
    )
    assert experiments.reproduce(ws, trial.run_id).same
    assert experiments.reproduce(ws, trial.run_id, frame=TRAIN.sample(frac=1, random_state=1)).same


@pytest.mark.parametrize("key", [True, False])
def test_rows_are_found_again_by_key_or_else_by_day(ws: Workspace, key: bool) -> None:
    schema = SCHEMA if key else replace(SCHEMA, key=())
    frame = TRAIN[TRAIN["id"] % 3 > 0].iloc[::-1] if key else TRAIN
    digest = versions.current(ws).digest
    (trial,) = experiments.sweep(ws, frame, HOLDOUT, schema, SPECS[2:], [1], data_id=digest, experiment="rows")
    assert experiments.reproduce(ws, trial.run_id).same


def test_other_rows_or_a_lost_version_are_said(ws: Workspace, seen: list[Trial], tmp_path: Path) -> None:
    with pytest.raises(BadData, match="are not the ones run"):
        experiments.reproduce(ws, seen[0].run_id, frame=HOLDOUT)
    (trial,) = experiments.sweep(ws, TRAIN, HOLDOUT, SCHEMA, SPECS[:1], [1], data_id="f" * 64, experiment="lost")
    with pytest.raises(NotFound, match="no version of this workspace"):
        experiments.reproduce(ws, trial.run_id)
    with pytest.raises(NotFound, match="No run 'x'"):
        experiments.reproduce(ws, "x")


def test_rows_without_an_outcome_are_left_out(ws: Workspace) -> None:
    late = HOLDOUT.assign(y=HOLDOUT["y"].astype("float64"))
    late.loc[late["day"] >= "2013-01-16", "y"] = None
    (trial,) = experiments.sweep(ws, TRAIN, late, SCHEMA, SPECS[:1], [1], data_id="", experiment="late")
    assert trial.metrics.n == int(late["y"].notna().sum()) == 200
    with pytest.raises(BadData, match="known outcome"):
        experiments.sweep(ws, TRAIN, late[late["y"].isna()], SCHEMA, SPECS[:1], [1], data_id="", experiment="late")


def test_a_swept_model_can_become_champion(ws: Workspace, seen: list[Trial]) -> None:
    made = registry.register(ws, seen[3].run_id, tracking.model_file(ws, seen[3].run_id))
    registry.promote(ws, made.version, expect=None, reason="best", lesson_date="2013-04-01")
    assert predict(registry.load(ws), HOLDOUT).tolist() == predict(fit(TRAIN, SCHEMA, NOISY, seed=2), HOLDOUT).tolist()  # type: ignore[arg-type]
