"""Compare the optimizer and gradient clipping with transcriptions of the original in numpy and TensorFlow."""

from __future__ import annotations

import copy
import itertools
import math
import os
import pickle
from collections.abc import Callable, Iterator
from typing import Any

# TensorFlow reads these when it is loaded: no log, and no notice about rounding by oneDNN.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

import oxbert
import oxbert.torch
from oxbert import errors
from oxbert.training import (
    AdamWeightDecay,
    clip_gradients,
    learning_rate_scheduler,
    parameter_groups,
)

IMPLEMENTATIONS = ["fused", "foreach", "single"]
STEPS, WARMUP, PEAK, DECAY = 100, 10, 5e-3, 0.01
Arrays = dict[str, np.ndarray]


class Original:
    """Transcribe the updates of model/optimization.py in float64."""

    def __init__(self, parameters: Arrays, rates: Callable[[str], float] = lambda name: 1.0) -> None:
        self.parameters = {name: value.astype(np.float64) for name, value in parameters.items()}
        self.first = {name: np.zeros_like(value) for name, value in self.parameters.items()}
        self.second = {name: np.zeros_like(value) for name, value in self.parameters.items()}
        self.rates = rates
        self.global_step = 0

    def rate(self) -> float:
        decayed = PEAK * (1.0 - min(self.global_step, STEPS) / STEPS)
        return decayed * min(1.0, self.global_step / WARMUP)

    def step(self, gradients: Arrays) -> float:
        """Update the parameters, and return the norm of the gradients."""
        gradients = {name: value.astype(np.float64) for name, value in gradients.items()}
        norm = math.sqrt(sum(float((value**2).sum()) for value in gradients.values()))
        scale = 1.0 * min(1.0 / norm, 1.0)
        for name, gradient in gradients.items():
            gradient = gradient * scale
            self.first[name] = 0.9 * self.first[name] + (1.0 - 0.9) * gradient
            self.second[name] = 0.999 * self.second[name] + (1.0 - 0.999) * gradient**2
            update = self.first[name] / (np.sqrt(self.second[name]) + 1e-6)
            if not any(part in name for part in ("LayerNorm", "layer_norm", "bias")):
                update = update + DECAY * self.parameters[name]
            self.parameters[name] = self.parameters[name] - self.rate() * self.rates(name) * update
        self.global_step += 1
        return norm


def numpy_of(named: Iterator[tuple[str, torch.Tensor]]) -> Arrays:
    return {name: tensor.detach().numpy().copy() for name, tensor in named}


def gradients_of(module: torch.nn.Module) -> Arrays:
    return {name: p.grad.numpy().copy() for name, p in module.named_parameters() if p.grad is not None}


def difference(module: torch.nn.Module, expected: Arrays) -> float:
    """Return the largest difference of a parameter, relative to its norm."""
    return max(
        float(np.linalg.norm(value - expected[name]) / (np.linalg.norm(expected[name]) + 1e-3))
        for name, value in numpy_of(module.named_parameters()).items()
    )


def discriminator(dtype: torch.dtype = torch.float32, seed: int = 0) -> oxbert.torch.Module:
    config = oxbert.ElectraConfig(
        vocab_size=40,
        embedding_size=12,
        hidden_size=20,
        num_hidden_layers=2,
        num_attention_heads=5,
        intermediate_size=28,
        max_position_embeddings=16,
        initializer_range=0.2,
    )
    return oxbert.torch.Module(oxbert.ElectraForPreTraining(config, seed=seed)).train().to(dtype)


def loss_of(module: torch.nn.Module, generator: torch.Generator) -> torch.Tensor:
    """Return the loss of a task that can be learnt: tokens from 20 count as replaced."""
    ids = torch.randint(1, 40, (4, 12), generator=generator)
    return 50 * module(ids, labels=(ids >= 20).long()).loss


