"""Models as files: one model, one digest, loaded only from a fixed list of types; never pickle.

A skops file names its members after memory addresses, so it differs at every dump. Here a file is brought into one
form before it is stored or named: ids numbered by first appearance in `schema.json`, members renamed to match, sets
sorted, zip entries sorted, uncompressed and dated 1980-01-01. See https://skops.readthedocs.io/en/stable/persistence.html

    digest = save_model(model, Path("model.skops"))
    model = load_model(Path("model.skops"), digest)
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_core.digest import digest_bytes
from mlops_core.errors import BadParameter, Damaged, NotFound
from mlops_core.parsing import PARSING
from mlops_core.workspace import write_atomic

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

# What a model file may hold beside the types that skops trusts itself. Never extended by what a file asks for.
# `TreePredictor` holds raw node indices, so a forged file could crash the process: load what the ledger's digest names.
TRUSTED: tuple[str, ...] = (
    "functools.partial",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LARGEST = 1 << 30
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
)


class _Renumbering:
    """Walks a skops schema: small numbers for memory addresses, in the order in which they first appear."""

    def __init__(self) -> None:
        self.numbers: dict[object, int] = {}
        self.members: dict[str, str] = {}
        self._next = 0

    def _number(self, node: dict[str, Any]) -> int:
        address = node["__id__"]
        # Whether two equal words or numbers are one object is an accident of the interpreter: each gets its own number.
        if node.get("__loader__") != "JsonNode" and address in self.numbers:
            return self.numbers[address]
        self._next += 1
        self.numbers.setdefault(address, self._next)
        return self._next

    def _member(self, name: str) -> str:
        suffix = Path(name).suffix
        return self.members.setdefault(name, f"{len(self.members) + 1:06d}{suffix}")

    def walk(self, node: Any) -> Any:
        """The same schema with new numbers and member names; parents before children, in written order."""
        if isinstance(node, list):
            return [self.walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        node = dict(node)
        if "__id__" in node:
            node["__id__"] = self._number(node)
        if isinstance(node.get("file"), str):
            node["file"] = self._member(node["file"])
        if node.get("__loader__") == "SetNode":
            node["content"] = sorted(node["content"], key=_without_ids)
        return {key: value if key in ("__id__", "file") else self.walk(value) for key, value in node.items()}


def _without_ids(node: object) -> str:
    """A node as text without its addresses: a sort key that does not depend on the hash seed."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: bare(item) for key, item in value.items() if key not in ("__id__", "file")}
        return [bare(item) for item in value] if isinstance(value, list) else value

    return json.dumps(bare(node), sort_keys=True)


def _canonical(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        names = _Renumbering()
        schema = names.walk(json.loads(source.read("schema.json")))
        members = {names.members[name]: source.read(name) for name in source.namelist() if name in names.members}
    members["schema.json"] = json.dumps(schema, separators=(",", ":")).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # the same bytes on every operating system
            target.writestr(entry, members[name])
    return buffer.getvalue()


def model_bytes(model: BaseEstimator) -> bytes:
    """A fitted model as canonical skops bytes: equal models give equal bytes, in any process and hash seed.

    Raises BadParameter when the model holds something that skops cannot store or that `TRUSTED` does not name, so
    that nothing is ever stored that could not be loaded again.
    """
    import skops.io

    try:
        data = _canonical(skops.io.dumps(model))
        strangers = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED))
    except (TypeError, ValueError, AttributeError) as error:
        raise BadParameter(f"this model cannot be stored ({error})", code="model.unstorable") from error
    if strangers:
        raise BadParameter(
            f"this model holds {strangers[0]}, which is not on the list of types that may be loaded.",
            code="model.untrusted",
            fix="Use an estimator of scikit-learn, or add the type to mlops_core.models.TRUSTED after reading it.",
            types=strangers,
        )
    return data


def save_model(model: BaseEstimator, path: Path) -> str:
    """Store a fitted model at `path` (atomically) and return the digest of its bytes."""
    data = model_bytes(model)
    write_atomic(path, data)
    return digest_bytes(data)


def load_model(path: Path, digest: str | None = None) -> BaseEstimator:
    """Load a model, but only if its bytes have `digest` (when given) and its types are on the fixed list.

    Raises NotFound for a missing file; Damaged when the digest differs (nothing is parsed then), when the file is no
    skops file, is larger than 1 GiB unpacked, or asks for a type that is not in `TRUSTED`.
    """
    if not path.is_file():
        raise NotFound(
            f"there is no model file {path.name}.",
            code="model.missing",
            fix="Run the train step, or roll back to an earlier version.",
            file=path.name,
        )
    data = path.read_bytes()
    found = digest_bytes(data)
    if digest is not None and found != digest:
        raise Damaged(
            f"{path.name} has digest {found[:8]}, but {digest[:8]} was stored.",
            code="model.digest",
            fix="Restore the file from the cache, or train again.",
            file=path.name,
            expected=digest,
            found=found,
        )
    return _parse(data, path.name)


def _parse(data: bytes, name: str) -> BaseEstimator:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > _LARGEST:
            raise ValueError(f"{unpacked:,} bytes unpacked")
        with PARSING:  # an array in the file has a header that is parsed as Python
            model: BaseEstimator = skops.io.loads(data, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise Damaged(
            f"{name} asks for types that models here never hold ({error}).",
            code="model.untrusted",
            fix="Do not use this file; train again.",
            file=name,
        ) from error
    except _UNREADABLE as error:
        raise Damaged(
            f"{name} is not a readable model ({type(error).__name__}).",
            code="model.damaged",
            fix="Restore the file from the cache, or train again.",
            file=name,
        ) from error
    return model
