"""Pre-train ELECTRA: examples -> steps -> checkpoints -> two models."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

import oxbert
from oxbert._checks import check_type, refused
from oxbert._types import AutocastPrecision, Component, Sharing
from oxbert.errors import TrainingWarning
from oxbert.outputs import PretrainingOutput
from oxbert.training.data import Examples
from oxbert.training.data.batching import cut
from oxbert.training.loop.curves import draw_curves
from oxbert.training.loop.example_loop import ExampleLoop, check_examples
from oxbert.training.loop.log import has_log
from oxbert.training.loop.options import LaunchOptions, document_fields
from oxbert.training.pretraining.advice import advise
from oxbert.training.pretraining.config import NETWORK_FIELDS, PretrainingConfig
from oxbert.training.pretraining.export import export
from oxbert.training.pretraining.metrics import Metrics
from oxbert.training.pretraining.networks import begin_with, check_vocabulary, shared_prefix

_Source = str | os.PathLike[str]


@dataclass(frozen=True)
class PretrainingBatch:
    """Hold the examples of a step, and the numbers of tokens that its losses are means over."""

    step: int
    examples: list[Any]
    totals: tuple[int, int, int]

    @property
    def tokens(self) -> int:
        """Return the number of tokens."""
        return self.totals[1]

    def __len__(self) -> int:
        return len(self.examples)


@document_fields(LaunchOptions)
class Trainer(ExampleLoop[PretrainingBatch]):
    r"""Run the pre-training of a generator and a discriminator.

    Under `torchrun` every process makes a trainer with the same arguments. Each computes its share of a batch, and
    gradients are summed (gloo on CPUs, NCCL on GPUs). The losses are means over the whole batch, and on CPUs dropout is
    a function of the example, so that neither the number of processes nor `accumulate` changes the result.

    Args:
        config: What is trained, and how.
        examples: The text, from `oxbert.training.data`.
        tokenizer: The tokenizer of the examples. Its special tokens are never masked, and it is saved with the models.
        output: The folder of the run: `checkpoints/`, `log.jsonl`, and in the end `generator/`, `discriminator/` and,
            if matplotlib is installed, `curves.png`.
        held_out: Text for evaluation.
        generator: The folder or name of a model whose weights the generator begins with, instead of fresh ones.
        discriminator: The same for the discriminator. Parameters that the two share begin with the discriminator's.
        {fields}

    Attributes:
        networks: The two networks and the objective.
        parameters: The trained parameters of both networks, by name.
        updates: The optimizer and its state.
        step: The number of steps that are done.
        tokens: The number of tokens of these steps.
        skipped: The number of steps that changed nothing, since a gradient was not finite.
        processes: The rank of this process, the number of processes, and the device.

    Raises:
        ConfigError: if the configuration differs from that of the checkpoint, or of a model to begin with; `field`
            names the difference.
        DtypeError: if the configuration is of another type.
        InputError: if the tokenizer has more tokens than `vocab_size`, or another vocabulary than a model to begin
            with; if an option is impossible; if the output folder has a run that does not continue from
            `continue_from`.

    Warns:
        TrainingWarning: if the run will hardly learn: the learning rate stays far below `learning_rate`, or the rows of
            the examples are mostly short.

    Example:
        >>> import tempfile
        >>> from oxbert.training import PretrainingConfig
        >>> from oxbert.training.data import ExampleDataset, write_examples
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "text").write_text("Return the value of the node.\nRaise an error.\n" * 20)
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
        >>> _ = write_examples(folder / "text", folder / "examples", tokenizer, max_length=16)
        >>> config = PretrainingConfig(
        ...     vocab_size=8192, embedding_size=8, hidden_size=16, num_hidden_layers=1, max_length=16,
        ...     batch_size=4, train_steps=3, warmup_steps=1,
        ... )
        >>> trainer = Trainer(config, ExampleDataset(folder / "examples"), tokenizer, folder / "run")
        >>> trainer.train(progress=False)["step"]
        3
        >>> oxbert.ElectraForPreTraining.from_pretrained(folder / "run" / "discriminator").config.hidden_size
        16
    """

    config: PretrainingConfig
    fixed_fields = NETWORK_FIELDS

    def __init__(
        self,
        config: PretrainingConfig,
        examples: Examples,
        tokenizer: oxbert.Tokenizer,
        output: _Source,
        *,
        held_out: Examples | None = None,
        generator: _Source | None = None,
        discriminator: _Source | None = None,
        device: str | None = LaunchOptions.device,
        precision: AutocastPrecision = LaunchOptions.precision,
        accumulate: int = LaunchOptions.accumulate,
        tensorboard: bool = LaunchOptions.tensorboard,
        resume: bool = LaunchOptions.resume,
        continue_from: _Source | None = LaunchOptions.continue_from,
    ) -> None:
        check_type("config", config, PretrainingConfig, "a PretrainingConfig")
        if len(tokenizer) > config.vocab_size:
            raise refused(
                "tokenizer", f"expected at most vocab_size = {config.vocab_size} tokens, got {len(tokenizer)}"
            )
        launch = LaunchOptions(
            device=device,
            precision=precision,
            accumulate=accumulate,
            tensorboard=tensorboard,
            resume=resume,
            continue_from=continue_from,
        )
        check_examples(examples, held_out, config.max_length, "max_length")
        super().__init__(config, launch, output, examples, held_out, tokenizer)
        for text in () if self.processes.rank else advise(config, examples):
            warnings.warn(text, TrainingWarning, stacklevel=2)
        generator_config, discriminator_config = config.electra_configs()
        self._configs: dict[Component, oxbert.ElectraConfig] = {
            "generator": generator_config,
            "discriminator": discriminator_config,
        }
        self.networks = oxbert.PretrainingNetworks(
            None if config.objective == "uniform" else generator_config,
            None if config.objective == "mlm" else discriminator_config,
            special_ids=self._special_ids,
            max_predictions=config.max_predictions,
            mask_probability=config.mask_probability,
            masked_share=config.masked_share,
            with_replacement=config.with_replacement,
            sharing=_sharing(config),
            masked_lm_weight=config.gen_weight,
            replaced_weight=config.disc_weight,
            temperature=config.temperature,
            disallow_correct=config.disallow_correct,
            electric=config.objective == "electric",
            seed=config.seed,
            device=str(self.processes.device),
        )
        sources: dict[Component, _Source | None] = {"generator": generator, "discriminator": discriminator}
        self.begin(self.networks.named_parameters(), lambda: self._begin_with(sources))

    @property
    def _special_ids(self) -> tuple[int, int, int]:
        tokenizer = self.tokenizer
        return tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id

    def _begin_with(self, sources: dict[Component, _Source | None]) -> None:
        for part, source in sources.items():
            if source is not None:
                check_vocabulary(part, source, self.tokenizer)
                begin_with(part, source, self.parameters, self._configs[part], shared_prefix(self.config))

    def draw_batch(self, step: int) -> PretrainingBatch:
        """Return the examples of a step. Those of the first steps may be cut into short pieces."""
        config = self.config
        examples = self.examples_of(step)
        if step < config.short_steps:
            separators = self._special_ids[:2]
            examples = [piece for example in examples for piece in cut(example, config.short_length, *separators)]
        totals = self.networks.totals([example["input_ids"] for example in examples])
        return PretrainingBatch(step, examples, totals)

    def loss_names(self) -> list[str]:
        """Return the names of the losses of the next step."""
        config = self.config
        is_there = {
            "loss": True,
            "masked_lm_loss": config.objective != "uniform",
            "cloze_loss": config.objective == "electric",
            "replaced_loss": config.objective != "mlm" and self.step >= config.generator_steps,
        }
        return [name for name in is_there if is_there[name]]

    def compute_losses(self, batch: PretrainingBatch, places: list[int]) -> PretrainingOutput:
        """Return the losses of some examples of a batch, as shares of the means over the whole batch."""
        return self._run([batch.examples[place] for place in places], batch.step, places, batch.totals, train=True)

    def _run(
        self, examples: list[Any], step: int, places: list[int], totals: tuple[int, int, int] | None, train: bool
    ) -> PretrainingOutput:
        return self.networks.step(
            [example["input_ids"] for example in examples],
            [example["first_segment"] for example in examples],
            seed=self.config.seed,
            step=step,
            examples=places,
            totals=totals,
            train=train,
            discriminate=not train or step >= self.config.generator_steps,
        )

    def is_trained(self, name: str) -> bool:
        """Return whether the next step trains a parameter: while the generator learns alone, only its own."""
        if self.step >= self.config.generator_steps or not name.startswith("discriminator."):
            return True
        prefix = shared_prefix(self.config)
        return prefix is not None and name.startswith(prefix)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Return the figures of the held-out text, with the same examples and masks at every evaluation.

        Raises:
            InputError: if there is no held-out text.
        """
        metrics = Metrics()
        for places, examples in self.held_out_batches():
            with self.autocast():
                metrics.add(self._run(examples, 0, list(places), None, train=False))
        return metrics.result()

    def data_fingerprint(self) -> str:
        """Return what tells the text of this run from others: the examples, and the tokens that are never chosen."""
        return f"{self.examples.fingerprint} {self._special_ids}"

    def export(self) -> dict[Component, Path]:
        """Write the models as folders that `from_pretrained`, transformers and, as `.ot`, rust_bert read; draw curves.

        Returns:
            The folders by name: `generator`, `discriminator`. Electric's two towers have no counterpart in other
            libraries: they stay in the checkpoint.
        """
        if self.processes.rank:
            return {}
        folders = export(self.config, self.parameters, self.tokenizer, self.output, self.state())
        if find_spec("matplotlib") is not None and has_log(self.output):
            draw_curves(self.output)
        return folders


def _sharing(config: PretrainingConfig) -> Sharing:
    if not config.untied_generator:
        return "everything"
    return "nothing" if config.untied_generator_embeddings else "embeddings"


__all__ = ["PretrainingBatch", "Trainer"]
