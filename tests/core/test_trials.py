"""Sweeps on the pipeline's own split: what is varied, what is refused, what can be found again."""

from __future__ import annotations

import pytest

from mlops_core import experiments, pipeline, release, tracking, trials
from mlops_core.errors import BadParameter, NotFound
from mlops_core.params import set_params
from tests.conftest import Factory


def test_every_combination_and_seed_is_a_trial(trained_factory: Factory) -> None:
    ws = trained_factory()
    told: list[str] = []
    found = trials.sweep(
        ws,
        {"model.max_leaf_nodes": [4, 8], "model.max_iter": [10]},
        fixed={"model.rows": 3000},
        seeds=2,
        on_trial=lambda trial: told.append(trial.run_id),
    )
    assert [record.run_id for record in found] == told
    assert [(r.params["max_leaf_nodes"], r.params["seed"]) for r in found] == [(4, 13), (4, 14), (8, 13), (8, 14)]
    assert {r.params["rows"] for r in found} == {3000}
    assert len({r.metrics["auc"] for r in found}) == 4
    compared = experiments.compare_trials(ws, found[0].run_id, found[0].run_id)
    assert (compared.difference.mean, compared.difference.days) == (0.0, 31)


def test_a_sweep_reads_the_features_of_the_pipeline(trained_factory: Factory) -> None:
    ws = trained_factory()
    set_params(ws.params, {"features.groups": ["schedule"], "features.extra": ["dep_delay"]})
    pipeline.run(ws).raise_if_failed()
    found = trials.sweep(ws, {"model.kind": ["logistic"]}, fixed={"model.rows": 3000})
    assert set(found[0].params["features"]) == {
        "carrier", "origin", "dest", "hour", "weekday", "distance", "dep_delay"
    }  # fmt: skip
    assert found[0].metrics["auc"] > 0.85  # the leak


@pytest.mark.parametrize(
    ("grid", "seeds", "words"),
    [
        ({"seed": [1]}, 1, "cannot vary 'seed'"),
        ({"model.depht": [1]}, 1, "no parameter 'model.depht'"),
        ({"model.max_iter": [-1]}, 1, "max_iter is -1"),
        ({"model.kind": ["forest"]}, 1, "no model kind 'forest'"),
        ({"model.max_iter": list(range(1, 202))}, 1, "201 trials"),
        ({"model.max_iter": [10]}, 0, "0 trials"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(trained_factory: Factory, grid, seeds, words) -> None:
    ws = trained_factory()
    before = len(tracking.trials(ws))
    with pytest.raises(BadParameter, match=words):
        trials.sweep(ws, grid, seeds=seeds)
    assert len(tracking.trials(ws)) == before


def test_a_sweep_needs_a_split(workspace_factory: Factory) -> None:
    with pytest.raises(NotFound):
        trials.sweep(workspace_factory(), {"model.max_iter": [10]})


def test_a_run_is_found_by_the_start_of_its_name(trained_factory: Factory) -> None:
    ws = trained_factory()
    found = trials.sweep(ws, {"model.max_iter": [5, 6]}, fixed={"model.rows": 2000})
    assert trials.resolve(ws, found[0].run_id[:10]).run_id == found[0].run_id
    assert trials.resolve(ws, "").run_id == found[1].run_id
    with pytest.raises(NotFound, match="no run 'zzz'"):
        trials.resolve(ws, "zzz")
    row = trials.row(found[0])
    assert (row["run"], row["kind"], row["data"]) == (found[0].run_id[:8], "boosting", "v5")


def test_what_is_logged_is_not_trained_again(trained_factory: Factory) -> None:
    ws = trained_factory()
    told: list[str] = []

    def ask(grid: dict[str, list[int]], seeds: int, rows: int = 2000) -> list[str]:
        told.clear()
        found = trials.sweep(
            ws,
            grid,
            fixed={"model.rows": rows},
            seeds=seeds,
            reuse=True,
            on_trial=lambda trial: told.append(trial.run_id),
        )
        return [record.run_id for record in found]

    first = ask({"model.max_iter": [5, 6]}, 1)
    assert first == told
    logged = len(tracking.trials(ws))
    assert ask({"model.max_iter": [6, 5]}, 1) == first[::-1]
    assert (told, len(tracking.trials(ws))) == ([], logged)
    more = ask({"model.max_iter": [5]}, 2)  # one seed more: only that one is new
    assert (more, len(told)) == ([first[0], *told], 1)
    assert ask({"model.max_iter": [5]}, 1, rows=1500) == told  # fitted on fewer rows: another trial
    again = trials.sweep(ws, {"model.max_iter": [5]}, fixed={"model.rows": 2000})  # nobody asked for reuse
    assert again[0].run_id not in {*first, *more}


def test_a_trial_on_other_rows_is_not_taken_for_this_one(trained_factory: Factory) -> None:
    ws = trained_factory()
    grid, small = {"model.max_iter": [5]}, {"model.rows": 2000}
    old = trials.sweep(ws, grid, fixed=small, reuse=True)
    set_params(ws.params, {"split.holdout_from": "2013-02-15"})
    pipeline.run(ws).raise_if_failed()
    assert trials.sweep(ws, grid, fixed=small, reuse=True)[0].run_id != old[0].run_id


def test_the_run_of_the_pipeline_is_a_trial_that_can_be_taken(trained_factory: Factory) -> None:
    ws = trained_factory()
    told: list[str] = []
    run_id = release.log_run(ws)
    found = trials.sweep(ws, {"model.kind": ["boosting"]}, reuse=True, on_trial=lambda trial: told.append(trial.run_id))
    assert ([record.run_id for record in found], told) == ([run_id], [])
