"""Plan the names of the tensors of a converted checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oxbert._checks import check_type
from oxbert._native import _TIES, canonical_name
from oxbert.conversion.options import Options
from oxbert.errors import WeightsError

SHARED_EMBEDDINGS = frozenset(
    {
        "model.encoder.embed_tokens.weight",
        "encoder.embed_tokens.weight",
        "model.decoder.embed_tokens.weight",
        "decoder.embed_tokens.weight",
    }
)
"""Copies of shared embeddings in encoder-decoder models; `Options.skip_embeddings` drops them."""

_DECODERS = frozenset({"lm_head.weight"} | {decoder for decoder, *_ in _TIES})


@dataclass(frozen=True)
class Names:
    """The names of a target and of its source.

    Attributes:
        written: Name in the target -> name in the source.
        renamed: Name in the source -> another name in the target.
        dropped: Name in the source -> the reason why it is left out.
        added: Name in the target of a tied tensor that the source lacks -> name in the source of the other one.
    """

    written: dict[str, str]
    renamed: dict[str, str]
    dropped: dict[str, str]
    added: dict[str, str]


def plan_names(source: Iterable[str], options: Options | None = None, *, where: str = "the checkpoint") -> Names:
    """Plan the names in the target for the names of a checkpoint.

    The steps in order: `oxbert.canonical_name` (`module.` of a wrapper, `LayerNorm.gamma` and `.beta`, stored
    `position_ids`), the tensors that the options drop, the tied decoder that rust_bert needs and the file lacks, then
    the prefix or suffix.

    Raises:
        WeightsError: if two names become one, or no name is left. `where` names the checkpoint.

    Example:
        >>> plan_names(["module.electra.embeddings.LayerNorm.gamma"]).written
        {'electra.embeddings.LayerNorm.weight': 'module.electra.embeddings.LayerNorm.gamma'}
    """
    options = Options() if options is None else options
    check_type("options", options, Options, "Options or None")
    dropped: dict[str, str] = {}
    # The canonical name -> the name in the file.
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
    copies = _missing_ties(sources) if options.add_ties and not options.skip_lm_head else {}
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
    """Map the missing tensor of each tied pair of a masked LM to the stored one. rust_bert ties nothing."""
    names = set(names)
    missing: dict[str, str] = {}
    for decoder, bias, transform, prefixed in _TIES:
        backbone, _, bare = prefixed.partition(".")
        words = prefixed if any(name.startswith(f"{backbone}.") for name in names) else bare
        # A file without the rest of the decoder's head is not a masked LM.
        if not any(name.startswith((bias, transform)) for name in names):
            continue
        if words in names and decoder not in names:
            missing[decoder] = words
        # Without the other embeddings the file is a head alone, which needs no word embeddings.
        elif decoder in names and words not in names and words.replace("word", "position") in names:
            missing[words] = decoder
    return missing
