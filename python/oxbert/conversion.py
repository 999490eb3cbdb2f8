"""Any checkpoint -> `rust_model.ot`, the weight file of rust_bert and tch.

In: a torch pickle (`.bin`, `.pt`, `.pth`), a `.safetensors` or an `.ot` file, or a folder with one of them. Out: an
`.ot` file under the names that rust_bert and oxbert look for, and a `Report` of every name that is not what it was.
Nothing is lost in silence: a value that a dtype cannot hold, or two names that become one, is an error, and then no
file is written. docs/conversion.md shows each option on the command line, which is convert/convert_model.py.
"""

from __future__ import annotations

import glob
import os
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from oxbert._native import canonical_name, load_weights, save_weights
from oxbert.errors import FileError, InputError, MissingFileError, WeightsError

if TYPE_CHECKING:
    import torch

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin", "rust_model.ot")
"""The weight files of a model folder, best first: what is read where a source is a folder."""

TARGET_NAME = "rust_model.ot"
"""The name of the file that is written beside a source."""

DTYPES = ("float32", "float16", "bfloat16")
"""The dtypes that weights can be converted to."""

SHARED_EMBEDDINGS = frozenset(
    {
        "model.encoder.embed_tokens.weight",
        "encoder.embed_tokens.weight",
        "model.decoder.embed_tokens.weight",
        "decoder.embed_tokens.weight",
    }
)
"""Copies that encoder-decoder models store of their shared embeddings; `Options.skip_embeddings` leaves them out."""


@dataclass(frozen=True)
class _Tie:
    """A decoder that is the word embeddings under another name, which most checkpoints store once."""

    decoder: str
    backbone: str
    # What a file holds that has the rest of the decoder's head.
    head: tuple[str, ...]

    def words(self, names: Iterable[str]) -> str:
        """The name of the word embeddings beside these names, with the backbone's prefix if they have it."""
        prefix = f"{self.backbone}." if any(name.startswith(f"{self.backbone}.") for name in names) else ""
        return f"{prefix}embeddings.word_embeddings.weight"


_TIES = (
    _Tie("generator_lm_head.weight", "electra", ("generator_lm_head.bias", "generator_predictions.")),
    _Tie("vocab_projector.weight", "distilbert", ("vocab_projector.bias", "vocab_transform.")),
)

_DECODERS = frozenset({"lm_head.weight"} | {tie.decoder for tie in _TIES})

# One of several files that make one checkpoint.
_SHARD = re.compile(r"-\d{5}-of-(?!00001)\d{5}\.|\.index\.json$")


@dataclass(frozen=True)
class Options:
    """What is done to names and values on the way.

    Attributes:
        prefix: Goes before every name; a dot is added where it does not end in one.
        suffix: Keeps only what follows the last dot of a name: for checkpoints of a single layer.
        skip_embeddings: Leaves out the copies of shared embeddings, `SHARED_EMBEDDINGS`.
        skip_lm_head: Leaves out the decoder's matrix of a language model (`lm_head.weight`, `generator_lm_head.weight`,
            `vocab_projector.weight`), and adds none.
        dtype: One of `DTYPES` for all float tensors; None keeps what each of them has.

    Raises:
        InputError: A dtype that is none of `DTYPES`, or both a prefix and `suffix`.
    """

    prefix: str | None = None
    suffix: bool = False
    skip_embeddings: bool = False
    skip_lm_head: bool = False
    dtype: str | None = None

    def __post_init__(self) -> None:
        if self.dtype is not None and self.dtype not in DTYPES:
            raise _refused("dtype", f"expected one of {', '.join(DTYPES)}, got {self.dtype!r}")
        if self.prefix and self.suffix:
            raise _refused("prefix", "suffix would cut it off again; expected one of the two")


@dataclass
class Report:
    """What became of a checkpoint.

    Attributes:
        source: The file that was read.
        target: The file that was written.
        tensors: How many tensors the target has.
        kept: How many of them have the name they had.
        renamed: Name in the source -> name in the target.
        dropped: Name in the source -> why it is not in the target.
        added: Name in the target that the source did not have -> the name there of the tensor it is equal to.
        cast: (dtype before, dtype after) -> how many tensors.
        flushed: Numbers that were not 0 and are too small for the new dtype to be anything else.
        size: Bytes of the target.
    """

    source: Path
    target: Path
    tensors: int = 0
    kept: int = 0
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    added: dict[str, str] = field(default_factory=dict)
    cast: dict[tuple[str, str], int] = field(default_factory=dict)
    flushed: int = 0
    size: int = 0


