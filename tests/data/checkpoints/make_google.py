"""Write tiny checkpoints with the variables of google-research/electra, like TensorFlow 1 programs.

Each folder of `google/` is a checkpoint: `model.ckpt-12.index`, its `.data-*` files and `checkpoint`.
`variables.safetensors` has the values of `pretraining`, and `expected.npz` the results of `google_reference.py` for
each checkpoint.

    python make_google.py    # README.md lists the required versions
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import google_reference as reference
import numpy as np
import safetensors.numpy
import tensorflow.compat.v1 as tf

FOLDER = Path(__file__).parent / "google"
STEP = 12
SEED = 7  # with this seed no norm divides by so small a number that float32 rounding shows

VOCABULARY, POSITIONS, TYPES, HIDDEN, LAYERS, FEED_FORWARD, HEADS = 37, 16, 2, 8, 2, 12, 2
# The feed-forward size of a generator is four times its hidden size, and below width 128 it has one head.
GENERATOR_HIDDEN, GENERATOR_LAYERS, GENERATOR_FEED_FORWARD, GENERATOR_HEADS = 4, 2, 16, 1
QA_HIDDEN = 512  # a constant in the original's code, for every size of the model

IDS = np.array([[2, 17, 5, 36, 9, 21, 3], [2, 30, 11, 4, 3, 0, 0]])
MASK = np.array([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0]])
SEGMENTS = np.array([[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 0, 0]])

Shapes = dict[str, tuple[int, ...]]


def dense(scope: str, inner: int, outer: int) -> Shapes:
    return {f"{scope}/kernel": (inner, outer), f"{scope}/bias": (outer,)}


def norm(scope: str, size: int) -> Shapes:
    return {f"{scope}/beta": (size,), f"{scope}/gamma": (size,)}


def embeddings(network: str, size: int) -> Shapes:
    scope = f"{network}/embeddings"
    return {
        f"{scope}/word_embeddings": (VOCABULARY, size),
        f"{scope}/token_type_embeddings": (TYPES, size),
        f"{scope}/position_embeddings": (POSITIONS, size),
        **norm(f"{scope}/LayerNorm", size),
    }


def encoder(network: str, embedding: int, hidden: int, layers: int, feed_forward: int) -> Shapes:
    shapes = dense(f"{network}/embeddings_project", embedding, hidden) if embedding != hidden else {}
    for index in range(layers):
        scope = f"{network}/encoder/layer_{index}"
        for name in ("query", "key", "value"):
            shapes |= dense(f"{scope}/attention/self/{name}", hidden, hidden)
        shapes |= dense(f"{scope}/attention/output/dense", hidden, hidden)
        shapes |= norm(f"{scope}/attention/output/LayerNorm", hidden)
        shapes |= dense(f"{scope}/intermediate/dense", hidden, feed_forward)
        shapes |= dense(f"{scope}/output/dense", feed_forward, hidden)
        shapes |= norm(f"{scope}/output/LayerNorm", hidden)
    return shapes


def discriminator(embedding: int = 6) -> Shapes:
    return embeddings("electra", embedding) | encoder("electra", embedding, HIDDEN, LAYERS, FEED_FORWARD)


def generator(embedding: int = 6) -> Shapes:
    return encoder("generator", embedding, GENERATOR_HIDDEN, GENERATOR_LAYERS, GENERATOR_FEED_FORWARD)


def generator_head(embedding: int = 6, hidden: int = GENERATOR_HIDDEN) -> Shapes:
    scope = "generator_predictions"
    return (
        dense(f"{scope}/dense", hidden, embedding)
        | norm(f"{scope}/LayerNorm", embedding)
        | {f"{scope}/output_bias": (VOCABULARY,)}
    )


def discriminator_head() -> Shapes:
    scope = "discriminator_predictions"
    return dense(f"{scope}/dense", HIDDEN, HIDDEN) | dense(f"{scope}/dense_1", HIDDEN, 1)


def joint_answer_head() -> Shapes:
    scope = "task_specific/squad"
    return (
        dense(f"{scope}/dense", HIDDEN, 1)
        | dense(f"{scope}/qa_hidden", 2 * HIDDEN, QA_HIDDEN)
        | dense(f"{scope}/dense_1", QA_HIDDEN, 1)
        | dense(f"{scope}/dense_2", 2 * HIDDEN, QA_HIDDEN)
        | dense(f"{scope}/dense_3", QA_HIDDEN, 1)
    )


def independent_answer_head() -> Shapes:
    return dense("task_specific/squad/dense", HIDDEN, 1) | dense("task_specific/squad/dense_1", HIDDEN, 1)


PRETRAINING = discriminator() | generator() | generator_head() | discriminator_head()


@dataclass(frozen=True)
class Variant:
    shapes: Shapes
    optimizer: bool = False
    # The number of slices per axis in which some variables are saved: [1, 2] halves the second axis.
    pieces: dict[str, list[int]] | None = None
    data_files: int = 1


VARIANTS: dict[str, Variant] = {
    "pretraining": Variant(PRETRAINING, optimizer=True),
    # A generator's own embeddings have its hidden size, and therefore need no projection.
    "untied_embeddings": Variant(
        discriminator()
        | embeddings("generator", GENERATOR_HIDDEN)
        | generator(GENERATOR_HIDDEN)
        | generator_head(GENERATOR_HIDDEN)
        | discriminator_head()
    ),
    "equal_widths": Variant(discriminator(8) | generator(8) | generator_head(8) | discriminator_head()),
    # One network with both heads.
    "tied_generator": Variant(discriminator() | generator_head(hidden=HIDDEN) | discriminator_head()),
    "classification": Variant(discriminator() | dense("task_specific/mrpc/dense", HIDDEN, 2), optimizer=True),
    "tagging": Variant(discriminator() | dense("task_specific/chunk/dense", HIDDEN, 5)),
    "question_answering": Variant(discriminator() | joint_answer_head()),
    "question_answering_independent": Variant(discriminator() | independent_answer_head()),
    "partitioned": Variant(
        PRETRAINING,
        pieces={
            "electra/embeddings/word_embeddings": [3, 1],
            "electra/encoder/layer_0/intermediate/dense/kernel": [1, 2],
            "electra/encoder/layer_1/output/dense/bias": [3],
        },
    ),
    "two_data_files": Variant(PRETRAINING, data_files=2),
}


def value_of(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return values that depend on the name only, so that they are equal in all folders; `RandomState` is stable."""
    normal = np.random.RandomState(zlib.crc32(f"{SEED} {name}".encode())).standard_normal(shape)
    if name.endswith("/gamma"):
        return (1 + 0.3 * normal).astype(np.float32)
    if name.endswith("/adam_v"):
        return (0.5 * normal).astype(np.float32) ** 2
    return (0.5 * normal).astype(np.float32)


