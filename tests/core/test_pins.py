"""Four names for one result: each follows what it names."""

from __future__ import annotations

from mlops_core import registry, versions
from mlops_core.params import set_params
from mlops_core.pins import pins
from tests.conftest import Factory


def test_a_new_workspace_has_no_champion(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    found = pins(ws)
    assert found.commit == ws.git("rev-parse", "HEAD").strip()
    assert found.data == versions.current(ws)
    assert (found.champion, found.trained_on, found.agree, found.edited) == (None, "", False, ())


def test_checking_data_out_moves_the_data_alone(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    before = pins(ws)
    versions.checkout(ws, "v3")
    after = pins(ws)
    assert after.data is not None
    assert after.data.name == "v3"
    assert (after.commit, after.environment) == (before.commit, before.environment)


def test_an_edited_parameter_is_named(workspace_factory: Factory) -> None:
    ws = workspace_factory()
    set_params(ws.params, {"seed": 99})
    assert pins(ws).edited == ("params.yaml",)


def test_the_champion_agrees_with_its_own_data_only(trained_factory: Factory) -> None:
    ws = trained_factory()
    found = pins(ws)
    assert found.champion == registry.champion(ws)
    assert (found.trained_on, found.agree) == ("v5", True)
    versions.checkout(ws, "v4")
    assert (pins(ws).trained_on, pins(ws).agree) == ("v5", False)
