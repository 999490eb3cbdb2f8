"""The parts of a module: what may be replaced and hooked, and layers that are computed again in the backward pass."""

from __future__ import annotations

import copy
import functools
import pickle
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

import oxbert
from oxbert import errors
from oxbert.torch import Module

from .reference import BASE, CLASSES, TOLERANCE, build

# Removed when Python ends.
STORE = tempfile.TemporaryDirectory()
IDS = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])
SIZES: dict[str, dict[str, Any]] = {
    "Electra": {
        "vocab_size": 50, "embedding_size": 12, "hidden_size": 20, "num_hidden_layers": 2, "num_attention_heads": 5,
        "intermediate_size": 28, "max_position_embeddings": 16, "num_labels": 2,
    },
    "DistilBert": {
        "vocab_size": 50, "dim": 20, "n_layers": 2, "n_heads": 5, "hidden_dim": 28, "max_position_embeddings": 16,
        "num_labels": 2,
    },
}  # fmt: skip
DROPOUTS = {
    "Electra": ["hidden_dropout_prob", "attention_probs_dropout_prob", "summary_last_dropout"],
    "DistilBert": ["dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout"],
}


def family_of(name: str) -> str:
    return next(family for family in SIZES if name.startswith(family))


@functools.cache
def folder(name: str) -> str:
    """A folder with a model of transformers' without dropout."""
    family = family_of(name)
    path = f"{STORE.name}/{name}"
    torch.manual_seed(1)
    config = getattr(transformers, f"{family}Config")(
        **SIZES[family], **dict.fromkeys(DROPOUTS[family], 0.0), initializer_range=0.3
    )
    getattr(transformers, name)(config).save_pretrained(path)
    return path


def pair(name: str) -> tuple[Module, Any]:
    """A module of ours, and the same of transformers'."""
    return Module(getattr(oxbert, name).from_pretrained(folder(name))), getattr(transformers, name).from_pretrained(
        folder(name)
    )


def rows(name: str) -> torch.Tensor:
    return IDS.unsqueeze(0) if "MultipleChoice" in name else IDS


def score(output: Any) -> torch.Tensor:
    """A number of everything that a model returns."""
    total: torch.Tensor = sum(value.square().mean() for value in output.to_tuple() if isinstance(value, torch.Tensor))
    return total


def linear_names(module: torch.nn.Module) -> list[str]:
    return [name for name, part in module.named_modules() if isinstance(part, torch.nn.Linear)]


class Adapter(torch.nn.Module):
    """A linear layer and something added to it, as of LoRA."""

    def __init__(self, base_layer: torch.nn.Linear, seed: int) -> None:
        super().__init__()
        self.base_layer = base_layer.requires_grad_(False)
        generator = torch.Generator().manual_seed(seed)
        self.down = torch.nn.Parameter(torch.randn(2, base_layer.in_features, generator=generator) / 4)
        self.up = torch.nn.Parameter(torch.randn(base_layer.out_features, 2, generator=generator) / 4)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.base_layer(hidden) + hidden @ self.down.T @ self.up.T

    def merged(self) -> torch.nn.Linear:
        with torch.no_grad():
            self.base_layer.weight += self.up @ self.down
        return self.base_layer


# The last release for Python 3.10 does not have them.
with_new_names = pytest.mark.skipif(
    not hasattr(transformers.PreTrainedModel, "activation_checkpointing_enable"),
    reason="transformers before 5.23 names these methods and options after gradients",
)


