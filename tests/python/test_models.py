"""Models and heads against transformers, their laws, gradients and training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers.activations import ACT2FN

import oxbert

from . import reference
from .reference import CONFIGS, NAMES, TOLERANCE, Pair

OUTPUTS = {"ElectraModel": "last_hidden_state"}
# Every name of `ACT2FN` but those with parameters of their own, and the clipped ones that need arguments.
ACTIVATIONS = [
    "gelu", "gelu_10", "gelu_accurate", "gelu_fast", "gelu_new", "gelu_python", "gelu_python_tanh",
    "gelu_pytorch_tanh", "hardswish", "laplace", "leaky_relu", "linear", "mish", "quick_gelu", "relu", "relu2",
    "relu6", "sigmoid", "silu", "sqrtsoftplus", "swish", "tanh",
]  # fmt: skip


def field(name: str) -> str:
    return OUTPUTS.get(name, "logits")


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    return reference.build(*request.param, tmp_path / "reference")


def pairs(*names: str, configs: list[str] | None = None) -> pytest.MarkDecorator:
    """Parametrises `pair`: every model of the names with every configuration."""
    table = [(name, key) for name in names for key in configs or CONFIGS]
    identifiers = [f"{name.removeprefix('Electra')}-{key}" for name, key in table]
    return pytest.mark.parametrize(
        "pair", [(name, CONFIGS[key]) for name, key in table], indirect=True, ids=identifiers
    )


# Numbers.


@pairs(*NAMES)
def test_numbers_are_those_of_transformers(pair: Pair) -> None:
    ours, theirs = pair.ours(), pair.theirs
    name = field(type(theirs).__name__)
    for label, case in reference.cases(theirs.config).items():
        asked = {"output_hidden_states": True, "output_attentions": True}
        with torch.no_grad():
            expected = theirs(**case.arguments, **asked)
        arrays = {key: value.numpy() for key, value in case.arguments.items()}
        got = ours(**arrays, **asked)
        assert type(got[name]) is np.ndarray
        assert reference.difference(got[name], expected[name], case.kept) <= TOLERANCE, label
        assert len(got.hidden_states) == theirs.config.num_hidden_layers + 1
        if theirs.config.num_hidden_layers == 0:
            # transformers records hidden states in its layers: where there is none, there is nothing to compare.
            continue
        for mine, other in zip(got.hidden_states, expected.hidden_states, strict=True):
            assert reference.difference(mine, other, case.kept) <= TOLERANCE, label
        assert len(got.attentions) == theirs.config.num_hidden_layers
        for mine, other in zip(got.attentions, expected.attentions, strict=True):
            # [B, A, S, S] -> [B, S, A, S]: the rows of kept queries, over all keys.
            mine, other = torch.as_tensor(mine).transpose(1, 2), other.transpose(1, 2)
            assert reference.difference(mine, other, case.kept) <= TOLERANCE, label
        # The same with torch tensors in and out.
        with torch.no_grad():
            again = ours(**case.arguments)
        assert type(again[name]) is torch.Tensor
        assert reference.difference(again[name], expected[name], case.kept) <= TOLERANCE, label


@pairs(*NAMES, configs=["small"])
def test_arguments_have_the_order_of_transformers(pair: Pair) -> None:
    ids, mask = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[1, 1, 1, 0]])
    types, positions = torch.tensor([[0, 1, 1, 0]]), torch.tensor([[3, 0, 1, 9]])
    with torch.no_grad():
        expected = pair.theirs(ids, mask, types, positions)[0]
        embedded = pair.theirs(None, mask, types, positions, pair.theirs.get_input_embeddings()(ids))[0]
    ours = pair.ours()
    assert reference.difference(ours(ids, mask, types, positions)[0], expected, mask.bool()) <= TOLERANCE
    embeddings = pair.theirs.get_input_embeddings()(ids).detach()
    assert reference.difference(ours(None, mask, types, positions, embeddings)[0], embedded, mask.bool()) <= TOLERANCE


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("layer_norm_eps", 1e-12), ("hidden_act", "gelu"), ("num_attention_heads", 4), ("num_hidden_layers", 1),
        ("hidden_act", "silu"), ("layer_norm_eps", 2e-3),
    ],
)  # fmt: skip
def test_the_comparison_sees_a_wrong_constant(key: str, value: Any, tmp_path: Path) -> None:
    """The weights are such that a value of the configuration that is not looked at cannot hide below the tolerance."""
    for name in NAMES:
        pair = reference.build(name, CONFIGS["E-is-H"], tmp_path / name)
        wrong = oxbert.ElectraConfig.from_pretrained(pair.folder)
        setattr(wrong, key, value)
        case = reference.cases(pair.theirs.config)["right"]
        with torch.no_grad():
            expected = pair.theirs(**case.arguments)[0]
            got = getattr(oxbert, name).from_pretrained(pair.folder, config=wrong, strict=False)(**case.arguments)[0]
        assert reference.difference(got, expected, case.kept) > 10 * TOLERANCE


@pairs("ElectraForPreTraining", configs=["small", "three-labels"])
def test_probabilities_are_the_sigmoid_at_kept_tokens(pair: Pair) -> None:
    output = pair.ours()(np.array([[1, 2, 3]]), np.array([[1, 1, 0]]))
    assert output.probabilities.shape == (1, 3)
    np.testing.assert_allclose(output.probabilities[0, :2], 1 / (1 + np.exp(-output.logits[0, :2])), rtol=0, atol=1e-6)
    # Not 0.5, which a padded position must not claim.
    assert output.probabilities[0, 2] == 0


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_those_of_transformers(activation: str) -> None:
    config = oxbert.ElectraConfig(hidden_size=30, num_attention_heads=3, hidden_act=activation)
    head = oxbert.ElectraDiscriminatorHead(config, seed=0)
    parameters = dict(head.named_parameters())
    with torch.no_grad():
        # Makes the head the activation itself, at 30 numbers and beyond what any of them clips.
        parameters["dense.weight"].copy_(torch.eye(30))
        parameters["dense.bias"].zero_()
        parameters["dense_prediction.bias"].zero_()
        inputs = torch.cat([torch.linspace(-12, 12, 25), torch.tensor([0.0, -0.0, 1e-6, -1e-6, 0.5])])
        got = torch.empty(30)
        for place in range(30):
            parameters["dense_prediction.weight"].copy_(torch.eye(30)[place : place + 1])
            got[place] = head(inputs)
    expected = ACT2FN[activation](inputs)
    # relu2 is 144 at 12, where neighbouring numbers are 1.5e-5 apart: there, exactly.
    assert torch.equal(got, expected) if activation == "relu2" else (got - expected).abs().max() <= TOLERANCE


def test_every_activation_of_transformers_is_known() -> None:
    # These have parameters that no checkpoint of the family carries, or are an ambiguous pair of a class and arguments.
    left_out = {"prelu", "xielu"}
    assert set(ACT2FN) - left_out <= set(ACTIVATIONS) | {"gelu_python"}
    for name in ACTIVATIONS:
        assert oxbert.ElectraConfig(hidden_act=name).hidden_act in ACT2FN


@pytest.mark.parametrize(
    ("embedding", "eps", "activation"), [(12, 1e-12, "gelu"), (20, 1e-3, "relu"), (33, 0.1, "tanh")]
)
def test_heads_alone_are_those_of_transformers(embedding: int, eps: float, activation: str) -> None:
    from transformers.models.electra import modeling_electra

    values = {"hidden_size": 20, "embedding_size": embedding, "layer_norm_eps": eps, "hidden_act": activation}
    ours, theirs = oxbert.ElectraConfig(**values), transformers.ElectraConfig(**values)
    for kind, head in [
        (modeling_electra.ElectraGeneratorPredictions, oxbert.ElectraGeneratorHead(ours, seed=0)),
        (modeling_electra.ElectraDiscriminatorPredictions, oxbert.ElectraDiscriminatorHead(ours, seed=0)),
    ]:
        module = kind(theirs)
        parameters = dict(head.named_parameters())
        assert parameters.keys() == dict(module.named_parameters()).keys()
        with torch.no_grad():
            for parameter in parameters.values():
                parameter.normal_(0.1, 0.3)
        module.load_state_dict({name: value.detach() for name, value in parameters.items()})
        for shape in [(2, 3, 20), (1, 1, 20), (5, 20)]:
            hidden = torch.randn(shape, requires_grad=True)
            expected, got = module(hidden), head(hidden)
            assert got.shape == expected.shape
            assert (got - expected).abs().max() <= TOLERANCE
            (mine,) = torch.autograd.grad(got.square().sum(), hidden)
            (other,) = torch.autograd.grad(expected.square().sum(), hidden)
            torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
            array = head(hidden.detach().numpy())
            assert type(array) is np.ndarray
            np.testing.assert_allclose(array, expected.detach(), rtol=0, atol=TOLERANCE)


# Laws.


@pytest.mark.parametrize("name", NAMES)
def test_padded_is_ragged_is_alone(name: str, config: oxbert.ElectraConfig) -> None:
    model = getattr(oxbert, name)(config, seed=0)
    rows = [[1, 2, 3, 4, 5], [6, 7], [8], [9, 10, 11]]
    padded = np.full((4, 5), 49)
    mask = np.zeros((4, 5), dtype=bool)
    for row, ids in enumerate(rows):
        padded[row, : len(ids)], mask[row, : len(ids)] = ids, True
    ragged, rectangular = model(rows)[0], model(padded, mask)[0]
    assert ragged.shape == rectangular.shape
    np.testing.assert_allclose(ragged, rectangular, rtol=0, atol=TOLERANCE)
    assert not rectangular[~mask].any()
    garbage = np.where(mask, padded, -(10**12))
    np.testing.assert_array_equal(model(garbage, mask)[0], rectangular)
    for row, ids in enumerate(rows):
        alone = model([ids])[0]
        assert alone.shape[:2] == (1, len(ids))
        np.testing.assert_allclose(alone[0], ragged[row, : len(ids)], rtol=0, atol=TOLERANCE)
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(model([rows[row] for row in order])[0], ragged[order], rtol=0, atol=TOLERANCE)
    np.testing.assert_array_equal(model(rows)[0], ragged)


def test_a_row_without_kept_tokens_is_zeros_and_harms_nobody(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraModel(config, seed=0)
    both = model([[1, 2], [3, 4]], [[0, 0], [1, 1]]).last_hidden_state
    assert not both[0].any()
    np.testing.assert_allclose(both[1:], model([[3, 4]]).last_hidden_state, rtol=0, atol=TOLERANCE)
    assert not model([[1, 2]], [[0, 0]]).last_hidden_state.any()


@pytest.mark.parametrize("name", NAMES)
def test_the_kind_of_array_stays(name: str, config: oxbert.ElectraConfig) -> None:
    model = getattr(oxbert, name)(config, seed=0)
    expected = model(np.array([[1, 2, 3]]))[0]
    for ids in [[[1, 2, 3]], ((1, 2, 3),), [np.array([1, 2, 3])], [torch.tensor([1, 2, 3])]]:
        assert type(model(ids)[0]) is np.ndarray
        np.testing.assert_array_equal(model(ids)[0], expected)
    for dtype in ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", ">i4", ">i8"]:
        assert type(model(np.array([[1, 2, 3]], dtype=dtype))[0]) is np.ndarray
        np.testing.assert_array_equal(model(np.array([[1, 2, 3]], dtype=dtype))[0], expected)
    for dtype in [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]:
        got = model(torch.tensor([[1, 2, 3]], dtype=dtype))[0]
        assert type(got) is torch.Tensor
        np.testing.assert_array_equal(got.detach(), expected)
    for mask in [
        [[True, True, True]],
        np.ones((1, 3), dtype=bool),
        np.ones((1, 3), dtype=np.float32),
        torch.ones(1, 3),
    ]:
        assert type(model([[1, 2, 3]], mask)[0]) is np.ndarray
        np.testing.assert_array_equal(model([[1, 2, 3]], mask)[0], expected)
    # Views that are not in row-major order.
    wide = np.array([[1, 9, 2, 9, 3]])
    np.testing.assert_array_equal(model(wide[:, ::2])[0], expected)
    np.testing.assert_array_equal(model(np.asfortranarray(wide)[:, ::2])[0], expected)
    np.testing.assert_array_equal(model(torch.tensor(wide)[:, ::2])[0].detach(), expected)


def test_lists_of_vectors_are_embeddings_too(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraModel(config, seed=0)
    embeddings = np.random.default_rng(0).normal(size=(2, 3, 12)).astype(np.float32)
    expected = model(inputs_embeds=embeddings)[0]
    np.testing.assert_array_equal(model(inputs_embeds=embeddings.tolist())[0], expected)
    np.testing.assert_array_equal(model(inputs_embeds=np.asfortranarray(embeddings))[0], expected)


def test_hidden_states_and_attentions_follow_the_configuration(config: oxbert.ElectraConfig) -> None:
    config.output_hidden_states = config.output_attentions = True
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    assert model([[1, 2]]).keys() == ["logits", "hidden_states", "attentions"]
    assert model([[1, 2]], output_hidden_states=False, output_attentions=False).keys() == ["logits"]


# Gradients.


def loss_of(logits: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """A loss over kept tokens in which every number counts differently."""
    numbers = logits[kept]
    if numbers.ndim == 1:
        targets = torch.arange(len(numbers)).remainder(2).float()
        return torch.nn.functional.binary_cross_entropy_with_logits(numbers, targets)
    if numbers.shape[-1] == 1:
        return numbers.square().mean()
    return torch.nn.functional.cross_entropy(numbers, torch.arange(len(numbers)) % numbers.shape[-1])


@pairs(*NAMES, configs=["small", "one-layer-one-head", "E-is-H", "three-labels", "E-above-H"])
def test_gradients_are_those_of_transformers(pair: Pair) -> None:
    ours, theirs = pair.ours(), pair.theirs
    parameters, others = dict(ours.named_parameters()), dict(theirs.named_parameters())
    assert parameters.keys() == others.keys()
    for label, case in reference.cases(theirs.config).items():
        if label not in {"ids", "right", "left", "holes", "types", "everything", "one-token"}:
            continue
        theirs.zero_grad(set_to_none=True)
        loss = loss_of(theirs(**case.arguments)[0], case.kept)
        loss.backward()
        for parameter in parameters.values():
            parameter.grad = None
        mine = loss_of(ours(**case.arguments)[0], case.kept)
        assert abs(mine.item() - loss.item()) <= TOLERANCE
        mine.backward()
        # The gradient of the keys' bias is 0, as softmax does not see a shift; what both compute there is rounding. So
        # there is a floor: a hundred-thousandth of the largest gradient.
        floor = 1e-5 * max(other.grad.norm() for other in others.values() if other.grad is not None)
        for name, other in others.items():
            grad = parameters[name].grad
            if other.grad is None:
                assert grad is None or not grad.any(), f"{label}: {name}"
                continue
            assert grad is not None, f"{label}: {name}"
            error = (grad - other.grad).norm()
            assert error <= max(1e-4 * other.grad.norm(), floor), f"{label}: {name}: {error} of {other.grad.norm()}"
            assert grad.isfinite().all()


@pairs("ElectraForMaskedLM", configs=["small"])
def test_the_gradient_of_embeddings_arrives(pair: Pair) -> None:
    embeddings = torch.randn(2, 3, 12, requires_grad=True)
    (expected,) = torch.autograd.grad(pair.theirs(inputs_embeds=embeddings)[0].square().mean(), embeddings)
    (got,) = torch.autograd.grad(pair.ours()(inputs_embeds=embeddings)[0].square().mean(), embeddings)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)


def test_a_graph_is_built_for_torch_alone(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    ids = torch.tensor([[1, 2, 3]])
    assert model(ids).logits.requires_grad
    with torch.no_grad():
        assert not model(ids).logits.requires_grad
    with torch.inference_mode():
        assert model(ids).logits.is_inference()
    assert model(ids).logits.grad_fn is not None
    # A mode that another thread, or our own call, has set does not stay.
    model(ids.numpy())
    assert torch.is_grad_enabled() and model(ids).logits.requires_grad


def test_parameters_without_gradient_get_none(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=0)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("discriminator_predictions"))
    model(torch.tensor([[1, 2, 3]])).logits.sum().backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == name.startswith("discriminator_predictions"), name


# Training.


@pytest.mark.parametrize("name", NAMES)
def test_dropout(name: str, config: oxbert.ElectraConfig) -> None:
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.2
    model = getattr(oxbert, name)(config, seed=0)
    ids = torch.arange(12).reshape(2, 6)
    assert model.training is False
    still = model(ids)[0]
    assert torch.equal(still, model(ids)[0])
    assert model.train() is model and model.training is True
    torch.manual_seed(5)
    one, other = model(ids)[0], model(ids)[0]
    assert not torch.equal(one, other)
    torch.manual_seed(5)
    assert torch.equal(model(ids)[0], one)
    assert model.train(False) is model and model.eval() is model and not model.training
    assert torch.equal(model(ids)[0], still)


def test_dropout_keeps_the_mean(config: oxbert.ElectraConfig) -> None:
    config.num_hidden_layers = 0
    config.classifier_dropout = 0.25
    config.hidden_dropout_prob = 0.0
    model = oxbert.ElectraForTokenClassification(config, seed=0)
    ids = torch.arange(6).reshape(1, 6)
    with torch.no_grad():
        expected = model(ids).logits
        model.train()
        mean = torch.stack([model(ids).logits for _ in range(2000)]).mean(0)
    # The classifier is linear, so the mean is exact: a scale that is missing would be off by a quarter.
    assert (mean - expected).norm() <= 0.05 * expected.norm()


def test_a_probability_of_zero_drops_nothing(config: oxbert.ElectraConfig) -> None:
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    model = oxbert.ElectraForTokenClassification(config, seed=0)
    still = model([[1, 2, 3]])[0]
    np.testing.assert_allclose(model.train()([[1, 2, 3]])[0], still, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["ElectraForMaskedLM", "ElectraForPreTraining", "ElectraForTokenClassification"])
def test_an_optimizer_follows_transformers(name: str, tmp_path: Path) -> None:
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "layer_norm_eps": 1e-3}
    pair = reference.build(name, CONFIGS["three-labels"] | still, tmp_path)
    ours, theirs = pair.ours().train(), pair.theirs.train()
    case = reference.cases(theirs.config)["right"]

    def train(model: Any, parameters: list[torch.Tensor]) -> list[float]:
        optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.1, eps=1e-6)
        losses = []
        for _ in range(10):
            optimizer.zero_grad()
            loss = loss_of(model(**case.arguments)[0], case.kept)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            losses.append(loss.item())
        return losses

    got, expected = train(ours, ours.parameters()), train(theirs, list(theirs.parameters()))
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)
    assert got[-1] < got[0] - 0.01


def test_autocast_reaches_the_model(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    ids = torch.tensor([[1, 2, 3], [4, 5, 6]])
    expected = model(ids).logits
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(ids).logits
    assert logits.dtype == torch.bfloat16
    # bfloat16 has 8 bits: close, and not the same.
    assert 1e-4 < (logits - expected).abs().max() < 0.05 * expected.abs().max()
    logits.float().square().mean().backward()
    for name, parameter in model.named_parameters():
        if name != "electra.embeddings.token_type_embeddings.weight":
            assert parameter.grad is not None and parameter.grad.dtype == torch.float32, name
            assert parameter.grad.isfinite().all(), name


# Making and looking at models.


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_makes_the_same_model(name: str, config: oxbert.ElectraConfig) -> None:
    kind = getattr(oxbert, name)
    one, same, other = kind(config, seed=3), kind.from_config(config, seed=3), kind(config, seed=4)
    ids = [[1, 2, 3]]
    np.testing.assert_array_equal(one(ids)[0], same(ids)[0])
    assert not np.array_equal(one(ids)[0], other(ids)[0])
    assert type(one) is type(same) is kind and isinstance(one, oxbert.Model)


@pytest.mark.parametrize("name", NAMES)
def test_fresh_weights_are_distributed_as_transformers_does(name: str) -> None:
    values = {
        "vocab_size": 300,
        "hidden_size": 64,
        "embedding_size": 48,
        "num_hidden_layers": 1,
        "initializer_range": 0.1,
    }
    ours = dict(getattr(oxbert, name)(oxbert.ElectraConfig(**values), seed=0).named_parameters())
    theirs = dict(getattr(transformers, name)(transformers.ElectraConfig(**values)).named_parameters())
    assert ours.keys() == theirs.keys()
    for key, other in theirs.items():
        mine = ours[key]
        assert mine.shape == other.shape and mine.dtype == other.dtype, key
        if bool((other == other.flatten()[0]).all()):
            assert torch.equal(mine, other), key
        elif other.numel() > 1000:
            assert abs(mine.std() - other.std()) < 0.01 and abs(mine.mean()) < 0.01, key
    padding = "embeddings.word_embeddings.weight"
    row = ours[padding if name == "ElectraModel" else f"electra.{padding}"][0]
    assert not row.any()


def test_what_a_model_says_of_itself(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    assert (model.device, model.precision, model.training) == ("cpu", "float32", False)
    assert model.num_parameters() == sum(parameter.numel() for parameter in model.parameters())
    assert model.config == config and model.config is not config
    assert model.load_report["missing"] == []
    text = repr(model)
    assert text.startswith("ElectraForMaskedLM(") and "hidden_size=20" in text and "cpu" in text
    assert model.to("cpu") is model
    assert model.to(torch.device("cpu")) is model
    model.config.hidden_size = 40
    assert model.config.hidden_size == 20


def test_parameters_are_the_models_own(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForTokenClassification(config, seed=0)
    for name, parameter in model.named_parameters():
        assert parameter.is_leaf and parameter.requires_grad and parameter.dtype == torch.float32, name
    again = dict(model.named_parameters())
    for name, parameter in model.named_parameters():
        assert parameter.data_ptr() == again[name].data_ptr()
    assert [name for name, _ in model.named_parameters()] == sorted(again)


def test_the_last_reference_may_go_while_the_graph_lives(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    parameter = dict(model.named_parameters())["electra.embeddings.word_embeddings.weight"]
    loss = model(torch.tensor([[1, 2, 3]])).logits.sum()
    del model
    loss.backward()
    assert parameter.grad is not None and parameter.grad.any()


def test_the_model_card_works_as_it_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    from oxbert.errors import ShapeError
    from oxbert.modelcard import ElectraForPreTraining, ElectraTokenizerFast

    discriminator = ElectraForPreTraining.from_pretrained("electra-tiny-discriminator")
    tokenizer = ElectraTokenizerFast.from_pretrained("electra-tiny-discriminator")
    fake = "The function fake a list"
    tokens = tokenizer.tokenize(fake)
    inputs = tokenizer.encode(fake, return_tensors="pt")
    outputs = discriminator(inputs)
    predictions = torch.round((torch.sign(outputs[0]) + 1) / 2)
    assert [int(prediction) for prediction in predictions.tolist()] == [
        int(value > 0.5) for value in outputs.probabilities.tolist()
    ]
    assert len(tokens) == len(predictions)
    with pytest.raises(ShapeError, match="one text"):
        discriminator(torch.ones(2, 4, dtype=torch.int64))


def test_configurations_of_other_families_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(oxbert.errors.ConfigError, match="bert") as caught:
        oxbert.ElectraModel.from_pretrained(tmp_path)
    assert caught.value.field == "model_type"
