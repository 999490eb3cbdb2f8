"""Write the model card of a pre-trained network: what it is, its data, its sizes, its training, its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oxbert._types import Component
from oxbert.training.loop.cards import describe_changes, table
from oxbert.training.pretraining.config import PretrainingConfig

_HEAD = {
    "generator": "---\nlibrary_name: transformers\npipeline_tag: fill-mask\ntags:\n- electra\n- oxbert\n---\n",
    "discriminator": "---\nlibrary_name: transformers\ntags:\n- electra\n- oxbert\n---\n",
}
_PURPOSES = {
    "generator": "A masked language model: it predicts the token at each `[MASK]`.",
    "discriminator": "A discriminator: it predicts for each token whether it was replaced. Other tasks fine-tune it.",
}
_SIZES = {
    "num_hidden_layers": "layers",
    "hidden_size": "hidden size",
    "num_attention_heads": "attention heads",
    "intermediate_size": "feed-forward size",
    "embedding_size": "embedding size",
    "vocab_size": "tokens of the vocabulary",
    "max_position_embeddings": "positions",
}
_SETTINGS = {
    "objective": "objective",
    "batch_size": "examples per step",
    "optimizer": "optimizer",
    "learning_rate": "learning rate, peak",
    "warmup_steps": "warm-up steps",
    "weight_decay": "weight decay",
    "mask_probability": "share of masked tokens",
    "seed": "seed",
}
_FIGURE = "eval_"


def model_card(part: Component, model: Any, config: PretrainingConfig, state: Mapping[str, Any]) -> str:
    """Return the text of a model card.

    Args:
        part: Which network.
        model: The model.
        config: The configuration of the run.
        state: The state of the run, as its checkpoints have it; older ones may lack entries.
    """
    sizes = [("parameters", model.num_parameters())]
    sizes += [(text, getattr(model.config, name)) for name, text in _SIZES.items()]
    training = [("steps", f"{state['step']:,} of {config.train_steps:,}")]
    training += [(text, getattr(config, name)) for name, text in _SETTINGS.items()]
    training += [("tokens seen", state["tokens"])] if state.get("tokens") else []
    training += [("skipped steps, whose gradients were not finite", state["skipped"])] if state["skipped"] else []
    training += [
        (f"changed at step {change['step']:,}", describe_changes(change)) for change in state.get("continued", ())
    ]
    # `tokens_per_second` describes the machine, not the model.
    losses = [(name, value) for name, value in state.get("record", {}).items() if name.endswith("loss")]
    figures = dict(state.get("figures", {}))
    step = figures.pop("step", None)
    held_out = [(name.removeprefix(_FIGURE), value) for name, value in figures.items()]
    versions = ", ".join(f"{name} {version}" for name, version in state.get("versions", {}).items())
    sections = {
        "Sizes": sizes,
        "Data": list(state.get("described_data", {}).items()),
        "Training": [*training, ("written by", versions)] if versions else training,
        f"Figures of held-out text, after step {step or 0:,}": held_out,
        "Losses of the last step, in nats": losses,
    }
    text = f"{_HEAD[part]}\n# ELECTRA {part}\n\n{_PURPOSES[part]}\n\n{_EXAMPLES[part]}"
    return text + "".join(f"\n## {title}\n\n{table(rows)}" for title, rows in sections.items() if rows)


_EXAMPLES = {
    "generator": """```python
import oxbert

fill = oxbert.FillMask.from_pretrained("generator")  # this folder
print(fill("The [MASK] is short."))
```
""",
    "discriminator": """```python
import oxbert

detect = oxbert.ReplacedTokenDetection.from_pretrained("discriminator")  # this folder
print(detect("The text is shirt."))
```
""",
}

__all__ = ["model_card"]