# Linear layers that are replaced.


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("checkpointing", [False, pytest.param(True, marks=with_new_names)])
def test_adapters_train_as_in_transformers(name: str, checkpointing: bool) -> None:
    module, theirs = pair(name)
    # The tied decoder of a masked LM is no layer of its own in ours.
    names = linear_names(module)
    assert set(linear_names(theirs)) - set(names) <= {"generator_lm_head", "vocab_projector"}
    trained = []
    for model in [module, theirs]:
        model.requires_grad_(False)
        for number, path in enumerate(names):
            model.set_submodule(path, Adapter(model.get_submodule(path), number))
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=0.05)
        model.train()
        for _ in range(2):
            optimizer.zero_grad()
            score(model(rows(name))).backward()
            optimizer.step()
        trained.append({path: one.detach() for path, one in model.named_parameters() if one.requires_grad})
        model.eval()
    assert trained[0].keys() == trained[1].keys() and len(trained[0]) == 2 * len(names)
    for path, value in trained[0].items():
        torch.testing.assert_close(value, trained[1][path], rtol=0, atol=10 * TOLERANCE, msg=path)
    with torch.no_grad():
        expected = theirs(rows(name))[0]
        torch.testing.assert_close(module(rows(name))[0], expected, rtol=0, atol=10 * TOLERANCE)
        # Merged, the model computes everything itself again, and saves it.
        for path in names:
            module.set_submodule(path, module.get_submodule(path).merged())
        assert module._tree.taken_over() == {}
        for model in [module, module.model]:
            torch.testing.assert_close(model(rows(name))[0], expected, rtol=0, atol=10 * TOLERANCE)


def test_any_choice_of_layers_may_be_replaced() -> None:
    names = linear_names(pair("ElectraForTokenClassification")[0])

    @settings(max_examples=20)
    @given(st.sets(st.sampled_from(names)))
    def replace(chosen: set[str]) -> None:
        both = pair("ElectraForTokenClassification")
        for model in both:
            for number, path in enumerate(sorted(chosen)):
                model.set_submodule(path, Adapter(model.get_submodule(path), number))
        module, theirs = both
        assert module._tree.taken_over().keys() == chosen
        with torch.no_grad():
            torch.testing.assert_close(module(IDS).logits, theirs(IDS).logits, rtol=0, atol=TOLERANCE)
            # Without padding among the tokens that a layer sees.
            mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
            one, other = module(IDS, mask).logits, theirs(IDS, mask).logits
            torch.testing.assert_close(one[mask.bool()], other[mask.bool()], rtol=0, atol=TOLERANCE)
            assert (one[~mask.bool()] == 0).all()

    replace()


