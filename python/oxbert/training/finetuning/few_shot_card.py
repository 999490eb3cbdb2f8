"""Write the model card of an encoder that learned classes from few examples."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from oxbert.training.finetuning.config import FineTuningConfig
from oxbert.training.finetuning.tasks.few_shot import FewShot
from oxbert.training.loop.cards import table

_HEAD = "---\nlibrary_name: sentence-transformers\npipeline_tag: sentence-similarity\ntags:\n- oxbert\n---\n"
_USE = """```python
import oxbert

print(oxbert.pipeline("text-classification", "model")("The text."))  # this folder
print(oxbert.SentenceEncoder.from_pretrained("model").encode("The text."))
```
"""


def model_card(
    task: FewShot,
    config: FineTuningConfig,
    source: str | os.PathLike[str],
    labels: Sequence[str],
    step: int,
    state: Mapping[str, Any],
    figures: Mapping[str, Mapping[str, float]],
) -> str:
    """Return the text of a model card.

    Args:
        task: The task.
        config: The configuration of the run.
        source: The model that the run began with.
        labels: The names of the classes.
        step: The step of the checkpoint that the model is from.
        state: The state of the run, as its checkpoints have it.
        figures: The figures of each split.
    """
    # The path on the machine of the training run means nothing elsewhere.
    begun = os.fspath(source).rstrip("/").rsplit("/", 1)[-1]
    versions = ", ".join(f"{name} {version}" for name, version in state.get("versions", {}).items())
    training = [("begun with", begun), ("loss", task.contrast), ("steps", step)]
    if task.contrast != "none":
        training += [("pairs or triplets per example", task.rounds), ("examples per step", config.batch_size)]
        training += [("learning rate, peak", config.learning_rate), ("seed", config.seed)]
    sections = {
        "Data": [*state.get("described_data", {}).items(), ("labels", ", ".join(labels))],
        "Training": [*training, ("written by", versions)],
        **{f"Figures of {split}": list(found.items()) for split, found in figures.items() if found},
    }
    text = f"{_HEAD}\n# {begun}, on few examples\n\nVectors of texts, and a linear head for classes.\n\n{_USE}"
    return text + "".join(f"\n## {title}\n\n{table(rows)}" for title, rows in sections.items() if rows)


__all__ = ["model_card"]
