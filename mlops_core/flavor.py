"""A model folder that MLflow loads, around a model file that stays byte for byte what it was.

`mlflow.sklearn.save_model` would dump the model again, with other bytes; here the canonical skops file is copied in and
MLflow's description is written beside it: flavors, signature, requirements, and the fixed list of types to trust.
Source: MLflow documentation, "MLflow Model: storage format".

    write_model_folder(folder, Path("model.skops"), schema, schema.features, run_id=run_id, model_id=model_id)
    mlflow.pyfunc.load_model(str(folder)).predict(frame)
"""

from __future__ import annotations

import functools
import platform
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from mlops_core.dataset import Schema
from mlops_core.models import TRUSTED, load_model
from mlops_core.workspace import write_atomic

_PACKAGES = ("mlflow", "numpy", "pandas", "scikit-learn", "scipy", "skops")
_FILE = "model.skops"


@functools.cache
def requirements() -> tuple[str, ...]:
    """The packages that the model needs, pinned to what is installed."""
    return tuple(f"{name}=={version(name)}" for name in _PACKAGES)


def write_model_folder(
    folder: Path, model_path: Path, schema: Schema | None, features: Sequence[str], *, run_id: str, model_id: str
) -> None:
    """Fill `folder`; `MLmodel`, by which MLflow recognises a model, comes last.

    `features` are the columns of the signature; empty: the model is loaded and asked.
    """
    from mlflow.models import Model
    from mlflow.models.signature import ModelSignature

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model_path, folder / _FILE)
    for name, text in _environment().items():
        (folder / name).write_bytes(text)
    description = Model(
        artifact_path="model",
        run_id=run_id,
        model_id=model_id,
        signature=ModelSignature(inputs=_inputs(features or _asked(model_path), schema), outputs=_outputs()),
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


def _asked(model_path: Path) -> list[str]:
    return [str(name) for name in getattr(load_model(model_path), "feature_names_in_", ())]


def _inputs(names: Sequence[str], schema: Schema | None) -> Any:
    """Numbers are doubles (missing is NaN), categories strings; without a schema any type passes."""
    from mlflow.types import ColSpec, DataType
    from mlflow.types import Schema as Signature
    from mlflow.types.schema import AnyType

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


@functools.cache
def _environment() -> dict[str, bytes]:
    packages = list(requirements())
    python = platform.python_version()
    conda: dict[str, object] = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": packages}],
    }
    virtual = {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
    return {
        "requirements.txt": "\n".join(packages).encode(),
        "conda.yaml": yaml.safe_dump(conda, sort_keys=False).encode(),
        "python_env.yaml": yaml.safe_dump(virtual, sort_keys=False).encode(),
    }
