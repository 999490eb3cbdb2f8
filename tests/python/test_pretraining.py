"""Compare one step of pre-training with a transcription of google-research/electra, and check its random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers

import oxbert
from oxbert.errors import ConfigError, InputError, ShapeError
from oxbert.training import AdamWeightDecay, clip_gradients, parameter_groups

CLS, SEP, MASK = 2, 3, 4
SIZES: dict[str, Any] = {
    "vocab_size": 37, "max_position_embeddings": 24, "embedding_size": 6, "layer_norm_eps": 1e-12,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "initializer_range": 0.3,
}  # fmt: skip
GENERATOR = SIZES | {"hidden_size": 4, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 16}
DISCRIMINATOR = SIZES | {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 12}
RANDOM = np.random.default_rng(0)
RATE = 5e-4


def row(length: int) -> list[int]:
    return [CLS, *RANDOM.integers(5, 37, length - 2).tolist(), SEP]


ROWS = [row(length) for length in (20, 7, 13, 24, 3, 13, 7)]
FIRST = [11, 4, 13, 10, 3, 5, 7]
WEIGHTS = {"masked_lm_weight": 0.7, "replaced_weight": 13.0}


def networks(**options: Any) -> oxbert.PretrainingNetworks:
    settings = {"special_ids": (CLS, SEP, MASK), "max_predictions": 5, "mask_probability": 0.3, "seed": 1} | options
    generator = settings.pop("generator", GENERATOR)
    discriminator = settings.pop("discriminator", DISCRIMINATOR)
    configs = [config and oxbert.ElectraConfig(**config) for config in (generator, discriminator)]
    made = oxbert.PretrainingNetworks(*configs, **settings)
    # Random biases and norms, because 0 and 1 would hide errors.
    torch.manual_seed(3)
    with torch.no_grad():
        for _, parameter in made.named_parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return made


def transcribed(made: oxbert.PretrainingNetworks, sharing: str) -> tuple[Any, Any]:
    """Return transformers' models with the same parameters, shared like those of the original's graphs."""
    generator = transformers.ElectraForMaskedLM(transformers.ElectraConfig(**GENERATOR, attn_implementation="eager"))
    discriminator = transformers.ElectraForPreTraining(
        transformers.ElectraConfig(**DISCRIMINATOR, attn_implementation="eager")
    )
    if sharing == "embeddings":
        generator.electra.embeddings = discriminator.electra.embeddings
        generator.tie_weights()
    theirs = dict(discriminator.named_parameters(prefix="discriminator"))
    theirs |= {
        name: parameter
        for name, parameter in generator.named_parameters(prefix="generator")
        if sharing != "embeddings" or ".embeddings." not in name
    }
    theirs.pop("generator.generator_lm_head.weight", None)
    ours = dict(made.named_parameters())
    assert theirs.keys() == ours.keys()
    with torch.no_grad():
        for name, parameter in theirs.items():
            parameter.copy_(ours[name])
    return generator.eval(), discriminator.eval()


def padded(rows: list[list[int]]) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([one + [0] * (width - len(one)) for one in rows])


def original_step(
    generator: Any, discriminator: Any, output: Any, uniforms: torch.Tensor, *, temperature: float, disallow: bool
) -> dict[str, torch.Tensor]:
    """Transcribe run_pretraining.py and pretrain_helpers.py for padded rows, given positions and random numbers."""
    ids = padded(ROWS)
    mask = padded([[1] * len(one) for one in ROWS])
    types = padded([[int(place >= first) for place in range(len(one))] for one, first in zip(ROWS, FIRST, strict=True)])
    count = max(map(len, output.positions))
    positions = torch.tensor([one + [0] * (count - len(one)) for one in output.positions])
    weights = torch.tensor([[1.0] * len(one) + [0.0] * (count - len(one)) for one in output.positions])
    targets = ids.gather(1, positions)
    hidden = generator.electra(padded(output.masked_ids), mask, types).last_hidden_state
    chosen = hidden.gather(1, positions[..., None].expand(-1, -1, hidden.shape[-1]))
    logits = generator.generator_lm_head(generator.generator_predictions(chosen))
    log_probabilities = logits.log_softmax(-1)
    each = -log_probabilities.gather(-1, targets[..., None])[..., 0]
    masked_lm_loss = (weights * each).sum() / (weights.sum() + 1e-6)
    # Samples are drawn with Gumbel noise, without a gradient.
    scores = logits.detach() / temperature
    if disallow:
        scores = scores - 1000.0 * torch.nn.functional.one_hot(targets, scores.shape[-1])
    noise = torch.zeros_like(scores)
    noise[weights.bool()] = -torch.log(-torch.log(uniforms + 1e-9) + 1e-9)
    sampled = torch.softmax(scores + noise, -1).argmax(-1)
    # scatter_update never updates position 0, and gives positions that were chosen twice the mean, rounded down.
    updates, counts = torch.zeros_like(ids), torch.zeros_like(ids)
    used = positions * weights.long()
    updates.scatter_add_(1, used, sampled * weights.long())
    counts.scatter_add_(1, used, weights.long())
    updates[:, 0], counts[:, 0] = 0, 0
    corrupted = torch.where(counts > 0, updates // counts.clamp(min=1), ids)
    labels = ((corrupted != ids) & mask.bool()).float()
    logits = discriminator(corrupted, mask, types).logits
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none") * mask
    replaced_loss = each.sum() / (1e-6 + mask.sum())
    loss = 0.7 * masked_lm_loss + 13.0 * replaced_loss
    return {
        "loss": loss, "masked_lm_loss": masked_lm_loss, "replaced_loss": replaced_loss, "corrupted": corrupted,
        "labels": labels, "samples": sampled[weights.bool()], "logits": logits * mask,
    }  # fmt: skip


def original_update(parameters: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Transcribe the first update of optimization.py in float64: clipping, no bias correction, decay."""
    gradients = {name: parameter.grad.double() for name, parameter in parameters.items()}
    norm = sum(gradient.square().sum() for gradient in gradients.values()).sqrt()
    updated = {}
    for name, parameter in parameters.items():
        gradient = gradients[name] / max(1.0, norm)
        moment, second = 0.1 * gradient, 0.001 * gradient.square()
        update = moment / (second.sqrt() + 1e-6)
        if not any(part in name for part in ("LayerNorm", "layer_norm", "bias")):
            update += 0.01 * parameter.detach().double()
        updated[name] = parameter.detach().double() - RATE * update
    return updated


