"""Pre-training: examples -> steps -> checkpoints -> two models.

Everything that a step does is a function of the configuration, the examples and the number of the step. So a run that
was interrupted goes on exactly, and several processes do together what one does alone.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import torch
from tqdm import tqdm

import oxbert
from oxbert._checks import refuse
from oxbert._files import damaged
from oxbert._types import AutocastPrecision, Component, Sharing
from oxbert.errors import ConfigError, OxbertError
from oxbert.outputs import PretrainingOutput
from oxbert.training.data import Examples
from oxbert.training.data.batching import cut
from oxbert.training.loop.checkpoints import list_checkpoints, read_checkpoint, write_checkpoint
from oxbert.training.loop.log import RunLog, draw_curves, has_log
from oxbert.training.loop.processes import Processes
from oxbert.training.loop.signals import StopSignals
from oxbert.training.loop.updates import Updates
from oxbert.training.pretraining.config import PretrainingConfig
from oxbert.training.pretraining.metrics import Metrics
from oxbert.training.pretraining.networks import begin_with, export, shared_prefix

_MOST_SKIPPED = 10
"""Steps in a row whose gradients are not finite before a run gives up."""
_FIGURE = "eval_"
"""Before the names of what an evaluation finds, in the log."""
_FREE = {"save_every", "keep_checkpoints", "evaluate_every", "evaluation_batches", "eval_batch_size"}
"""What may change from one part of a run to the next."""

_Source = str | os.PathLike[str]


class Trainer:
    r"""A pre-training run.

    Under `torchrun` every process makes one with the same arguments; each computes its share of a batch, and gradients
    are added up (gloo on CPUs, NCCL on GPUs). The losses are means over the whole batch, and on CPUs dropout is a
    function of the example, so that it does not matter how many processes there are, nor into how many parts
    `accumulate` cuts a share.

    Args:
        config: What is trained, and how.
        examples: The text, as `oxbert.training.data` has it.
        tokenizer: Of the examples: its special tokens are those of the masking, and it is saved with the models.
        output: The folder of the run: `checkpoints/`, `log.jsonl`, and in the end `generator/`, `discriminator/` and,
            where matplotlib is installed, `curves.png`.
        held_out: Text for evaluation.
        generator: A model's folder or name whose weights the generator begins with, instead of fresh ones.
        discriminator: The same for the discriminator; what the two share is the discriminator's then.
        device: `cpu`, `cuda`; None: CUDA where `torchrun` starts one process a GPU and there are any, else the CPU.
        precision: What matrix products are computed in; parameters stay float32. With `float16` the loss is scaled, and
            a step that the scale was too large for is left out.
        accumulate: Into how many parts a process cuts its share of a batch: less memory, the same gradients.
        tensorboard: Whether `tensorboard/` is written as well.
        resume: Whether to go on from the newest checkpoint of the folder, where there is one. Otherwise the run begins
            anew, and those that are there go when it writes its first.

    Attributes:
        networks: The step of the objective.
        parameters: Of both networks, by name: what is trained, the parameters themselves.
        updates: The optimizer and what it remembers.
        step: How many steps are done.
        skipped: How many of them changed nothing.
        processes: The number of this process, of all, and the device.

    Raises:
        ConfigError: The configuration contradicts itself, or is not that of the checkpoint or of a model to begin with;
            `field` names it.
        InputError: The tokenizer has another vocabulary than the configuration; an option that cannot be.

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
        device: str | None = None,
        precision: AutocastPrecision = "float32",
        accumulate: int = 1,
        tensorboard: bool = False,
        resume: bool = True,
    ) -> None:
        if len(tokenizer) > config.vocab_size:
            refuse("tokenizer", f"expected at most vocab_size = {config.vocab_size} tokens, got {len(tokenizer)}")
        if precision not in get_args(AutocastPrecision):
            refuse("precision", f"expected one of {', '.join(get_args(AutocastPrecision))}, got {precision!r}")
        if accumulate < 1:
            refuse("accumulate", f"expected at least 1, got {accumulate}")
        for what, given in (("examples", examples), ("held_out", held_out)):
            if given is not None:
                _check(what, given, config)
        self.config, self.examples, self.tokenizer = config, examples, tokenizer
        self.output, self.held_out = Path(output), held_out
        self.precision, self.accumulate, self.tensorboard = precision, accumulate, tensorboard
        self.processes = Processes(device)
        generator_config, discriminator_config = config.electra_configs()
        self._configs: dict[Component, oxbert.ElectraConfig] = {
            "generator": generator_config,
            "discriminator": discriminator_config,
        }
        self.networks = oxbert.PretrainingNetworks(
            None if config.objective == "uniform" else generator_config,
            None if config.objective == "mlm" else discriminator_config,
            special_ids=(tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id),
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
        self.parameters = dict(self.networks.named_parameters())
        self.updates = Updates(self.parameters, config, self.processes.device, precision)
        self.step, self.skipped, self._in_a_row = 0, 0, 0
        checkpoints = list_checkpoints(self._checkpoints) if resume else []
        if checkpoints:
            self._load(checkpoints[-1][1])
        else:
            sources: dict[Component, _Source | None] = {"generator": generator, "discriminator": discriminator}
            for part, source in sources.items():
                if source is not None:
                    begin_with(part, source, self.parameters, self._configs[part], shared_prefix(config))
        self.processes.begin_alike(self.step, self.parameters.values())

    @property
    def _checkpoints(self) -> Path:
        return self.output / "checkpoints"

    def train(self, *, progress: bool | None = None, stop: int | None = None) -> dict[str, Any]:
        """Train to the last step, and write both models.

        Ctrl-C and SIGTERM end it after the step under way, with a checkpoint; a second Ctrl-C does at once.

        Args:
            progress: Whether a bar is drawn; None: on a terminal.
            stop: The step before which to end instead, with a checkpoint and no models.

        Returns:
            What was logged last: `step`, `loss` and so on, and the figures of the last evaluation.

        Raises:
            OxbertError: Ten steps in a row had gradients that are not finite; the last good checkpoint is named.
            KeyboardInterrupt: After Ctrl-C.
            SystemExit: After SIGTERM, with 143, as a process that it ends has.
        """
        config = self.config
        last = config.train_steps if stop is None else min(stop, config.train_steps)
        # None: off where standard error is no terminal.
        bar = tqdm(
            total=config.train_steps,
            initial=self.step,
            unit=" steps",
            disable=(True if self.processes.rank else None) if progress is None else not progress,
        )
        begin, tokens, is_stopped = time.perf_counter(), 0, False
        with bar, self._log() as log, StopSignals() as signals:
            record = {"step": self.step, **(log.last if log is not None else {})}
            # A run may have ended between a checkpoint and the evaluation that belongs to it.
            if self.step and log is not None and self._is_evaluated() and not any(map(_is_figure, record)):
                record |= self._evaluated(log)
            while self.step < last and not is_stopped:
                record, step_tokens, is_stopped = self._step(signals)
                if self._in_a_row >= _MOST_SKIPPED:
                    raise self._given_up()
                tokens += step_tokens
                rate = tokens / (time.perf_counter() - begin)
                record["tokens_per_second"] = round(rate)
                bar.set_postfix(loss=f"{record['loss']:.3f}", tokens=f"{rate:,.0f}/s", refresh=False)
                bar.update()
                if log is not None:
                    log.write(record)
                if self.step % config.save_every == 0 or self.step == last or is_stopped:
                    if log is not None:
                        log.flush()
                    self.save()
                if self._is_evaluated():
                    record |= self._evaluated(log)
        # Whoever ends first would have the others ended too.
        self.processes.wait()
        if (is_stopped or signals.received is not None) and self.step < config.train_steps:
            raise SystemExit(128 + signal.SIGTERM) if signals.received == signal.SIGTERM else KeyboardInterrupt
        if self.step == config.train_steps:
            self.export()
            self.processes.wait()
        return record

    def _evaluated(self, log: RunLog | None) -> dict[str, Any]:
        """The figures of an evaluation by the names of the log, where they are written down."""
        figures = {f"{_FIGURE}{name}": value for name, value in self.evaluate().items()}
        if log is not None:
            log.write({"step": self.step, **figures})
        return figures

    def _is_evaluated(self) -> bool:
        """Whether the held-out text comes after this step: it does after the last."""
        every = self.config.evaluate_every
        is_due = self.step == self.config.train_steps or (every > 0 and self.step % every == 0)
        return is_due and self.held_out is not None

    def _step(self, signals: StopSignals) -> tuple[dict[str, Any], int, bool]:
        """One update: what it came to, how many tokens it took, and whether any process is to stop."""
        config, step = self.config, self.step
        torch.manual_seed(_mixed(config.seed, step, self.processes.rank))
        numbers = self.examples.batch_indices(step, config.batch_size, config.seed)
        whole = [self.examples[number] for number in numbers]
        if step < config.short_steps:
            separators = (self.tokenizer.cls_token_id, self.tokenizer.sep_token_id)
            whole = [piece for example in whole for piece in cut(example, config.short_length, *separators)]
        totals = self.networks.totals([example["input_ids"] for example in whole])
        own = list(range(self.processes.rank, len(whole), self.processes.world))
        self.updates.clear()
        names = self._losses()
        # A signal reaches processes at different steps: they agree on one.
        sums = torch.zeros(len(names) + 1, device=self.processes.device)
        sums[-1] = signals.received is not None
        for part in range(self.accumulate):
            places = own[part :: self.accumulate]
            if not places:
                continue
            with self._autocast():
                output = self._run([whole[place] for place in places], step, places, totals, train=True)
            self.updates.backward(output.loss)
            sums[:-1] += torch.stack([output[name].detach() for name in names])
        self.processes.add_up([sums, *self._gradients()])
        rate, norm, is_skipped = self.updates.apply(step)
        self.step += 1
        self.skipped += is_skipped
        self._in_a_row = self._in_a_row + 1 if is_skipped and not self.updates.can_rescale else 0
        *losses, stops = sums.tolist()
        record = {"step": self.step, **dict(zip(names, losses, strict=True))}
        record |= {"learning_rate": rate, "gradient_norm": norm, "skipped": is_skipped}
        return record, totals[1], stops > 0

    def _losses(self) -> list[str]:
        """The losses that this step has, by name."""
        config = self.config
        is_there = {
            "loss": True,
            "masked_lm_loss": config.objective != "uniform",
            "cloze_loss": config.objective == "electric",
            "replaced_loss": config.objective != "mlm" and self.step >= config.generator_steps,
        }
        return [name for name in is_there if is_there[name]]

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

    def _gradients(self) -> list[torch.Tensor]:
        """Those of all parameters that this step trains, the same on every process: zeros where a share had none.

        Others have no gradient, so that they are not decayed either.
        """
        prefix = shared_prefix(self.config)
        is_alone = self.step < self.config.generator_steps
        gradients = []
        for name, parameter in self.parameters.items():
            if is_alone and name.startswith("discriminator.") and not (prefix and name.startswith(prefix)):
                continue
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        return gradients

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """The figures of the held-out text, the same text and the same masks at every evaluation.

        Raises:
            InputError: There is no held-out text.
        """
        if self.held_out is None:
            refuse("held_out", "expected text for evaluation, got none")
        size = self.config.eval_batch_size
        count = min(self.config.evaluation_batches, -(-len(self.held_out) // size))
        metrics = Metrics()
        for number in range(count):
            places = list(range(number * size, min((number + 1) * size, len(self.held_out))))
            with self._autocast():
                metrics.add(self._run([self.held_out[place] for place in places], 0, places, None, train=False))
        return metrics.result()

    def save(self) -> Path | None:
        """Write a checkpoint of this step; the first process does.

        Raises:
            FileError: It cannot be written; then the checkpoints are what they were.
        """
        if self.processes.rank:
            return None
        state = {
            "step": self.step,
            "skipped": self.skipped,
            "in_a_row": self._in_a_row,
            "config": self.config.to_dict(),
            "data": self._data(),
            "scale": self.updates.state(),
            "versions": {"oxbert": oxbert.__version__, "torch": torch.__version__},
        }
        keep = self.config.keep_checkpoints
        parameters = {name: parameter.detach() for name, parameter in self.parameters.items()}
        return write_checkpoint(self._checkpoints, self.step, parameters, self.updates.tensors(), state, keep)

    def _data(self) -> str:
        """What tells the text of this run from others: the examples, and the tokens that are never chosen."""
        special = (self.tokenizer.cls_token_id, self.tokenizer.sep_token_id, self.tokenizer.mask_token_id)
        return f"{self.examples.fingerprint} {special}"

    def _load(self, path: Path) -> None:
        parameters, moments, state = read_checkpoint(path)
        # What an older release did not know of had the value that is the default now.
        saved, now = PretrainingConfig().to_dict() | state["config"], self.config.to_dict()
        for name in now:
            if saved[name] != now[name] and name not in _FREE:
                reason = f"the checkpoint {path} was made with {saved[name]!r}, got {now[name]!r}"
                reason += "; give another output folder"
                raise ConfigError(f"{name}: {reason}", field=name, reason=reason, path=str(path))
        if state["data"] != self._data():
            reason = f"the checkpoint {path} was made with other examples; give another output folder"
            raise ConfigError(f"examples: {reason}", field="examples", reason=reason, path=str(path))
        if parameters.keys() != self.parameters.keys():
            raise damaged(path, "its parameters are not those of the configuration")
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(parameters[name])
        self.updates.load(moments, state.get("scale", {}))
        self.step, self.skipped, self._in_a_row = state["step"], state["skipped"], state.get("in_a_row", 0)

    def export(self) -> dict[str, Path]:
        """Write the models as folders that `from_pretrained`, transformers and, as `.ot`, rust_bert read; draw curves.

        Returns:
            The folders by name: `generator`, `discriminator`. Electric's two towers are no model that others know: they
            stay in the checkpoint.
        """
        if self.processes.rank:
            return {}
        folders = export(self._configs, self.parameters, self.tokenizer, self.output, shared_prefix(self.config))
        if find_spec("matplotlib") is not None and has_log(self.output):
            draw_curves(self.output)
        return folders

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.processes.device.type, getattr(torch, self.precision))

    def _log(self) -> AbstractContextManager[RunLog | None]:
        """The first process writes it."""
        return nullcontext() if self.processes.rank else RunLog(self.output, self.step, tensorboard=self.tensorboard)

    def _given_up(self) -> OxbertError:
        checkpoints = list_checkpoints(self._checkpoints)
        good = f"the last good checkpoint is {checkpoints[-1][1]}" if checkpoints else "there is no checkpoint yet"
        message = f"the gradients of {self._in_a_row} steps in a row were not finite, up to step {self.step}; {good}"
        return OxbertError(message, step=self.step)


def _check(what: str, examples: Examples, config: PretrainingConfig) -> None:
    if not len(examples):
        refuse(what, "expected examples, got none")
    if examples.max_length > config.max_length:
        refuse(what, f"expected at most max_length = {config.max_length} tokens each, got up to {examples.max_length}")


def _is_figure(name: str) -> bool:
    return name.startswith(_FIGURE)


def _sharing(config: PretrainingConfig) -> Sharing:
    if not config.untied_generator:
        return "everything"
    return "nothing" if config.untied_generator_embeddings else "embeddings"


def _mixed(seed: int, step: int, rank: int) -> int:
    """One number for the dropout of GPUs, which torch's generator draws."""
    return hash((seed, step, rank)) & (2**63 - 1)