class Synthetic(torch.nn.Module):
    """Hold parameters with the names of both families, and gradients of all magnitudes, including 0."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        shapes = {
            "electra.embeddings.word_embeddings.weight": (7, 5),
            "electra.encoder.layer.0.attention.output.LayerNorm.weight": (5,),
            "distilbert.transformer.layer.1.sa_layer_norm.weight": (5,),
            "discriminator_predictions.dense.weight": (3, 5),
            "discriminator_predictions.dense.bias": (3,),
            "scale": (),
        }
        self.shapes = shapes
        for name, shape in shapes.items():
            self.register_parameter(name.replace(".", "-"), torch.nn.Parameter(torch.randn(shape, dtype=dtype)))

    def named_parameters(self, *arguments: Any, **options: Any) -> Iterator[tuple[str, torch.nn.Parameter]]:
        for name, parameter in super().named_parameters(*arguments, **options):
            yield name.replace("-", "."), parameter

    def set_gradients(self, step: int) -> None:
        for number, parameter in enumerate(self.parameters()):
            gradient = torch.randn_like(parameter) * 10.0 ** (2 * math.sin(step + number))
            parameter.grad = torch.where(torch.rand_like(parameter) < 0.2, torch.zeros_like(parameter), gradient)


def train(module: torch.nn.Module, implementation: str, backward: Callable[[int], object]) -> Iterator[float]:
    """Run the schedule beside the original's, and yield the difference of the parameters after each step."""
    original = Original(numpy_of(module.named_parameters()))
    groups = parameter_groups(module.named_parameters(), learning_rate=PEAK, weight_decay=DECAY)
    optimizer = AdamWeightDecay(groups, implementation=implementation)
    scheduler = learning_rate_scheduler(optimizer, total_steps=STEPS, warmup_steps=WARMUP)
    for step in range(STEPS):
        optimizer.zero_grad()
        backward(step)
        for group in optimizer.param_groups:
            assert group["lr"] == pytest.approx(original.rate(), rel=1e-12)
        gradients = gradients_of(module)
        norm = clip_gradients(module.parameters())
        assert float(norm) == pytest.approx(original.step(gradients), rel=1e-6)
        optimizer.step()
        scheduler.step()
        yield difference(module, original.parameters)


# The update.


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_every_step_matches_the_original(implementation: str, dtype: torch.dtype, tolerance: float) -> None:
    module = Synthetic(dtype)
    differences = list(train(module, implementation, module.set_gradients))
    assert len(differences) == STEPS and max(differences) <= tolerance
    assert differences[0] == 0, "the first rate is 0"


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_every_step_of_a_discriminator_matches_the_original(
    implementation: str, dtype: torch.dtype, tolerance: float
) -> None:
    module, generator, losses = discriminator(dtype), torch.Generator().manual_seed(0), []

    def backward(step: int) -> None:
        loss = loss_of(module, generator)
        losses.append(loss.item())
        loss.backward()

    assert max(train(module, implementation, backward)) <= tolerance
    first, last = (sum(part) for part in (losses[:10], losses[-10:]))
    assert last < 0.8 * first, "the loss falls"


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_foreach_equals_the_single_tensor_update_bit_for_bit(decay: float) -> None:
    modules = {name: discriminator(seed=3) for name in IMPLEMENTATIONS}
    optimizers = {
        name: AdamWeightDecay(module.parameters(), lr=1e-3, weight_decay=decay, implementation=name)
        for name, module in modules.items()
    }
    for step in range(20):
        for name, module in modules.items():
            torch.manual_seed(step)
            for parameter in module.parameters():
                parameter.grad = torch.randn_like(parameter)
            optimizers[name].step()
        for foreach, single, fused in zip(
            *(modules[name].parameters() for name in ("foreach", "single", "fused")), strict=True
        ):
            assert torch.equal(foreach, single)
            torch.testing.assert_close(fused, single, rtol=1e-6, atol=1e-7)


