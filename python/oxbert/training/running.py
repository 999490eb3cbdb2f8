"""`pretrain`: examples -> two models, in one call."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from oxbert import AutoTokenizer, Tokenizer
from oxbert.training._checks import refuse
from oxbert.training._yaml import read_yaml
from oxbert.training.data import ExampleDataset, Examples, TFRecordDataset
from oxbert.training.data.manifest import NAME as MANIFEST
from oxbert.training.data.manifest import UNFINISHED
from oxbert.training.presets import PRESETS, PretrainingConfig, preset
from oxbert.training.trainer import Trainer
from oxbert.training.updates import Precision


def pretrain(
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    config: PretrainingConfig | str | os.PathLike[str] = "small",
    *,
    tokenizer: Tokenizer | str | os.PathLike[str] | None = None,
    held_out: str | os.PathLike[str] | None = None,
    generator: str | os.PathLike[str] | None = None,
    discriminator: str | os.PathLike[str] | None = None,
    device: str | None = None,
    precision: Precision = "float32",
    accumulate: int = 1,
    tensorboard: bool = False,
    resume: bool = True,
    progress: bool | None = None,
    **changes: Any,
) -> dict[str, Any]:
    r"""Pre-train ELECTRA on examples that `write_examples`, or google-research/electra, has written.

    Where it was stopped, the same call goes on, exactly.

    Args:
        data: The folder of examples; or TFRecord files of google-research/electra: a folder, a file or a pattern.
        output: The folder of the run: `checkpoints/`, `log.jsonl`, and in the end `generator/` and `discriminator/`,
            which `from_pretrained` and transformers read.
        config: A preset (`tiny`, `small`, `base`, `large`), a YAML or JSON file of fields, or a configuration. Where
            a preset or a file does not name `vocab_size`, it is the tokenizer's.
        tokenizer: That of the examples, or its folder; None: the one that lies beside them.
        held_out: Examples for evaluation, as `data`.
        generator: See `Trainer`, and so for the next six.
        discriminator: See `Trainer`.
        device: See `Trainer`.
        precision: See `Trainer`.
        accumulate: See `Trainer`.
        tensorboard: See `Trainer`.
        resume: See `Trainer`.
        progress: Whether a bar is drawn; None: on a terminal.
        changes: Fields of the configuration that are to be others, such as `train_steps=1000`.

    Returns:
        What was logged last: `step`, `loss` and so on, and the figures of the last evaluation.

    Raises:
        ConfigError: A field is unknown or wrong, or contradicts the checkpoint; `field` names it.
        InputError: The tokenizer is not that of the examples, or TFRecord files come without any.
        FileError: A file cannot be read or written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import oxbert
        >>> from oxbert.training.data import write_examples
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "text").write_text("Return the value of the node.\nRaise an error.\n" * 20)
        >>> words = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
        >>> _ = write_examples(folder / "text", folder / "examples", words, max_length=16)
        >>> record = pretrain(
        ...     folder / "examples", folder / "run", "small", hidden_size=16, embedding_size=8, num_hidden_layers=1,
        ...     max_length=16,
        ...     batch_size=4, train_steps=3, warmup_steps=1,
        ... )
        >>> record["step"]
        3
    """
    if "preset" in changes:
        refuse("preset", "expected it as config, the third argument")
    if tokenizer is None and (Path(data) / MANIFEST).is_file():
        tokenizer = data
    if tokenizer is None:
        # An unfinished folder says so itself; what is none may be TFRecord files, which come without a tokenizer.
        _open(data, None)
        refuse("tokenizer", f"expected that of {os.fspath(data)}, where none lies, got none")
    if not isinstance(tokenizer, Tokenizer):
        tokenizer = AutoTokenizer.from_pretrained(tokenizer)
    if not isinstance(config, PretrainingConfig):
        config, has_size = _configured(config)
        if not has_size:
            config = dataclasses.replace(config, vocab_size=len(tokenizer))
    config = PretrainingConfig.from_dict(config.to_dict() | changes)
    trainer = Trainer(
        config,
        _open(data, tokenizer),
        tokenizer,
        output,
        held_out=None if held_out is None else _open(held_out, tokenizer),
        generator=generator,
        discriminator=discriminator,
        device=device,
        precision=precision,
        accumulate=accumulate,
        tensorboard=tensorboard,
        resume=resume,
    )
    return trainer.train(progress=progress)


def _configured(config: str | os.PathLike[str]) -> tuple[PretrainingConfig, bool]:
    """What a preset or a file says, and whether it says how large the vocabulary is."""
    if isinstance(config, str) and config in PRESETS:
        return preset(config), False
    if isinstance(config, str) and not Path(config).suffix and not Path(config).exists():
        refuse("config", f"expected one of {', '.join(PRESETS)} or a file, got {config!r}")
    return PretrainingConfig.from_file(config), "vocab_size" in read_yaml(Path(config))


def _open(data: str | os.PathLike[str], tokenizer: Tokenizer | None) -> Examples:
    folder = Path(data)
    if (folder / MANIFEST).is_file() or (folder / UNFINISHED).is_dir():
        return ExampleDataset(data, tokenizer)
    if tokenizer is None:
        return TFRecordDataset(data)
    return TFRecordDataset(data, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
