"""Pre-train ELECTRA and fine-tune models: data, optimizers, learning rates, published runs, and the loop.

    write_examples("corpus/", "examples", vocab_size=8192)   # from oxbert.training.data
    pretrain("examples", "run", "tiny")
    finetune("mnli", "glue/MNLI", "mnli", model="run/discriminator")
    distill("examples", "student", teacher="run/generator")

Import this package on its own: `import oxbert.training`. torch is imported with the first name that needs it: all but
`DistillationConfig`, `FineTuningConfig`, `Implementation`, `PRESETS`, `PretrainingConfig`, `keep_memory` and `preset`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oxbert._types import Implementation
    from oxbert.pipelines.linear_head import LinearHead
    from oxbert.training.distillation.config import DistillationConfig
    from oxbert.training.distillation.run import distill
    from oxbert.training.distillation.trainer import Distiller
    from oxbert.training.finetuning.config import FineTuningConfig
    from oxbert.training.finetuning.run import evaluate, finetune
    from oxbert.training.finetuning.tasks.registry import TASKS
    from oxbert.training.finetuning.trainer import FineTuner
    from oxbert.training.loop.curves import draw_curves
    from oxbert.training.loop.memory import keep_memory
    from oxbert.training.optim.groups import parameter_groups
    from oxbert.training.optim.optimizer import AdamWeightDecay, clip_gradients
    from oxbert.training.optim.schedule import learning_rate, learning_rate_factor, learning_rate_scheduler
    from oxbert.training.pretraining.config import PRESETS, PretrainingConfig, preset
    from oxbert.training.pretraining.export import export_checkpoint
    from oxbert.training.pretraining.metrics import Metrics
    from oxbert.training.pretraining.run import pretrain
    from oxbert.training.pretraining.trainer import Trainer

# The command line reads the options of a run before it knows whether it has to train. Hence no import of torch here.
_MODULES = {
    "Implementation": "oxbert._types",
    "DistillationConfig": "oxbert.training.distillation.config",
    "distill": "oxbert.training.distillation.run",
    "Distiller": "oxbert.training.distillation.trainer",
    "FineTuningConfig": "oxbert.training.finetuning.config",
    "LinearHead": "oxbert.pipelines.linear_head",
    "evaluate": "oxbert.training.finetuning.run",
    "finetune": "oxbert.training.finetuning.run",
    "TASKS": "oxbert.training.finetuning.tasks.registry",
    "FineTuner": "oxbert.training.finetuning.trainer",
    "draw_curves": "oxbert.training.loop.curves",
    "keep_memory": "oxbert.training.loop.memory",
    "parameter_groups": "oxbert.training.optim.groups",
    "AdamWeightDecay": "oxbert.training.optim.optimizer",
    "clip_gradients": "oxbert.training.optim.optimizer",
    "learning_rate": "oxbert.training.optim.schedule",
    "learning_rate_factor": "oxbert.training.optim.schedule",
    "learning_rate_scheduler": "oxbert.training.optim.schedule",
    "PRESETS": "oxbert.training.pretraining.config",
    "PretrainingConfig": "oxbert.training.pretraining.config",
    "preset": "oxbert.training.pretraining.config",
    "export_checkpoint": "oxbert.training.pretraining.export",
    "Metrics": "oxbert.training.pretraining.metrics",
    "pretrain": "oxbert.training.pretraining.run",
    "Trainer": "oxbert.training.pretraining.trainer",
}
_SUBMODULES = {"data", "optimizer", "presets", "schedule"}


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})


__all__ = [
    "PRESETS",
    "TASKS",
    "AdamWeightDecay",
    "DistillationConfig",
    "Distiller",
    "FineTuner",
    "FineTuningConfig",
    "Implementation",
    "LinearHead",
    "Metrics",
    "PretrainingConfig",
    "Trainer",
    "clip_gradients",
    "distill",
    "draw_curves",
    "evaluate",
    "export_checkpoint",
    "finetune",
    "keep_memory",
    "learning_rate",
    "learning_rate_factor",
    "learning_rate_scheduler",
    "parameter_groups",
    "preset",
    "pretrain",
]
