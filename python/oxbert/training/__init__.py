"""Pre-training of ELECTRA: its data, its optimizer, its learning rates, its published runs, and what runs them.

    write_examples("corpus/", "examples", vocab_size=8192)   # of oxbert.training.data
    pretrain("examples", "run", "tiny")

This package imports torch, and is imported on its own: `import oxbert.training`.
"""

from oxbert.training.loop.log import draw_curves
from oxbert.training.optim.groups import parameter_groups
from oxbert.training.optim.optimizer import AdamWeightDecay, Implementation, clip_gradients
from oxbert.training.optim.schedule import learning_rate, learning_rate_factor, learning_rate_scheduler
from oxbert.training.pretraining.config import PRESETS, PretrainingConfig, preset
from oxbert.training.pretraining.metrics import Metrics
from oxbert.training.pretraining.run import pretrain
from oxbert.training.pretraining.trainer import Trainer

__all__ = [
    "PRESETS",
    "AdamWeightDecay",
    "Implementation",
    "Metrics",
    "PretrainingConfig",
    "Trainer",
    "clip_gradients",
    "draw_curves",
    "learning_rate",
    "learning_rate_factor",
    "learning_rate_scheduler",
    "parameter_groups",
    "preset",
    "pretrain",
]