def test_the_fused_kernel_runs_on_contiguous_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the condition of the fused kernel: contiguous gradients."""
    calls: list[str] = []
    for name in ("_fused_adamw_", "_foreach_sqrt"):
        kernel = getattr(torch, name)
        monkeypatch.setattr(
            torch, name, lambda *a, _kernel=kernel, _name=name, **o: (calls.append(_name), _kernel(*a, **o))[1]
        )
    weight, twin = (torch.nn.Parameter(torch.ones(3, 4)) for _ in range(2))
    transposed = torch.arange(12.0).reshape(4, 3).T
    for parameter, gradient in ((weight, transposed), (twin, transposed.contiguous())):
        parameter.grad = gradient
        AdamWeightDecay([parameter], lr=0.1).step()
    assert calls == ["_foreach_sqrt", "_fused_adamw_"]
    torch.testing.assert_close(weight, twin)


def test_moments_are_updated_at_learning_rate_zero() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = AdamWeightDecay([weight], lr=0.0)
    weight.grad = torch.tensor([1.0, -2.0])
    optimizer.step()
    assert torch.equal(weight, torch.ones(2))
    state = optimizer.state[weight]
    torch.testing.assert_close(state["exp_avg"], torch.tensor([0.1, -0.2]))
    torch.testing.assert_close(state["exp_avg_sq"], torch.tensor([0.001, 0.004]))


def test_the_first_update_has_no_bias_correction() -> None:
    """Expect an update of 0.1 / sqrt(0.001); AdamW's would be 1."""
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    weight.grad = torch.ones(1, dtype=torch.float64)
    AdamWeightDecay([weight], lr=1.0).step()
    assert weight.item() == pytest.approx(-0.1 / (math.sqrt(0.001) + 1e-6), rel=1e-12)


def test_parameters_without_gradients_are_unchanged() -> None:
    used, unused = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    optimizer = AdamWeightDecay([used, unused], lr=0.1, weight_decay=0.1)
    used.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(unused, torch.ones(2)) and unused not in optimizer.state
    assert not torch.equal(used, torch.ones(2))


def test_a_closure_is_called_with_gradients_enabled() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = AdamWeightDecay([weight], lr=0.1)

    def closure() -> float:
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss.item()

    with torch.no_grad():
        assert optimizer.step(closure) == 2.0
    assert weight[0] < 1 and optimizer.step() is None


def test_a_gradient_scaler_works_and_skips_infinite_steps() -> None:
    plain, scaled = discriminator(seed=1).eval(), discriminator(seed=1).eval()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    optimizers = [AdamWeightDecay(module.parameters(), lr=1e-2) for module in (plain, scaled)]
    for step in range(3):
        for module, optimizer in zip((plain, scaled), optimizers, strict=True):
            optimizer.zero_grad()
            loss = loss_of(module, torch.Generator().manual_seed(step))
            if module is plain:
                loss.backward()
                optimizer.step()
            else:
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
    for parameter, other in zip(plain.parameters(), scaled.parameters(), strict=True):
        torch.testing.assert_close(parameter, other, rtol=1e-5, atol=1e-5)
    before = numpy_of(scaled.named_parameters())
    next(scaled.parameters()).grad.fill_(math.inf)
    scaler.step(optimizers[1])
    assert difference(scaled, before) == 0, "a step with infinite gradients is skipped"


def test_half_precision_parameters_are_updated() -> None:
    for dtype in (torch.bfloat16, torch.float16):
        for implementation in IMPLEMENTATIONS:
            weight = torch.nn.Parameter(torch.ones(4, dtype=dtype))
            weight.grad = torch.full((4,), 0.5, dtype=dtype)
            AdamWeightDecay([weight], lr=0.1, implementation=implementation).step()
            torch.testing.assert_close(weight.float(), torch.full((4,), 1 - 0.316), rtol=0.01, atol=0)


# State.


def run(module: torch.nn.Module, first: int, last: int, optimizer: Any, scheduler: Any) -> None:
    for step in range(first, last):
        torch.manual_seed(step)
        optimizer.zero_grad()
        loss_of(module, torch.Generator().manual_seed(step)).backward()
        clip_gradients(module.parameters())
        optimizer.step()
        scheduler.step()


