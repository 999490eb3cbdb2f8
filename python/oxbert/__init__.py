"""ELECTRA and DistilBERT, in Rust on libtorch.

Arrays in, the same arrays out: numpy arrays and lists give numpy arrays, torch tensors give torch tensors with their
graph. Letters in shapes: B batch, S sequence, H hidden, E embedding, A heads, V vocabulary, L labels.
"""

from oxbert import _libtorch

_libtorch.load()

from oxbert import errors, outputs  # noqa: E402
from oxbert._folders import bundled  # noqa: E402
from oxbert._native import (  # noqa: E402
    ElectraConfig,
    ElectraDiscriminatorHead,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    ElectraForTokenClassification,
    ElectraGeneratorHead,
    ElectraModel,
    ElectraTokenizer,
    FillMask,
    Model,
    ReplacedTokenDetection,
    __version__,
    canonical_name,
    load_weights,
    save_weights,
)
from oxbert.errors import OxbertError  # noqa: E402

# rust_bert's name of the class, and transformers' other name of the tokenizer.
ElectraDiscriminator = ElectraForPreTraining
ElectraTokenizerFast = ElectraTokenizer

__all__ = [
    "ElectraConfig",
    "ElectraDiscriminator",
    "ElectraDiscriminatorHead",
    "ElectraForMaskedLM",
    "ElectraForPreTraining",
    "ElectraForTokenClassification",
    "ElectraGeneratorHead",
    "ElectraModel",
    "ElectraTokenizer",
    "ElectraTokenizerFast",
    "FillMask",
    "Model",
    "OxbertError",
    "ReplacedTokenDetection",
    "__version__",
    "bundled",
    "canonical_name",
    "errors",
    "load_weights",
    "outputs",
    "save_weights",
]
