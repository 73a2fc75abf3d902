"""Champions: by digest, by compare-and-set, and MLflow's alias says what the ledger says."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from lab import Lab, copy_workspace, make_lab, new_workspace, rows

from mlops_core import registry, tracking
from mlops_core.digest import digest_file
from mlops_core.errors import BadName, BadParameter, Damaged, NotFound, Stale
from mlops_core.ledger import Ledger
from mlops_core.models import load_model
from mlops_core.training import predict
from mlops_core.workspace import Workspace


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return make_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def prepared(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three registered versions: dummy, logistic, boosting; nobody is champion."""
    ws = new_workspace(tmp_path_factory.mktemp("prepared") / "ws")
    for trial, path in zip(lab.trials, lab.files, strict=True):
        registry.register(ws, tracking.log_trial(ws, trial, path, experiment="e"), path)
    return ws


@pytest.fixture
def ws(prepared: Workspace, tmp_path: Path) -> Workspace:
    return copy_workspace(prepared, tmp_path / "ws")


def promote(ws: Workspace, version: int, expect: int | None, alias: str = "champion") -> None:
    registry.promote(ws, version, alias=alias, expect=expect, reason="better", lesson_date="2013-04-01")


def in_mlflow(ws: Workspace) -> dict[str, int]:
    found = tracking.client(ws).get_registered_model(registry.MODEL_NAME)
    return {alias: int(version) for alias, version in found.aliases.items()}


def states(ws: Workspace) -> dict[int, str]:
    found = tracking.client(ws).search_model_versions(f"name = '{registry.MODEL_NAME}'")
    return {int(version.version): version.tags[registry.STATE] for version in found}


def stored(ws: Workspace, version: int) -> Path:
    digest = next(v.digest for v in registry.versions(ws) if v.version == version)
    return ws.mlops / "models" / f"{digest}.skops"


def test_a_version_carries_what_its_run_said(ws: Workspace, lab: Lab) -> None:
    found = registry.versions(ws)
    assert [(v.version, v.digest, v.aliases) for v in found] == [
        (at, digest_file(path), ()) for at, path in enumerate(lab.files, 1)
    ]
    assert found[2].metrics["auc"] == pytest.approx(lab.trials[2].metrics.auc)
    assert {v.data_id for v in found} == {"d" * 64}
    assert states(ws) == {1: "ready", 2: "ready", 3: "ready"}


def test_without_a_promotion_nobody_is_champion(ws: Workspace) -> None:
    assert registry.champion(ws) is None
    assert registry.challenger(ws) is None
    with pytest.raises(NotFound, match="no champion yet"):
        registry.load(ws)
    with pytest.raises(NotFound, match="no earlier champion"):
        registry.rollback(ws)


def test_promotion_rollback_and_mlflow_follows(ws: Workspace, lab: Lab) -> None:
    promote(ws, 1, None)
    promote(ws, 3, None, "challenger")
    assert in_mlflow(ws) == {"champion": 1, "challenger": 3}
    promote(ws, 3, 1)
    assert in_mlflow(ws) == {"champion": 3}
    champion = registry.champion(ws)
    assert champion is not None
    assert (champion.version, champion.aliases) == (3, ("champion",))
    assert predict(registry.load(ws), rows()).tolist() == predict(load_model(lab.files[2]), rows()).tolist()  # type: ignore[arg-type]
    assert registry.rollback(ws, reason="worse on Monday").version == 1
    assert in_mlflow(ws) == {"champion": 1}
    moves = registry.history(ws, "champion")
    assert [(p.kind, p.previous, p.version, p.reason) for p in moves] == [
        ("promote", None, 1, "better"),
        ("promote", 1, 3, "better"),
        ("rollback", 3, 1, "worse on Monday"),
    ]


def test_refusals(ws: Workspace) -> None:
    promote(ws, 1, None)
    with pytest.raises(Stale, match="champion is version 1 now, not version 2"):
        promote(ws, 3, 2)
    with pytest.raises(BadParameter, match="champion already"):
        promote(ws, 1, 1)
    with pytest.raises(NotFound, match="No model version 7"):
        promote(ws, 7, 1)
    with pytest.raises(BadName):
        promote(ws, 2, None, "../x")
    assert in_mlflow(ws) == {"champion": 1}
    assert set(states(ws).values()) == {"ready"}