def test_a_copied_part_is_used_as_in_a_wrapper_of_peft() -> None:
    """peft trains a copy of a head, and finds its layers by attribute."""

    class Wrapper(torch.nn.Module):
        def __init__(self, part: torch.nn.Module) -> None:
            super().__init__()
            self.original = part
            self.copies = torch.nn.ModuleDict({"default": copy.deepcopy(part)})

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.copies["default"], name)

        def forward(self, *arguments: Any) -> Any:
            return self.copies["default"](*arguments)

    outputs = []
    for model in pair("ElectraForSequenceClassification"):
        model.classifier = Wrapper(model.classifier)
        with torch.no_grad():
            model.classifier.copies["default"].out_proj.bias += 3
            outputs.append(model(IDS).logits)
    torch.testing.assert_close(*outputs, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_copies_keep_what_was_replaced(again: Any) -> None:
    module = pair("ElectraForTokenClassification")[0]
    for number, path in enumerate(linear_names(module)[::2]):
        module.set_submodule(path, Adapter(module.get_submodule(path), number))
    module.classifier.weight = torch.nn.Parameter(module.classifier.weight + 1)
    other = again(module)
    assert other._tree.taken_over().keys() == module._tree.taken_over().keys()
    with torch.no_grad():
        assert torch.equal(other(IDS).logits, module(IDS).logits)
        assert not torch.equal(module.model(IDS).logits, module(IDS).logits)
    shared = {one.data_ptr() for one in module.parameters()} & {one.data_ptr() for one in other.parameters()}
    assert not shared
    assert [one.requires_grad for one in other.parameters()] == [one.requires_grad for one in module.parameters()]


def test_what_was_replaced_is_saved_or_refused(tmp_path: Path) -> None:
    module = pair("ElectraForTokenClassification")[0]
    path = "electra.encoder.layer.1.attention.self.value"
    # A copy, as peft leaves it in the place of a head, and other parameters of the model's own layer.
    module.classifier = copy.deepcopy(module.classifier)
    own = module.get_submodule(path)
    own.weight = torch.nn.Parameter(own.weight + 1)
    with torch.no_grad():
        module.classifier.bias += 3
        module.save_pretrained(tmp_path)
        for package in [oxbert, transformers]:
            again = package.ElectraForTokenClassification.from_pretrained(tmp_path).eval()
            torch.testing.assert_close(again(IDS).logits, module(IDS).logits, rtol=0, atol=TOLERANCE)
    for other in [Adapter(own, 0), torch.nn.Linear(20, 20, bias=False), torch.nn.Linear(20, 21)]:
        module.set_submodule(path, other)
        with pytest.raises(errors.InputError, match=rf"^{path}: expected a linear layer, but a .* merge it first"):
            module.save_pretrained(tmp_path)


def test_what_a_layer_returns_is_checked() -> None:
    module = pair("ElectraForTokenClassification")[0]
    path = "electra.encoder.layer.0.attention.self.query"
    part = module.get_submodule(path)
    for wrong, error in [
        (torch.nn.Linear(20, 21), errors.ShapeError),
        (torch.nn.LSTM(20, 20), errors.DtypeError),
        (torch.nn.Linear(21, 20), RuntimeError),
    ]:
        module.set_submodule(path, wrong)
        with pytest.raises(error):
            module(IDS)
    module.set_submodule(path, part)
    assert module(IDS).logits.requires_grad
    # Its own exception arrives, and the model is free again.
    part.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        module(IDS)
    part._forward_hooks.clear()
    module(IDS)


def test_dynamic_quantisation_is_that_of_transformers() -> None:
    module, theirs = pair("ElectraForTokenClassification")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantised = [torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}) for model in (module, theirs)]
    assert len(quantised[0]._tree.taken_over()) == len(linear_names(module))
    with torch.no_grad():
        one, other = (model(IDS).logits for model in quantised)
        # A product may be rounded to the next integer in one of the two.
        assert (one - other).abs().max() < 0.05 * other.abs().max()
        assert (one - module(IDS).logits).abs().max() > 0


# Hooks.


def test_hooks_of_linear_layers_run() -> None:
    module, theirs = pair("ElectraForTokenClassification")
    seen: list[tuple[str, tuple[int, ...]]] = []
    for path in linear_names(module):
        part = module.get_submodule(path)

        def note(part: Any, inputs: Any, output: torch.Tensor, path: str = path) -> torch.Tensor:
            seen.append((path, tuple(output.shape)))
            return 2 * output if path.endswith("classifier") else output

        part.register_forward_hook(note)
    output = module(IDS).logits
    assert [path for path, _ in seen] == linear_names(module) and {shape[0] for _, shape in seen} == {10}
    torch.testing.assert_close(output, 2 * theirs(IDS).logits, rtol=0, atol=1e-4)
    gradients = []
    module.classifier.register_full_backward_hook(lambda part, inputs, outputs: gradients.append(outputs[0].shape))
    module(IDS).logits.sum().backward()
    assert gradients == [(10, 2)]


@pytest.mark.parametrize("path", ["electra", "electra.encoder.layer.0", "electra.embeddings.word_embeddings"])
@pytest.mark.parametrize("kind", ["forward_hook", "forward_pre_hook", "full_backward_hook", "full_backward_pre_hook"])
def test_hooks_that_would_not_run_are_refused(path: str, kind: str) -> None:
    module = pair("ElectraForTokenClassification")[0]
    handle = getattr(module.get_submodule(path), f"register_{kind}")(lambda *_: None)
    with pytest.raises(errors.InputError, match=rf"^hooks of {path}: would not run"):
        module(IDS)
    handle.remove()
    assert module(IDS).logits.shape == (2, 5, 2)


