"""Run updates with checkpoints, evaluations, a log and signals, in one process or several, whatever is trained.

An update is a function of the options, the data and the number of the step. A run that was interrupted therefore
continues exactly, and several processes compute what one would.
"""

from __future__ import annotations

import hashlib
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch
from torch import Tensor

import oxbert
from oxbert._checks import refused
from oxbert._files import damaged, remove_leftovers
from oxbert._lock import alone
from oxbert._types import AutocastPrecision
from oxbert.errors import TrainingError
from oxbert.training.loop.checkpoints import Checkpoints, list_checkpoints, read_moments, read_parameters
from oxbert.training.loop.continuing import Start, describe_change, find_start
from oxbert.training.loop.log import RunLog, replace_not_finite
from oxbert.training.loop.memory import keep_memory
from oxbert.training.loop.options import LaunchOptions, RunOptions
from oxbert.training.loop.processes import Processes
from oxbert.training.loop.progress import Progress
from oxbert.training.loop.reduction import GradientReducer
from oxbert.training.loop.signals import Stopped, StopSignals
from oxbert.training.loop.updates import Updates

_MOST_SKIPPED = 10
"""How many steps in a row may have gradients that are not finite before a run gives up."""
_RUNNING = ".running"
"""The folder with the lock of a run, while it runs."""
_FIGURE = "eval_"
"""The prefix of the figures of an evaluation in the log."""


class Batch(Protocol):
    """A whole batch, of which each process computes a share."""

    @property
    def tokens(self) -> int:
        """Return the number of tokens, for the speed in the log."""

    def __len__(self) -> int:
        """Return the number of examples."""


BatchT = TypeVar("BatchT", bound=Batch)


