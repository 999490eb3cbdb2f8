"""Distil in one call: examples and a teacher -> a smaller model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from oxbert import AutoTokenizer, Config
from oxbert._types import AutocastPrecision, PathLike
from oxbert.training.data import ExampleDataset
from oxbert.training.distillation.config import DistillationConfig
from oxbert.training.distillation.trainer import Distiller
from oxbert.training.loop.options import LaunchOptions


def distill(
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    config: DistillationConfig | str | os.PathLike[str] | None = None,
    *,
    teacher: PathLike,
    student: PathLike | Config | None = None,
    layers: Sequence[int] | int | None = None,
    held_out: str | os.PathLike[str] | None = None,
    device: str | None = LaunchOptions.device,
    precision: AutocastPrecision = LaunchOptions.precision,
    accumulate: int = LaunchOptions.accumulate,
    tensorboard: bool = LaunchOptions.tensorboard,
    resume: bool = LaunchOptions.resume,
    continue_from: str | os.PathLike[str] | None = LaunchOptions.continue_from,
    progress: bool | None = None,
    **changes: Any,
) -> dict[str, Any]:
    r"""Distil a masked LM into a smaller one on examples that `write_examples` has written.

    The student learns the teacher's probabilities of every token (soft targets), the masked tokens, and the direction
    of the teacher's last hidden states. After a stop, the same call resumes exactly.

    Args:
        data: The folder of examples, written with the teacher's tokenizer.
        output: The folder of the run: `checkpoints/`, `log.jsonl`, and in the end `model/`, which `oxbert.pipeline`,
            transformers and, as `.ot`, rust_bert load.
        config: A configuration, or a YAML or JSON file of fields; None means the defaults.
        teacher: The folder or name of a masked LM, ELECTRA's (a generator) or DistilBERT's.
        student: `electra` or `distilbert`: a student of that family, as wide as the teacher, that begins with its
            embeddings, its head and some of its layers; None means the teacher's family. A configuration: the same if
            the widths are the teacher's, otherwise random weights. The folder or name of a model: that model.
        layers: How many layers the student has, evenly spread over the teacher's; or which ones it begins with, such as
            `[0, 2, 4]`. None means half of the teacher's, or as many as the student's configuration says.
        held_out: Examples for evaluation.
        device: See `Distiller`, like the next five.
        precision: See `Distiller`.
        accumulate: See `Distiller`.
        tensorboard: See `Distiller`.
        resume: See `Distiller`.
        continue_from: See `Distiller`.
        progress: Whether to draw a progress bar; None means on a terminal, and plain lines elsewhere.
        changes: Fields of the configuration to replace, such as `train_steps=1000`.

    Returns:
        The last record of the log: `step`, `loss`, `soft_loss`, `masked_lm_loss`, `cosine_loss` and so on, and the
        figures of the last evaluation.

    Raises:
        ConfigError: if a field is unknown or wrong, or contradicts the checkpoint; `field` names it.
        DataError: if the examples were written with another tokenizer, or are damaged.
        InputError: if the student does not fit the teacher or the examples.
        MissingFileError: if a file is missing.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from oxbert.training.data import write_examples
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "text").write_text("Return the value of the node.\nRaise an error.\n" * 20)
        >>> words = AutoTokenizer.from_pretrained("electra-tiny-generator")
        >>> _ = write_examples(folder / "text", folder / "examples", words, max_length=16)
        >>> record = distill(
        ...     folder / "examples", folder / "run", teacher="electra-tiny-generator", student="distilbert", layers=2,
        ...     train_steps=3, warmup_steps=1, batch_size=4, progress=False,
        ... )
        >>> record["step"], record["soft_loss"] < record["loss"]
        (3, True)
    """
    if isinstance(config, DistillationConfig):
        values = config.to_dict()
    else:
        values = {} if config is None else DistillationConfig.from_file(config).to_dict()
    tokenizer = AutoTokenizer.from_pretrained(teacher)
    distiller = Distiller(
        DistillationConfig.from_dict(values | changes),
        ExampleDataset(data, tokenizer),
        output,
        teacher=teacher,
        student=student,
        layers=layers,
        held_out=None if held_out is None else ExampleDataset(held_out, tokenizer),
        device=device,
        precision=precision,
        accumulate=accumulate,
        tensorboard=tensorboard,
        resume=resume,
        continue_from=continue_from,
    )
    return distiller.train(progress=progress)


__all__ = ["distill"]