@dataclass(frozen=True)
class Names:
    """Which tensor of a source goes where: `written` is name in the target -> name in the source."""

    written: dict[str, str]
    renamed: dict[str, str]
    dropped: dict[str, str]
    added: dict[str, str]


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    options: Options | None = None,
    track: Callable[[Sequence[str]], Iterable[str]] = lambda names: names,
) -> Report:
    """Writes the weights of a checkpoint as an `.ot` file, reads it back, and compares it number by number.

    A target that exists is replaced, as rust_bert's script does; but never by half a file, and never where it is the
    source itself.

    Args:
        source: A weight file, or a folder with one (`find_weights`).
        target: The file to write; `rust_model.ot` beside the source where it is None.
        options: What is done to names and values.
        track: Given the names of the tensors twice, when they are prepared and when they are compared; what it
            returns is iterated over. A progress bar fits.

    Raises:
        MissingFileError: There is no such source.
        FileError: A file cannot be read or written.
        InputError: The source is one of several shards, or the target cannot be one.
        WeightsError: The source cannot be read; a value does not fit the dtype; two names become one; it holds no
            tensor. Nothing has been written then.

    Example:
        >>> import oxbert, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> model = oxbert.ElectraModel(oxbert.ElectraConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1), seed=1)
        >>> model.save_pretrained(folder)
        >>> convert(folder).kept == len(model.state_dict())
        True
    """
    options = options or Options()
    source = find_weights(source)
    target = target_of(source) if target is None else Path(target)
    _check_target(source, target)
    tensors: dict[str, torch.Tensor] = load_weights(source, "torch")
    if not tensors:
        raise WeightsError(f"{source} holds no tensor", path=str(source))
    names = plan_names(tensors, options, where=str(source))
    report = Report(source, target, renamed=names.renamed, dropped=names.dropped, added=names.added)
    report.tensors = len(names.written)
    report.kept = report.tensors - len(names.renamed) - len(names.added)
    converted = _cast(tensors, names, options.dtype, report, track)
    _write(target, converted, track)
    report.size = target.stat().st_size
    return report


def find_weights(source: str | os.PathLike[str]) -> Path:
    """The weight file that a source is, or the best one of the folder that it is.

    Raises:
        MissingFileError: There is no such path, or the folder has none of `WEIGHT_FILES`.
        InputError: It is one of several shards, or the folder has nothing but shards.
    """
    path = Path(source)
    if path.is_dir():
        best = next((path / name for name in WEIGHT_FILES if (path / name).is_file()), None)
        if best is not None:
            return best
        found = sorted(entry.name for entry in path.iterdir())
        shards = [name for name in found if _SHARD.search(name)]
        if shards:
            raise _sharded(path, shards)
        wanted = " or ".join(WEIGHT_FILES)
        raise MissingFileError(
            f"{path} has no {wanted}; it holds: {', '.join(found) or 'nothing'}",
            folder=str(path),
            wanted=wanted,
            found=found,
        )
    if _SHARD.search(path.name):
        raise _sharded(path, [path.name])
    if not path.exists():
        raise MissingFileError(f"cannot open {path}: there is no such file", path=str(path))
    return path


def find_sources(patterns: Iterable[str]) -> list[str]:
    """The paths that patterns (`models/*/pytorch_model.bin`) mean, in their order; a path stands for itself.

    A pattern that fits nothing stands for itself too: `find_weights` says that it does not exist.
    """
    sources: list[str] = []
    for pattern in patterns:
        # A path that exists is no pattern, whatever characters are in it.
        fits = [] if os.path.lexists(pattern) or not glob.has_magic(pattern) else glob.glob(pattern, recursive=True)
        sources.extend(sorted(fits) or [pattern])
    return list(dict.fromkeys(sources))


def target_of(source: str | os.PathLike[str]) -> Path:
    """`rust_model.ot` beside a weight file, or in a folder."""
    path = Path(source)
    return (path if path.is_dir() else path.parent) / TARGET_NAME


