"""Pre-train the generator and the discriminator on CPU by the ELECTRA recipe, in the stages of ``STAGES``.

The joint stages train both as google-research/electra does. At this size the generator soon runs so far ahead that the
discriminator stops learning, the failure which the ELECTRA paper describes for two-stage training, so the generator is
then annealed and kept, and the discriminator goes on alone: first as a masked language model, then on the generator's
samples. A second loss, to predict the original token, keeps helping it through a head that is not exported.

Other differences: rows are packed full (no padding) and begin where a sentence begins, the masked positions are
distinct, replacements are drawn by inverting the cumulative distribution, encoder matrices are updated by Muon and
everything else by AdamW, the learning rate follows the wall clock, there is no dropout.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining

from common import (
    TokenStream,
    choose_positions,
    consecutive_windows,
    encode_text,
    generator_logits,
    load_tokenizer,
    mask_tokens,
    replace_tokens,
    sample_tokens,
    windows_at,
)
from evaluate import evaluate
from grow import grow_discriminator
from muon import Muon

ROW_LENGTHS = (32, 64, 128)
ROW_LENGTH_SHARES = (0.2, 0.3, 0.5)
MASK_SHARE, MASK_PROBABILITY = 0.15, 0.85
EMBEDDING_SIZE = 128
MAX_LENGTH = 128
GENERATOR = {"hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 512}
DISCRIMINATOR = {"hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 768}


@dataclass(frozen=True)
class Stage:
    """A span of wall-clock time: the learning-rate factor at both ends and the weights of the three losses."""

    name: str
    minutes: float
    rate_from: float
    rate_to: float
    masked_lm: float = 0.0
    replaced: float = 0.0
    original: float = 0.0


STAGES = (
    Stage("joint", 20.0, 1.0, 0.78, masked_lm=1.0, replaced=25.0),
    Stage("joint with original tokens", 4.0, 0.78, 0.73, masked_lm=1.0, replaced=25.0, original=3.0),
    Stage("generator", 2.5, 0.73, 0.0, masked_lm=1.0),
    Stage("discriminator on masked text", 4.0, 0.6, 0.6, original=1.0),
    Stage("discriminator on samples", 54.0, 0.6, 0.0, replaced=10.0, original=2.0),
)
STAGE_WARMUP_SECONDS = 20.0


def stage_at(elapsed: float) -> tuple[int, float]:
    """The index of the current stage and the seconds since it began; ``len(STAGES)`` at the end."""
    began = 0.0
    for index, stage in enumerate(STAGES):
        if elapsed < began + stage.minutes * 60:
            return index, elapsed - began
        began += stage.minutes * 60
    return len(STAGES), elapsed - began


class RowSampler:
    """Draws batches of packed rows: every sentence of the text begins one row in each pass, in random order."""

    def __init__(self, stream: TokenStream, seed: int) -> None:
        self.stream = stream
        self.starts = stream.sentence_starts[stream.sentence_starts + MAX_LENGTH <= len(stream.tokens)]
        self.random = np.random.default_rng(seed)
        self.order = np.empty(0, dtype=np.int64)

    def batch(self, tokens: int) -> Tensor:
        """About ``tokens`` ids as rows of one of the row lengths."""
        length = int(self.random.choice(ROW_LENGTHS, p=ROW_LENGTH_SHARES))
        count = tokens // length
        if len(self.order) < count:
            self.order = self.random.permutation(self.starts)
        chosen, self.order = self.order[:count], self.order[count:]
        return windows_at(self.stream, chosen, length)


class OriginalTokenHead(nn.Module):
    """Predicts the original token from the discriminator's state: helps it learn while training, then dropped."""

    def __init__(self, config: ElectraConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.embedding_size)
        self.norm = nn.LayerNorm(config.embedding_size)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, hidden: Tensor, table: Tensor) -> Tensor:
        """Vocabulary logits through the shared embedding table."""
        return functional.linear(self.norm(functional.gelu(self.dense(hidden))), table, self.bias).float()


def build_models(vocab_size: int) -> tuple[ElectraForMaskedLM, ElectraForPreTraining]:
    """The two models with one shared embedding module."""
    common = {
        "vocab_size": vocab_size,
        "embedding_size": EMBEDDING_SIZE,
        "max_position_embeddings": MAX_LENGTH,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "attn_implementation": "eager",
    }
    generator = ElectraForMaskedLM(ElectraConfig(**GENERATOR, **common))
    discriminator = ElectraForPreTraining(ElectraConfig(**DISCRIMINATOR, **common))
    discriminator.electra.embeddings = generator.electra.embeddings
    return generator, discriminator


