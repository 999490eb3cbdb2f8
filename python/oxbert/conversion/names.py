"""Plan the names of the tensors of a converted checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oxbert._native import canonical_name
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


@dataclass(frozen=True)
class _Tie:
    """Describe a decoder that is tied to the word embeddings, of which most checkpoints store one."""

    decoder: str
    backbone: str
    # Prefixes of the other tensors of the head.
    head: tuple[str, ...]

    def words(self, names: Iterable[str]) -> str:
        """Return the name of the word embeddings, with the backbone's prefix if the names have it."""
        prefix = f"{self.backbone}." if any(name.startswith(f"{self.backbone}.") for name in names) else ""
        return f"{prefix}embeddings.word_embeddings.weight"


_TIES = (
    _Tie("generator_lm_head.weight", "electra", ("generator_lm_head.bias", "generator_predictions.")),
    _Tie("vocab_projector.weight", "distilbert", ("vocab_projector.bias", "vocab_transform.")),
)

_DECODERS = frozenset({"lm_head.weight"} | {tie.decoder for tie in _TIES})


@dataclass(frozen=True)
class Names:
    """Map the tensors of a target to those of a source: `written` is name in the target -> name in the source."""

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
    options = options or Options()
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
    for tie in _TIES:
        words = tie.words(names)
        if not any(name.startswith(tie.head) for name in names):
            continue
        if words in names and tie.decoder not in names:
            missing[tie.decoder] = words
        # Without the other embeddings the file is a head alone, which needs no word embeddings.
        elif tie.decoder in names and words not in names and words.replace("word", "position") in names:
            missing[words] = tie.decoder
    return missing