def initializer(value: np.ndarray) -> Callable:
    def initialize(shape, dtype=None, partition_info=None):
        if partition_info is None:
            return tf.constant(value)
        piece = tuple(
            slice(offset, offset + size) for offset, size in zip(partition_info.var_offset, shape, strict=True)
        )
        return tf.constant(value[piece])

    return initialize


def create_variables(variant: Variant) -> None:
    for index, (name, shape) in enumerate(variant.shapes.items()):
        pieces = (variant.pieces or {}).get(name)
        partitioner = (lambda shape, dtype, pieces=pieces: pieces) if pieces else None
        with tf.device(f"/cpu:{index % variant.data_files}"):
            tf.get_variable(name, shape, initializer=initializer(value_of(name, shape)), partitioner=partitioner)
            for slot in ("adam_m", "adam_v") if variant.optimizer else ():
                value = value_of(f"{name}/{slot}", shape)
                tf.get_variable(f"{name}/{slot}", shape, initializer=initializer(value), trainable=False)
    with tf.device("/cpu:0"):
        step = tf.train.get_or_create_global_step()
        tf.add_to_collection("start", step.assign(STEP))


def save(folder: Path, variant: Variant) -> dict[str, np.ndarray]:
    folder.mkdir(parents=True)
    with tf.Graph().as_default():
        create_variables(variant)
        saver = tf.train.Saver(sharded=variant.data_files > 1, save_relative_paths=True)
        with tf.Session(config=tf.ConfigProto(device_count={"CPU": variant.data_files})) as session:
            session.run(tf.global_variables_initializer())
            session.run(tf.get_collection("start"))
            saver.save(session, str(folder / "model.ckpt"), global_step=STEP, write_meta_graph=False)
    stored = tf.train.load_checkpoint(str(folder / f"model.ckpt-{STEP}"))
    return {name: stored.get_tensor(name) for name in stored.get_variable_to_shape_map()}


def expected_of(name: str, variables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    states = reference.hidden_states(variables, "electra", IDS, MASK, SEGMENTS, HEADS)
    last = states[-1]
    expected = {"hidden_states": np.stack(states)}
    if "discriminator_predictions/dense/kernel" in variables:
        expected["discriminator_logits"] = reference.discriminator_logits(variables, last)
    if "generator/encoder/layer_0/output/dense/kernel" in variables:
        generator_states = reference.hidden_states(variables, "generator", IDS, MASK, SEGMENTS, GENERATOR_HEADS)
        expected["generator_hidden_states"] = np.stack(generator_states)
        expected["generator_logits"] = reference.generator_logits(variables, "generator", generator_states[-1])
    elif "generator_predictions/dense/kernel" in variables:
        expected["generator_logits"] = reference.generator_logits(variables, "electra", last)
    if name == "classification":
        expected["logits"] = reference.classification_logits(variables, "mrpc", last)
    if name == "tagging":
        expected["logits"] = reference.tagging_logits(variables, "chunk", last)
    if name == "question_answering":
        expected |= reference.joint_answer_logits(variables, "squad", last, MASK, SEGMENTS)
    if name == "question_answering_independent":
        expected |= reference.independent_answer_logits(variables, "squad", last, MASK, SEGMENTS)
    return expected


def main() -> None:
    # As in TensorFlow 1.
    tf.disable_v2_behavior()
    shutil.rmtree(FOLDER, ignore_errors=True)
    expected = {"input_ids": IDS, "input_mask": MASK, "segment_ids": SEGMENTS}
    for name, variant in VARIANTS.items():
        variables = save(FOLDER / name, variant)
        for key in variant.shapes:
            assert np.array_equal(variables[key], value_of(key, variant.shapes[key])), key
        if name == "pretraining":
            kept = {key: value for key, value in variables.items() if not key.endswith(("/adam_m", "/adam_v"))}
            safetensors.numpy.save_file(
                {key: np.ascontiguousarray(value) for key, value in kept.items()}, FOLDER / "variables.safetensors"
            )
        expected |= {f"{name}.{key}": value.astype(np.float32) for key, value in expected_of(name, variables).items()}
    np.savez(FOLDER / "expected.npz", **expected)


if __name__ == "__main__":
    main()