def build_optimizers(modules: list[nn.Module], options: argparse.Namespace) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the encoders, AdamW for the rest (no decay on vectors)."""
    named = {id(p): (name, p) for module in modules for name, p in module.named_parameters()}
    matrices = [p for name, p in named.values() if ".encoder." in name and p.ndim == 2]
    tables = [p for name, p in named.values() if ".encoder." not in name and p.ndim == 2]
    vectors = [p for _, p in named.values() if p.ndim == 1]
    groups = [{"params": tables, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    return [
        Muon(matrices, lr=options.muon_lr, weight_decay=options.weight_decay),
        torch.optim.AdamW(groups, lr=options.lr, betas=(0.9, 0.98), eps=1e-8, fused=True),
    ]


def export(
    generator: ElectraForMaskedLM,
    discriminator: ElectraForPreTraining,
    vocab: Path,
    target: Path,
    notes: dict[str, object],
) -> None:
    """Write both ``save_pretrained`` folders beside the old ones, then swap them in."""
    staging = target.with_name(target.name + ".new")
    shutil.rmtree(staging, ignore_errors=True)
    for name, model in (("generator", generator), ("discriminator", discriminator)):
        folder = staging / name
        model.save_pretrained(folder)
        config = json.loads((folder / "config.json").read_text())
        # Dropout is off here for speed; the exported configuration carries the usual value for fine-tuning.
        config.update(hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1)
        config = {key: value for key, value in config.items() if key not in ("transformers_version", "_name_or_path")}
        (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        shutil.copyfile(vocab, folder / "vocab.txt")
        (folder / "tokenizer_config.json").write_text(
            json.dumps(
                {
                    "tokenizer_class": "ElectraTokenizer",
                    "do_lower_case": True,
                    "strip_accents": None,
                    "tokenize_chinese_chars": True,
                    "model_max_length": MAX_LENGTH,
                    "pad_token": "[PAD]",
                    "unk_token": "[UNK]",
                    "cls_token": "[CLS]",
                    "sep_token": "[SEP]",
                    "mask_token": "[MASK]",
                },
                indent=2,
            )
            + "\n"
        )
    (staging / "training.json").write_text(json.dumps(notes, indent=1) + "\n")
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    staging.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    """Train through the stages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with train.txt, heldout.txt, vocab.txt")
    parser.add_argument("--output", type=Path, required=True, help="folder for log.jsonl, checkpoint.pt and export/")
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--lr", type=float, default=2e-3, help="AdamW: embeddings, heads, biases, LayerNorm")
    parser.add_argument("--muon-lr", type=float, default=5e-3, help="Muon: encoder matrices")
    parser.add_argument("--weight-decay", type=float, default=0.02)
    parser.add_argument("--eval-minutes", type=float, default=4.0)
    parser.add_argument("--save-minutes", type=float, default=8.0)
    parser.add_argument("--max-steps", type=int, default=10**9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--float32", action="store_true", help="no bfloat16 autocast")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.output.mkdir(parents=True, exist_ok=True)

    vocab = options.data / "vocab.txt"
    tokenizer = load_tokenizer(vocab)
    stream = encode_text(options.data / "train.txt", tokenizer)
    heldout = consecutive_windows(encode_text(options.data / "heldout.txt", tokenizer), MAX_LENGTH)
    sampler = RowSampler(stream, options.seed)
    generator, discriminator = build_models(tokenizer.get_vocab_size())
    auxiliary = OriginalTokenHead(discriminator.config)

    step = tokens = 0
    spent = 0.0
    stage_index = -1
    optimizers: list[torch.optim.Optimizer] = []
    parameters: list[Tensor] = []
    base_rates: list[list[float]] = []

    def enter_stage(index: int) -> None:
        nonlocal stage_index, optimizers, parameters, base_rates
        stage = STAGES[index]
        if not stage.masked_lm and discriminator.electra.embeddings is generator.electra.embeddings:
            discriminator.electra.embeddings = copy.deepcopy(generator.electra.embeddings)
            grow_discriminator(generator, discriminator, auxiliary.dense)
            auxiliary.norm.load_state_dict(generator.generator_predictions.LayerNorm.state_dict())
            auxiliary.bias.data.copy_(generator.generator_lm_head.bias.data)
        modules: list[nn.Module] = [generator] if stage.masked_lm else []
        modules += [discriminator, auxiliary] if stage.replaced or stage.original else []
        optimizers = build_optimizers(modules, options)
        base_rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
        parameters = [p for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]]
        stage_index = index

    checkpoint = options.output / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=False)
        enter_stage(state["stage"])
        generator.load_state_dict(state["generator"])
        discriminator.load_state_dict(state["discriminator"])
        auxiliary.load_state_dict(state["auxiliary"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        step, tokens, spent = state["step"], state["tokens"], state["spent"]
        sampler.random.bit_generator.state = state["random"]
        torch.manual_seed(options.seed + step)

    log = (options.output / "log.jsonl").open("a", buffering=1)

    def write_log(record: dict[str, object]) -> None:
        line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in record.items()})
        log.write(line + "\n")
        print(line, flush=True)

    def snapshot(elapsed: float, figures: dict[str, float]) -> None:
        notes: dict[str, object] = {"step": step, "tokens": tokens, "minutes": elapsed / 60, "heldout": figures}
        export(generator, discriminator, vocab, options.output / "export", notes)
        state = {
            "generator": generator.state_dict(),
            "discriminator": discriminator.state_dict(),
            "auxiliary": auxiliary.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "stage": stage_index,
            "step": step,
            "tokens": tokens,
            "spent": elapsed,
            "random": sampler.random.bit_generator.state,
        }
        torch.save(state, checkpoint.with_suffix(".new"))
        os.replace(checkpoint.with_suffix(".new"), checkpoint)

    write_log(
        {
            "train_tokens": len(stream.tokens),
            "heldout_rows": len(heldout),
            "generator_parameters": sum(p.numel() for p in generator.parameters()),
            "discriminator_parameters": sum(p.numel() for p in discriminator.parameters()),
            **{key: value for key, value in vars(options).items() if not isinstance(value, Path)},
        }
    )
    began = time.monotonic() - spent
    last_log, last_log_tokens, last_eval, last_save = spent, tokens, spent, spent - options.save_minutes * 30
    while True:
        elapsed = time.monotonic() - began
        index, in_stage = stage_at(elapsed)
        if index == len(STAGES) or step >= options.max_steps:
            break
        if index != stage_index:
            enter_stage(index)
        stage = STAGES[index]
        progress = in_stage / (stage.minutes * 60)
        scale = stage.rate_from + (stage.rate_to - stage.rate_from) * progress
        scale *= min(1.0, in_stage / STAGE_WARMUP_SECONDS)
        for optimizer, rates in zip(optimizers, base_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * scale
            optimizer.zero_grad(set_to_none=True)

        batch = sampler.batch(options.batch_tokens)
        positions = choose_positions(batch, MASK_SHARE)
        original = batch.flatten()[positions]
        masked = mask_tokens(batch, positions, MASK_PROBABILITY)
        loss = torch.zeros(())
        losses: dict[str, float] = {}
        with torch.autocast("cpu", torch.bfloat16, enabled=not options.float32):
            seen = masked
            if stage.masked_lm or stage.replaced:
                with torch.set_grad_enabled(stage.masked_lm > 0):
                    logits = generator_logits(generator, masked, positions)
                masked_lm_loss = functional.cross_entropy(logits, original)
                losses["mlm"] = masked_lm_loss.item()
                loss = loss + stage.masked_lm * masked_lm_loss
            if stage.replaced:
                seen = replace_tokens(batch, positions, sample_tokens(logits))
            if stage.replaced or stage.original:
                hidden = discriminator.electra(seen).last_hidden_state
            if stage.replaced:
                scores = discriminator.discriminator_predictions(hidden).float()
                replaced_loss = functional.binary_cross_entropy_with_logits(scores, (seen != batch).float())
                losses["disc"] = replaced_loss.item()
                loss = loss + stage.replaced * replaced_loss
            if stage.original:
                table = discriminator.electra.embeddings.word_embeddings.weight
                original_loss = functional.cross_entropy(auxiliary(hidden.flatten(0, 1)[positions], table), original)
                losses["original"] = original_loss.item()
                loss = loss + stage.original * original_loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        step += 1
        tokens += batch.numel()

        elapsed = time.monotonic() - began
        if elapsed - last_log >= 15:
            write_log(
                {
                    "step": step,
                    "tokens": tokens,
                    "stage": stage_index,
                    **losses,
                    "grad_norm": norm.item(),
                    "lr_scale": scale,
                    "tokens_per_s": (tokens - last_log_tokens) / (elapsed - last_log),
                    "elapsed": elapsed,
                }
            )
            last_log, last_log_tokens = elapsed, tokens
        if elapsed - last_eval >= options.eval_minutes * 60:
            figures = evaluate(generator, discriminator, heldout)
            generator.train()
            discriminator.train()
            write_log({"step": step, "elapsed": elapsed, **figures})
            last_eval = elapsed
            if elapsed - last_save >= options.save_minutes * 60:
                snapshot(elapsed, figures)
                last_save = elapsed
    elapsed = time.monotonic() - began
    figures = evaluate(generator, discriminator, heldout)
    write_log({"final": True, "step": step, "tokens": tokens, "elapsed": elapsed, **figures})
    snapshot(elapsed, figures)


if __name__ == "__main__":
    main()
