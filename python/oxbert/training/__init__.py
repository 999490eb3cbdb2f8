"""What trains ELECTRA beside the models: its optimizer, its learning rates, its published runs.

    config = preset("small")
    optimizer = AdamWeightDecay(parameter_groups(module.named_parameters(), learning_rate=config.learning_rate))
    scheduler = learning_rate_scheduler(optimizer, total_steps=config.train_steps, warmup_steps=config.warmup_steps)

This package imports torch, and is imported on its own: `import oxbert.training`.
"""

from oxbert.training.groups import parameter_groups
from oxbert.training.metrics import Metrics
from oxbert.training.optimizer import AdamWeightDecay, Implementation, clip_gradients
from oxbert.training.presets import PRESETS, PretrainingConfig, preset
from oxbert.training.schedule import learning_rate, learning_rate_factor, learning_rate_scheduler
from oxbert.training.trainer import Trainer

__all__ = [
    "PRESETS",
    "AdamWeightDecay",
    "Implementation",
    "Metrics",
    "PretrainingConfig",
    "Trainer",
    "clip_gradients",
    "learning_rate",
    "learning_rate_factor",
    "learning_rate_scheduler",
    "parameter_groups",
    "preset",
]