@pytest.mark.parametrize("harm", ["flip", "cut", "gone", "swap"])
def test_a_damaged_file_is_neither_promoted_nor_served(ws: Workspace, harm: str) -> None:
    promote(ws, 2, None)
    path, data = stored(ws, 2), bytearray(stored(ws, 2).read_bytes())
    if harm == "flip":
        data[len(data) // 2] ^= 4
        path.write_bytes(data)
    elif harm == "cut":
        path.write_bytes(data[:-1])
    elif harm == "swap":
        path.write_bytes(stored(ws, 3).read_bytes())
    else:
        path.unlink()
    with pytest.raises((Damaged, NotFound), match="skops"):
        registry.load(ws)
    promote(ws, 1, 2)
    with pytest.raises(Damaged, match="version 2"):
        promote(ws, 2, 1)


def test_only_the_model_of_the_run_is_registered(ws: Workspace, lab: Lab, tmp_path: Path) -> None:
    run_id = tracking.trials(ws)[0].run_id
    with pytest.raises(Damaged, match="is not the model of run"):
        registry.register(ws, run_id, lab.files[2])
    with pytest.raises(NotFound, match="No run 'nobody'"):
        registry.register(ws, "nobody", lab.files[0])
    with pytest.raises(NotFound, match=r"gone\.skops"):
        registry.register(ws, run_id, tmp_path / "gone.skops")
    assert len(registry.versions(ws)) == 3


def test_of_many_promoters_one_wins_and_mlflow_names_the_winner(ws: Workspace) -> None:
    promote(ws, 1, None)
    outcomes: list[object] = []
    start = threading.Barrier(6)

    def work(at: int) -> None:
        start.wait()
        try:
            promote(ws, 2 + at % 2, 1)
            outcomes.append(2 + at % 2)
        except Stale:
            outcomes.append("stale")

    threads = [threading.Thread(target=work, args=(at,)) for at in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if outcome != "stale"]
    assert len(outcomes) == 6
    assert len(winners) == 1
    champion = registry.champion(ws)
    assert champion is not None
    assert in_mlflow(ws) == {"champion": winners[0]} == {"champion": champion.version}


def test_many_register_at_once_and_every_number_is_given_once(ws: Workspace, lab: Lab) -> None:
    run_id = tracking.trials(ws)[1].run_id
    threads = [threading.Thread(target=registry.register, args=(ws, run_id, lab.files[1])) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [v.version for v in registry.versions(ws)] == list(range(1, 9))
    assert states(ws) == dict.fromkeys(range(1, 9), "ready")


def test_repair_makes_mlflow_agree_with_the_ledger(ws: Workspace) -> None:
    promote(ws, 1, None)
    assert registry.repair(ws).changed is False
    client = tracking.client(ws)
    client.set_registered_model_alias(registry.MODEL_NAME, "champion", "3")
    client.set_registered_model_alias(registry.MODEL_NAME, "rogue", "2")
    client.set_model_version_tag(registry.MODEL_NAME, "1", registry.STATE, "pending")
    source = client.get_model_version(registry.MODEL_NAME, "1").source
    client.create_model_version(registry.MODEL_NAME, source, tags={registry.STATE: "pending"})
    dead = client.create_run("0", tags={"mlops.owner": "dead"}).info.run_id
    repaired = registry.repair(ws)
    assert (repaired.aliases, repaired.runs, repaired.hidden) == (("champion", "rogue"), (dead,), (4,))
    assert in_mlflow(ws) == {"champion": 1}
    assert states(ws) == {1: "ready", 2: "ready", 3: "ready", 4: "hidden"}
    assert [v.version for v in registry.versions(ws)] == [1, 2, 3]
    with pytest.raises(NotFound):
        promote(ws, 4, 1)
    assert registry.repair(ws).changed is False


def test_repair_of_an_empty_folder_does_nothing(tmp_path: Path) -> None:
    assert registry.repair(Workspace(tmp_path)).changed is False
    assert list(tmp_path.iterdir()) == []


def test_the_next_number_after_a_hidden_version_is_free(ws: Workspace, lab: Lab) -> None:
    client = tracking.client(ws)
    client.create_model_version(registry.MODEL_NAME, client.get_model_version("model", "1").source)
    registry.repair(ws)
    made = registry.register(ws, tracking.trials(ws)[0].run_id, lab.files[0])
    assert made.version == 5
    assert [row.version for row in Ledger(ws).versions()] == [1, 2, 3, 5]
