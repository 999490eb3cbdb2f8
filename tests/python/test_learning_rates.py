"""Compare parameter groups and learning-rate schedules with hand-written tables and TensorFlow's functions."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest
import torch

import oxbert
from oxbert import errors
from oxbert.training import (
    AdamWeightDecay,
    clip_gradients,
    learning_rate,
    learning_rate_factor,
    learning_rate_scheduler,
    parameter_groups,
)

from .test_optimizer import (
    PEAK,
    STEPS,
    WARMUP,
    Original,
    difference,
    discriminator,
    gradients_of,
    loss_of,
    numpy_of,
)

# Groups.


def rates(groups: list[dict[str, Any]]) -> dict[str, float]:
    return {name: group["lr"] for group in groups for name, _ in group["params"]}


def decays(groups: list[dict[str, Any]]) -> dict[str, float]:
    return {name: group["weight_decay"] for group in groups for name, _ in group["params"]}


def test_weight_decay_excludes_norms_and_biases() -> None:
    """Compare with a hand-written list of every kind of parameter of both families."""
    electra = oxbert.ElectraForMaskedLM(oxbert.ElectraConfig(vocab_size=9, num_hidden_layers=1), seed=0)
    distilbert = oxbert.DistilBertForMaskedLM(oxbert.DistilBertConfig(vocab_size=9, n_layers=1), seed=0)
    decayed = {
        "electra.embeddings.word_embeddings.weight",
        "electra.embeddings.position_embeddings.weight",
        "electra.embeddings.token_type_embeddings.weight",
        "electra.embeddings_project.weight",
        "electra.encoder.layer.0.attention.self.query.weight",
        "electra.encoder.layer.0.attention.self.key.weight",
        "electra.encoder.layer.0.attention.self.value.weight",
        "electra.encoder.layer.0.attention.output.dense.weight",
        "electra.encoder.layer.0.intermediate.dense.weight",
        "electra.encoder.layer.0.output.dense.weight",
        "generator_predictions.dense.weight",
        "distilbert.embeddings.word_embeddings.weight",
        "distilbert.embeddings.position_embeddings.weight",
        "distilbert.transformer.layer.0.attention.q_lin.weight",
        "distilbert.transformer.layer.0.attention.k_lin.weight",
        "distilbert.transformer.layer.0.attention.v_lin.weight",
        "distilbert.transformer.layer.0.attention.out_lin.weight",
        "distilbert.transformer.layer.0.ffn.lin1.weight",
        "distilbert.transformer.layer.0.ffn.lin2.weight",
        "vocab_transform.weight",
    }
    for model in (electra, distilbert):
        found = decays(parameter_groups(model.named_parameters(), learning_rate=1.0, weight_decay=0.3))
        assert found == {name: 0.3 if name in decayed else 0.0 for name, _ in model.named_parameters()}
    kept = set(decays(parameter_groups(distilbert.named_parameters(), learning_rate=1.0))) - decayed
    assert {"distilbert.transformer.layer.0.sa_layer_norm.weight", "vocab_layer_norm.weight"} < kept
    assert {"distilbert.transformer.layer.0.output_layer_norm.weight", "vocab_projector.bias"} < kept


# Powers of 0.8 by the original's rule for 12 layers: embeddings at depth 0, layer i at i + 1, the head at 14.
BASE_RATES = {
    "embeddings": 0.04398046511104,
    0: 0.0549755813888,
    1: 0.068719476736,
    2: 0.08589934592,
    3: 0.1073741824,
    4: 0.134217728,
    5: 0.16777216,
    6: 0.2097152,
    7: 0.262144,
    8: 0.32768,
    9: 0.4096,
    10: 0.512,
    11: 0.64,
    "head": 1.0,
}
TINY: dict[str, Any] = {"vocab_size": 9, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 4}
MODELS = {
    "ElectraForSequenceClassification": ({"num_hidden_layers": 12, "embedding_size": 4, **TINY}, "encoder"),
    "ElectraForQuestionAnswering": ({"num_hidden_layers": 12, "embedding_size": 4, **TINY}, "encoder"),
    "ElectraModel": ({"num_hidden_layers": 12, "embedding_size": 4, **TINY}, "encoder"),
    "DistilBertForSequenceClassification": (
        {"n_layers": 12, "vocab_size": 9, "dim": 8, "n_heads": 2, "hidden_dim": 4},
        "transformer",
    ),
    "DistilBertModel": ({"n_layers": 12, "vocab_size": 9, "dim": 8, "n_heads": 2, "hidden_dim": 4}, "transformer"),
}


def place(name: str, stack: str) -> str | int:
    """Find the depth of a parameter in another way than the package: by the parts of its name between dots."""
    parts = name.split(".")
    if "embeddings" in parts or "embeddings_project" in parts:
        return "embeddings"
    return int(parts[parts.index("layer") + 1]) if stack in parts else "head"


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_layerwise_decay_lowers_the_rates_near_the_input(name: str, prefix: str) -> None:
    values, stack = MODELS[name]
    config = getattr(oxbert, f"{'Electra' if name.startswith('Electra') else 'DistilBert'}Config")(**values)
    model = getattr(oxbert, name)(config, seed=0)
    named = [(prefix + key, parameter) for key, parameter in model.named_parameters()]
    found = rates(parameter_groups(named, learning_rate=2.0, layerwise_decay=0.8))
    assert found == {key: pytest.approx(2.0 * BASE_RATES[place(key, stack)], rel=1e-12) for key, _ in named}
    places = {place(key, stack) for key, _ in named}
    assert places == set(BASE_RATES) - (set() if "For" in name else {"head"})
    # Without the original's offset, everything below the head has one factor of 0.8 less.
    corrected = rates(parameter_groups(named, learning_rate=2.0, layerwise_decay=0.8, exact=False))
    for key in found:
        factor = 1.0 if place(key, stack) == "head" else 1.25
        assert corrected[key] == pytest.approx(found[key] * factor, rel=1e-12)
    last = next(rate for key, rate in corrected.items() if ".11." in key)
    assert last == pytest.approx(2.0 * 0.8)


def test_layerwise_updates_match_the_original() -> None:
    """Compare the parameters after a whole run with a schedule, not only the rates."""
    module = discriminator(torch.float64)
    powers = {"embeddings": 4, 0: 3, 1: 2, "head": 0}
    original = Original(numpy_of(module.named_parameters()), lambda name: 0.8 ** powers[place(name, "encoder")])
    optimizer = AdamWeightDecay(parameter_groups(module.named_parameters(), learning_rate=PEAK, layerwise_decay=0.8))
    scheduler = learning_rate_scheduler(optimizer, total_steps=STEPS, warmup_proportion=WARMUP / STEPS)
    for step in range(STEPS):
        optimizer.zero_grad()
        loss_of(module, torch.Generator().manual_seed(step)).backward()
        original.step(gradients_of(module))
        clip_gradients(module.parameters())
        optimizer.step()
        scheduler.step()
        assert difference(module, original.parameters) <= 1e-12


def test_the_number_of_layers_is_counted_or_given() -> None:
    named = [(f"electra.encoder.layer.{layer}.output.dense.weight", torch.ones(1)) for layer in (0, 1, 10)]
    by_name = rates(parameter_groups(named, learning_rate=1.0, layerwise_decay=0.5))
    assert list(by_name.values()) == [2.0**-12, 2.0**-11, 2.0**-2]
    more = rates(parameter_groups(named, learning_rate=1.0, layerwise_decay=0.5, num_layers=12))
    assert list(more.values()) == [2.0**-13, 2.0**-12, 2.0**-3]
    exact = parameter_groups(named, learning_rate=1.0, layerwise_decay=0.5, num_layers=11)
    assert rates(exact) == rates(parameter_groups(named, learning_rate=1.0, layerwise_decay=0.5))
    with pytest.raises(errors.InputError, match=r"num_layers: expected at least 11, .+ got 10"):
        parameter_groups(named, learning_rate=1.0, layerwise_decay=0.5, num_layers=10)
    with pytest.raises(errors.InputError, match="named_parameters: layerwise_decay needs layers"):
        parameter_groups([("classifier.weight", torch.ones(1))], learning_rate=1.0, layerwise_decay=0.5)


def test_tied_parameters_are_grouped_once() -> None:
    table, other = torch.ones(2), torch.ones(2)
    named = [
        ("lm_head.decoder.weight", table),
        ("electra.embeddings.word_embeddings.weight", table),
        ("electra.encoder.layer.0.output.dense.weight", other),
    ]
    groups = parameter_groups(named, learning_rate=1.0, layerwise_decay=0.5)
    assert rates(groups) == {"lm_head.decoder.weight": 0.125, "electra.encoder.layer.0.output.dense.weight": 0.25}
    assert AdamWeightDecay(groups).param_groups[0]["params"][0] is table


def test_groups_have_one_rate_and_one_decay() -> None:
    module = discriminator()
    groups = parameter_groups(module.named_parameters(), learning_rate=0.1)
    assert [(group["lr"], group["weight_decay"]) for group in groups] == [(0.1, 0.01), (0.1, 0.0)]
    assert sum(len(group["params"]) for group in groups) == len(list(module.parameters()))
    names = AdamWeightDecay(groups).param_groups[1]["param_names"]
    assert all("LayerNorm" in name or "bias" in name for name in names)
    # The groups fit any optimizer.
    assert len(torch.optim.AdamW(parameter_groups(module.named_parameters(), learning_rate=0.1)).param_groups) == 2


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"learning_rate": -0.1}, "learning_rate"),
        ({"weight_decay": math.nan}, "weight_decay"),
        ({"layerwise_decay": 0.0}, "layerwise_decay"),
        ({"layerwise_decay": 1.1}, "layerwise_decay"),
        ({"layerwise_decay": "0.8"}, "layerwise_decay"),
    ],
)
def test_bad_groups_are_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(errors.InputError, match=f"^{what}: expected a number"):
        parameter_groups([("encoder.layer.0.weight", torch.ones(1))], **{"learning_rate": 0.1, **options})


# Learning rates.


def test_rates_match_hand_computed_values() -> None:
    def rate(step: int, **options: Any) -> float:
        return learning_rate(step, **{"peak": 2.0, "total_steps": 10, **options})

    assert [rate(step) for step in (0, 5, 9, 10, 11)] == pytest.approx([2.0, 1.0, 0.2, 0.0, 0.0])
    assert [rate(step, total_steps=1) for step in range(3)] == [2.0, 0.0, 0.0]
    assert [rate(step, warmup_steps=4) for step in range(5)] == pytest.approx([0, 0.45, 0.8, 1.05, 1.2])
    assert rate(1, warmup_steps=4) == rate(1, warmup_proportion=0.4) == rate(1, warmup_steps=4, warmup_proportion=0.1)
    # A fractional number of warm-up steps (2.5) is not rounded.
    assert rate(1, warmup_proportion=0.25) == pytest.approx(1.8 / 2.5)
    assert rate(5, power=2.0) == pytest.approx(0.5)
    assert [rate(step, end=1.0) for step in (0, 5, 10, 20)] == pytest.approx([2.0, 1.5, 1.0, 1.0])
    assert max(rate(step, warmup_steps=4) for step in range(11)) == rate(4, warmup_steps=4) == pytest.approx(1.2)


def test_the_scheduler_keeps_the_ratio_of_group_rates() -> None:
    optimizer = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.ones(1))], "lr": rate} for rate in (1.0, 0.25)])
    scheduler = learning_rate_scheduler(optimizer, total_steps=10, warmup_proportion=0.2, power=2.0, end=0.1)
    factor = learning_rate_factor(total_steps=10, warmup_proportion=0.2, power=2.0, end=0.1)
    for step in range(13):
        expected = learning_rate(step, peak=1.0, total_steps=10, warmup_steps=2, power=2.0, end=0.1)
        assert factor(step) == expected
        assert scheduler.get_last_lr() == [expected, 0.25 * expected]
        optimizer.step()
        scheduler.step()
    assert pickle.loads(pickle.dumps(factor))(3) == factor(3)
    # A scheduler that starts in the middle.
    late = learning_rate_scheduler(optimizer, total_steps=10, warmup_steps=2, last_epoch=4)
    assert late.get_last_lr()[0] == learning_rate(5, peak=1.0, total_steps=10, warmup_steps=2)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"step": -1}, "step"),
        ({"peak": -1.0}, "peak"),
        ({"peak": math.inf}, "peak"),
        ({"total_steps": 0}, "total_steps"),
        ({"warmup_steps": -1}, "warmup_steps"),
        ({"warmup_proportion": 1.5}, "warmup_proportion"),
        ({"warmup_proportion": math.nan}, "warmup_proportion"),
        ({"power": 0.0}, "power"),
        ({"end": -0.1}, "end"),
        ({"total_steps": "10"}, "total_steps"),
    ],
)
def test_bad_schedules_are_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(errors.InputError, match=f"^{what}: expected a number .+, got ") as caught:
        learning_rate(**{"step": 0, "peak": 1.0, "total_steps": 10, **options})
    assert caught.value.what == what
    if what not in ("step", "peak"):
        with pytest.raises(errors.InputError, match=f"^{what}: "):
            learning_rate_factor(**{"total_steps": 10, **options})


@pytest.fixture(scope="module")
def tf() -> Any:
    module = pytest.importorskip("tensorflow")
    module.config.set_visible_devices([], "GPU")
    return module


@pytest.mark.parametrize("warmup", [1, 10, 25.5, 200])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_rates_match_tensorflow(tf: Any, warmup: float, power: float) -> None:
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        step = v1.placeholder(tf.int64, [])
        for dtype, tolerance in ((tf.float64, 1e-12), (tf.float32, 3e-5)):
            peak = tf.constant(PEAK, dtype)
            decayed = v1.train.polynomial_decay(peak, step, STEPS, end_learning_rate=0.0, power=power, cycle=False)
            rate = decayed * tf.minimum(tf.constant(1, dtype), tf.cast(step, dtype) / tf.cast(warmup, dtype))
            for number in range(STEPS + 5):
                ours = learning_rate(number, peak=PEAK, total_steps=STEPS, warmup_steps=warmup, power=power)
                assert ours == pytest.approx(float(session.run(rate, {step: number})), rel=tolerance, abs=1e-12)
