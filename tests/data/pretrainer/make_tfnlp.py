"""Write `tfnlp.npz`: outputs of TF Model Garden's `ElectraPretrainer` with two tiny networks and fixed random numbers.

The file includes the outputs of the networks, so that a test does not need them.

    python make_tfnlp.py    # README.md lists the required versions
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from official.modeling import tf_utils
from official.nlp.modeling import networks
from official.nlp.modeling.models import electra_pretrainer

FILE = Path(__file__).parent / "tfnlp.npz"
SEED = 3  # with this seed rounding decides no sample, and the cases of `assert_cases_occur` occur

VOCABULARY, CLASSES, PREDICTIONS = 37, 3, 4
# Odd and different sizes, so that transposed or exchanged axes are noticed.
COMMON = {
    "vocab_size": VOCABULARY,
    "embedding_width": 6,
    "num_layers": 2,
    "num_attention_heads": 2,
    "max_sequence_length": 16,
    "type_vocab_size": 2,
    "dict_outputs": True,
}
GENERATOR = {**COMMON, "hidden_size": 8, "inner_dim": 12}
DISCRIMINATOR = {**COMMON, "hidden_size": 10, "inner_dim": 14}

INPUTS = {
    # 4 is the mask. Position 6 of the first row was masked by another word, 33.
    "input_word_ids": np.array(
        [[2, 4, 5, 4, 4, 21, 33, 30, 3], [2, 30, 4, 4, 3, 0, 0, 0, 0], [2, 7, 4, 16, 28, 4, 10, 4, 3]], np.int32
    ),
    "input_mask": np.array(
        [[1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1, 1]], np.int32
    ),
    "input_type_ids": np.array(
        [[0, 0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1, 1, 1, 1]], np.int32
    ),
    # Two slots of the second row are unused; position 5 of the third row occurs twice, with different words.
    "masked_lm_positions": np.array([[1, 3, 4, 6], [2, 3, 0, 0], [2, 5, 5, 7]], np.int32),
    "masked_lm_ids": np.array([[17, 36, 9, 14], [11, 25, 0, 0], [12, 20, 31, 8]], np.int32),
    "masked_lm_weights": np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 1]], np.float32),
}


@dataclass(frozen=True)
class Variant:
    mlm_activation: str | Callable | None
    output_type: str
    disallow_correct: bool


# For Keras, "gelu" is the GELU with the error function. The Garden's programs pass its `get_activation("gelu")`, which
# is the approximation with tanh.
TANH_GELU = tf_utils.get_activation("gelu")
VARIANTS = {
    "linear_logits": Variant(None, "logits", False),
    "linear_predictions_disallow": Variant(None, "predictions", True),
    "gelu_erf_logits_disallow": Variant("gelu", "logits", True),
    "gelu_erf_predictions": Variant("gelu", "predictions", False),
    "gelu_tanh_logits": Variant(TANH_GELU, "logits", False),
    "gelu_tanh_predictions_disallow": Variant(TANH_GELU, "predictions", True),
}

# Attribute of the pretrainer -> prefix of its variables' names in Keras.
HEADS = {
    "masked_lm": "generator_masked_lm/",
    "classification": "generator_classification_head/",
    "discriminator_projection": "discriminator_projection_head/",
    "discriminator_head": "dense/",  # the layer has no name
}


class Network:
    """Wrap a network of the Garden, and record its inputs and outputs."""

    def __init__(self, name: str, sizes: dict) -> None:
        self.encoder = networks.BertEncoder(**sizes)
        for variable in self.encoder.weights:
            variable.assign(value_of(f"{name}/{variable.name}", tuple(variable.shape)))

    def __call__(self, inputs: list[tf.Tensor]) -> dict[str, tf.Tensor]:
        outputs = self.encoder(inputs)
        self.ids, self.sequence_output = inputs[0].numpy(), outputs["sequence_output"].numpy()
        return outputs

    def get_config(self) -> dict:
        return self.encoder.get_config()

    def get_embedding_table(self) -> tf.Variable:
        return self.encoder.get_embedding_table()


def value_of(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return values that depend on the name only, so that they are equal in all variants; `RandomState` is stable."""
    normal = np.random.RandomState(zlib.crc32(f"{SEED} {name}".encode())).standard_normal(shape)
    return (1 + 0.3 * normal if name.endswith("gamma:0") else 0.5 * normal).astype(np.float32)


def uniform_numbers() -> np.ndarray:
    """Return numbers like those of `tf.random.uniform`: multiples of 2^-23 below 1."""
    steps = np.random.RandomState(SEED).randint(1 << 23, size=(3, PREDICTIONS, VOCABULARY))
    steps[0, 1, 36] = (1 << 23) - 1  # the largest, so that the original word is sampled unless it is disallowed
    steps[0, 0, 5] = 0
    return (steps / (1 << 23)).astype(np.float32)


