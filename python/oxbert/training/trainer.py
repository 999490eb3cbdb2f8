"""Pre-training: examples -> steps -> checkpoints -> two models.

Everything that a step does is a function of the configuration, the examples and the number of the step. So a run that
was interrupted goes on exactly, and several processes do together what one does alone.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import torch
from torch import distributed
from tqdm import tqdm

import oxbert
from oxbert.errors import InputError, OxbertError
from oxbert.outputs import PretrainingOutput
from oxbert.training.checkpoints import list_checkpoints, read_checkpoint, write_checkpoint
from oxbert.training.data import Examples
from oxbert.training.groups import parameter_groups
from oxbert.training.metrics import Metrics
from oxbert.training.optimizer import AdamWeightDecay, clip_gradients
from oxbert.training.presets import PretrainingConfig
from oxbert.training.schedule import learning_rate

_MOMENTS = ("exp_avg", "exp_avg_sq")
_MOST_SKIPPED = 10
"""Steps in a row whose gradients are not finite before a run gives up."""

Precision = Literal["float32", "bfloat16"]


class Trainer:
    r"""A pre-training run.

    Under `torchrun` every process makes one with the same arguments; each computes its share of a batch, and gradients
    are added up (gloo on CPUs, NCCL on GPUs). The losses are means over the whole batch, so that it does not matter how
    many processes there are, nor into how many parts `accumulate` cuts a share.

    Args:
        config: What is trained, and how.
        examples: The text, as `oxbert.training.data` has it.
        tokenizer: Of the examples: its special tokens are those of the masking, and it is saved with the models.
        output: The folder of the run: `checkpoints/`, `log.jsonl`, and in the end `generator/` and `discriminator/`.
        held_out: Text for evaluation.
        device: `cpu`, `cuda`; None: CUDA where `torchrun` starts one process a GPU and there are any, else the CPU.
        precision: `bfloat16` computes matrix products in it; parameters stay float32.
        accumulate: Into how many parts a process cuts its share of a batch: less memory, the same result.
        resume: Whether to go on from the newest checkpoint of the folder, where there is one.

    Raises:
        ConfigError: The configuration contradicts itself or is not that of the checkpoint; `field` names it.
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
        output: str | os.PathLike[str],
        *,
        held_out: Examples | None = None,
        device: str | None = None,
        precision: Precision = "float32",
        accumulate: int = 1,
        resume: bool = True,
    ) -> None:
        if config.objective == "electric":
            raise _refused("config", "the objective electric is not trained here yet; expected electra, mlm or uniform")
        if len(tokenizer) > config.vocab_size:
            reason = f"expected at most vocab_size = {config.vocab_size} tokens, got {len(tokenizer)}"
            raise _refused("tokenizer", reason)
        if precision not in ("float32", "bfloat16"):
            raise _refused("precision", f"expected float32 or bfloat16, got {precision!r}")
        if accumulate < 1:
            raise _refused("accumulate", f"expected at least 1, got {accumulate}")
        self.config, self.examples, self.tokenizer = config, examples, tokenizer
        self.output, self.held_out = Path(output), held_out
        self.precision, self.accumulate = precision, accumulate
        self.rank, self.world = _join()
        if device is None:
            is_gpu = self.world > 1 and torch.cuda.is_available()
            device = f"cuda:{int(os.environ.get('LOCAL_RANK', '0'))}" if is_gpu else "cpu"
        generator, discriminator = config.electra_configs()
        self._configs = {"generator": generator, "discriminator": discriminator}
        self.networks = oxbert.PretrainingNetworks(
            None if config.objective == "uniform" else generator,
            None if config.objective == "mlm" else discriminator,
            special_ids=(tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id),
            max_predictions=config.max_predictions,
            mask_probability=config.mask_probability,
            masked_share=config.masked_share,
            sharing=_sharing(config),
            masked_lm_weight=config.gen_weight,
            replaced_weight=config.disc_weight,
            temperature=config.temperature,
            disallow_correct=config.disallow_correct,
            seed=config.seed,
            device=device,
        )
        self.device = torch.device(device)
        self.parameters = dict(self.networks.named_parameters())
        self.optimizer = AdamWeightDecay(
            parameter_groups(
                self.parameters.items(), learning_rate=config.learning_rate, weight_decay=config.weight_decay
            )
        )
        self.step, self.skipped = 0, 0
        checkpoints = list_checkpoints(self._checkpoints) if resume else []
        if checkpoints:
            self._load(checkpoints[-1][1])

    @property
    def _checkpoints(self) -> Path:
        return self.output / "checkpoints"

    def train(self, *, progress: bool | None = None, stop: int | None = None) -> dict[str, Any]:
        """Train to the last step, and write both models.

        Ctrl-C ends it after the step under way, with a checkpoint.

        Args:
            progress: Whether a bar is drawn; None: on a terminal.
            stop: The step before which to end instead, with a checkpoint and no models.

        Returns:
            What was logged last: `step`, `loss` and so on, and the figures of the last evaluation.

        Raises:
            OxbertError: Ten steps in a row had gradients that are not finite; the last good checkpoint is named.
        """
        config = self.config
        last = config.train_steps if stop is None else min(stop, config.train_steps)
        record: dict[str, Any] = {"step": self.step}
        in_a_row = 0
        # None: off where standard error is no terminal.
        bar = tqdm(
            total=config.train_steps,
            initial=self.step,
            unit=" steps",
            disable=(True if self.rank else None) if progress is None else not progress,
        )
        begin, tokens = time.perf_counter(), 0
        with bar, self._log() as log:
            while self.step < last:
                losses = self._step()
                tokens += losses.pop("tokens")
                in_a_row = in_a_row + 1 if losses["skipped"] else 0
                if in_a_row >= _MOST_SKIPPED:
                    raise self._given_up(in_a_row)
                self.step += 1
                rate = tokens / (time.perf_counter() - begin)
                record = {"step": self.step, **losses, "tokens_per_second": round(rate)}
                bar.set_postfix(loss=f"{losses['loss']:.3f}", tokens=f"{rate:,.0f}/s", refresh=False)
                bar.update()
                if self.held_out is not None and config.evaluate_every and self.step % config.evaluate_every == 0:
                    record |= self.evaluate()
                log(record)
                if self.step % config.save_every == 0 or self.step == last:
                    self.save()
        if self.step == config.train_steps:
            if self.held_out is not None:
                record |= self.evaluate()
            self.export()
        return record

    def _step(self) -> dict[str, Any]:
        """One update."""
        config, step = self.config, self.step
        torch.manual_seed(_mixed(config.seed, step, self.rank))
        numbers = self.examples.batch_indices(step, config.batch_size, config.seed)
        whole = [self.examples[number] for number in numbers]
        totals = self.networks.totals([example["input_ids"] for example in whole])
        own = list(range(self.rank, len(whole), self.world))
        self.optimizer.zero_grad(set_to_none=False)
        sums = torch.zeros(3, device=self.device)
        for part in range(self.accumulate):
            places = own[part :: self.accumulate]
            if not places:
                continue
            with self._autocast():
                output = self._run([whole[place] for place in places], step, places, totals, train=True)
            torch.autograd.backward(output.loss)
            for place, loss in enumerate((output.loss, output.masked_lm_loss, output.replaced_loss)):
                if loss is not None:
                    sums[place] += loss.detach()
        self._add_up(sums)
        norm = float(clip_gradients(self.parameters.values(), config.max_gradient_norm))
        rate = learning_rate(
            step,
            peak=config.learning_rate,
            total_steps=config.train_steps,
            warmup_steps=config.warmup_steps,
            power=config.learning_rate_power,
        )
        is_skipped = not math.isfinite(norm)
        if is_skipped:
            # What is left of the model is what the step found.
            self.skipped += 1
        else:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.step()
        loss, masked_lm_loss, replaced_loss = sums.tolist()
        return {
            "loss": loss, "masked_lm_loss": masked_lm_loss, "replaced_loss": replaced_loss, "learning_rate": rate,
            "gradient_norm": norm, "skipped": is_skipped, "tokens": totals[1],
        }  # fmt: skip

    def _run(
        self, examples: list[Any], step: int, places: list[int], totals: tuple[int, int] | None, train: bool
    ) -> PretrainingOutput:
        return self.networks.step(
            [example["input_ids"] for example in examples],
            [example["first_segment"] for example in examples],
            seed=self.config.seed,
            step=step,
            examples=places,
            totals=totals,
            train=train,
        )

    def _add_up(self, sums: torch.Tensor) -> None:
        """Add gradients and losses of all processes up; a parameter without a gradient gets zeros."""
        gradients = []
        for parameter in self.parameters.values():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        if self.world == 1:
            return
        flat = torch.cat([sums, *(gradient.flatten() for gradient in gradients)])
        distributed.all_reduce(flat)
        sums.copy_(flat[: len(sums)])
        place = len(sums)
        for gradient in gradients:
            gradient.copy_(flat[place : place + gradient.numel()].view_as(gradient))
            place += gradient.numel()

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """The figures of the held-out text, the same text and the same masks at every evaluation.

        Raises:
            InputError: There is no held-out text.
        """
        if self.held_out is None:
            raise _refused("held_out", "expected text for evaluation, got none")
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
        if self.rank:
            return None
        moments = {
            f"{moment}.{name}": self.optimizer.state[parameter][moment]
            for name, parameter in self.parameters.items()
            for moment in _MOMENTS
            if parameter in self.optimizer.state
        }
        state = {
            "step": self.step,
            "skipped": self.skipped,
            "config": self.config.to_dict(),
            "examples": len(self.examples),
            "versions": {"oxbert": oxbert.__version__, "torch": torch.__version__},
        }
        keep = self.config.keep_checkpoints
        parameters = {name: parameter.detach() for name, parameter in self.parameters.items()}
        return write_checkpoint(self._checkpoints, self.step, parameters, moments, state, keep)

    def _load(self, path: Path) -> None:
        parameters, moments, state = read_checkpoint(path)
        saved, now = state["config"], self.config.to_dict()
        # What may change from one part of a run to the next.
        free = {"save_every", "keep_checkpoints", "evaluate_every", "evaluation_batches", "eval_batch_size"}
        other = [name for name in now if saved.get(name) != now[name] and name not in free]
        if other or state["examples"] != len(self.examples):
            what = other[0] if other else "examples"
            was, is_now = (saved.get(what), now[what]) if other else (state["examples"], len(self.examples))
            reason = f"the checkpoint {path} was made with {was!r}, got {is_now!r}; give another output folder"
            raise oxbert.errors.ConfigError(f"{what}: {reason}", field=what, reason=reason, path=str(path))
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(parameters[name])
                if f"{_MOMENTS[0]}.{name}" in moments:
                    self.optimizer.state[parameter] = {
                        moment: moments[f"{moment}.{name}"].to(parameter.device) for moment in _MOMENTS
                    }
        self.step, self.skipped = state["step"], state["skipped"]

    def export(self) -> dict[str, Path]:
        """Write the models as folders that `from_pretrained`, transformers and, as `.ot`, rust_bert read.

        Returns:
            The folders by name: `generator`, `discriminator`.
        """
        folders: dict[str, Path] = {}
        if self.rank:
            return folders
        kinds: dict[str, Any] = {"generator": oxbert.ElectraForMaskedLM, "discriminator": oxbert.ElectraForPreTraining}
        shared = {
            name.removeprefix("discriminator."): parameter
            for name, parameter in self.parameters.items()
            if name.startswith("discriminator.electra.")
        }
        for part, kind in kinds.items():
            own = {
                name.removeprefix(f"{part}."): parameter.detach()
                for name, parameter in self.parameters.items()
                if name.startswith(f"{part}.")
            }
            if not own:
                continue
            model: Any = kind.from_config(self._configs[part], seed=0)
            wanted = model.state_dict()
            # What is shared is there once, under the discriminator's name.
            model.load_state_dict({name: own[name] if name in own else shared[name].detach() for name in wanted})
            folder = self.output / part
            model.save_pretrained(folder)
            model.save_pretrained(folder, format="ot")
            self.tokenizer.save_pretrained(folder)
            folders[part] = folder
        return folders

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    @contextmanager
    def _log(self) -> Iterator[Callable[[dict[str, Any]], None]]:
        """Appends a line of JSON for every step; after an interruption, behind the step that is gone on from."""
        if self.rank:
            yield lambda record: None
            return
        self.output.mkdir(parents=True, exist_ok=True)
        path = self.output / "log.jsonl"
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if _step_of(line) <= self.step]
            path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        with open(path, "a", encoding="utf-8", buffering=1) as file:
            yield lambda record: print(json.dumps(record), file=file)

    def _given_up(self, count: int) -> OxbertError:
        checkpoints = list_checkpoints(self._checkpoints)
        good = f"the last good checkpoint is {checkpoints[-1][1]}" if checkpoints else "there is no checkpoint yet"
        message = f"the gradients of {count} steps in a row were not finite, up to step {self.step}; {good}"
        return OxbertError(message, step=self.step)


def _join() -> tuple[int, int]:
    """The number of this process and of all, by the variables of `torchrun`."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return 0, 1
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return distributed.get_rank(), distributed.get_world_size()


def _sharing(config: PretrainingConfig) -> Literal["embeddings", "nothing", "everything"]:
    if not config.untied_generator:
        return "everything"
    return "nothing" if config.untied_generator_embeddings else "embeddings"


def _mixed(seed: int, step: int, rank: int) -> int:
    """One number for dropout, which torch's generator draws."""
    return hash((seed, step, rank)) & (2**63 - 1)


def _step_of(line: str) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        # A line that was cut off.
        return 2**63


def _refused(what: str, reason: str) -> InputError:
    return InputError(f"{what}: {reason}", what=what, reason=reason)