# The encoder.


class Doubled(torch.nn.Linear):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(input)


@pytest.mark.parametrize("way", ["forward", "class"])
def test_a_layer_may_get_another_forward(way: str) -> None:
    module, replaced = (Module(oxbert.AutoModel.from_pretrained(folder("ElectraModel"))).eval() for _ in range(2))
    layer = module.electra.encoder.layer[0].intermediate.dense if hasattr(module, "electra") else None
    layers = [part for part in module.modules() if isinstance(part, torch.nn.Linear)]
    layer = layer or layers[1]
    place = next(name for name, part in module.named_modules() if part is layer)
    before = module(IDS).last_hidden_state
    if way == "class":
        layer.__class__ = Doubled
    else:
        layer.forward = lambda input: 2 * torch.nn.Linear.forward(layer, input)
    other = Doubled(layer.in_features, layer.out_features)
    other.load_state_dict(layer.state_dict())
    replaced.set_submodule(place, other)
    after = module(IDS).last_hidden_state
    assert torch.equal(after, replaced(IDS).last_hidden_state) and not torch.equal(after, before)


def test_changes_of_other_parts_are_refused() -> None:
    def refuse(change: Any) -> None:
        module = Module(oxbert.AutoModel.from_pretrained(folder("ElectraModel"))).eval()
        change(module)
        with pytest.raises(errors.InputError, match=r"would not run|expected the model's own"):
            module(IDS)

    def parts(module: Any) -> list[Any]:
        return [part for name, part in module.named_modules() if name and not isinstance(part, torch.nn.Linear)]

    for place in range(len(parts(Module(oxbert.AutoModel.from_pretrained(folder("ElectraModel")))))):
        refuse(lambda module, place=place: setattr(parts(module)[place], "forward", lambda *_: 1 / 0))
        refuse(lambda module, place=place: parts(module)[place].add_module("extra", torch.nn.Linear(2, 2)))


@pytest.mark.parametrize("name", CLASSES)
def test_the_encoder_is_called_as_in_transformers(name: str) -> None:
    module, theirs = pair(name)
    assert module.base_model_prefix == theirs.base_model_prefix == module.model.base_model_prefix
    assert type(module.base_model).__name__ in ("Encoder", name)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    options = {"attention_mask": mask, "output_hidden_states": True}
    one, other = (model.base_model(IDS, **options) for model in (module, theirs))
    assert type(one).__name__ == type(other).__name__ == "BaseModelOutput" or type(other).__name__.startswith(
        "BaseModel"
    )
    for mine, expected in zip(one.hidden_states, other.hidden_states, strict=True):
        torch.testing.assert_close(mine[mask.bool()], expected[mask.bool()], rtol=0, atol=TOLERANCE)
    one.last_hidden_state.sum().backward()
    assert all(one.grad is not None for one in module.base_model.parameters())
    if module.base_model is not module:
        assert module.base_model is getattr(module, module.base_model_prefix)
        with pytest.raises(TypeError, match="labels"):
            module.base_model(IDS, labels=IDS)
        assert type(module.base_model(IDS.tolist()).last_hidden_state).__name__ == "ndarray"


