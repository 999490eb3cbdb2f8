"""Any checkpoint -> one file of weights, compared with its source number by number."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from oxbert import _native
from oxbert._native import load_weights, save_weights
from oxbert._types import Component, FloatDtype, WeightFormat
from oxbert.conversion.check import largest_difference
from oxbert.conversion.names import Names, plan_names
from oxbert.conversion.options import COMPONENTS, Options, refused
from oxbert.conversion.paths import find_target, find_weights
from oxbert.errors import FileError, InputError, WeightsError

if TYPE_CHECKING:
    import torch

_Track = Callable[[Sequence[str]], Iterable[str]]


@dataclass(frozen=True)
class Row:
    """What became of one tensor.

    Attributes:
        source: Its name in the source.
        target: Its name in the target.
        shape: Its shape in the target.
        dtype: Its dtype in the target.
        is_transposed: Whether the source stores its two dimensions the other way round.
    """

    source: str
    target: str
    shape: tuple[int, ...]
    dtype: str
    is_transposed: bool


@dataclass
class Report:
    """What became of a checkpoint.

    Attributes:
        source: The file that was read.
        target: The file that was written.
        rows: Each tensor of the target.
        kept: How many of them have the name they had.
        renamed: Name in the source -> name in the target.
        dropped: Name in the source -> why it is not in the target.
        added: Name in the target that the source did not have -> the name there of the tensor it is equal to.
        cast: (dtype before, dtype after) -> how many tensors.
        flushed: Numbers that were not 0 and are too small for the new dtype to be anything else.
        size: Bytes of the target.
        config: The `config.json` that was written beside the target, where there was none.
        checked: The class that was run with both, where that was asked for.
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
        """How many tensors the target has."""
        return len(self.rows)


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
    """Writes the weights of a checkpoint as one file, reads it back, and compares it number by number.

    A target that exists is replaced, as rust_bert's script does; but never by half a file, and never where it is the
    source itself. Beside a target without a `config.json` that of the source is written, or, for a checkpoint of
    google-research/electra, the one that its shapes tell.

    Args:
        source: A checkpoint of any format that oxbert reads, or a folder with one (`find_weights`).
        output: The file to write, or its folder; None: the folder of the source.
        to: `ot`, `safetensors` or `bin`; None: what the output ends in, or else `ot`.
        component: `generator` or `discriminator`, of a checkpoint that has both.
        dtype: `float32`, `float16` or `bfloat16` for all float tensors; None keeps what each of them has.
        prefix: Goes before every name; see `Options`, as the three that follow.
        suffix: Keeps only what follows the last dot of a name.
        skip_embeddings: Leaves out copies of shared embeddings.
        skip_lm_head: Leaves out the decoder's matrix of a language model.
        check: Run a model with the weights of both, and report the largest difference of their outputs.
        track: Given the names of the tensors twice, when they are prepared and when they are compared; what it
            returns is iterated over. A progress bar fits.

    Raises:
        MissingFileError: There is no such source.
        FileError: A file cannot be read or written.
        InputError: An option has an impossible value, or the checkpoint has two networks and `component` names none.
        WeightsError: The source cannot be read; a value does not fit the dtype; two names become one; it holds no
            tensor. Nothing has been written then.

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
    if target.exists() and path.exists() and target.samefile(path):
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

    _write(target, converted, track, compare)
    report.size = target.stat().st_size
    beside = target.with_name("config.json")
    if config is not None and not beside.exists():
        whole = target.with_name(f".config-{secrets.token_hex(4)}.json")
        whole.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        report.config = whole.replace(beside)
    return report


def _config_of(path: Path, component: Component | None) -> dict[str, object] | None:
    """The `config.json` beside a checkpoint, or what the shapes of Google's say."""
    beside = path.with_name("config.json")
    if beside.is_file():
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
    """The tensors under their new names, of the new dtype; those that are not floats stay what they are."""
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
    """Writes beside the target, reads back, compares, and only then takes the target's name."""
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
        try:
            written.replace(target)
        except OSError as error:
            raise FileError(f"cannot write {target}: {error.strerror}", path=str(target), action="write") from error
    finally:
        written.unlink(missing_ok=True)


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors have the same shape, dtype and bytes, so that NaN is equal to itself."""
    import torch

    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    left, right = (tensor.detach().contiguous().reshape(-1).view(torch.uint8) for tensor in (one, other))
    return torch.equal(left, right)


def _unequal(target: Path, name: str) -> WeightsError:
    return WeightsError(f"{target} was not written: read back, {name} differed", path=str(target))
