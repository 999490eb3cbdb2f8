"""Test models as `torch.nn.Module`: torch and transformers' `Trainer` work on the model's own parameters."""

from __future__ import annotations

import copy
import gc
import inspect
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import transformers
from torch.utils import _pytree
from transformers.utils.generic import find_labels

import oxbert
import oxbert.torch
from oxbert import errors, outputs
from oxbert.torch import Module

from .processes import start
from .reference import BASE, NAMES, TOLERANCE, Pair, build

IDS = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 3, 12, 2, 13], [14, 15, 16, 1, 17]])
LABELS = torch.where(IDS % 2 == 0, IDS, -100)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Return a masked LM without dropout, which is deterministic in training mode too."""
    return build("ElectraForMaskedLM", BASE | dict.fromkeys(DROPOUTS, 0.0), tmp_path / "model")


DROPOUTS = ["hidden_dropout_prob", "attention_probs_dropout_prob"]


def largest_difference(ours: Any, theirs: Any) -> float:
    """Return the largest difference over all parameters of equal names."""
    mine, others = dict(ours.named_parameters()), dict(theirs.named_parameters())
    assert mine.keys() == others.keys()
    return max((mine[name] - others[name]).abs().max().item() for name in mine)


def square(output: Any) -> torch.Tensor:
    return output.logits.float().square().mean()


def masked(model: Any) -> torch.Tensor:
    output = model(IDS, labels=LABELS)
    assert output.loss is output[0]
    return output.loss


LOSSES = [
    pytest.param(lambda model: square(model(IDS)), id="without-labels"),
    pytest.param(masked, id="with-labels"),
]


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_the_same_objects_as_the_models(name: str, config: oxbert.ElectraConfig) -> None:
    model = getattr(oxbert, name)(config, seed=0)
    module = Module(model)
    named = model.named_parameters()
    assert [name for name, _ in named] == [name for name, _ in module.named_parameters()] == list(module.state_dict())
    for (_, one), (_, other) in zip(named, module.named_parameters(), strict=True):
        assert one is other and type(one) is torch.nn.Parameter and one.is_leaf and one.requires_grad
    assert module.model is model and module.num_parameters() == model.num_parameters()
    addresses = [parameter.data_ptr() for parameter in module.parameters()]
    del module, named, one, other
    gc.collect()
    # All Python objects of the parameters have been freed.
    again = [parameter for _, parameter in model.named_parameters()]
    assert all(type(parameter) is torch.nn.Parameter for parameter in again)
    assert [parameter.data_ptr() for parameter in Module(model).parameters()] == addresses


def test_a_tensor_becomes_a_parameter_once() -> None:
    tensor = torch.ones(2)
    parameter = oxbert.torch.as_parameter(tensor)
    assert parameter is tensor and isinstance(tensor, torch.nn.Parameter) and not tensor.requires_grad
    assert oxbert.torch.as_parameter(parameter) is tensor


def test_gradients_and_values_are_shared_with_the_model(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    module = Module(model)
    square(module(IDS)).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    module.zero_grad()
    assert all(parameter.grad is None for parameter in model.parameters())
    before = model(IDS.numpy()).logits
    with torch.no_grad():
        module.generator_predictions.dense.bias += 1
    assert abs(model(IDS.numpy()).logits - before).max() > 0.01


def test_submodules_match_transformers(config: oxbert.ElectraConfig) -> None:
    config.num_hidden_layers = 11
    module = Module(oxbert.ElectraForPreTraining(config, seed=0))
    theirs = transformers.ElectraForPreTraining(transformers.ElectraConfig(**config.to_dict()))
    layers = module.electra.encoder.layer
    assert len(layers) == len(list(layers)) == 11
    for number, (layer, other) in enumerate(zip(layers, theirs.electra.encoder.layer, strict=True)):
        assert layer is layers[number] is layers[number - 11] is module.get_submodule(f"electra.encoder.layer.{number}")
        assert {name for name, _ in layer.named_parameters()} == {name for name, _ in other.named_parameters()}
    assert list(layers[9:]) == [layers[9], layers[10]]
    assert sorted(dict(module.named_children())) == sorted(dict(theirs.named_children()))
    with pytest.raises(NotImplementedError):
        layers[0](IDS)
    assert "LayerNorm): Part(weight=[12], bias=[12])" in repr(module)


def test_frozen_parts_stay_unchanged(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=0)
    model.parameters()[0].requires_grad_(False)
    module = Module(model)
    assert not next(module.parameters()).requires_grad and not model.parameters()[0].requires_grad
    module.requires_grad_(True)
    for parameter in module.electra.parameters():
        parameter.requires_grad_(False)
    head = dict(module.discriminator_predictions.named_parameters())
    assert 0 < module.num_parameters(only_trainable=True) == sum(parameter.numel() for parameter in head.values())
    before = {name: value.clone() for name, value in module.state_dict().items()}
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    square(module(IDS)).backward()
    optimizer.step()
    changed = {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and changed <= {f"discriminator_predictions.{name}" for name in head}
    module.electra.requires_grad_(True)
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_every_model_class_has_one_module_class(name: str, config: oxbert.ElectraConfig) -> None:
    module, again = (Module(getattr(oxbert, name)(config)) for _ in range(2))
    kind = type(module)
    assert kind is type(again) and isinstance(module, Module) and issubclass(kind, torch.nn.Module)
    assert kind.__name__ == kind.__qualname__ == name and kind.__module__ == "oxbert.torch" and kind.__doc__
    assert list(inspect.signature(kind.forward).parameters)[:3] == ["self", "input_ids", "attention_mask"]
    parameters = inspect.signature(module.forward).parameters
    assert list(parameters)[:2] == ["input_ids", "attention_mask"]
    # If a model accepts **kwargs, the `Trainer` passes arguments that it does not know.
    assert not {one.kind for one in parameters.values()} & {
        inspect.Parameter.VAR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    }
    with pytest.raises(TypeError, match="nothing_known"):
        module(IDS, nothing_known=1)


def test_signatures_match_transformers(config: oxbert.ElectraConfig) -> None:
    for name in NAMES:
        theirs = getattr(transformers, name)
        kind = type(Module(getattr(oxbert, name)(config)))
        assert find_labels(kind) == find_labels(theirs), name
        mine = [
            name for name, one in inspect.signature(kind.forward).parameters.items() if one.kind != one.KEYWORD_ONLY
        ]
        assert mine == [name for name in inspect.signature(theirs.forward).parameters if name in mine], name


def test_modules_can_be_subclassed(config: oxbert.ElectraConfig) -> None:
    class Scored(Module):
        def __init__(self, model: oxbert.ElectraForPreTraining, scale: float = 2.0) -> None:
            super().__init__(model)
            self.scale = scale

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            return self.scale * super().forward(input_ids).logits

    model = oxbert.ElectraForPreTraining(config, seed=0).eval()
    assert type(Scored(model)) is Scored
    torch.testing.assert_close(Scored(model, scale=3.0)(IDS), 3 * model(IDS).logits)


def test_other_objects_are_refused() -> None:
    with pytest.raises(errors.DtypeError, match="expected a model of oxbert, got Linear") as caught:
        Module(torch.nn.Linear(1, 1))  # type: ignore[arg-type]
    assert (caught.value.what, caught.value.got) == ("model", "Linear")


def test_module_and_model_share_the_training_mode(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=0)
    module = Module(model)
    # As in transformers, a fresh model is in training mode, and a loaded one is not.
    assert model.training and module.training and module.electra.training
    assert not Module(oxbert.ElectraForPreTraining.from_pretrained("electra-tiny-discriminator")).training
    assert not module.eval().training and not model.training and not module.electra.training
    assert module.train() is module and model.training and module.training and module.electra.training
    assert not torch.equal(module(IDS).logits, module(IDS).logits)
    assert module.eval() is module and not model.training and not module.training
    assert torch.equal(module(IDS).logits, module(IDS).logits)
    model.train()
    assert module.training and Module(model).training and model.training
    # A parent module sets the mode too.
    torch.nn.Sequential(module).eval()
    assert not model.training


def test_properties_and_arguments_are_passed_to_the_model(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    module = Module(oxbert.ElectraForMaskedLM(config, seed=0).eval())
    assert module.config == config and module.device == torch.device("cpu") and module.dtype is torch.float32
    module.save_pretrained(tmp_path / "one")
    module.save_pretrained(tmp_path / "other", format="ot")
    for folder in ["one", "other"]:
        again = oxbert.ElectraForMaskedLM.from_pretrained(tmp_path / folder, strict=True)
        assert torch.equal(again(IDS).logits, module(IDS).logits)
    numbers = module(IDS.tolist(), output_hidden_states=True)
    assert type(numbers.logits).__name__ == "ndarray" and len(numbers.hidden_states) == 3


def test_layers_share_the_parameters_of_the_model(config: oxbert.ElectraConfig) -> None:
    module = Module(oxbert.ElectraForMaskedLM(config, seed=0))
    table, bias = module.electra.embeddings.word_embeddings.weight, module.generator_lm_head.bias
    layer = oxbert.torch.embedding(table, padding_idx=0)
    assert layer.weight is table and (layer.num_embeddings, layer.embedding_dim, layer.padding_idx) == (50, 12, 0)
    layer(torch.tensor([0, 4])).sum().backward()
    assert table.grad is not None and table.grad.sum(1).tolist() == [12.0 * (row == 4) for row in range(50)]
    decoder = oxbert.torch.linear(table, bias)
    assert decoder.weight is table and decoder.bias is bias and (decoder.in_features, decoder.out_features) == (12, 50)
    assert decoder(torch.ones(12)).shape == (50,)
    assert oxbert.torch.linear(table).bias is None
    plain = torch.zeros(3, 2)
    assert oxbert.torch.embedding(plain).weight is plain and not plain.requires_grad


def test_resizing_keeps_the_parameter_objects(config: oxbert.ElectraConfig) -> None:
    module = Module(oxbert.ElectraForMaskedLM(config, seed=0))
    before = list(module.parameters())
    layer = module.get_input_embeddings()
    assert layer.weight is module.electra.embeddings.word_embeddings.weight
    decoder = module.get_output_embeddings()
    assert decoder is not None and decoder.weight is layer.weight
    assert module.resize_token_embeddings(53).weight is layer.weight
    assert layer.weight.shape == (53, 12) and module.config.vocab_size == 53
    assert all(one is other for one, other in zip(before, module.parameters(), strict=True))
    assert all(one is other for one, other in zip(before, module.model.parameters(), strict=True))
    assert module(torch.tensor([[52]])).logits.shape == (1, 1, 53)
    square(module(IDS)).backward()


@pytest.mark.parametrize("loss", LOSSES)
def test_optimizer_steps_match_transformers(pair: Pair, loss: Callable[[Any], torch.Tensor]) -> None:
    module = Module(pair.ours())
    rates = []
    for model in [module, pair.theirs]:
        # With a small epsilon Adam would turn the rounding errors of zero gradients into full steps.
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, eps=1e-3, weight_decay=0.1)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
        for _ in range(3):
            optimizer.zero_grad()
            loss(model).backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05)
            optimizer.step()
            scheduler.step()
        rates.append((norm.item(), scheduler.get_last_lr()[0]))
    assert rates[0] == pytest.approx(rates[1], rel=1e-3) and rates[0][0] > 0.05
    assert largest_difference(module, pair.theirs) < TOLERANCE
    assert largest_difference(module, Module(pair.ours())) > 100 * TOLERANCE


def test_scaled_steps_match_plain_steps(pair: Pair) -> None:
    scaled, plain = (Module(pair.ours()) for _ in range(2))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for module in [scaled, plain]:
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        loss = square(module(IDS))
        if module is plain:
            loss.backward()
            optimizer.step()
            continue
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        # A step that overflows is skipped, and lowers the scale.
        after = [parameter.detach().clone() for parameter in module.parameters()]
        optimizer.zero_grad()
        (scaler.scale(square(module(IDS))) * float("inf")).backward()
        scaler.step(optimizer)
        scaler.update()
        assert scaler.get_scale() == 2.0**9
        assert all(torch.equal(one, other) for one, other in zip(after, module.parameters(), strict=True))
    assert largest_difference(scaled, plain) < TOLERANCE
    assert largest_difference(scaled, Module(pair.ours())) > 100 * TOLERANCE


@pytest.mark.parametrize("loss", LOSSES)
def test_autocast_matches_transformers(pair: Pair, loss: Callable[[Any], torch.Tensor]) -> None:
    module = Module(pair.ours())
    logits, gradients = [], []
    exact = module(IDS).logits
    for model in [module, pair.theirs]:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits.append(model(IDS).logits)
            value = loss(model)
        assert value.dtype is torch.float32
        value.backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    assert logits[0].dtype is logits[1].dtype is torch.bfloat16
    for other in [logits[1].float(), exact]:
        assert 0 < (logits[0].float() - other).abs().max() < 0.05 * exact.abs().max()
    flat = []
    for one in gradients:
        assert all(gradient is not None and gradient.dtype is torch.float32 for gradient in one.values())
        flat.append(torch.cat([one[name].flatten() for name in sorted(one)]))
    assert (flat[0] - flat[1]).norm() < 0.05 * flat[1].norm()
    # Outside of autocast the outputs are unchanged.
    assert torch.equal(module(IDS).logits, exact)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_conversions_happen_in_place(dtype: torch.dtype, config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForMaskedLM(config, seed=0).eval()
    module = Module(model)
    exact = module(IDS).logits
    square(module(IDS)).backward()
    before = list(module.parameters())
    assert module.to(dtype) is module and module.dtype is dtype
    for one, other, mine in zip(before, module.parameters(), model.parameters(), strict=True):
        assert one is other is mine and mine.dtype is dtype is mine.grad.dtype
    module.float()
    assert (module(IDS).logits - exact).abs().max() < 0.05 * exact.abs().max()
    assert module.share_memory() is module and next(module.parameters()).is_shared()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_moving_to_a_device_happens_in_place(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForMaskedLM(config, seed=0).eval()
    module = Module(model)
    optimizer = torch.optim.AdamW(module.parameters())
    expected, before = module(IDS).logits, list(module.parameters())
    module.to("cuda")
    assert module.device.type == "cuda" and model.device.startswith("cuda")
    assert all(one is other for one, other in zip(before, model.parameters(), strict=True))
    logits = module(IDS.to("cuda")).logits
    torch.testing.assert_close(logits.cpu(), expected, rtol=1e-3, atol=1e-3)
    logits.square().mean().backward()
    optimizer.step()
    assert not torch.equal(module(IDS.to("cuda")).logits, logits)


@pytest.mark.parametrize("flag", ["overwrite", "swap"])
@pytest.mark.parametrize("convert", [lambda module: module.half(), lambda module: module.electra.encoder.double()])
def test_conversions_that_replace_parameters_are_refused(
    flag: str, convert: Callable[[Any], Any], config: oxbert.ElectraConfig
) -> None:
    module = Module(oxbert.ElectraForMaskedLM(config, seed=0).eval())
    expected = module(IDS).logits
    set_flag = getattr(torch.__future__, f"set_{flag}_module_params_on_conversion")
    set_flag(True)
    try:
        with pytest.raises(errors.InputError, match=r"would replace it|cannot be swapped"):
            convert(module)
    finally:
        set_flag(False)
    assert module.dtype is torch.float32 and torch.equal(module(IDS).logits, expected)


def test_moving_to_the_meta_device_is_refused(config: oxbert.ElectraConfig) -> None:
    module = Module(oxbert.ElectraForMaskedLM(config, seed=0))
    with pytest.raises(errors.InputError, match="would replace it"):
        module.to("meta")
    assert module(IDS).logits.requires_grad


def test_replaced_parameters_are_refused(config: oxbert.ElectraConfig) -> None:
    module = Module(oxbert.ElectraForMaskedLM(config, seed=0))
    part = module.electra.embeddings.word_embeddings
    original = part.weight
    part.weight = torch.nn.Parameter(original.detach().clone())
    with pytest.raises(errors.InputError, match=r"^electra\.embeddings\.word_embeddings\.weight: ") as caught:
        module(IDS)
    assert caught.value.what == "electra.embeddings.word_embeddings.weight"
    part.weight = original
    module(IDS)
    clones = {name: parameter.detach().clone() for name, parameter in module.named_parameters()}
    with pytest.raises(errors.InputError, match="change values in place"):
        torch.func.functional_call(module, clones, (IDS,))
    module.generator_lm_head = torch.nn.Linear(12, 50)
    with pytest.raises(errors.InputError, match=r"^generator_lm_head: "):
        module(IDS)
    with pytest.raises(errors.InputError, match="use DistributedDataParallel"):
        Module(oxbert.ElectraModel(config))._replicate_for_data_parallel()


def test_state_dicts_load_in_place(pair: Pair) -> None:
    module, fresh = Module(pair.ours()), Module(oxbert.ElectraForMaskedLM(pair.ours().config, seed=5))
    before = list(fresh.parameters())
    assert not torch.equal(fresh(IDS).logits, module(IDS).logits)
    result = fresh.load_state_dict(module.state_dict())
    assert type(result) is type(torch.nn.Linear(1, 1).load_state_dict(torch.nn.Linear(1, 1).state_dict()))
    assert result.missing_keys == [] and result.unexpected_keys == []
    assert all(one is other for one, other in zip(before, fresh.parameters(), strict=True))
    assert torch.equal(fresh(IDS).logits, module(IDS).logits)
    # transformers' state, an OrderedDict that includes the tied decoder, loads, and oxbert's loads in transformers.
    fresh = Module(oxbert.ElectraForMaskedLM(pair.ours().config, seed=5))
    state = pair.theirs.state_dict()
    assert "generator_lm_head.weight" in state
    fresh.load_state_dict(state)
    assert largest_difference(fresh, pair.theirs) == 0
    pair.theirs.load_state_dict(module.state_dict(), strict=False)
    # States load through a parent module.
    both = torch.nn.ModuleDict({"one": Module(oxbert.ElectraForMaskedLM(pair.ours().config, seed=6))})
    both.load_state_dict({f"one.{name}": value for name, value in module.state_dict().items()})
    assert torch.equal(both["one"].model(IDS).logits, module(IDS).logits)


def test_state_dicts_that_do_not_fit_are_refused(config: oxbert.ElectraConfig) -> None:
    module = Module(oxbert.ElectraForMaskedLM(config, seed=0).eval())
    expected = module(IDS).logits
    state = module.state_dict()
    bias = state.pop("generator_lm_head.bias")
    state["nobody.weight"] = bias
    with pytest.raises(errors.WeightsMismatchError, match=r"generator_lm_head\.bias") as caught:
        module.load_state_dict(state)
    assert caught.value.missing == ["generator_lm_head.bias"] and caught.value.unexpected == ["nobody.weight"]
    missing, unexpected = module.load_state_dict(state, strict=False)
    assert missing == ["generator_lm_head.bias"] and unexpected == ["nobody.weight"]
    with pytest.raises(errors.WeightsMismatchError):
        module.load_state_dict({"generator_lm_head.bias": bias[:3]}, strict=False)
    with pytest.raises(errors.InputError, match="assign"):
        module.load_state_dict(module.state_dict(), assign=True)
    assert torch.equal(module(IDS).logits, expected)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
@pytest.mark.parametrize("training", [False, True])
def test_copies_are_independent(
    again: Callable[[Module], Module], training: bool, config: oxbert.ElectraConfig
) -> None:
    module = Module(oxbert.ElectraForMaskedLM(config, seed=0)).train(training)
    module.electra.encoder.requires_grad_(False)
    other = again(module)
    assert type(other) is type(module) and other.training is other.model.training is training
    assert torch.equal(other.eval()(IDS).logits, module.eval()(IDS).logits)
    for one, (name, mine) in zip(module.parameters(), other.named_parameters(), strict=True):
        assert one is not mine and one.data_ptr() != mine.data_ptr() and one.requires_grad is mine.requires_grad, name
    with torch.no_grad():
        other.generator_lm_head.bias += 1
    assert not torch.equal(other(IDS).logits, module(IDS).logits)


def test_averaged_model_works(config: oxbert.ElectraConfig) -> None:
    module = Module(oxbert.ElectraForMaskedLM(config, seed=0).eval())
    average = torch.optim.swa_utils.AveragedModel(module)
    average.update_parameters(module)
    assert torch.equal(average(IDS).logits, module(IDS).logits)


def test_outputs_are_pytrees(config: oxbert.ElectraConfig) -> None:
    output = oxbert.ElectraForPreTraining(config, seed=0)(IDS, output_hidden_states=True)
    leaves, structure = _pytree.tree_flatten(output)
    assert len(leaves) == 5 and all(isinstance(leaf, torch.Tensor) for leaf in leaves)
    again = _pytree.tree_unflatten(leaves, structure)
    assert type(again) is type(output) and again.keys() == output.keys() and again.attentions is None
    assert again.logits is output.logits and again.probabilities is output.probabilities
    doubled = _pytree.tree_map(lambda leaf: 2 * leaf, output)
    assert torch.equal(doubled.hidden_states[1], 2 * output.hidden_states[1])
    paths = [_pytree.keystr(path) for path, _ in _pytree.tree_flatten_with_path(output)[0]]
    assert paths[:2] == [".logits", ".hidden_states[0]"]
    assert _pytree.treespec_loads(_pytree.treespec_dumps(structure)) == structure
    for kind in outputs.ModelOutput.__subclasses__():
        assert not _pytree.tree_structure(kind()).is_leaf(), kind


DISTRIBUTED = """
import sys
import torch
import oxbert, oxbert.torch