@pytest.mark.parametrize("name", [name for name in CLASSES if not name.endswith("Model")])
def test_the_encoder_alone_is_saved(name: str, tmp_path: Path) -> None:
    family = family_of(name)
    module = Module(getattr(oxbert, name)(getattr(oxbert, f"{family}Config")(**SIZES[family]), seed=0)).eval()
    state = torch.get_rng_state()
    module.base_model.save_pretrained(tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    loaded = getattr(oxbert, f"{family}Model").from_pretrained(tmp_path, strict=True)
    for path, value in loaded.state_dict().items():
        assert torch.equal(value, module.base_model.state_dict()[path]), path
    # transformers reads it too.
    theirs = getattr(transformers, f"{family}Model").from_pretrained(tmp_path).eval()
    torch.testing.assert_close(loaded(IDS).last_hidden_state, theirs(IDS).last_hidden_state, rtol=0, atol=TOLERANCE)


@with_new_names
def test_what_programs_ask_a_model_is_answered_as_in_transformers() -> None:
    for name in CLASSES:
        module, theirs = pair(name)
        for one in [module, module.model]:
            assert one.num_labels == theirs.config.num_labels and one.can_generate() is theirs.can_generate() is False
        assert module.is_activation_checkpointing is theirs.is_activation_checkpointing is False
        for model in [module, theirs]:
            model.activation_checkpointing_enable()
            assert model.is_activation_checkpointing
            model.enable_input_require_grads()
            model.disable_input_require_grads()
            model.activation_checkpointing_disable()
            assert not model.is_activation_checkpointing
        # The older names, of which transformers warns.
        module.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": True})
        assert module.is_gradient_checkpointing and module.is_activation_checkpointing
        module.gradient_checkpointing_disable()
        assert not module.is_gradient_checkpointing
        for options in [{"every_n_layers": 2}, {"offload": True}]:
            with pytest.raises(errors.InputError, match=rf"^{next(iter(options))}: expected the default"):
                module.activation_checkpointing_enable(**options)
        assert module.supports_gradient_checkpointing is theirs.supports_gradient_checkpointing is True
        assert module.main_input_name == theirs.main_input_name


# Positions.


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("size", [1, 9, 16, 40])
def test_positions_are_resized(name: str, size: int, tmp_path: Path) -> None:
    module, theirs = pair(name)
    parameter = module.get_position_embeddings().weight
    before = parameter.detach().clone()
    assert any(parameter is one for one in module.parameters()) and before.shape == (16, before.shape[1])
    # A graph that is alive would expect gradients of the old shape.
    expected = module(rows(name)[..., :1])[0].detach()
    score(module(rows(name))).backward()
    module.resize_position_embeddings(size)
    assert module.get_position_embeddings().weight is parameter and parameter.grad is None
    assert parameter.shape[0] == size == module.config.max_position_embeddings
    kept = min(size, 16)
    assert torch.equal(parameter[:kept], before[:kept])
    assert size <= 16 or 0.2 < parameter[16:].std() < 0.4
    torch.testing.assert_close(module(rows(name)[..., :1])[0], expected)
    long = torch.ones(*rows(name).shape[:-1], size, dtype=torch.int64)
    score(module(long)).backward()
    with pytest.raises(errors.TooLongError):
        module(torch.ones(*rows(name).shape[:-1], size + 1, dtype=torch.int64))
    module.save_pretrained(tmp_path)
    again = getattr(transformers, name).from_pretrained(tmp_path).eval()
    with torch.no_grad():
        torch.testing.assert_close(again(long)[0], module(long)[0], rtol=0, atol=TOLERANCE)
    if name.startswith("DistilBert"):
        theirs.resize_position_embeddings(size)
        assert theirs.get_position_embeddings().weight.shape == parameter.shape
        assert torch.equal(theirs.get_position_embeddings().weight[:kept], before[:kept])


def test_positions_that_are_sines_stay_sines() -> None:
    config = oxbert.DistilBertConfig(**SIZES["DistilBert"], sinusoidal_pos_embds=True)
    model = oxbert.DistilBertModel(config, seed=0)
    model.resize_position_embeddings(40)
    longer = oxbert.DistilBertModel(
        oxbert.DistilBertConfig(**SIZES["DistilBert"] | {"max_position_embeddings": 40}, sinusoidal_pos_embds=True)
    )
    assert torch.equal(model.get_position_embeddings().weight, longer.get_position_embeddings().weight)
    for size in [0, -3]:
        with pytest.raises(errors.InputError, match="new_num_position_embeddings: expected at least 1"):
            model.resize_position_embeddings(size)
    assert model.config.max_position_embeddings == 40


# Layers that are computed again.


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_checkpointing_changes_no_number(name: str, dropout: float) -> None:
    family = family_of(name)
    values = SIZES[family] | dict.fromkeys(DROPOUTS[family], dropout) | {"num_hidden_layers": 3}
    model = getattr(oxbert, name)(getattr(oxbert, f"{family}Config")(**values), seed=0)
    module = Module(model).train()
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).view(rows(name).shape)
    found = []
    for options in [None, {}, {"use_reentrant": True}, {"use_reentrant": False, "preserve_rng_state": True}]:
        if options is not None:
            module.activation_checkpointing_enable(options)
        torch.manual_seed(5)
        module.zero_grad()
        output = module(rows(name), attention_mask=mask, output_hidden_states=True, output_attentions=True)
        (score(output) + output.hidden_states[1].square().mean() + output.attentions[0].square().mean()).backward()
        gradients = {path: one.grad.clone() for path, one in module.named_parameters() if one.grad is not None}
        found.append((output.to_tuple()[0].detach(), gradients))
    assert len(found[0][1]) > 30
    for logits, gradients in found[1:]:
        assert torch.equal(logits, found[0][0]) and gradients.keys() == found[0][1].keys()
        for path, gradient in gradients.items():
            torch.testing.assert_close(gradient, found[0][1][path], rtol=1e-5, atol=1e-7, msg=path)


