"""A model folder that MLflow loads, around a model file that stays byte for byte what it was.

`mlflow.sklearn.save_model` would dump the model again, with other bytes; here the canonical skops file is copied in and
MLflow's description is written beside it: flavors, signature, requirements, and the fixed list of types to trust.
Source: MLflow documentation, "MLflow Model: storage format".

    write_model_folder(Path("mlartifacts/…"), Path("reports/model.skops"), schema, run_id=…, model_id=…)
    mlflow.sklearn.load_model(…); mlflow.pyfunc.load_model(…).predict(frame)
"""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from mlops_core.dataset import Schema
from mlops_core.models import TRUSTED, load_model
from mlops_core.workspace import write_atomic

_PACKAGES = ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops")
_FILE = "model.skops"


def requirements() -> tuple[str, ...]:
    """The packages that the model needs, pinned to what is installed."""
    return tuple(f"{name}=={version(name)}" for name in _PACKAGES)


def write_model_folder(folder: Path, model_path: Path, schema: Schema | None, *, run_id: str, model_id: str) -> None:
    """Fill `folder`; `MLmodel`, by which MLflow recognises a model, comes last."""
    from mlflow.models import Model
    from mlflow.models.signature import ModelSignature

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model_path, folder / _FILE)
    _write_environment(folder)
    description = Model(
        artifact_path="model",
        run_id=run_id,
        model_id=model_id,
        signature=ModelSignature(inputs=_inputs(model_path, schema), outputs=_outputs()),
        model_size_bytes=(folder / _FILE).stat().st_size,
    )
    for name, flavor in _flavors().items():
        description.add_flavor(name, **flavor)
    write_atomic(folder / "MLmodel", description.to_yaml().encode())


def _flavors() -> dict[str, dict[str, Any]]:
    pyfunc = {
        "loader_module": "mlflow.sklearn",
        "model_path": _FILE,
        "predict_fn": "predict_proba",
        "python_version": platform.python_version(),
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
    }
    sklearn = {
        "pickled_model": _FILE,
        "sklearn_version": version("scikit-learn"),
        "serialization_format": "skops",
        "code": None,
        "skops_trusted_types": list(TRUSTED),
    }
    return {"python_function": pyfunc, "sklearn": sklearn}


def _inputs(model_path: Path, schema: Schema | None) -> Any:
    """Numbers are doubles (missing is NaN), categories strings; without a schema any type, under the model's names."""
    from mlflow.types import ColSpec, DataType
    from mlflow.types import Schema as Signature
    from mlflow.types.schema import AnyType

    names = [str(name) for name in getattr(load_model(model_path), "feature_names_in_", ())]
    if schema is None:
        anything: Any = AnyType
        return Signature([ColSpec(anything(), name) for name in names])
    kinds = {column.name: column.kind for column in schema.columns}
    types = {name: DataType.string if kinds.get(name) == "category" else DataType.double for name in names}
    return Signature([ColSpec(kind, name) for name, kind in types.items()])


def _outputs() -> Any:
    import numpy as np
    from mlflow.types import Schema as Signature
    from mlflow.types import TensorSpec

    return Signature([TensorSpec(np.dtype(np.float64), (-1, 2))])


def _write_environment(folder: Path) -> None:
    packages = list(requirements())
    python = platform.python_version()
    conda: dict[str, object] = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": packages}],
    }
    virtual = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    write_atomic(folder / "requirements.txt", "\n".join(packages).encode())
    write_atomic(folder / "conda.yaml", yaml.safe_dump(conda, sort_keys=False).encode())
    write_atomic(folder / "python_env.yaml", yaml.safe_dump(virtual, sort_keys=False).encode())