def randomize_heads(pretrainer: tf.keras.Model) -> dict[str, np.ndarray]:
    heads = {}
    for attribute, beginning in HEADS.items():
        layer = getattr(pretrainer, attribute)
        for variable in layer.weights:
            if variable is getattr(layer, "embedding_table", None):
                continue  # belongs to the generator
            _, found, rest = variable.name.partition(beginning)
            assert found, variable.name
            name = f"{attribute}/{rest}"
            variable.assign(value_of(name, tuple(variable.shape)))
            heads[name.removesuffix(":0")] = variable.numpy()
    return heads


def assert_clear(logits: np.ndarray, uniform: np.ndarray, disallow: np.ndarray | None) -> None:
    """Check that rounding decides no sample."""
    noisy = logits.astype(np.float64) - np.log(-np.log(uniform.astype(np.float64) + 1e-9) + 1e-9)
    noisy -= 0 if disallow is None else 1000 * disallow
    second, first = np.sort(noisy, -1)[..., -2:].transpose(2, 0, 1)
    assert (first - second).min() > 0.01, (first - second).min()


def assert_cases_occur(sampled: np.ndarray, labels: np.ndarray, disallow_correct: bool) -> None:
    masked = np.zeros_like(labels)
    np.put_along_axis(masked, INPUTS["masked_lm_positions"], 1, axis=1)
    masked[:, 0] = 0
    assert (labels <= masked).all()
    assert labels[0, 3] == disallow_correct
    assert (sampled == INPUTS["masked_lm_ids"]).any() != disallow_correct
    assert (sampled[1, 2:] != INPUTS["input_word_ids"][1, 0]).all()  # unused slots must not change position 0
    assert (sampled[2, 1] + sampled[2, 2]) % 2 == 1  # their mean is rounded


def run(variant: Variant, uniform: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the values that all variants share, and those of this variant."""
    tf.keras.backend.clear_session()  # otherwise Keras numbers the names of later models
    generator, discriminator = Network("generator", GENERATOR), Network("discriminator", DISCRIMINATOR)
    pretrainer = electra_pretrainer.ElectraPretrainer(
        generator,
        discriminator,
        vocab_size=VOCABULARY,
        num_classes=CLASSES,
        num_token_predictions=PREDICTIONS,
        mlm_activation=variant.mlm_activation,
        output_type=variant.output_type,
        disallow_correct=variant.disallow_correct,
    )
    inputs = {name: tf.constant(value) for name, value in INPUTS.items()}
    pretrainer(inputs)  # creates the heads
    heads = randomize_heads(pretrainer)

    def draw(shape: list[int], minval: float, maxval: float) -> tf.Tensor:
        assert (tuple(shape), minval, maxval) == (uniform.shape, 0, 1)
        return tf.constant(uniform)

    with mock.patch.object(electra_pretrainer.tf.random, "uniform", draw):
        outputs = pretrainer(inputs)
        disallow = tf.one_hot(inputs["masked_lm_ids"], VOCABULARY) if variant.disallow_correct else None
        one_hot = electra_pretrainer.sample_from_softmax(outputs["lm_outputs"], disallow=disallow)
    sampled = tf.argmax(one_hot, -1, output_type=tf.int32).numpy()
    unmasked = electra_pretrainer.unmask(inputs, duplicate=True)["input_word_ids"]
    again, _ = electra_pretrainer.scatter_update(unmasked, tf.constant(sampled), inputs["masked_lm_positions"])
    assert np.array_equal(again.numpy(), discriminator.ids)

    own = {name: value.numpy() for name, value in outputs.items()}
    assert_clear(own["lm_outputs"], uniform, None if disallow is None else disallow.numpy())
    assert_cases_occur(sampled, own["disc_label"], variant.disallow_correct)
    own |= {
        "sampled_ids": sampled,
        "replaced_ids": discriminator.ids,
        "discriminator_sequence_output": discriminator.sequence_output,
    }
    shared = {
        "unmasked_ids": unmasked.numpy(),
        "generator_sequence_output": generator.sequence_output,
        "embedding_table": generator.get_embedding_table().numpy(),
        **heads,
    }
    return shared, own


def main() -> None:
    uniform = uniform_numbers()
    stored = {**INPUTS, "uniform": uniform}
    for name, variant in VARIANTS.items():
        shared, own = run(variant, uniform)
        assert all(np.array_equal(stored.setdefault(key, value), value) for key, value in shared.items())
        stored |= {f"{name}.{key}": value for key, value in own.items()}
    np.savez(FILE, **stored)
    for name, value in stored.items():
        print(name, value.dtype, list(value.shape))


if __name__ == "__main__":
    main()