def make_optimizer(module: torch.nn.Module) -> tuple[AdamWeightDecay, LambdaLR]:
    groups = parameter_groups(module.named_parameters(), learning_rate=PEAK, layerwise_decay=0.8)
    optimizer = AdamWeightDecay(groups)
    return optimizer, learning_rate_scheduler(optimizer, total_steps=20, warmup_steps=4)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Any) -> None:
    whole = discriminator()
    run(whole, 0, 20, *make_optimizer(whole))

    first = discriminator()
    optimizer, scheduler = make_optimizer(first)
    run(first, 0, 7, optimizer, scheduler)
    state = {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(), "model": first.state_dict()}
    torch.save(state, tmp_path / "state.pt")

    second = discriminator(seed=5)
    optimizer, scheduler = make_optimizer(second)
    saved = torch.load(tmp_path / "state.pt", weights_only=True)
    second.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    scheduler.load_state_dict(saved["scheduler"])
    run(second, 7, 20, optimizer, scheduler)
    for (name, parameter), other in zip(whole.named_parameters(), second.parameters(), strict=True):
        assert torch.equal(parameter, other), name


def test_copies_and_pickles_continue_identically() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = AdamWeightDecay([weight], lr=0.1, implementation="single")
    weight.grad = torch.ones(3)
    optimizer.step()
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        (twin,) = other.param_groups[0]["params"]
        twin.grad = torch.ones(3)
        other.step()
    optimizer.step()
    torch.testing.assert_close(twin, weight, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda state: state["param_groups"].pop(), r"expected 2 groups, got 1"),
        (
            lambda state: state["param_groups"][0].pop("eps"),
            r"group 0 has no eps: expected the state of AdamWeightDecay",
        ),
        (lambda state: state["param_groups"][0]["params"].pop(), r"group 0: expected 2 parameters, got 1"),
        (lambda state: state["param_groups"][0]["param_names"].reverse(), r"group 0: expected the parameter a.weight"),
        (lambda state: state["state"][1].pop("exp_avg_sq"), r"exp_avg_sq of b.weight: expected \[3\], got nothing"),
        (
            lambda state: state["state"][1].update(exp_avg=torch.ones(2)),
            r"exp_avg of b.weight: expected \[3\], got \[2\]",
        ),
    ],
)
def test_states_that_do_not_fit_are_refused(change: Callable[[Any], object], reason: str) -> None:
    named = {name: torch.nn.Parameter(torch.ones(3)) for name in ("a.weight", "b.weight", "a.bias")}
    optimizer = AdamWeightDecay(parameter_groups(named.items(), learning_rate=0.1))
    for parameter in named.values():
        parameter.grad = torch.ones(3)
    optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    optimizer.load_state_dict(copy.deepcopy(state))
    change(state)
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(errors.InputError, match=reason) as caught:
        optimizer.load_state_dict(state)
    assert caught.value.what == "state_dict"
    torch.testing.assert_close(optimizer.state_dict()["state"], before["state"], rtol=0, atol=0)


# Errors.


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"lr": -1.0}, "lr"),
        ({"lr": math.nan}, "lr"),
        ({"lr": torch.tensor(0.1)}, "lr"),
        ({"betas": (1.0, 0.999)}, "betas"),
        ({"betas": (0.9, -0.1)}, "betas"),
        ({"betas": 0.9}, "betas"),
        ({"eps": 0.0}, "eps"),
        ({"weight_decay": math.inf}, "weight_decay"),
        ({"implementation": "quick"}, "implementation"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], what: str) -> None:
    weight = torch.nn.Parameter(torch.ones(1))
    for make in (
        lambda: AdamWeightDecay([weight], **options),
        lambda: AdamWeightDecay([{"params": [weight], **options}]),
    ):
        with pytest.raises(errors.InputError, match=rf"^{what}: expected .+, got ") as caught:
            make()
        assert caught.value.what == what


