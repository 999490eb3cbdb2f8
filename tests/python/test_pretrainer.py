"""Compare `ElectraPretrainer` with a transcription of TF Model Garden's class, and with its recorded outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import oxbert
from oxbert.errors import InputError
from oxbert.training.pretraining.model_garden import ElectraPretrainer

SIZES: dict[str, Any] = {
    "vocab_size": 37,
    "max_position_embeddings": 16,
    "num_hidden_layers": 1,
    "initializer_range": 0.5,
}
GENERATOR = oxbert.ElectraConfig(embedding_size=6, hidden_size=8, num_attention_heads=2, intermediate_size=12, **SIZES)
DISCRIMINATOR = oxbert.ElectraConfig(
    embedding_size=4, hidden_size=10, num_attention_heads=2, intermediate_size=14, **SIZES
)
INPUTS = {
    "input_word_ids": torch.tensor([[2, 4, 9, 4, 11, 3], [2, 7, 4, 3, 0, 0]], dtype=torch.int32),
    "input_mask": torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]], dtype=torch.int32),
    "input_type_ids": torch.tensor([[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]], dtype=torch.int32),
    # The first row names a position twice, the second has unused slots.
    "masked_lm_positions": torch.tensor([[1, 3, 1], [2, 0, 0]], dtype=torch.int32),
    "masked_lm_ids": torch.tensor([[20, 21, 20], [22, 0, 0]], dtype=torch.int32),
    "masked_lm_weights": torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]),
}


def pretrainer(**options: Any) -> ElectraPretrainer:
    networks = [oxbert.ElectraModel(GENERATOR, seed=1).eval(), oxbert.ElectraModel(DISCRIMINATOR, seed=2).eval()]
    settings = {"vocab_size": 37, "num_classes": 3, "num_token_predictions": 3} | options
    made = oxbert.ElectraPretrainer(*networks, **settings)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return made


def transcribed(made: ElectraPretrainer, uniforms: torch.Tensor, activation: Any) -> dict[str, torch.Tensor]:
    """Transcribe electra_pretrainer.py, masked_lm.py and cls_head.py, on the same networks."""
    heads = {name.replace("/", "."): parameter for name, parameter in made.heads.items()}
    ids, mask, types, positions, originals = (INPUTS[name].long() for name in list(INPUTS)[:5])
    settings = made.get_config()

    def dense(name: str, x: torch.Tensor) -> torch.Tensor:
        return x @ heads[f"{name}.weight"].T + heads[f"{name}.bias"]

    sequence = made.generator_network(ids, mask, types).last_hidden_state
    flat = (torch.arange(len(ids))[:, None] * ids.shape[1] + positions).reshape(-1)
    x = activation(dense("masked_lm.dense", sequence.reshape(-1, sequence.shape[-1])[flat]))
    x = functional.layer_norm(
        x, x.shape[-1:], heads["masked_lm.LayerNorm.weight"], heads["masked_lm.LayerNorm.bias"], 1e-12
    )
    table = settings["generator_network"].get_input_embeddings().weight
    logits = (x @ table.T + heads["masked_lm.bias"]).reshape(*positions.shape, -1)
    lm_outputs = logits.log_softmax(-1) if settings["output_type"] == "predictions" else logits
    scores = lm_outputs.detach()
    if settings["disallow_correct"]:
        scores = scores - 1000.0 * functional.one_hot(originals, scores.shape[-1])
    noise = -torch.log(-torch.log(uniforms + 1e-9) + 1e-9)
    sampled = torch.softmax(scores + noise, -1).argmax(-1)

    def scatter_update(rows: torch.Tensor, updates: torch.Tensor) -> torch.Tensor:
        updated = rows.clone()
        for row in range(len(rows)):
            for place in set(positions[row].tolist()) - {0}:
                here = updates[row][positions[row] == place]
                updated[row, place] = here.sum() // len(here)
        return updated

    unmasked = scatter_update(ids, originals)
    replaced = scatter_update(unmasked, sampled)
    shown = made.discriminator_network(replaced, mask, types).last_hidden_state
    return {
        "lm_outputs": lm_outputs,
        "sentence_outputs": dense("classification.out_proj", torch.tanh(dense("classification.dense", sequence[:, 0]))),
        "disc_logits": dense("discriminator_head", activation(dense("discriminator_projection", shown)))[..., 0],
        "disc_label": (replaced != unmasked).int(),
    }


@pytest.mark.parametrize("output_type", ["logits", "predictions"])
@pytest.mark.parametrize("disallow_correct", [False, True])
@pytest.mark.parametrize(("name", "activation"), [(None, lambda x: x), ("gelu", functional.gelu)])
def test_outputs_and_gradients_match_the_transcription(
    output_type: str, disallow_correct: bool, name: str | None, activation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = pretrainer(output_type=output_type, disallow_correct=disallow_correct, mlm_activation=name)
    uniforms = torch.rand(2, 3, 37)
    monkeypatch.setattr(torch, "rand_like", lambda *_, **__: uniforms)
    ours = made(INPUTS)
    theirs = transcribed(made, uniforms, activation)
    assert list(ours) == list(theirs) and ours["disc_label"].dtype == torch.int32
    assert torch.equal(ours["disc_label"], theirs["disc_label"]) and ours["disc_label"].any()
    gradients = []
    for outputs in (ours, theirs):
        made.zero_grad()
        sum((outputs[key] ** 2).sum() for key in ("lm_outputs", "sentence_outputs", "disc_logits")).backward()
        gradients.append([parameter.grad.clone() for parameter in made.parameters() if parameter.grad is not None])
    for key in ("lm_outputs", "sentence_outputs", "disc_logits"):
        assert (ours[key] - theirs[key]).abs().max() <= 1e-5 * max(1.0, theirs[key].abs().max()), key
    assert len(gradients[0]) == len(gradients[1]) > len(made.heads)
    for one, other in zip(*gradients, strict=True):
        assert (one - other).abs().max() <= 1e-5 * max(1.0, other.abs().max())


def test_disallow_correct_never_samples_the_original_token() -> None:
    made = pretrainer(disallow_correct=True)
    for _ in range(20):
        labels = made(INPUTS)["disc_label"]
        # All masked positions, except the one that gets the mean of two tokens.
        assert labels[0, 3] == labels[1, 2] == 1 and labels[:, 0].sum() == 0


def test_any_callable_works_as_a_network() -> None:
    class Network(torch.nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.table = torch.nn.Parameter(torch.randn(37, width))

        def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> dict[str, Any]:
            return {"sequence_output": [self.table[types], self.table[ids] * mask[..., None]]}

        def get_embedding_table(self) -> torch.Tensor:
            return self.table

        def get_config(self) -> dict[str, Any]:
            return {"hidden_size": self.table.shape[1]}

    made = ElectraPretrainer(Network(5), Network(7), 37, 3, 3, "relu", torch.nn.init.ones_)
    assert torch.equal(made.heads["discriminator_projection/weight"], torch.ones(7, 7))
    outputs = made(INPUTS)
    assert [tuple(output.shape) for output in outputs.values()] == [(2, 3, 37), (2, 3), (2, 6), (2, 6)]
    outputs["lm_outputs"].sum().backward()
    assert made.generator_network.table.grad is not None


def test_from_config_inverts_get_config() -> None:
    made = pretrainer(mlm_activation="gelu", classification_heads=[], sequence_length=6)
    config = made.get_config()
    assert config["classification_heads"] == [] and config["sequence_length"] == 6
    again = ElectraPretrainer.from_config(config)
    assert again.get_config() == config
    assert made.checkpoint_items == {"encoder": config["discriminator_network"]}
    # Weights lie within Glorot's bound, and biases are zero.
    bound = (6 / 18) ** 0.5
    weight = again.heads["masked_lm/dense/weight"]
    assert weight.shape == (6, 8) and bound * 0.7 < weight.abs().max() <= (6 / 14) ** 0.5
    assert not again.heads["masked_lm/bias"].any()
    assert {id(parameter) for parameter in again.parameters()} >= {id(one) for one in again.heads.values()}


@pytest.mark.parametrize("kind", ["numpy", "tensorflow"])
def test_other_arrays_give_arrays_of_their_kind(kind: str) -> None:
    make = pytest.importorskip("tensorflow").constant if kind == "tensorflow" else np.asarray
    made = pretrainer()
    torch.manual_seed(3)
    expected = made(INPUTS)
    for dtype in ["int32", "int64"]:
        torch.manual_seed(3)
        outputs = made({name: make(value.numpy().astype(dtype)) for name, value in INPUTS.items()})
        assert list(outputs) == list(expected)
        for name, value in outputs.items():
            assert isinstance(value, type(make(np.zeros(1)))) and value.shape == expected[name].shape
            assert np.array_equal(np.asarray(value), expected[name].detach().numpy()), name
    with pytest.raises(InputError, match=r"^masked_lm_ids: expected integers, got float64"):
        made(
            {
                name: make(value.numpy().astype("float64" if name == "masked_lm_ids" else "int64"))
                for name, value in INPUTS.items()
            }
        )
    with pytest.raises(InputError, match="masked_lm_ids is missing"):
        made({name: make(value.numpy()) for name, value in INPUTS.items() if name != "masked_lm_ids"})


def test_the_text_makes_it_again() -> None:
    made = pretrainer(mlm_activation="gelu", sequence_length=6)
    text = made.to_json(indent=1)
    assert json.loads(text)["class_name"] == "ElectraPretrainer"
    again = ElectraPretrainer.from_json(text)
    assert again.to_json(indent=1) == text
    assert {name: tuple(one.shape) for name, one in again.named_parameters()} == {
        name: tuple(one.shape) for name, one in made.named_parameters()
    }
    for options, what in [({"mlm_initializer": torch.nn.init.ones_}, "mlm_initializer"), ({"mine": {1}}, "mine")]:
        with pytest.raises(InputError, match=rf"^{what}: expected a value that JSON can hold"):
            pretrainer(**options).to_json()
    with pytest.raises(InputError, match=r"^generator_network: expected a model of oxbert, got BertModel"):
        ElectraPretrainer.from_json(text.replace('"ElectraModel"', '"BertModel"'))


def test_bad_options_and_inputs_are_refused() -> None:
    for options, what in [
        ({"output_type": "softmax"}, "output_type"),
        ({"mlm_initializer": "random"}, "mlm_initializer"),
        ({"mlm_activation": "none such"}, "mlm_activation"),
        ({"vocab_size": 36}, "vocab_size"),
    ]:
        with pytest.raises(InputError, match=what) as caught:
            pretrainer(**options)
        assert caught.value.what == what
    made = pretrainer()
    with pytest.raises(InputError, match="masked_lm_ids is missing"):
        made({name: value for name, value in INPUTS.items() if name != "masked_lm_ids"})
    with pytest.raises(InputError, match="get_embedding_table"):
        ElectraPretrainer(lambda *_: None, lambda *_: None, 37, 3, 3)


GOLDEN = Path(__file__).parents[1] / "data" / "pretrainer" / "tfnlp.npz"


@pytest.mark.parametrize(
    ("variant", "activation", "output_type", "disallow_correct"),
    [
        ("linear_logits", None, "logits", False),
        ("linear_predictions_disallow", None, "predictions", True),
        ("gelu_erf_logits_disallow", "gelu", "logits", True),
        ("gelu_erf_predictions", "gelu", "predictions", False),
        ("gelu_tanh_logits", "gelu_new", "logits", False),
        ("gelu_tanh_predictions_disallow", "gelu_new", "predictions", True),
    ],
)
def test_outputs_match_tensorflow_model_garden(
    variant: str, activation: str | None, output_type: str, disallow_correct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compare with numbers that tf-models-official 2.15 computed; see tests/data/pretrainer/README.md."""
    golden = {name: torch.tensor(values) for name, values in np.load(GOLDEN).items()}
    shown: list[torch.Tensor] = []

    class Stored:
        def __init__(self, sequence: torch.Tensor) -> None:
            self.sequence = sequence

        def __call__(self, ids: torch.Tensor, *_: torch.Tensor) -> dict[str, torch.Tensor]:
            shown.append(ids)
            return {"sequence_output": self.sequence}

        def get_embedding_table(self) -> torch.Tensor:
            return golden["embedding_table"]

        def get_config(self) -> dict[str, int]:
            return {"hidden_size": self.sequence.shape[-1]}

    networks = Stored(golden["generator_sequence_output"]), Stored(golden[f"{variant}.discriminator_sequence_output"])
    made = ElectraPretrainer(
        *networks, 37, 3, 4, activation, output_type=output_type, disallow_correct=disallow_correct
    )
    layers = {
        "masked_lm/dense": "masked_lm/transform/dense",
        "classification/dense": "classification/pooler_dense",
        "classification/out_proj": "classification/logits",
        "discriminator_projection": "discriminator_projection",
        "discriminator_head": "discriminator_head",
    }
    with torch.no_grad():
        for ours, theirs in layers.items():
            made.heads[f"{ours}/weight"].copy_(golden[f"{theirs}/kernel"].T)
            made.heads[f"{ours}/bias"].copy_(golden[f"{theirs}/bias"])
        made.heads["masked_lm/LayerNorm/weight"].copy_(golden["masked_lm/transform/LayerNorm/gamma"])
        made.heads["masked_lm/LayerNorm/bias"].copy_(golden["masked_lm/transform/LayerNorm/beta"])
        made.heads["masked_lm/bias"].copy_(golden["masked_lm/output_bias/bias"])
    monkeypatch.setattr(torch, "rand_like", lambda *_, **__: golden["uniform"])
    outputs = made(golden)
    assert torch.equal(shown[1], golden[f"{variant}.replaced_ids"].long())
    assert torch.equal(outputs["disc_label"], golden[f"{variant}.disc_label"])
    for name in ("lm_outputs", "sentence_outputs", "disc_logits"):
        assert (outputs[name] - golden[f"{variant}.{name}"]).abs().max() < 1e-5, name
