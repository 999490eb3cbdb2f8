"""What becomes of the names of a checkpoint."""

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


@dataclass(frozen=True)
class Names:
    """Which tensor of a source goes where: `written` is name in the target -> name in the source."""

    written: dict[str, str]
    renamed: dict[str, str]
    dropped: dict[str, str]
    added: dict[str, str]


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