rank, folder = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
torch.distributed.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=2)
ids = torch.load(f"{folder}/ids.pt")[2 * rank : 2 * rank + 2]
found = {}
for number, options in enumerate([{}, {"find_unused_parameters": True}, {"static_graph": True}]):
    # Other weights in each process: the first process gives its own to the other.
    model = oxbert.ElectraForMaskedLM.from_pretrained(f"{folder}/model")
    with torch.no_grad():
        model.parameters()[0].add_(rank)
    module = oxbert.torch.Module(model)
    parallel = torch.nn.parallel.DistributedDataParallel(module, **options)
    for _ in range(2):
        module.zero_grad()
        output = parallel(ids, output_hidden_states=True)
        assert type(output) is oxbert.outputs.MaskedLMOutput and len(output.hidden_states) == 3
        output.logits.square().mean().backward()
    found[number] = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}

# The word embeddings are not used where embeddings are given.
model = oxbert.ElectraModel.from_pretrained(f"{folder}/model", strict=False)
parallel = torch.nn.parallel.DistributedDataParallel(oxbert.torch.Module(model), find_unused_parameters=True)
for _ in range(2):
    output = parallel(inputs_embeds=torch.ones(1, 2 + rank, 12))
    output.last_hidden_state.square().sum().backward()
found["unused"] = [name for name, parameter in model.named_parameters() if parameter.grad is None]
torch.save(found, f"{folder}/found{rank}.pt")
torch.distributed.destroy_process_group()
"""


def test_distributed_gradients_match_the_whole_batch(pair: Pair) -> None:
    folder = pair.folder.parent
    torch.save(IDS, folder / "ids.pt")
    environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    commands = [[sys.executable, "-c", DISTRIBUTED, str(rank), str(folder)] for rank in range(2)]
    with ExitStack() as started:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        processes = [started.enter_context(start(command, env=environment, **pipes)) for command in commands]
        for process in processes:
            output, _ = process.communicate(timeout=90)
            assert process.returncode == 0, output[-3000:]
    module = Module(pair.ours())
    square(module(IDS)).backward()
    for rank in range(2):
        found = torch.load(folder / f"found{rank}.pt")
        assert found.pop("unused") == ["embeddings.word_embeddings.weight"]
        assert len(found) == 3
        for gradients in found.values():
            for name, parameter in module.named_parameters():
                torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-4, atol=1e-5, msg=name)


class Items(torch.utils.data.Dataset[dict[str, Any]]):
    """Yield rows as dictionaries, with a column that no model takes."""

    def __init__(self, count: int) -> None:
        generator = torch.Generator().manual_seed(count)
        self.ids = torch.randint(1, 50, (count, 6), generator=generator)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        ids = self.ids[index]
        labels = torch.where(ids % 3 == 0, ids, -100)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels, "remark": "unknown to all"}


class Trainers:
    """Build transformers' `Trainer` for any model with the same options and data."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.options = options

    def make(self, model: Any, name: str, **options: Any) -> transformers.Trainer:
        arguments = transformers.TrainingArguments(
            output_dir=str(self.folder / name),
            use_cpu=True,
            max_steps=4,
            per_device_train_batch_size=2,
            per_device_eval_batch_size=3,
            learning_rate=0.01,
            # As in `test_optimizer_steps_match_transformers`.
            adam_epsilon=1e-3,
            weight_decay=0.5,
            warmup_steps=1,
            max_grad_norm=0.5,
            optim="adamw_torch",
            save_steps=2,
            logging_steps=1,
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            **(self.options | options),
        )
        return transformers.Trainer(model, arguments, train_dataset=Items(9), eval_dataset=Items(7))

    def pair(self, pair: Pair, **options: Any) -> tuple[transformers.Trainer, transformers.Trainer]:
        """Return trainers of oxbert's and of transformers' model."""
        # Otherwise the `Trainer` expects the model to divide the loss by the number of labels.
        pair.theirs.accepts_loss_kwargs = False
        return self.make(Module(pair.ours()), "mine", **options), self.make(pair.theirs, "theirs", **options)