@with_new_names
@pytest.mark.parametrize("value", [True, False, None])
def test_a_configuration_can_ask_for_checkpointing_as_in_transformers(value: bool | None) -> None:
    values = SIZES["Electra"] | ({} if value is None else {"gradient_checkpointing": value})
    module = Module(oxbert.ElectraModel(oxbert.ElectraConfig(**values)))
    theirs = transformers.ElectraModel(transformers.ElectraConfig(**values))
    assert module.is_activation_checkpointing == theirs.is_activation_checkpointing == (value is True)


def kept_bytes(module: Module) -> int:
    """The bytes that the graph of a forward pass keeps for the backward pass, parameters not counted."""
    own = {parameter.untyped_storage().data_ptr() for parameter in module.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = module(IDS)
    assert output[0].requires_grad
    return sum(kept.values())


def test_checkpointing_keeps_less() -> None:
    config = oxbert.ElectraConfig(**SIZES["Electra"] | {"num_hidden_layers": 12})
    module = Module(oxbert.ElectraForTokenClassification(config, seed=0)).train()
    everything = kept_bytes(module)
    module.activation_checkpointing_enable()
    little = kept_bytes(module)
    # One tensor [T, H] per layer at most.
    assert little < everything / 8
    module.activation_checkpointing_disable()
    assert kept_bytes(module) == everything
    # Evaluation needs no second pass, and neither does a call without a graph.
    module.activation_checkpointing_enable()
    assert kept_bytes(module.eval()) > little
    with torch.no_grad():
        assert not module.train()(IDS).logits.requires_grad


@with_new_names
def test_the_trainer_checkpoints(tmp_path: Path) -> None:
    losses, model = [], build("ElectraForMaskedLM", BASE, tmp_path / "model")
    for checkpointing in [False, True]:
        module = Module(oxbert.ElectraForMaskedLM.from_pretrained(model.folder))
        arguments = transformers.TrainingArguments(
            output_dir=str(tmp_path), use_cpu=True, max_steps=3, per_device_train_batch_size=2, report_to="none",
            disable_tqdm=True, dataloader_pin_memory=False, save_strategy="no", activation_checkpointing=checkpointing,
        )  # fmt: skip
        data = [{"input_ids": row, "labels": row} for row in IDS.repeat(4, 1)]
        losses.append(transformers.Trainer(module, arguments, train_dataset=data).train().training_loss)
        assert module.is_activation_checkpointing is checkpointing
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