class Loop(ABC, Generic[BatchT]):
    """Train a set of parameters from the first step, or from a checkpoint, to the last step.

    A subclass makes its parameters, calls `begin`, and defines the abstract methods.

    Args:
        config: The optimizer, the learning rate, the steps and so on.
        launch: Where and how to compute.
        output: The folder of the run, for `checkpoints/` and `log.jsonl`.

    Attributes:
        parameters: The trained parameters by name.
        updates: The optimizer and its state.
        step: The number of steps that are done.
        tokens: The number of tokens of these steps.
        skipped: The number of steps that changed nothing, since a gradient was not finite.
        record: What the log says about the last step.
        figures: What it says about the last evaluation.
        processes: The rank of this process, the number of processes, and the device.
    """

    updates: Updates
    fixed_fields: ClassVar[frozenset[str]] = frozenset()
    """The fields of the options that decide which parameters there are."""
    other_data: ClassVar[str] = "other examples"
    """What a checkpoint was made with whose `data_fingerprint` is another one."""
    saves_evaluated: ClassVar[bool] = False
    """Whether each evaluation has a checkpoint of the same step."""

    def __init__(self, config: RunOptions, launch: LaunchOptions, output: str | os.PathLike[str]) -> None:
        self.config, self.output = config, Path(output)
        self.precision, self.accumulate, self.tensorboard = launch.precision, launch.accumulate, launch.tensorboard
        self.processes = Processes(launch.device)
        self.parameters: dict[str, Tensor] = {}
        self.step, self.tokens, self.skipped, self._skipped_in_a_row = 0, 0, 0, 0
        self._checkpoints = Checkpoints(self.output / "checkpoints", config.keep_checkpoints)
        self._resume, self._continue_from = launch.resume, launch.continue_from
        self._continued: list[dict[str, Any]] = []
        self.record: dict[str, Any] = {}
        self.figures: dict[str, Any] = {}

    @abstractmethod
    def draw_batch(self, step: int) -> BatchT:
        """Return the whole batch of a step, the same on every process."""

    @abstractmethod
    def loss_names(self) -> Sequence[str]:
        """Return the names of the losses of the next step; `loss` is the one to minimise."""

    @abstractmethod
    def compute_losses(self, batch: BatchT, places: list[int]) -> Mapping[str, Any]:
        """Return the losses of some examples of a batch, each as its share of the mean over the whole batch."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """Return the figures of the held-out data."""

    @abstractmethod
    def export(self) -> Mapping[Any, Path]:
        """Write the trained models, and return their folders by name."""

    @abstractmethod
    def data_fingerprint(self) -> str:
        """Return what tells the data of this run from other data."""

    @property
    @abstractmethod
    def can_evaluate(self) -> bool:
        """Return whether there are held-out data."""

    def describe_data(self) -> dict[str, Any]:
        """Return what a reader of a model card wants to know of the data, as JSON values by name."""
        return {}

    def checkpoint_files(self) -> dict[str, bytes]:
        """Return more files for each checkpoint, by name."""
        return {}

    @property
    def epoch_size(self) -> int | None:
        """Return the number of examples of the data; None if it is not known."""
        return None

    def is_trained(self, name: str) -> bool:
        """Return whether the next step trains a parameter."""
        return True

    def is_over(self) -> bool:
        """Return whether the last step is done; a run may end before `train_steps`."""
        return self.step >= self.config.train_steps

    def note_figures(self, step: int, figures: Mapping[str, Any]) -> None:
        """Take note of an evaluation, on every process.

        Args:
            step: The number of steps that are done.
            figures: The figures by the log's names.
        """

    def begin(self, parameters: Iterable[tuple[str, Tensor]], initialize: Callable[[], None]) -> None:
        """Take the parameters, and give them the values of a checkpoint on every process.

        Args:
            parameters: Names and parameters.
            initialize: Called instead if there is no checkpoint to begin with.

        Raises:
            ConfigError: if the checkpoint is of another configuration or other data; `field` names the difference.
            InputError: if the folder of the run has checkpoints of a run that does not continue from there.
            TrainingError: if the processes do not start from the same step.
        """
        self.parameters = dict(parameters)
        self.updates = Updates(self.parameters, self.config, self.processes.device, self.precision)
        self._reducer = GradientReducer(self.processes, self.parameters.values())
        self._seen = self._newest()
        start = find_start(
            self.output,
            self._continue_from,
            resume=self._resume,
            config=self.config,
            data=self.data_fingerprint(),
            fixed=self.fixed_fields,
            other_data=self.other_data,
        )
        if start is None:
            initialize()
        else:
            self._load(start)
        self.processes.broadcast_parameters(self.step, self.parameters.values())

    def train(self, *, progress: bool | None = None, stop: int | None = None) -> dict[str, Any]:
        """Train to the last step, and write the models.

        Ctrl-C and SIGTERM end the run after the step in progress, with a checkpoint; a second Ctrl-C ends it at once.

        Args:
            progress: Whether to draw a progress bar on standard error; None means on a terminal, and plain lines
                elsewhere, once a minute after the first.
            stop: The step to end at instead, with a checkpoint and without writing models.

        Returns:
            The last record of the log: `step`, `loss` and so on, and the figures of the last evaluation.

        Raises:
            InputError: if another process trains in the same folder, or has trained there since this object was made.
            TrainingError: if the gradients of ten steps in a row, or of the last steps, were not finite. The message
                names the last good checkpoint; later ones, which have the ruined weights, are deleted.
            KeyboardInterrupt: after Ctrl-C.
            SystemExit: after SIGTERM, with the exit code 143 of a process that SIGTERM has ended.
        """
        if self.processes.rank:
            return self._train(progress, stop)
        # One lock for all processes of the run.
        with alone(self.output / _RUNNING):
            if self._newest() != self._seen:
                reason = f"another process has trained in {self.output} meanwhile; begin again to go on from there"
                raise refused("output", reason)
            remove_leftovers(self.output)
            try:
                return self._train(progress, stop)
            finally:
                self._seen = self._newest()

    def _newest(self) -> Path | None:
        """Return the newest checkpoint in the folder of the run."""
        found = list_checkpoints(self.output / "checkpoints")
        return found[-1][1] if found else None

    def _train(self, progress: bool | None, stop: int | None) -> dict[str, Any]:
        config = self.config
        last = config.train_steps if stop is None else min(stop, config.train_steps)
        shown = Progress(
            False if self.processes.rank else progress,
            step=self.step,
            total=config.train_steps,
            batch_size=config.batch_size,
            epoch_size=self.epoch_size,
            tokens=self.tokens,
        )
        is_stopped = False
        with keep_memory(), shown, self._open_log() as log, StopSignals() as signals:
            if log is not None and self._continued and self._continued[-1]["step"] == self.step + 1:
                log.note(self._continued[-1])
            record = {"step": self.step, **(log.last if log is not None else {})}
            # A run may have ended between a checkpoint and the evaluation of the same step. Only rank 0 has the log.
            is_missing = self.processes.share(not any(map(_is_figure, record)))
            if self.step and self._is_evaluation_due() and is_missing:
                record |= self._evaluate_and_log(log, shown)
            elif figures := {name: value for name, value in record.items() if _is_figure(name)}:
                self.figures = {"step": self.step, **figures}
            while self.step < last and not self.is_over() and not is_stopped:
                try:
                    record, step_tokens, is_stopped = self._take_step(signals)
                except Stopped:
                    is_stopped = True
                    self._save_unless_saved(log)
                    break
                is_last = self.step == config.train_steps
                if self._skipped_in_a_row >= (1 if is_last else _MOST_SKIPPED):
                    raise self._not_finite()
                self.tokens += step_tokens
                shown.update(record, step_tokens)
                record["tokens_per_second"] = round(shown.tokens_per_second)
                self.record = dict(record)
                if log is not None:
                    log.write(record)
                # While gradients are not finite, weights that may be ruined would take the place of good ones.
                is_due = self.step % config.save_every == 0 or (self.saves_evaluated and self._is_evaluation_due())
                if (is_due and not self._skipped_in_a_row) or self.step == last or is_stopped:
                    if log is not None:
                        log.flush()
                    self.save()
                if self._is_evaluation_due():
                    record |= self._evaluate_and_log(log, shown)
        # torchrun stops all ranks when one exits, so wait for the others.
        self.processes.barrier()
        if (is_stopped or signals.received is not None) and not self.is_over():
            raise SystemExit(128 + signal.SIGTERM) if signals.received == signal.SIGTERM else KeyboardInterrupt
        if self.is_over():
            self.export()
            self.processes.barrier()
        return record

    def _save_unless_saved(self, log: RunLog | None) -> None:
        """Save the state between two steps, unless it is that of the start or of the last checkpoint."""
        found = list_checkpoints(self.output / "checkpoints")
        if self.step and self.step not in [step for step, _ in found]:
            if log is not None:
                log.flush()
            self.save()

    def _evaluate_and_log(self, log: RunLog | None, shown: Progress) -> dict[str, Any]:
        """Evaluate, show the figures, write them to the log if there is one, and return them by the log's names."""
        figures = {f"{_FIGURE}{name}": value for name, value in self.evaluate().items()}
        shown.show_figures(figures)
        self.figures = {"step": self.step, **figures}
        if log is not None:
            log.write(self.figures)
        self.note_figures(self.step, figures)
        return figures

    def _is_evaluation_due(self) -> bool:
        """Return whether an evaluation belongs after the current step; one always belongs after the last step."""
        every = self.config.evaluate_every
        is_due = self.step == self.config.train_steps or (every > 0 and self.step % every == 0)
        return is_due and self.can_evaluate

    def _take_step(self, signals: StopSignals) -> tuple[dict[str, Any], int, bool]:
        """Make one update, and return its record, its tokens, and whether any process is to stop."""
        step = self.step
        torch.manual_seed(_mix_seeds(self.config.seed, step, self.processes.rank))
        # Before the update nothing has changed. Several processes have to stop at one step, and do so after it.
        leave = signals.stopping_at_once if self.processes.world == 1 else nullcontext
        with leave():
            batch = self.draw_batch(step)
        own = list(range(self.processes.rank, len(batch), self.processes.world))
        self.updates.clear()
        names = self.loss_names()
        # A signal may reach the processes at different steps; the sum makes all of them stop at one step.
        sums = torch.zeros(len(names) + 1, device=self.processes.device)
        sums[-1] = signals.received is not None
        parts = [part for number in range(self.accumulate) if (part := own[number :: self.accumulate])]
        trained = self._trained()
        for number, places in enumerate(parts, start=1):
            with leave():
                pass
            with self.autocast():
                losses = self.compute_losses(batch, places)
            if number == len(parts):
                self._reducer.begin(trained)
            self.updates.backward(losses["loss"])
            sums[:-1] += torch.stack([losses[name].detach() for name in names])
        self._reducer.finish(trained)
        self.processes.all_reduce(sums)
        rate, norm, is_skipped = self.updates.apply(step)
        self.step += 1
        self.skipped += is_skipped
        self._skipped_in_a_row = self._skipped_in_a_row + 1 if is_skipped and not self.updates.can_rescale else 0
        if not is_skipped:
            self._checkpoints.prove()
        *means, stops = sums.tolist()
        record = {"step": self.step, **dict(zip(names, means, strict=True))}
        record |= {"learning_rate": rate, "gradient_norm": norm, "skipped": is_skipped}
        return record, batch.tokens, stops > 0

    def _trained(self) -> list[Tensor]:
        """Return the parameters that this step trains, the same list on every process.

        Any other parameter keeps no gradient, so that the optimizer does not decay it either.
        """
        return [parameter for name, parameter in self.parameters.items() if self.is_trained(name)]

    def save(self) -> Path | None:
        """Write a checkpoint of the current step, on rank 0 only.

        Raises:
            FileError: if the checkpoint cannot be written; the existing checkpoints stay as they were.
        """
        if self.processes.rank:
            self._checkpoints.add(self.step)
            return None
        parameters = {name: parameter.detach() for name, parameter in self.parameters.items()}
        moments, files = self.updates.tensors(), self.checkpoint_files()
        return self._checkpoints.write(self.step, parameters, moments, self.state(), files)

    def state(self) -> dict[str, Any]:
        """Return all of the run but tensors, as JSON values."""
        return {
            "step": self.step,
            "tokens": self.tokens,
            "skipped": self.skipped,
            "in_a_row": self._skipped_in_a_row,
            "config": self.config.to_dict(),
            "data": self.data_fingerprint(),
            "scale": self.updates.state(),
            "continued": self._continued,
            "described_data": self.describe_data(),
            "record": replace_not_finite(self.record),
            "figures": replace_not_finite(self.figures),
            "versions": {"oxbert": oxbert.__version__, "torch": torch.__version__},
        }

    def _load(self, start: Start) -> None:
        state, changes = start.state, start.changes
        parameters, moments = read_parameters(start.path), read_moments(start.path)
        if parameters.keys() != self.parameters.keys():
            raise damaged(start.path, "its parameters are not those of the configuration")
        for name, parameter in self.parameters.items():
            if parameter.shape != parameters[name].shape:
                raise damaged(start.path, f"its parameter {name} has not the shape of the configuration")
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(parameters[name])
        # Another optimizer has other moments, which begin at 0.
        if changes is None or "optimizer" not in changes:
            self.updates.load(moments, state.get("scale", {}))
        # Earlier releases did not count tokens.
        self.step, self.tokens, self.skipped = state["step"], state.get("tokens", 0), state["skipped"]
        self._continued = list(state.get("continued", []))
        self.record, self.figures = state.get("record", {}), state.get("figures", {})
        if start.is_own:
            self._checkpoints.resume(self.step, state)
        if changes is None:
            self._skipped_in_a_row = state.get("in_a_row", 0)
        else:
            assert self._continue_from is not None  # only then is there a start with changes
            self._continued.append(describe_change(start, self._continue_from))

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which losses are computed in the precision of the run."""
        return autocast(self.precision, self.processes.device)

    def _open_log(self) -> AbstractContextManager[RunLog | None]:
        """Return the log on rank 0, and None on the others."""
        return nullcontext() if self.processes.rank else RunLog(self.output, self.step, tensorboard=self.tensorboard)

    def _not_finite(self) -> TrainingError:
        """Delete the checkpoints with the ruined weights on rank 0, and return the error, which names the good one."""
        if not self.processes.rank:
            self._checkpoints.delete_ruined()
        good = self._checkpoints.good
        rest = "no checkpoint is good yet; begin anew with a lower learning_rate"
        if good is not None:
            rest = f"the last good checkpoint is {self._checkpoints.path(good)}, from which continue_from"
            rest += " (--continue-from) goes on with a lower learning_rate"
        count, step = self._skipped_in_a_row, self.step
        message = (
            f"the gradients of {count} {'steps' if count > 1 else 'step'} in a row were not finite, up to step {step}"
        )
        return TrainingError(f"{message}; {rest}", step=step)


def autocast(precision: AutocastPrecision, device: torch.device) -> AbstractContextManager[Any]:
    """Return the context in which a model computes in a precision."""
    return nullcontext() if precision == "float32" else torch.autocast(device.type, getattr(torch, precision))


def _is_figure(name: str) -> bool:
    return name.startswith(_FIGURE)


def _mix_seeds(*numbers: int) -> int:
    """Return one seed for torch's generator, the same on every machine and release of Python."""
    digest = hashlib.blake2b(" ".join(map(str, numbers)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") & (2**63 - 1)


__all__ = ["Batch", "Loop", "autocast"]
