"""Implement `oxbert info`: a model -> what it is, without reading its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from oxbert import AutoConfig, AutoTokenizer, OxbertError, _native, find_weights
from oxbert.cli._shared import describe_error, open_console
from oxbert.cli._showing import print_table
from oxbert.errors import ConfigError, MissingFileError
from oxbert.hub._folders import find

_PREFIXES = {"electra": "Electra", "distilbert": "DistilBert"}
# Of a weight, for queries, keys and values and for the other products.
_BYTES = {"float32": (4, 4), "float16": (2, 2), "bfloat16": (2, 2), "int8": (1, 1), "int8_bfloat16": (2, 1)}


def info(
    model: Annotated[str, typer.Argument(help="A folder, a bundled model or a repository of the hub.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Describe a model: family, sizes, memory, heads and whether the file has them, vocabulary, tokenizer."""
    found = describe(find(model, ["config", "weights"], optional=["tokenizer"]))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    sizes = found["sizes"]
    rows = [
        ("folder", found["folder"]),
        ("family", found["family"] + (f" ({', '.join(found['architectures'])})" if found["architectures"] else "")),
        ("sizes", ", ".join(f"{name.replace('_', ' ')} {size}" for name, size in sizes.items())),
        ("vocabulary", f"{found['vocabulary']:,} tokens"),
        ("weights", f"{found['weights']}, {found['bytes'] / 1e6:.1f} MB"),
        ("parameters", f"{found['parameters']:,} with the head below that is loaded, {found['encoder']:,} without"),
        ("memory", ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in found["memory"].items())),
    ]
    title = "heads"
    for name, head in found["heads"].items():
        rows.append((title, f"{name}: {'loaded' if head['loaded'] else head['reason']}"))
        title = ""
    for name, value in found["tokenizer"].items():
        rows.append(("tokenizer" if name == "class" else "", value if name == "class" else f"{name}: {value}"))
    print_table(open_console(), rows)


def describe(folder: Path) -> dict[str, Any]:
    """Return what `oxbert info` prints.

    Args:
        folder: The folder of a model.

    Raises:
        MissingFileError: if the folder lacks a file.
        ConfigError: if the configuration is bad.
        WeightsFormatError: if the weight file is damaged.
    """
    config = AutoConfig.from_pretrained(folder)
    prefix = _PREFIXES[config.model_type]
    weights = find_weights(folder)
    classes = [name for name in sorted(dir(_native)) if name.startswith(f"{prefix}For")]
    encoder, missing, _ = getattr(_native, f"{prefix}Model")._describe(folder)
    if missing:
        raise MissingFileError(
            f"{weights} lacks {_count(missing)} of the encoder, such as {missing[0]}",
            folder=str(folder),
            wanted=missing,
            found=[],
        )
    heads = {name: _head(getattr(_native, name), folder) for name in classes}
    parameters = max((head["parameters"] for head in heads.values() if head["loaded"]), default=encoder)
    hidden, layers = config.hidden_size, config.num_hidden_layers
    forward = config.intermediate_size if prefix == "Electra" else config.hidden_dim
    sizes = {"layers": layers, "hidden": hidden, "attention_heads": config.num_attention_heads, "feed_forward": forward}
    if prefix == "Electra":
        sizes |= {"embedding": config.embedding_size, "token_types": config.type_vocab_size}
    words = config.vocab_size * sizes.get("embedding", hidden)
    sizes["positions"] = config.max_position_embeddings
    return {
        "folder": str(folder),
        "family": prefix,
        "architectures": config.to_dict().get("architectures") or [],
        "sizes": sizes,
        "vocabulary": config.vocab_size,
        "weights": weights.name,
        "bytes": weights.stat().st_size,
        "parameters": parameters,
        "encoder": encoder,
        "memory": {name: _memory(name, parameters, words, hidden, layers, forward) for name in _BYTES},
        "heads": heads,
        "tokenizer": _tokenizer(folder),
    }


def _head(kind: Any, folder: Path) -> dict[str, Any]:
    try:
        parameters, missing, _ = kind._describe(folder)
    except ConfigError as error:
        # The configuration fits other heads, such as one with three labels.
        return {"loaded": False, "parameters": None, "missing": [], "reason": f"does not fit: {error}"}
    reason = f"lacks {_count(missing)}" if missing else None
    return {"loaded": not missing, "parameters": parameters, "missing": missing, "reason": reason}


def _memory(precision: str, parameters: int, words: int, hidden: int, layers: int, forward: int) -> int:
    """Return the bytes of a frozen model: the layers' matrices have the precision, the words are float32 or float16."""
    # Columns and weights.
    projections = 3 * hidden, 3 * hidden * hidden
    others = 2 * hidden + forward, hidden * hidden + 2 * hidden * forward
    matrices = 0
    for (columns, weights), size in zip((projections, others), _BYTES[precision], strict=True):
        # int8 has a scale and two sums for each column.
        matrices += layers * (size * weights + (12 * columns if size == 1 else 0))
    rest = parameters - layers * (projections[1] + others[1]) - words
    return 4 * rest + matrices + (4 if precision == "float32" else 2) * words


def _tokenizer(folder: Path) -> dict[str, Any]:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except OxbertError as error:
        return {"class": f"none: {describe_error(error)}"}
    longest = tokenizer.model_max_length
    return {
        "class": type(tokenizer).__name__,
        "tokens": len(tokenizer),
        "lower case": bool(tokenizer.init_kwargs.get("do_lower_case", True)),
        "longest text": longest if longest is not None and longest < 1 << 30 else "no limit",
    }


def _count(missing: list[str]) -> str:
    return f"{len(missing)} parameter{'s' * (len(missing) > 1)}"


__all__ = ["describe", "info"]