def plan_names(source: Iterable[str], options: Options | None = None, *, where: str = "the checkpoint") -> Names:
    """What becomes of the names of a checkpoint.

    In this order: `oxbert.canonical_name` (`module.` of a wrapper, `LayerNorm.gamma` and `.beta`, stored
    `position_ids`), what the options leave out, the tied decoder that rust_bert needs and the file lacks, then the
    prefix or suffix.

    Raises:
        WeightsError: Two names become one, or none is left. `where` names the checkpoint.

    Example:
        >>> plan_names(["module.electra.embeddings.LayerNorm.gamma"]).written
        {'electra.embeddings.LayerNorm.weight': 'module.electra.embeddings.LayerNorm.gamma'}
    """
    options = options or Options()
    dropped: dict[str, str] = {}
    # Ours -> the file's.
    sources: dict[str, str] = {}
    collisions: list[str] = []

    def put(names: dict[str, str], ours: str, name: str) -> None:
        if ours in names:
            collisions.append(f"{names[ours]} and {name} both become {ours}")
        names[ours] = name

    for name in source:
        ours = canonical_name(name)
        if ours is None:
            dropped[name] = "a buffer of older versions, which no model needs"
        elif options.skip_embeddings and ours in SHARED_EMBEDDINGS:
            dropped[name] = "a copy of shared embeddings (--skip-embeddings)"
        elif options.skip_lm_head and ours in _DECODERS:
            dropped[name] = "the decoder of a language model (--skip-lm-head)"
        else:
            put(sources, ours, name)
    copies = {} if options.skip_lm_head else _missing_ties(sources)
    written: dict[str, str] = {}
    renamed: dict[str, str] = {}
    added: dict[str, str] = {}
    for ours, name in [*sources.items(), *((copy, sources[original]) for copy, original in copies.items())]:
        final = _finish(ours, options)
        put(written, final, name)
        if ours in copies:
            added[final] = name
        elif final != name:
            renamed[name] = final
    if collisions:
        raise WeightsError(f"{where} would lose tensors: {'; '.join(collisions)}", path=where, collisions=collisions)
    if not written:
        raise WeightsError(f"{where} has no tensor left to write; left out: {', '.join(dropped)}", path=where)
    return Names(written, renamed, dropped, added)


def _finish(name: str, options: Options) -> str:
    if options.suffix:
        return name.rpartition(".")[2]
    prefix = options.prefix or ""
    return (f"{prefix}." if prefix and not prefix.endswith(".") else prefix) + name


def _missing_ties(names: Iterable[str]) -> dict[str, str]:
    """Of each tied pair that a masked LM stores one of: the other one -> the one it stores. rust_bert ties nothing."""
    names = set(names)
    missing: dict[str, str] = {}
    for tie in _TIES:
        words = tie.words(names)
        if not any(name.startswith(tie.head) for name in names):
            continue
        if words in names and tie.decoder not in names:
            missing[tie.decoder] = words
        # Without the rest of the embeddings it is a head alone, which needs no words.
        elif tie.decoder in names and words not in names and words.replace("word", "position") in names:
            missing[words] = tie.decoder
    return missing


def _cast(
    tensors: dict[str, torch.Tensor],
    names: Names,
    dtype: str | None,
    report: Report,
    track: Callable[[Sequence[str]], Iterable[str]],
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


def _write(target: Path, tensors: dict[str, torch.Tensor], track: Callable[[Sequence[str]], Iterable[str]]) -> None:
    """Writes beside the target, reads back, compares, and only then takes the target's name."""
    written = target.with_name(f".{target.stem}-{secrets.token_hex(4)}.ot")
    try:
        save_weights(tensors, written)
        again: dict[str, torch.Tensor] = load_weights(written, "torch")
        if again.keys() != tensors.keys():
            raise _unequal(target, ", ".join(sorted(again.keys() ^ tensors.keys())))
        for name in track(list(tensors)):
            if not _same(tensors[name], again[name]):
                raise _unequal(target, name)
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


def _check_target(source: Path, target: Path) -> None:
    if target.suffix != ".ot":
        raise _refused("target", f"expected a name that ends in .ot, got {target}")
    if target.is_dir():
        raise _refused("target", f"expected a file, got the folder {target}")
    if target.exists() and target.samefile(source):
        raise _refused("target", f"{target} is the source itself; name another output file")


def _sharded(path: Path, shards: Sequence[str]) -> InputError:
    shown = ", ".join(shards[:8]) + (f" and {len(shards) - 8} more" if len(shards) > 8 else "")
    return _refused(
        "source",
        f"{path} is part of a sharded checkpoint ({shown}); expected the whole of it in one file: load it with "
        'transformers and write it with save_pretrained(..., max_shard_size="100GB")',
    )


def _refused(what: str, reason: str) -> InputError:
    return InputError(f"{what}: {reason}", what=what, reason=reason)


def _unequal(target: Path, name: str) -> WeightsError:
    return WeightsError(f"{target} was not written: read back, {name} differed", path=str(target))


__all__ = [
    "DTYPES",
    "SHARED_EMBEDDINGS",
    "TARGET_NAME",
    "WEIGHT_FILES",
    "Names",
    "Options",
    "Report",
    "convert",
    "find_sources",
    "find_weights",
    "plan_names",
    "target_of",
]