@pytest.fixture
def trainers(tmp_path: Path) -> Trainers:
    return Trainers(tmp_path)


def test_trainer_runs_match_transformers(pair: Pair, trainers: Trainers) -> None:
    mine, theirs = trainers.pair(pair)
    module = mine.model
    results = [trainer.train().training_loss for trainer in (mine, theirs)]
    assert results[0] == pytest.approx(results[1], rel=1e-4)
    assert largest_difference(module, pair.theirs) < 10 * TOLERANCE
    assert largest_difference(module, Module(pair.ours())) > 1000 * TOLERANCE
    assert module.training and module.model.training
    losses = [trainer.evaluate()["eval_loss"] for trainer in (mine, theirs)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4) and not module.model.training
    predictions = [trainer.predict(Items(5)).predictions for trainer in (mine, theirs)]
    assert predictions[0].shape == (5, 6, 50) and abs(predictions[0] - predictions[1]).max() < 0.01


def test_checkpoints_of_the_trainer_load_and_resume(pair: Pair, trainers: Trainers, tmp_path: Path) -> None:
    module = Module(pair.ours())
    trainer = trainers.make(module, "mine", load_best_model_at_end=True, eval_strategy="steps", eval_steps=2)
    trainer.train()
    trainer.save_model(str(tmp_path / "saved"))
    again = oxbert.ElectraForMaskedLM.from_pretrained(tmp_path / "saved", config=module.config, strict=True)
    assert torch.equal(again(IDS).logits, module.eval()(IDS).logits)
    state = safetensors.torch.load_file(tmp_path / "saved" / "model.safetensors")
    assert set(state) == {name for name, _ in module.named_parameters()}
    # Resuming from a checkpoint.
    whole = trainers.make(Module(pair.ours()), "whole")
    whole.train()
    rest = trainers.make(Module(pair.ours()), "rest")
    with warnings.catch_warnings():
        # transformers warns about loading its own random states.
        warnings.simplefilter("ignore")
        rest.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-2"))
    assert largest_difference(rest.model, whole.model) == 0