def assert_same_gradients(made: oxbert.PretrainingNetworks, theirs: dict[str, torch.Tensor]) -> None:
    for name, parameter in made.named_parameters():
        expected = theirs[name].grad
        assert expected is not None and expected.abs().max() > 0, name
        assert (parameter.grad - expected).abs().max() / max(1.0, expected.abs().max()) < 1e-5, name


@pytest.mark.parametrize("sharing", ["embeddings", "nothing"])
@pytest.mark.parametrize("with_replacement", [False, True])
@pytest.mark.parametrize(("temperature", "disallow"), [(1.0, False), (1.7, True)])
def test_a_step_matches_the_original(sharing: str, with_replacement: bool, temperature: float, disallow: bool) -> None:
    made = networks(
        sharing=sharing,
        with_replacement=with_replacement,
        temperature=temperature,
        disallow_correct=disallow,
        **WEIGHTS,
    )
    generator, discriminator = transcribed(made, sharing)
    chosen, tokens, candidates = made.totals(ROWS)
    uniforms = torch.rand(chosen, 37)
    ours = made.step(ROWS, FIRST, seed=5, step=9, gumbel=uniforms)
    assert ours.totals == (chosen, tokens, candidates) == (sum(map(len, ours.positions)), sum(map(len, ROWS)), 73)
    theirs = original_step(generator, discriminator, ours, uniforms, temperature=temperature, disallow=disallow)
    assert ours.samples == theirs["samples"].tolist()
    for place, one in enumerate(ours.corrupted_ids):
        assert one == theirs["corrupted"][place, : len(one)].tolist()
        assert ours.replaced[place] == theirs["labels"][place, : len(one)].bool().tolist()
    for name in ("loss", "masked_lm_loss", "replaced_loss", "logits"):
        difference = (getattr(ours, name) - theirs[name]).abs().max() / max(1.0, theirs[name].abs().max())
        assert difference < 1e-5, name
    ours.loss.backward()
    theirs["loss"].backward()
    gradients = dict(discriminator.named_parameters(prefix="discriminator"))
    gradients |= dict(generator.named_parameters(prefix="generator"))
    own = {name: gradients[name] for name, _ in made.named_parameters()}
    assert_same_gradients(made, own)
    # The update divides by the size of the gradient, which amplifies rounding errors of gradients near 0. A second
    # comparison with oxbert's own gradients is therefore close enough to show the weight decay.
    updated, closer = original_update(own), original_update(dict(made.named_parameters()))
    optimizer = AdamWeightDecay(parameter_groups(made.named_parameters(), learning_rate=RATE))
    clip_gradients(parameter for _, parameter in made.named_parameters())
    optimizer.step()
    for name, parameter in made.named_parameters():
        assert (parameter.detach().double() - updated[name]).abs().max() < 1e-5, name
        assert (parameter.detach().double() - closer[name]).abs().max() < 2e-7, name