def test_parameters_of_other_dtypes_are_refused() -> None:
    optimizer = AdamWeightDecay([torch.nn.Parameter(torch.ones(1))])
    for dtype in (torch.int64, torch.complex64):
        with pytest.raises(
            errors.DtypeError, match=r"params: expected floating point, got (int64|complex64)"
        ) as caught:
            optimizer.add_param_group({"params": [torch.zeros(1, dtype=dtype)]})
        assert caught.value.details == {
            "what": "params", "expected": "floating point", "got": str(dtype).removeprefix("torch."),
        }  # fmt: skip
    assert len(optimizer.param_groups) == 1


def test_sparse_gradients_are_refused() -> None:
    table = torch.nn.Embedding(4, 2, sparse=True)
    table(torch.tensor([1])).sum().backward()
    before = table.weight.detach().clone()
    with pytest.raises(
        errors.InputError, match=r"^gradient: expected (a )?dense gradients?, got a sparse one; every number"
    ):
        AdamWeightDecay(table.parameters()).step()
    with pytest.raises(
        errors.InputError, match=r"^gradient: expected (a )?dense gradients?, got a sparse one, which the"
    ):
        clip_gradients(table.parameters())
    assert torch.equal(table.weight, before)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_resized_parameters_are_refused(implementation: str) -> None:
    model = discriminator()
    optimizer = AdamWeightDecay(model.parameters(), lr=0.1, implementation=implementation)
    loss_of(model, torch.Generator()).backward()
    optimizer.step()
    before = numpy_of(model.named_parameters())
    model.resize_token_embeddings(60)
    grown = {"electra.embeddings.word_embeddings.weight"}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    with pytest.raises(errors.ShapeError, match=r"of shape \[40, 12\] was resized to \[60, 12\]") as caught:
        optimizer.step()
    assert (caught.value.expected, caught.value.got) == ([40, 12], [60, 12])
    after = numpy_of(model.named_parameters())
    assert all(np.array_equal(after[name], before[name]) for name in before.keys() - grown)


# Clipping.


def test_only_gradients_above_the_norm_are_scaled() -> None:
    parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in [(3, 4), (5,), ()]]
    for scale, limit in [(1e-3, 1.0), (1e3, 1.0), (1e3, 0.7), (1.0, 3.0)]:
        gradients = [torch.randn_like(parameter) * scale for parameter in parameters]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
        true = math.sqrt(sum(float((gradient.double() ** 2).sum()) for gradient in gradients))
        norm = clip_gradients(iter(parameters), limit)
        assert norm.shape == () and norm.dtype == torch.float32 and not norm.requires_grad
        assert float(norm) == pytest.approx(true, rel=1e-6)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if true <= limit:
                assert torch.equal(parameter.grad, gradient)
            torch.testing.assert_close(parameter.grad, gradient * limit / max(true, limit), rtol=1e-6, atol=0)


def test_shared_parameters_are_clipped_once() -> None:
    shared, own = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    shared.grad, own.grad = torch.tensor([3.0]), torch.tensor([4.0])
    assert clip_gradients([shared, own, shared]) == 5
    torch.testing.assert_close(torch.cat([shared.grad, own.grad]), torch.tensor([0.6, 0.8]))


def test_a_not_finite_norm_makes_all_gradients_nan() -> None:
    for bad in (math.inf, -math.inf, math.nan):
        parameters = [torch.nn.Parameter(torch.zeros(2)) for _ in range(2)]
        parameters[0].grad, parameters[1].grad = torch.ones(2), torch.tensor([1.0, bad])
        assert not clip_gradients(parameters).isfinite()
        assert all(bool(parameter.grad.isnan().all()) for parameter in parameters)