@pytest.mark.parametrize(
    "options", [{"bf16": True}, {"gradient_accumulation_steps": 2}, {"label_smoothing_factor": 0.1}]
)
def test_options_of_the_trainer_match_transformers(options: dict[str, Any], pair: Pair, trainers: Trainers) -> None:
    mine, theirs = trainers.pair(pair, **options)
    results = [trainer.train().training_loss for trainer in (mine, theirs)]
    loose = 100 if "bf16" in options else 1
    assert results[0] == pytest.approx(results[1], rel=loose * 1e-4)
    assert largest_difference(mine.model, theirs.model) < loose * 10 * TOLERANCE
    assert mine.evaluate()["eval_loss"] == pytest.approx(theirs.evaluate()["eval_loss"], rel=loose * 1e-3)


def test_weight_decay_covers_the_same_parameters_as_in_transformers(pair: Pair, trainers: Trainers) -> None:
    mine, theirs = (trainers.make(model, "x") for model in [Module(pair.ours()), pair.theirs])
    decaying = set(theirs.get_decay_parameter_names(theirs.model)) - {"generator_lm_head.weight"}  # the tied decoder
    assert set(mine.get_decay_parameter_names(mine.model)) == decaying


@pytest.mark.parametrize("name", NAMES)
def test_parameter_counts_match_transformers(name: str, config: oxbert.ElectraConfig) -> None:
    theirs = getattr(transformers, name)(transformers.ElectraConfig(**config.to_dict()))
    module = Module(getattr(oxbert, name)(config))
    module.get_parameter(next(name for name, _ in module.named_parameters())).requires_grad_(False)
    theirs.get_parameter(next(name for name, _ in module.named_parameters())).requires_grad_(False)
    for options in [{}, {"only_trainable": True}, {"exclude_embeddings": True}]:
        assert module.num_parameters(**options) == theirs.num_parameters(**options)


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("fill-mask", "ElectraForMaskedLM"),
        ("text-classification", "ElectraForSequenceClassification"),
        ("token-classification", "ElectraForTokenClassification"),
    ],
)
def test_pipelines_of_transformers_run_a_module(task: str, name: str, tmp_path: Path) -> None:
    bundled = Path(oxbert.__file__).parent / "bundled" / "electra-tiny-generator"
    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.UntrainedHeadWarning)
        model = getattr(oxbert, name).from_pretrained(bundled)
    model.save_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bundled)
    found = []
    for one in [Module(model), getattr(transformers, name).from_pretrained(tmp_path)]:
        run = transformers.pipeline(task, model=one, tokenizer=tokenizer)
        found.append(run(f"The function returns a {'[MASK]' if task == 'fill-mask' else 'list'} of strings."))
    assert len(found[0]) == len(found[1]) > 0
    for mine, expected in zip(*found, strict=True):
        assert mine.pop("score") == pytest.approx(expected.pop("score"), abs=1e-5)
        assert mine == expected


def test_everything_is_documented() -> None:
    assert oxbert.torch.__doc__
    for name in oxbert.torch.__all__:
        assert getattr(oxbert.torch, name).__doc__, name
    for name, value in vars(Module).items():
        assert name.startswith("_") or value is None or inspect.getdoc(value), name
