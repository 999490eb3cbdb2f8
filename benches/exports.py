"""Make one model's random weights once, and turn them into the file that each library reads.

A folder holds transformers' files, `reference.npz` with the hidden states of transformers in float32, and an entry for
each form that a peer needs. Run as a program, so that the memory of the converters is returned:
`python -m benches.exports FOLDER SIZE FORM...`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benches.texts import SEED, SIZES, VOCABULARY, Size, random_rows

WEIGHTS, ONNX, ONNX_FUSED, ONNX_INT8, OPENVINO_INT8, CTRANSLATE2, CANDLE = (
    "weights",
    "model.onnx",
    "fused.onnx",
    "int8.onnx",
    "openvino-int8.xml",
    "ctranslate2",
    "candle",
)
REFERENCE = "reference.npz"
TEXTS_OF_THE_REFERENCE = 16


def make(folder: Path, name: str, forms: Iterable[str]) -> None:
    """Make what is missing of a model's forms."""
    size = SIZES[name]
    folder.mkdir(parents=True, exist_ok=True)
    makers = {
        WEIGHTS: make_weights,
        ONNX: make_onnx,
        ONNX_FUSED: make_fused,
        ONNX_INT8: make_onnx_int8,
        OPENVINO_INT8: make_openvino_int8,
        CTRANSLATE2: make_ctranslate2,
        CANDLE: make_candle,
    }
    needs = {ONNX_FUSED: [ONNX], ONNX_INT8: [ONNX], OPENVINO_INT8: [ONNX]}
    wanted = {WEIGHTS} | set(forms) | {need for form in forms for need in needs.get(form, ())}
    for form, maker in makers.items():
        if form in wanted and not (folder / form).exists():
            maker(folder, size)


def model(folder: Path, size: Size, attention: str):
    import transformers

    kind = transformers.ElectraModel if size.family == "electra" else transformers.DistilBertModel
    return kind.from_pretrained(folder / WEIGHTS, attn_implementation=attention).eval()


def make_weights(folder: Path, size: Size) -> None:
    import numpy as np
    import torch
    import transformers

    torch.manual_seed(SEED)
    if size.family == "electra":
        made = transformers.ElectraModel(transformers.ElectraConfig(**size.config))
    else:
        made = transformers.DistilBertModel(transformers.DistilBertConfig(**size.config))
    made.save_pretrained(folder / WEIGHTS)
    reference = model(folder, size, "eager")
    with torch.inference_mode():
        hidden = [
            reference(input_ids=torch.tensor([row])).last_hidden_state[0].numpy()
            for row in random_rows(size.texts)[:TEXTS_OF_THE_REFERENCE]
        ]
    np.savez(folder / REFERENCE, *hidden)


def make_onnx(folder: Path, size: Size) -> None:
    import torch

    class HiddenStates(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model(folder, size, "eager")

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    ids, mask = torch.randint(1000, VOCABULARY, (3, 17)), torch.ones(3, 17, dtype=torch.int64)
    mask[1, 9:] = 0
    names = ["input_ids", "attention_mask", "last_hidden_state"]
    # The exporter that traces: the graphs of the newer one are not fused by ONNX Runtime.
    torch.onnx.export(
        HiddenStates().eval(), (ids, mask), str(folder / ONNX), dynamo=False, input_names=names[:2],
        output_names=names[2:], dynamic_axes={name: {0: "batch", 1: "length"} for name in names},
    )  # fmt: skip


def make_fused(folder: Path, size: Size) -> None:
    """Fuse attention, GELU and norms with ONNX Runtime's own tool for transformers."""
    from onnxruntime.transformers import optimizer

    heads = size.config["num_attention_heads" if size.family == "electra" else "n_heads"]
    fused = optimizer.optimize_model(
        str(folder / ONNX), model_type="bert", num_heads=heads, hidden_size=size.shape[1], opt_level=0
    )
    fused.save_model_to_file(str(folder / ONNX_FUSED))


def make_onnx_int8(folder: Path, size: Size) -> None:
    """Quantise weights per channel; activations are quantised at each call. ONNX Runtime fuses the rest at loading."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(folder / ONNX, folder / ONNX_INT8, per_channel=True, weight_type=QuantType.QInt8)


def make_openvino_int8(folder: Path, size: Size) -> None:
    """Compress weights to int8 with NNCF; OpenVINO then rounds the activations at each call.

    On Zen 4 this was faster than NNCF's static quantisation after calibration, and nearer to float32.
    """
    import nncf
    import openvino

    graph = openvino.Core().read_model(folder / ONNX)
    openvino.save_model(
        nncf.compress_weights(graph, mode=nncf.CompressWeightsMode.INT8_SYM), folder / OPENVINO_INT8,
        compress_to_fp16=False,
    )  # fmt: skip


def as_bert(folder: Path, size: Size) -> Any:
    """Return the model; ELECTRA-base as the BERT that it is without a projection."""
    import transformers

    source = model(folder, size, "eager")
    if size.family != "electra":
        return source
    config = transformers.BertConfig(**{**source.config.to_dict(), "model_type": "bert"})
    config.position_embedding_type = "absolute"
    bert = transformers.BertModel(config)
    missing, unexpected = bert.load_state_dict(source.state_dict(), strict=False)
    if unexpected or any(not name.startswith("pooler.") for name in missing):
        raise RuntimeError(f"the weights are not BERT's: {missing}, {unexpected}")
    return bert


def make_ctranslate2(folder: Path, size: Size) -> None:
    import tempfile

    import torch
    import transformers
    from ctranslate2.converters import TransformersConverter

    source = as_bert(folder, size)
    with tempfile.TemporaryDirectory() as place:
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{number}" for number in range(5, VOCABULARY))]
        Path(place, "vocab.txt").write_text("\n".join(words))
        source.config.architectures = [type(source).__name__]
        with torch.no_grad():
            source.save_pretrained(place)
        transformers.BertTokenizerFast(str(Path(place, "vocab.txt"))).save_pretrained(place)
        TransformersConverter(place).convert(str(folder / CTRANSLATE2))


def make_candle(folder: Path, size: Size) -> None:
    as_bert(folder, size).save_pretrained(folder / CANDLE)


if __name__ == "__main__":
    import logging
    import warnings

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        make(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
