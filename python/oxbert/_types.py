"""Define the types of arguments that several modules share. `typing.get_args` returns the values of a `Literal`."""

from __future__ import annotations

import os
from typing import Literal, TypedDict

PathLike = str | os.PathLike[str]

# Files of weights, and what is in them.
WeightFormat = Literal["ot", "safetensors", "bin"]
FloatDtype = Literal["float32", "float16", "bfloat16"]
Component = Literal["generator", "discriminator"]

# Models.
Precision = Literal["auto", "float32", "float16", "bfloat16", "int8", "int8_bfloat16"]
ProblemType = Literal["regression", "single_label_classification", "multi_label_classification"]

# Tokenizers.
Truncation = Literal["longest_first", "only_first", "only_second", "do_not_truncate"]
Padding = Literal["longest", "max_length", "do_not_pad"]
Side = Literal["left", "right"]
ReturnTensors = Literal["np", "pt", "tf"]

# Folders of models.
Need = Literal["config", "tokenizer", "weights", "sentences"]

# Training.
AutocastPrecision = Literal["float32", "bfloat16", "float16"]
Implementation = Literal["fused", "foreach", "single"]
Optimizer = Literal["adam", "adamw", "muon"]
Objective = Literal["electra", "mlm", "electric", "uniform"]
Sharing = Literal["embeddings", "nothing", "everything"]
LayerwiseRule = Literal["corrected", "exact"]
Reduction = Literal["mean", "sum"]
BadRows = Literal["error", "skip"]
TaskHead = Literal["transformers", "original"]

# Training data.
Documents = Literal["blank-lines", "file", "line"]
InvalidText = Literal["error", "replace"]
TextFormat = Literal["text", "jsonl", "parquet"]
Phase = Literal["vocabulary", "reading", "writing"]


class HubKeywords(TypedDict, total=False):
    """The keyword arguments of every `from_pretrained` that say how a folder comes from the hub.

    `oxbert.hub.HubOptions` documents and checks them.
    """

    revision: str | None
    subfolder: str | None
    cache_dir: PathLike | None
    local_files_only: bool
    force_download: bool
    token: str | bool | None
