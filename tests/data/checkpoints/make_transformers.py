"""Write tiny checkpoints of ELECTRA and DistilBERT with transformers 4's TensorFlow and Flax classes.

Each folder of `transformers/` has a `tf_model.h5` and a `flax_model.msgpack` with the same random values, and
`expected.safetensors`, the state dict that transformers 4 converts them to for PyTorch. The outputs of the
TensorFlow and the Flax classes for one batch are in `outputs_tensorflow.safetensors` and `outputs_flax.safetensors`.

    python make_transformers.py    # README.md lists the required versions
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import shutil
import tempfile
import zlib
from pathlib import Path

import flax.serialization
import h5py
import jax
import numpy as np
import safetensors.numpy
import torch
import transformers

FOLDER = Path(__file__).parent / "transformers"
SEED = 3  # with this seed no norm divides by so small a number that float32 rounding shows

# Odd and different sizes, so that transposed or exchanged axes are noticed.
ELECTRA = {
    "vocab_size": 37,
    "embedding_size": 6,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
}
DISTILBERT = {
    "vocab_size": 37,
    "dim": 8,
    "n_heads": 2,
    "n_layers": 2,
    "hidden_dim": 12,
    "max_position_embeddings": 16,
}
# Most models have one layer, because an HDF5 file spends far more bytes on names than on these numbers.
ELECTRA_SHORT = {**ELECTRA, "num_hidden_layers": 1}
DISTILBERT_SHORT = {**DISTILBERT, "n_layers": 1}

# folder -> (class without the framework's prefix, sizes)
MODELS: dict[str, tuple[str, dict[str, int]]] = {
    "electra_base": ("ElectraModel", ELECTRA),
    "electra_pre_training": ("ElectraForPreTraining", ELECTRA_SHORT),
    "electra_masked_lm": ("ElectraForMaskedLM", ELECTRA),
    "electra_sequence_classification": ("ElectraForSequenceClassification", {**ELECTRA_SHORT, "num_labels": 3}),
    "electra_token_classification": ("ElectraForTokenClassification", {**ELECTRA_SHORT, "num_labels": 3}),
    "electra_question_answering": ("ElectraForQuestionAnswering", ELECTRA_SHORT),
    "electra_multiple_choice": ("ElectraForMultipleChoice", ELECTRA_SHORT),
    "distilbert_base": ("DistilBertModel", DISTILBERT),
    "distilbert_masked_lm": ("DistilBertForMaskedLM", DISTILBERT_SHORT),
    "distilbert_sequence_classification": (
        "DistilBertForSequenceClassification",
        {**DISTILBERT_SHORT, "num_labels": 3},
    ),
    "distilbert_token_classification": ("DistilBertForTokenClassification", {**DISTILBERT_SHORT, "num_labels": 3}),
    "distilbert_question_answering": ("DistilBertForQuestionAnswering", DISTILBERT_SHORT),
    "distilbert_multiple_choice": ("DistilBertForMultipleChoice", DISTILBERT_SHORT),
}

INPUTS = {
    "input_ids": np.array([[2, 17, 5, 36, 9, 21, 3], [2, 30, 11, 4, 3, 0, 0]]),
    "attention_mask": np.array([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0]]),
    "token_type_ids": np.array([[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 0, 0]]),
}


def inputs_of(name: str) -> dict[str, np.ndarray]:
    inputs = dict(INPUTS)
    if name.startswith("DistilBert"):
        del inputs["token_type_ids"]
    if name.endswith("MultipleChoice"):  # [B, choices, S]: the two rows are the two choices of one question
        inputs = {key: value[None] for key, value in inputs.items()}
    return inputs


def configuration(name: str, **sizes: int) -> transformers.PretrainedConfig:
    kind = transformers.ElectraConfig if name.startswith("Electra") else transformers.DistilBertConfig
    return kind(**sizes)


def draw(generator: np.random.Generator, shape: tuple[int, ...], scale_of_norm: bool) -> np.ndarray:
    normal = generator.standard_normal(shape)
    return (1 + 0.3 * normal if scale_of_norm else 0.5 * normal).astype(np.float32)


def random_tensorflow_model(name: str, sizes: dict[str, int], folder: str) -> transformers.TFPreTrainedModel:
    kind = getattr(transformers, "TF" + name)
    if folder.endswith("question_answering"):
        kind(configuration(name, **sizes))  # a first model, because Keras numbers the names of later models
    model = kind(configuration(name, **sizes))
    model(inputs_of(name))
    generator = np.random.default_rng(zlib.crc32(f"{SEED} {folder}".encode()))
    for variable in model.weights:
        variable.assign(draw(generator, tuple(variable.shape), variable.name.endswith("gamma:0")))
    return model


def save(model: transformers.TFPreTrainedModel | transformers.FlaxPreTrainedModel, target: Path, **options) -> None:
    model.config._name_or_path = ""  # no paths of the machine in the file
    model.save_pretrained(target, **options)


def state_of(model: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().float().numpy().copy() for name, value in model.state_dict().items()}


def outputs_of(outputs: transformers.utils.ModelOutput) -> dict[str, np.ndarray]:
    return {key: np.asarray(value, np.float32) for key, value in outputs.items()}


def pytorch_from_tensorflow(name: str, folder: Path) -> transformers.PreTrainedModel:
    """Return the PyTorch model of a folder; fail if parameters or values are left over."""
    model, report = getattr(transformers, name).from_pretrained(folder, from_tf=True, output_loading_info=True)
    # These files have no values for a tied decoder.
    tied = ("generator_lm_head.weight", "vocab_projector.weight")
    wrong = {key: keys for key, keys in report.items() if [key for key in keys if key not in tied]}
    assert not wrong, (name, wrong)
    return model.eval()


def pytorch_from_flax(name: str, folder: Path) -> transformers.PreTrainedModel:
    return getattr(transformers, name).from_pretrained(folder, from_flax=True).eval()


def flax_from(pytorch: torch.nn.Module, name: str) -> transformers.FlaxPreTrainedModel:
    with tempfile.TemporaryDirectory() as temporary:
        pytorch.save_pretrained(temporary)
        return getattr(transformers, "Flax" + name).from_pretrained(temporary, from_pt=True)


def assert_same(mine: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert mine.keys() == other.keys()
    assert all(np.array_equal(mine[key], other[key]) for key in other)


def difference(mine: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """Return the largest difference at kept tokens, at which the three frameworks must agree."""
    kept = INPUTS["attention_mask"].astype(bool)
    pairs = [
        (value[kept], other[key][kept]) if value.shape[:2] == kept.shape else (value, other[key])
        for key, value in mine.items()
    ]
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def make(folder: str, name: str, sizes: dict[str, int], outputs: dict[str, dict[str, np.ndarray]]) -> None:
    target = FOLDER / folder
    tensorflow = random_tensorflow_model(name, sizes, folder)
    save(tensorflow, target)

    pytorch = pytorch_from_tensorflow(name, target)
    expected = state_of(pytorch)
    safetensors.numpy.save_file(expected, target / "expected.safetensors")

    model = flax_from(pytorch, name)
    save(model, target)
    for path, leaf in jax.tree_util.tree_leaves_with_path(model.params):
        assert len(np.unique(leaf)) == np.size(leaf), path  # random values, not the initial ones
    assert_same(state_of(pytorch_from_flax(name, target)), expected)

    inputs = inputs_of(name)
    by_tensorflow = outputs_of(tensorflow(inputs, training=False))
    by_flax = outputs_of(model(**inputs, train=False))
    with torch.no_grad():
        by_pytorch = outputs_of(pytorch(**{key: torch.tensor(value) for key, value in inputs.items()}))
    print(
        f"{folder}: TensorFlow and PyTorch differ by {difference(by_tensorflow, by_pytorch):.1e}, "
        f"Flax and PyTorch by {difference(by_flax, by_pytorch):.1e}"
    )
    outputs["tensorflow"].update({f"{folder}.{key}": value for key, value in by_tensorflow.items()})
    outputs["flax"].update({f"{folder}.{key}": value for key, value in by_flax.items()})


def make_sharded() -> None:
    """Write `distilbert_base` in several files, as `save_pretrained` does with models of more than 10 GB."""
    target = FOLDER / "distilbert_base_sharded"
    tensorflow = transformers.TFDistilBertModel.from_pretrained(FOLDER / "distilbert_base")
    save(tensorflow, target, max_shard_size="4KB")
    flax_model = transformers.FlaxDistilBertModel.from_pretrained(FOLDER / "distilbert_base")
    save(flax_model, target, max_shard_size="4KB")


def make_wide_group() -> None:
    """Write a group of 24 layers, as in a large model; HDF5 spreads more than eight entries over several nodes."""
    with h5py.File(FOLDER / "wide_group.h5", "w") as file:
        for index in range(24):
            file[f"encoder/layer_._{index}"] = np.array([index, index + 0.5], np.float32)


def make_flax_bfloat16() -> None:
    """Write `distilbert_base` with parameters of bfloat16."""
    target = FOLDER / "distilbert_base_flax_bfloat16"
    model = transformers.FlaxDistilBertModel.from_pretrained(FOLDER / "distilbert_base")
    save(model, target, params=model.to_bf16(model.params))
    expected = state_of(pytorch_from_flax("DistilBertModel", target))
    safetensors.numpy.save_file(expected, target / "expected.safetensors")
    exact = safetensors.numpy.load_file(FOLDER / "distilbert_base" / "expected.safetensors")
    assert_same(expected, {key: torch.tensor(value).bfloat16().float().numpy() for key, value in exact.items()})


def make_flax_chunked() -> None:
    """Write `distilbert_base` with arrays in chunks, as flax does with those of more than a gigabyte."""
    target = FOLDER / "distilbert_base_flax_chunked"
    model = transformers.FlaxDistilBertModel.from_pretrained(FOLDER / "distilbert_base")
    largest = flax.serialization.MAX_CHUNK_SIZE
    flax.serialization.MAX_CHUNK_SIZE = 400  # bytes; splits rows in the middle, as a gigabyte does
    try:
        save(model, target)
    finally:
        flax.serialization.MAX_CHUNK_SIZE = largest
    exact = safetensors.numpy.load_file(FOLDER / "distilbert_base" / "expected.safetensors")
    assert_same(state_of(pytorch_from_flax("DistilBertModel", target)), exact)


def make_flax_untied() -> None:
    """Write a masked LM with an untied decoder, which only Flax supports."""
    target = FOLDER / "electra_masked_lm_flax_untied"
    config = configuration("ElectraForMaskedLM", **ELECTRA_SHORT, tie_word_embeddings=False)
    generator = np.random.default_rng(5)
    pytorch = transformers.ElectraForMaskedLM(config).eval()
    with torch.no_grad():
        for key, value in pytorch.state_dict().items():
            value.copy_(torch.tensor(draw(generator, tuple(value.shape), key.endswith("LayerNorm.weight"))))
    save(flax_from(pytorch, "ElectraForMaskedLM"), target)
    expected = state_of(pytorch)
    assert_same(state_of(pytorch_from_flax("ElectraForMaskedLM", target)), expected)
    safetensors.numpy.save_file(expected, target / "expected.safetensors")


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    outputs: dict[str, dict[str, np.ndarray]] = {"tensorflow": dict(INPUTS), "flax": dict(INPUTS)}
    for folder, (name, sizes) in MODELS.items():
        make(folder, name, sizes, outputs)
    make_sharded()
    make_wide_group()
    make_flax_bfloat16()
    make_flax_chunked()
    make_flax_untied()
    for framework, values in outputs.items():
        safetensors.numpy.save_file(values, FOLDER / f"outputs_{framework}.safetensors")


if __name__ == "__main__":
    main()
