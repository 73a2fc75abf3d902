"""From a run to a champion: logged once, judged on paired evidence, promoted only when the gates say so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_core import pipeline, project, registry, release, tracking, trials, versions
from mlops_core.errors import BadInput, NotFound, Stale, StepFailed
from mlops_core.ledger import Ledger
from mlops_core.metrics import evaluate
from mlops_core.params import set_params
from mlops_core.reference import champion_baseline, champion_schema, data_of, reference_scores, unspoilt_champion
from mlops_core.training import predict
from tests.conftest import Factory


def test_a_run_is_logged_once(trained_factory: Factory) -> None:
    ws = trained_factory()
    before = len(tracking.trials(ws))
    assert release.log_run(ws) == release.log_run(ws)
    assert len(tracking.trials(ws)) == before
    set_params(ws.params, {"model.max_leaf_nodes": 5})
    pipeline.run(ws)
    release.log_run(ws)
    assert len(tracking.trials(ws)) == before + 1


def test_a_run_is_logged_with_what_it_read_not_with_what_stands_there_now(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    pipeline.run(ws).raise_if_failed()
    set_params(ws.params, {"model.max_iter": 11, "seed": 99})
    versions.checkout(ws, "v6")
    record = tracking.trial(ws, release.log_run(ws))
    assert (record.params["max_iter"], record.params["seed"]) == (120, 13)
    assert record.tags["mlops.data.name"] == "v5"


def test_the_logged_metrics_are_those_of_the_rows_held_out(trained_factory: Factory) -> None:
    ws = trained_factory()
    rows = release.held_out(ws)
    record = tracking.trial(ws, release.log_run(ws))
    found = evaluate(rows["disrupted"], predict(registry.load(ws), rows), release.costs_of(ws))
    assert rows["date"].min() == pd.Timestamp("2013-03-01")
    assert record.metrics["auc"] == pytest.approx(found.auc)
    assert record.metrics["cost_per_row"] == pytest.approx(found.cost_per_row)
    assert len(release.training_rows(ws)) + len(rows) == versions.current(ws).rows


def test_nothing_is_logged_without_a_run_or_after_a_failed_one(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    with pytest.raises(NotFound, match="has not run yet"):
        release.log_run(ws)
    versions.checkout(ws, "v4")
    pipeline.run(ws)
    with pytest.raises(StepFailed, match="validate failed: wind_speed"):
        release.log_run(ws)


def test_the_evidence_is_paired(trained_factory: Factory) -> None:
    ws = trained_factory()
    evidence = release.gather(ws, release.log_run(ws))
    assert evidence.champion is not None
    np.testing.assert_array_equal(evidence.challenger, evidence.champion)  # the champion against itself
    assert len(evidence.frame) == len(evidence.challenger)
    assert evidence.baseline is not None
    assert np.ptp(evidence.baseline) == 0  # one rate for everybody
    train = release.training_rows(ws)
    assert evidence.baseline[0] == pytest.approx(train["disrupted"].mean())


def test_a_worse_model_is_not_promoted(trained_factory: Factory) -> None:
    ws = trained_factory()
    set_params(ws.params, {"model.kind": "dummy"})
    pipeline.run(ws).raise_if_failed()
    run_id = release.log_run(ws)
    decision = release.judge(ws, run_id, lesson_date="2013-04-01")
    assert decision.outcome == "fail"
    assert {v.gate for v in decision.blocking} >= {"absolute floor", "cheaper than the champion"}
    with pytest.raises(BadInput, match="did not pass the gates"):
        release.release(ws, run_id, decision)
    champion = registry.champion(ws)
    assert champion is not None
    assert champion.version == 1
    event = Ledger(ws).events("gate")[-1]
    assert (event.subject, event.detail["outcome"]) == (run_id, "fail")
    assert event.detail["policy"] == decision.policy_digest


def test_the_champion_cannot_replace_itself(trained_factory: Factory) -> None:
    from dataclasses import replace

    ws = trained_factory()
    run_id = release.log_run(ws)
    decision = replace(release.judge(ws, run_id), outcome="pass")
    with pytest.raises(BadInput, match="champion already"):
        release.release(ws, run_id, decision)


def test_a_table_that_is_no_version_cannot_be_released(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    path = ws.data / "dataset.parquet"
    frame = pd.read_parquet(path)
    path.unlink()
    frame.iloc[:-5].to_parquet(path)
    pipeline.run(ws).raise_if_failed()
    with pytest.raises(NotFound, match="not a data version"):
        release.log_run(ws)


def test_reference_scores_have_not_seen_the_week(trained_factory: Factory) -> None:
    ws = trained_factory()
    champion = registry.champion(ws)
    assert champion is not None
    frame = data_of(ws, champion)
    scores = reference_scores(ws, champion, frame)
    seen = predict(registry.load(ws), frame)
    train = (frame["date"] < "2013-03-01").to_numpy()
    truth, costs = frame["disrupted"].to_numpy(), project.template_of(ws).costs
    honest, flattered = evaluate(truth[train], scores[train], costs), evaluate(truth[train], seen[train], costs)
    assert honest.auc is not None
    assert flattered.auc is not None
    assert honest.auc < flattered.auc - 0.02
    np.testing.assert_array_equal(reference_scores(ws, champion, frame), scores)  # kept in the workspace
    assert len(list((ws.mlops / "baselines").glob("*.parquet"))) == 1


def test_only_what_the_champion_reads_is_watched(trained_factory: Factory) -> None:
    ws = trained_factory()
    champion = registry.champion(ws)
    assert champion is not None
    assert "recent_delay" not in champion_schema(ws, champion).features
    assert "temp" in champion_schema(ws, champion).features
    baseline = champion_baseline(ws)
    assert baseline.cost.low < baseline.cost.mean < baseline.cost.high


def test_without_a_champion_there_is_no_normal(workspace_factory: Factory) -> None:
    with pytest.raises(NotFound, match="no champion yet"):
        champion_baseline(workspace_factory())


def test_the_year_is_watched_by_a_champion_that_has_not_seen_it(trained_factory: Factory) -> None:
    ws = trained_factory()
    first = registry.champion(ws)
    assert unspoilt_champion(ws) == first
    versions.checkout(ws, "v6")  # April is in it
    set_params(ws.params, {"split.holdout_from": "2013-04-01", "model.max_leaf_nodes": 7})
    pipeline.run(ws).raise_if_failed()
    made = registry.register(ws, release.log_run(ws), ws.reports / "train.skops")
    registry.promote(ws, made.version, expect=1, reason="newer", lesson_date="2013-05-01")
    found = unspoilt_champion(ws)
    assert found is not None
    assert (found.version, made.version) == (1, 2)
    assert champion_baseline(ws, found).cost.mean != champion_baseline(ws).cost.mean


def test_a_run_is_nominated_once_and_the_champion_stays(
    trained_factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = trained_factory()
    served = registry.champion(ws)
    first, second = trials.sweep(ws, {"model.max_iter": [5, 6]}, fixed={"model.rows": 2000})
    before = registry.challenger(ws)
    named = release.nominate(ws, first.run_id, reason="cheapest")
    holder = registry.challenger(ws)
    assert named is not None
    assert holder is not None
    assert (named.alias, named.version, named.reason) == ("challenger", holder.version, "cheapest")
    assert named.previous == (before.version if before else None)
    assert holder.run_id == first.run_id
    moves, known = registry.history(ws, "challenger"), registry.versions(ws)
    assert release.nominate(ws, first.run_id) is None  # it is there already
    assert (registry.history(ws, "challenger"), registry.versions(ws)) == (moves, known)
    monkeypatch.setattr(registry, "challenger", lambda _: before)  # what somebody saw who was slower
    with pytest.raises(Stale):
        release.nominate(ws, second.run_id)
    monkeypatch.undo()
    assert registry.challenger(ws) == holder
    moved = release.nominate(ws, second.run_id)
    assert moved is not None
    assert (moved.previous, moved.reason) == (holder.version, "nominated")
    assert registry.champion(ws) == served


def test_the_same_model_file_is_registered_once(trained_factory: Factory) -> None:
    ws = trained_factory()
    served = registry.champion(ws)
    assert served is not None
    release.nominate(ws, release.log_run(ws))  # the run that the champion comes from
    challenger = registry.challenger(ws)
    assert challenger is not None
    assert challenger.version == served.version
    assert [version.version for version in registry.versions(ws)] == [served.version]
