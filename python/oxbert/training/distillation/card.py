"""Write the model card of a distilled model: its teacher, its sizes, its data, its training, its losses."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from oxbert.training.distillation.config import DistillationConfig
from oxbert.training.loop.cards import describe_changes, table

_SIZES = {
    "num_hidden_layers": "layers",
    "hidden_size": "hidden size",
    "num_attention_heads": "attention heads",
    "vocab_size": "tokens of the vocabulary",
    "max_position_embeddings": "positions",
}
_SETTINGS = {
    "soft_weight": "weight of the soft targets",
    "temperature": "temperature",
    "masked_weight": "weight of the masked tokens",
    "cosine_weight": "weight of the cosine loss",
    "batch_size": "examples per step",
    "optimizer": "optimizer",
    "learning_rate": "learning rate, peak",
    "warmup_steps": "warm-up steps",
    "seed": "seed",
}
_HEAD = "---\nlibrary_name: transformers\npipeline_tag: fill-mask\ntags:\n- distillation\n- oxbert\n---\n"
_USE = """```python
import oxbert

fill = oxbert.pipeline("fill-mask", "model")  # this folder
print(fill("The function returns a [MASK].")[0]["sequence"])
```
"""


def model_card(
    config: DistillationConfig,
    teacher: str | os.PathLike[str],
    student: Any,
    layers: Sequence[int] | None,
    state: Mapping[str, Any],
) -> str:
    """Return the text of a model card.

    Args:
        config: The configuration of the run.
        teacher: The teacher.
        student: The configuration of the student.
        layers: The layers of the teacher that the student began with.
        state: The state of the run, as its checkpoints have it.
    """
    # The path on the machine of the training run means nothing elsewhere.
    name = os.fspath(teacher).rstrip("/").rsplit("/", 1)[-1]
    begun = "other weights" if layers is None else f"the teacher's layers {', '.join(map(str, layers))}"
    training = [("teacher", name), ("begun with", begun), ("steps", f"{state['step']:,} of {config.train_steps:,}")]
    training += [(words, getattr(config, field)) for field, words in _SETTINGS.items()]
    training += [(f"changed at step {one['step']:,}", describe_changes(one)) for one in state.get("continued", ())]
    versions = ", ".join(f"{package} {version}" for package, version in state.get("versions", {}).items())
    figures = {one: value for one, value in state.get("figures", {}).items() if one != "step"}
    losses = [(one, value) for one, value in state.get("record", {}).items() if one.endswith("loss")]
    sections = {
        "Sizes": [(words, getattr(student, field)) for field, words in _SIZES.items()],
        "Data": list(state.get("described_data", {}).items()),
        "Training": [*training, ("written by", versions)],
        "Losses of held-out text": [(one.removeprefix("eval_"), value) for one, value in figures.items()],
        "Losses of the last step": losses,
    }
    text = f"{_HEAD}\n# A student of {name}\n\nA masked language model, distilled from a larger one.\n\n{_USE}"
    return text + "".join(f"\n## {title}\n\n{table(rows)}" for title, rows in sections.items() if rows)


__all__ = ["model_card"]
