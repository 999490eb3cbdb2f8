"""Convert any checkpoint to one weight file, and compare the two number by number."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from oxbert import _native
from oxbert._checks import refused
from oxbert._files import exists, is_file, translate_os_errors
from oxbert._native import load_weights, save_weights
from oxbert._types import Component, FloatDtype, WeightFormat
from oxbert.conversion.check import largest_difference
from oxbert.conversion.names import Names, plan_names
from oxbert.conversion.options import COMPONENTS, Options
from oxbert.conversion.paths import find_target, find_weights
from oxbert.errors import InputError, WeightsError

if TYPE_CHECKING:
    import torch

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_Track = Callable[[Sequence[str]], Iterable[str]]


@dataclass(frozen=True)
class Row:
    """Describe the conversion of one tensor.

    Attributes:
        source: The name in the source.
        target: The name in the target.
        shape: The shape in the target.
        dtype: The dtype in the target.
        is_transposed: Whether the source stores the transpose.
    """

    source: str
    target: str
    shape: tuple[int, ...]
    dtype: str
    is_transposed: bool


@dataclass
class Report:
    """Describe the conversion of a checkpoint.

    Attributes:
        source: The file that was read.
        target: The file that was written.
        rows: The tensors of the target.
        kept: The number of tensors that kept their names.
        renamed: Name in the source -> name in the target.
        dropped: Name in the source -> the reason why it is not in the target.
        added: Name in the target that the source did not have -> the name in the source of the tensor it equals.
        cast: (dtype before, dtype after) -> the number of tensors.
        flushed: The count of nonzero numbers that are too small for the new dtype and became 0.
        size: The size of the target in bytes.
        config: The `config.json` that was written beside the target, if there was none.
        checked: The class that was run with both files, if `check` was set.
        difference: The largest difference between two numbers of its outputs.
    """

    source: Path
    target: Path
    rows: list[Row] = field(default_factory=list)
    kept: int = 0
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    added: dict[str, str] = field(default_factory=dict)
    cast: dict[tuple[str, str], int] = field(default_factory=dict)
    flushed: int = 0
    size: int = 0
    config: Path | None = None
    checked: str | None = None
    difference: float | None = None

    @property
    def tensors(self) -> int:
        """Return the number of tensors of the target."""
        return len(self.rows)


def _outside_modes(work: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Have a function leave the modes of torch in which new tensors have no memory, such as `FakeTensorMode`."""

    @wraps(work)
    def outside(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> _Result:
        return _native._outside_modes(partial(work, *arguments, **options))

    return outside


@_outside_modes
def convert(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    to: WeightFormat | None = None,
    component: Component | None = None,
    dtype: FloatDtype | None = None,
    prefix: str | None = None,
    suffix: bool = False,
    skip_embeddings: bool = False,
    skip_lm_head: bool = False,
    check: bool = False,
    track: _Track = lambda names: names,
) -> Report:
    """Write the weights of a checkpoint as one file, read the file back, and compare the two number by number.

    An existing target is replaced, as by rust_bert's script, but atomically, and never if it is the source itself. If
    there is no `config.json` beside the target, that of the source is written there or, for a checkpoint of
    google-research/electra, the one that follows from its shapes.

    Args:
        source: A checkpoint of any format that oxbert reads, or a folder with one (`find_weights`).
        output: The file to write, or its folder; None means the folder of the source.
        to: `ot`, `safetensors` or `bin`; None means the ending of the output, otherwise `ot`.
        component: `generator` or `discriminator`, for a checkpoint that has both.
        dtype: `float32`, `float16` or `bfloat16` for all float tensors; None keeps the dtype of each.
        prefix: A prefix for every name; see `Options`, like the next three.
        suffix: Whether to keep only the part of a name after the last dot.
        skip_embeddings: Whether to drop copies of shared embeddings.
        skip_lm_head: Whether to drop the decoder's matrix of a language model.
        check: Whether to run a model with both files, and report the largest difference of the outputs.
        track: Called with the names of the tensors before they are prepared and before they are compared; its result is
            iterated over, so it can be a progress bar.

    Raises:
        MissingFileError: if there is no such source.
        FileError: if a file cannot be read or written.
        InputError: if an option has an impossible value, or the checkpoint has two networks and `component` is None.
        WeightsError: if the source cannot be read or holds no tensor, a value does not fit the dtype, or two names
            become one. Nothing has been written then.

    Example:
        >>> import oxbert, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> model = oxbert.ElectraModel(oxbert.ElectraConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1), seed=1)
        >>> model.save_pretrained(folder)
        >>> oxbert.convert(folder, check=True).difference
        0.0
    """
    target, to = find_target(source, output, to)
    options = Options(prefix, suffix, skip_embeddings, skip_lm_head, dtype, add_ties=to == "ot")
    if component is not None and component not in COMPONENTS:
        raise refused("component", f"expected one of {', '.join(COMPONENTS)}, got {component!r}")
    path = find_weights(source, but=target)
    if exists(target) and exists(path) and target.samefile(path):
        raise refused("output", f"{target} is the source itself; name another output file")
    tensors: dict[str, torch.Tensor] = load_weights(path, "torch", component=component)
    if not tensors:
        raise WeightsError(f"{path} holds no tensor", path=str(path))
    names = plan_names(tensors, options, where=str(path))
    origins = _native.weight_origins(path, component=component)
    original = {name: origins.get(name, (name, False))[0] for name in tensors}
    report = Report(path, target, dropped={original[name]: why for name, why in names.dropped.items()})
    report.added = {name: original[equal] for name, equal in names.added.items()}
    copies = set(report.added)
    report.renamed = {
        original[name]: final
        for final, name in names.written.items()
        if final not in copies and final != original[name]
    }
    report.kept = len(names.written) - len(report.renamed) - len(copies)
    converted = _cast(tensors, names, dtype, report, track)
    report.rows = [
        Row(
            original[name],
            final,
            tuple(converted[final].shape),
            str(converted[final].dtype).removeprefix("torch."),
            origins.get(name, ("", False))[1],
        )
        for final, name in names.written.items()
    ]
    config = _config_of(path, component)

    def compare(written: dict[str, torch.Tensor]) -> None:
        if check:
            report.checked, report.difference = largest_difference(_expect(config, path), tensors, written)

    if output is not None and target.parent == Path(output):
        target.parent.mkdir(parents=True, exist_ok=True)
    _write(target, converted, track, compare)
    report.size = target.stat().st_size
    beside = target.with_name("config.json")
    if config is not None and not beside.exists():
        whole = target.with_name(f".config-{secrets.token_hex(4)}.json")
        whole.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        report.config = whole.replace(beside)
    return report


def _config_of(path: Path, component: Component | None) -> dict[str, object] | None:
    """Return the `config.json` beside a checkpoint, or the one that follows from the shapes of a Google checkpoint."""
    beside = path.with_name("config.json")
    if is_file(beside):
        config: dict[str, object] = json.loads(beside.read_bytes())
        return config
    described = _native.describe_weights(path, component=component)
    return json.loads(described) if described else None


def _expect(config: dict[str, object] | None, path: Path) -> _native.Config:
    if config is None:
        reason = f"expected a config.json beside {path}, which says what model it is"
        raise InputError(f"check: {reason}", what="check", reason=reason)
    return _native.Config.from_dict(config)


def _cast(
    tensors: dict[str, torch.Tensor],
    names: Names,
    dtype: str | None,
    report: Report,
    track: _Track,
) -> dict[str, torch.Tensor]:
    """Return the tensors by their new names, floats in the new dtype."""
    import torch

    wanted: torch.dtype | None = getattr(torch, dtype) if dtype else None
    converted: dict[str, torch.Tensor] = {}
    too_large: list[str] = []
    for name in track(list(names.written)):
        source = names.written[name]
        tensor = tensors[source]
        if wanted is not None and tensor.is_floating_point() and tensor.dtype != wanted:
            narrow, wide = tensor.to(wanted), tensor.to(torch.float64)
            if bool((narrow.isinf() & wide.isfinite()).any()):
                too_large.append(f"{source} (up to {wide.nan_to_num(0, 0, 0).abs().max():.4g})")
            report.flushed += int(((narrow == 0) & (wide != 0)).sum())
            change = (str(tensor.dtype).removeprefix("torch."), str(dtype))
            report.cast[change] = report.cast.get(change, 0) + 1
            tensor = narrow
        converted[name] = tensor
    if too_large:
        limit = torch.finfo(wanted).max if wanted is not None else 0
        message = f"{report.source} has numbers beyond {dtype}'s {limit:.4g} in {', '.join(too_large)}"
        raise WeightsError(message, path=str(report.source), tensors=too_large)
    return converted


def _write(
    target: Path,
    tensors: dict[str, torch.Tensor],
    track: _Track,
    compare: Callable[[dict[str, torch.Tensor]], None],
) -> None:
    """Write a temporary file, read it back, compare, and only then rename it to the target."""
    written = target.with_name(f".{target.stem}-{secrets.token_hex(4)}{target.suffix}")
    try:
        save_weights(tensors, written)
        again: dict[str, torch.Tensor] = load_weights(written, "torch")
        if again.keys() != tensors.keys():
            raise _unequal(target, ", ".join(sorted(again.keys() ^ tensors.keys())))
        for name in track(list(tensors)):
            if not _same(tensors[name], again[name]):
                raise _unequal(target, name)
        compare(again)
        with translate_os_errors("write", target):
            written.replace(target)
    finally:
        written.unlink(missing_ok=True)


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Return whether two tensors have the same shape, dtype and bytes, so that NaN equals itself."""
    import torch

    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    left, right = (tensor.detach().contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other))
    return torch.equal(left, right)


def _unequal(target: Path, name: str) -> WeightsError:
    return WeightsError(f"{target} was not written: read back, {name} differed", path=str(target))