class Towers(torch.nn.Module):
    """Transcribe TwoTowerClozeTransformer of run_pretraining.py for one row without padding."""

    def __init__(self, embeddings: Any) -> None:
        super().__init__()
        config = transformers.ElectraConfig(**GENERATOR, attn_implementation="eager")
        self.generator_ltr = transformers.ElectraModel(config)
        self.generator_rtl = transformers.ElectraModel(config)
        if embeddings is not None:
            self.generator_ltr.embeddings = self.generator_rtl.embeddings = embeddings
        width, hidden = GENERATOR["embedding_size"], GENERATOR["hidden_size"]
        head = {"dense": torch.nn.Linear(2 * hidden, width), "LayerNorm": torch.nn.LayerNorm(width, eps=1e-12)}
        self.cloze_predictions = torch.nn.ModuleDict(head)
        self.cloze_predictions.register_parameter("bias", torch.nn.Parameter(torch.zeros(37)))

    def forward(self, ids: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        count = ids.shape[1]
        before = torch.ones(count, count).tril()
        sides = []
        for tower, seen, direction in ((self.generator_ltr, before, -1), (self.generator_rtl, before.T, 1)):
            hidden = tower.embeddings_project(tower.embeddings(ids, token_type_ids=types))
            hidden = tower.encoder(hidden, attention_mask=((1 - seen) * -1e30)[None, None]).last_hidden_state
            sides.append(torch.cat([hidden[:, direction:], hidden[:, :direction]], 1))
        hidden = torch.nn.functional.gelu(self.cloze_predictions["dense"](torch.cat(sides, -1)))
        words = self.generator_ltr.embeddings.word_embeddings.weight
        return self.cloze_predictions["LayerNorm"](hidden) @ words.T + self.cloze_predictions.bias


def original_electric_step(
    towers: Towers, discriminator: Any, output: Any, uniforms: torch.Tensor, share: float, temperature: float,
    disallow: bool,
) -> dict[str, Any]:  # fmt: skip
    """Transcribe the objective of Electric in run_pretraining.py row by row, with means over all rows."""
    noise = iter((-torch.log(-torch.log(uniforms + 1e-9) + 1e-9)).split([len(one) for one in output.positions]))
    cloze, masked, replaced, logits, corrupted = [], [], [], [], []
    for one, first, positions in zip(ROWS, FIRST, output.positions, strict=True):
        ids = torch.tensor([one])
        types = (torch.arange(len(one)) >= first).long()[None]
        guesses = towers(ids, types)[0]
        log_q = guesses.log_softmax(-1)
        is_candidate = (ids[0] != CLS) & (ids[0] != SEP) & (ids[0] != MASK)
        each = -log_q.gather(-1, ids[0, :, None])[:, 0]
        cloze.append(each[is_candidate])
        masked.append(each[positions])
        scores = guesses[positions].detach() / temperature
        if disallow:
            scores -= 1000.0 * torch.nn.functional.one_hot(ids[0, positions], 37)
        samples = (scores + next(noise)).argmax(-1)
        fake = ids.clone()
        for position in set(positions):
            drawn = [int(token) for place, token in zip(positions, samples, strict=True) if place == position]
            fake[0, position] = sum(drawn) // len(drawn)
        labels = torch.zeros(len(one))
        labels[positions] = 1
        energy = discriminator(fake, token_type_ids=types).logits[0]
        energy = energy + log_q.detach().gather(-1, fake[0, :, None])[:, 0] + np.log(share / (1 - share))
        replaced.append(torch.nn.functional.binary_cross_entropy_with_logits(energy, labels, reduction="none"))
        logits.append(energy)
        corrupted.append(fake[0].tolist())
    losses = [torch.cat(each).mean() for each in (cloze, masked, replaced)]
    return {
        "cloze_loss": losses[0], "masked_lm_loss": losses[1], "replaced_loss": losses[2],
        "loss": 0.7 * losses[0] + 13.0 * losses[2], "logits": logits, "corrupted": corrupted,
    }  # fmt: skip


@pytest.mark.parametrize("sharing", ["embeddings", "nothing"])
@pytest.mark.parametrize("with_replacement", [False, True])
@pytest.mark.parametrize(("temperature", "disallow"), [(1.0, False), (1.7, True)])
def test_a_step_of_electric_matches_the_original(
    sharing: str, with_replacement: bool, temperature: float, disallow: bool
) -> None:
    made = networks(
        sharing=sharing, electric=True, with_replacement=with_replacement, temperature=temperature,
        disallow_correct=disallow, **WEIGHTS,
    )  # fmt: skip
    discriminator = transformers.ElectraForPreTraining(
        transformers.ElectraConfig(**DISCRIMINATOR, attn_implementation="eager")
    ).eval()
    towers = Towers(discriminator.electra.embeddings if sharing == "embeddings" else None).eval()
    theirs = dict(towers.named_parameters()) | dict(discriminator.named_parameters(prefix="discriminator"))
    parameters = dict(made.named_parameters())
    with torch.no_grad():
        for name, parameter in parameters.items():
            theirs[name].copy_(parameter)
    uniforms = torch.rand(made.totals(ROWS)[0], 37)
    ours = made.step(ROWS, FIRST, seed=5, step=9, gumbel=uniforms)
    expected = original_electric_step(towers, discriminator, ours, uniforms, 0.3, temperature, disallow)
    assert ours.corrupted_ids == expected["corrupted"]
    for one, positions in zip(ours.replaced, ours.positions, strict=True):
        assert [place for place, is_noise in enumerate(one) if is_noise] == sorted(set(positions))
    for name in ("loss", "cloze_loss", "masked_lm_loss", "replaced_loss"):
        assert abs(ours[name] - expected[name]) / max(1.0, abs(expected[name])) < 1e-5, name
    for one, energy in zip(ours.logits, expected["logits"], strict=True):
        assert (one[: len(energy)] - energy).abs().max() / max(1.0, energy.abs().max()) < 1e-5
    ours.loss.backward()
    expected["loss"].backward()
    assert_same_gradients(made, theirs)


@pytest.mark.parametrize("electric", [False, True])
def test_dropout_acts_in_every_network_during_training_only(electric: bool) -> None:
    half = {"hidden_dropout_prob": 0.5, "attention_probs_dropout_prob": 0.5}
    plain = networks(electric=electric)
    for part in ("generator", "discriminator"):
        made = networks(
            electric=electric, **{part: {"generator": GENERATOR, "discriminator": DISCRIMINATOR}[part] | half}
        )
        name = "masked_lm_loss" if part == "generator" else "replaced_loss"
        settings: dict[str, Any] = {"seed": 5, "step": 9, "gumbel": torch.rand(made.totals(ROWS)[0], 37)}
        expected = plain.step(ROWS, FIRST, train=False, **settings)
        assert torch.equal(made.step(ROWS, FIRST, train=False, **settings)[name], expected[name])
        assert abs(made.step(ROWS, FIRST, train=True, **settings)[name] - expected[name]) > 1e-4


@pytest.mark.parametrize("electric", [False, True])
def test_the_generator_can_be_trained_alone(electric: bool) -> None:
    made = networks(electric=electric, **WEIGHTS)
    output = made.step(ROWS, FIRST, seed=5, step=9, discriminate=False)
    assert output.replaced_loss is None and output.samples is None and output.logits is None
    whole = made.step(ROWS, FIRST, seed=5, step=9)
    name = "cloze_loss" if electric else "masked_lm_loss"
    assert torch.equal(output.loss, whole[name] * 0.7)
    with pytest.raises(InputError, match="discriminate"):
        networks(generator=None).step(ROWS, seed=5, step=9, discriminate=False)


def test_electric_requires_two_separate_networks() -> None:
    for options in (
        {"generator": None},
        {"discriminator": None},
        {"generator": DISCRIMINATOR, "sharing": "everything"},
    ):
        with pytest.raises(InputError, match="electric"):
            networks(electric=True, **options)


def test_the_discriminator_loss_has_no_gradient_in_the_generator() -> None:
    made = networks(masked_lm_weight=0.0, sharing="nothing")
    made.step(ROWS, FIRST, seed=5, step=9).loss.backward()
    for name, parameter in made.named_parameters():
        assert name.startswith("discriminator.") or parameter.grad is None or not parameter.grad.any(), name


def test_one_network_serves_both_roles() -> None:
    made = networks(generator=DISCRIMINATOR, sharing="everything")
    own = [name for name, _ in made.named_parameters() if name.startswith("generator.")]
    assert own and all(
        name.startswith(("generator.generator_predictions.", "generator.generator_lm_head.")) for name in own
    )
    made.step(ROWS, FIRST, seed=5, step=9).loss.backward()
    assert all(parameter.grad is not None for _, parameter in made.named_parameters())
    with pytest.raises(ConfigError, match="one network"):
        networks(generator=DISCRIMINATOR | {"num_hidden_layers": 1}, sharing="everything")


def test_single_networks_train_masked_lm_or_uniform_replacement() -> None:
    alone = networks(discriminator=None).step(ROWS, FIRST, seed=5, step=9)
    assert alone.replaced_loss is None and alone.samples is None and torch.equal(alone.loss, alone.masked_lm_loss)
    # Without a generator, replacements are uniform over the vocabulary.
    made = networks(generator=None)
    samples = [token for step in range(200) for token in made.step(ROWS, FIRST, seed=5, step=step).samples]
    uniform = made.step(ROWS, FIRST, seed=5, step=0)
    assert uniform.masked_lm_loss is None and torch.equal(uniform.loss, 50 * uniform.replaced_loss)
    counts = np.bincount(samples, minlength=37)
    expected = len(samples) / 37
    assert len(counts) == 37 and (abs(counts - expected) < 6 * expected**0.5).all()
    with pytest.raises(InputError, match="got none"):
        networks(generator=None, discriminator=None)


def test_randomness_is_a_function_of_seed_step_and_example() -> None:
    made = networks()

    def drawn(rows: list[list[int]], **where: Any) -> Any:
        output = made.step(rows, **where)
        return list(zip(output.positions, output.masked_ids, output.corrupted_ids, strict=True))

    whole = drawn(ROWS, seed=5, step=9)
    assert whole == drawn(ROWS, seed=5, step=9)
    for other in (drawn(ROWS, seed=6, step=9), drawn(ROWS, seed=5, step=10)):
        assert all(one != another for one, another in zip(whole[:4], other[:4], strict=True))
    # A row alone draws the same numbers as in the whole batch.
    for place, one in enumerate(ROWS):
        assert drawn([one], seed=5, step=9, examples=[place]) == [whole[place]]
    # Equal rows at different places are masked differently.
    twins = drawn([ROWS[0], ROWS[0]], seed=5, step=9)
    assert twins[0] != twins[1]


@pytest.mark.parametrize("electric", [False, True])
def test_losses_and_gradients_of_parts_sum_to_the_whole_batch(electric: bool) -> None:
    half = {"hidden_dropout_prob": 0.5, "attention_probs_dropout_prob": 0.5}
    options: dict[str, Any] = {
        "electric": electric,
        "generator": GENERATOR | half,
        "discriminator": DISCRIMINATOR | half,
    }
    whole = networks(**options)
    parts = networks(**options)
    all_rows, all_first = [*ROWS, [CLS, SEP]], [*FIRST, 2]
    expected = whole.step(all_rows, all_first, seed=5, step=9)
    expected.loss.backward()
    totals = parts.totals(all_rows)
    losses = 0.0
    # The last part contains only special tokens, so no token can be masked.
    for places in ([0, 3], [1, 5, 6], [2, 4], [7]):
        rows, first = [all_rows[place] for place in places], [all_first[place] for place in places]
        output = parts.step(rows, first, seed=5, step=9, examples=places, totals=totals)
        output.loss.backward()
        losses += output.loss.detach()
    assert abs(losses - expected.loss.detach()) < 1e-5 * losses
    for (name, one), (_, other) in zip(whole.named_parameters(), parts.named_parameters(), strict=True):
        assert (one.grad - other.grad).abs().max() <= 1e-5 * max(1.0, one.grad.abs().max()), name


def test_bad_options_and_rows_are_refused() -> None:
    for options, match in [
        ({"mask_probability": 1.5}, "mask_probability"),
        ({"masked_share": -0.1}, "masked_share"),
        ({"max_predictions": 0}, "max_predictions"),
        ({"sharing": "some"}, "sharing"),
        ({"special_ids": (2, 3, 37)}, "special_ids"),
        ({"special_ids": (-1, 3, 4)}, "special_ids"),
        ({"replaced_weight": float("nan")}, "replaced_weight"),
        ({"masked_lm_weight": -1.0}, "masked_lm_weight"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": 1e-40}, "temperature"),
        ({"electric": True, "mask_probability": 1.0}, "mask_probability"),
    ]:
        with pytest.raises(InputError, match=match):
            networks(**options)
    with pytest.raises(ConfigError, match="vocab_size"):
        networks(generator=GENERATOR | {"vocab_size": 38})
    with pytest.raises(ConfigError, match="embedding_size"):
        networks(generator=GENERATOR | {"embedding_size": 5})
    made = networks()
    with pytest.raises(InputError, match="can be masked"):
        made.step([[CLS, SEP]], seed=0, step=0)
    with pytest.raises(ShapeError, match="first_segments"):
        made.step(ROWS, [1], seed=0, step=0)
    with pytest.raises(ShapeError, match="gumbel"):
        made.step(ROWS, seed=0, step=0, gumbel=torch.rand(3, 37))
    with pytest.raises(oxbert.errors.DtypeError, match="gumbel"):
        made.step(ROWS, seed=0, step=0, gumbel=np.ones(3))
    with pytest.raises(oxbert.errors.IdRangeError):
        made.step([[CLS, 99, SEP]], seed=0, step=0)
    with pytest.raises(InputError, match="totals"):
        made.step(ROWS, seed=0, step=0, totals=(1, 1, 1))
    with pytest.raises(InputError, match=r"\[CLS\] first"):
        networks(electric=True).step([[CLS, 7, 8]], seed=0, step=0)
    with pytest.raises(ConfigError, match="tie_word_embeddings"):
        networks(electric=True, generator=GENERATOR | {"tie_word_embeddings": False})