def test_gradients_of_several_dtypes_have_one_norm() -> None:
    gradients = [torch.full((4,), 30_000.0, dtype=dtype) for dtype in (torch.float16, torch.float32, torch.float64)]
    for kept, dtype in [(gradients[:1], torch.float32), (gradients[:2], torch.float32), (gradients, torch.float64)]:
        parameters = [torch.nn.Parameter(torch.zeros_like(gradient)) for gradient in kept]
        for parameter, gradient in zip(parameters, kept, strict=True):
            parameter.grad = gradient.clone()
        norm = clip_gradients(parameters)
        assert norm.dtype == dtype and float(norm) == pytest.approx(30_000 * 2 * math.sqrt(len(kept)), rel=1e-6)
        for parameter in parameters:
            torch.testing.assert_close(
                parameter.grad.float(), torch.full((4,), 0.5 / math.sqrt(len(kept))), rtol=1e-3, atol=0
            )


def test_clipping_without_gradients_returns_zero() -> None:
    assert clip_gradients([]) == 0 and clip_gradients(torch.nn.Parameter(torch.ones(1))) == 0
    for limit in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(errors.InputError, match="max_norm: expected a number above 0"):
            clip_gradients([], limit)


@pytest.mark.parametrize("parameters", [range(10**15), itertools.count(), ["weight"], 7])
def test_what_are_no_tensors_is_refused_however_many_there_are(parameters: Any) -> None:
    with pytest.raises(TypeError):
        clip_gradients(parameters)
    for given in (parameters, [{"params": parameters}]):
        with pytest.raises(TypeError):
            AdamWeightDecay(given)


# TensorFlow's own functions.


@pytest.fixture(scope="module")
def tf() -> Any:
    module = pytest.importorskip("tensorflow")
    module.config.set_visible_devices([], "GPU")
    return module


def test_a_run_matches_tensorflow(tf: Any) -> None:
    """Compare with `clip_by_global_norm` and the update in TensorFlow's float32, over the whole schedule."""
    module = Synthetic(torch.float32)
    names = [name for name, _ in module.named_parameters()]
    theirs = {name: [tf.constant(p.detach().numpy())] for name, p in module.named_parameters()}
    for moments in theirs.values():
        moments += [tf.zeros_like(moments[0]), tf.zeros_like(moments[0])]
    optimizer = AdamWeightDecay(parameter_groups(module.named_parameters(), learning_rate=PEAK))
    scheduler = learning_rate_scheduler(optimizer, total_steps=STEPS, warmup_steps=WARMUP)
    for step in range(STEPS):
        module.set_gradients(step)
        gradients, norm = tf.clip_by_global_norm([tf.constant(g) for g in gradients_of(module).values()], 1.0)
        assert float(clip_gradients(module.parameters())) == pytest.approx(float(norm), rel=1e-6)
        rate = tf.constant(scheduler.get_last_lr()[0], tf.float32)
        for name, gradient in zip(names, gradients, strict=True):
            parameter, first, second = theirs[name]
            first = tf.multiply(0.9, first) + tf.multiply(1.0 - 0.9, gradient)
            second = tf.multiply(0.999, second) + tf.multiply(1.0 - 0.999, tf.square(gradient))
            update = first / (tf.sqrt(second) + 1e-6)
            if not any(part in name for part in ("LayerNorm", "layer_norm", "bias")):
                update += DECAY * parameter
            theirs[name] = [parameter - rate * update, first, second]
        for (name, parameter), gradient in zip(module.named_parameters(), gradients, strict=True):
            np.testing.assert_allclose(parameter.grad.numpy(), gradient.numpy(), rtol=1e-6, err_msg=name)
        optimizer.step()
        scheduler.step()
        assert difference(module, {name: values[0].numpy() for name, values in theirs.items()}) <= 2e-6


def test_a_not_finite_norm_matches_tensorflow(tf: Any) -> None:
    for bad in (math.inf, math.nan):
        gradients, _ = tf.clip_by_global_norm([tf.ones(2), tf.constant([1.0, bad])], 1.0)
        assert all(bool(tf.reduce_all(tf.math.is_nan(gradient))) for gradient in gradients)
