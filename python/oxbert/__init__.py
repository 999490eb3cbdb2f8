"""Run and train ELECTRA and DistilBERT, in Rust on libtorch.

Outputs are arrays of the same kind as the inputs: numpy arrays and lists give numpy arrays, torch tensors give torch
tensors with their graph, TensorFlow tensors give TensorFlow tensors. Letters in shapes: B batch, S sequence, H hidden,
E embedding, A heads, V vocabulary, L labels.
"""

from oxbert import _libtorch

_libtorch.load()

from oxbert import errors, outputs  # noqa: E402
from oxbert._native import (  # noqa: E402
    WEIGHT_FILES,
    Activation,
    AddedToken,
    Config,
    DistilBertConfig,
    DistilBertConfigResources,
    DistilBertForJointQuestionAnswering,
    DistilBertForLinearClassification,
    DistilBertForMaskedLM,
    DistilBertForMultipleChoice,
    DistilBertForQuestionAnswering,
    DistilBertForSequenceClassification,
    DistilBertForTokenClassification,
    DistilBertModel,
    DistilBertModelResources,
    DistilBertTokenizer,
    DistilBertVocabResources,
    ElectraClassificationHead,
    ElectraConfig,
    ElectraConfigResources,
    ElectraDiscriminatorHead,
    ElectraForJointQuestionAnswering,
    ElectraForLinearClassification,
    ElectraForMaskedLM,
    ElectraForMultipleChoice,
    ElectraForPreTraining,
    ElectraForQuestionAnswering,
    ElectraForSequenceClassification,
    ElectraForTokenClassification,
    ElectraGeneratorHead,
    ElectraModel,
    ElectraModelResources,
    ElectraSequenceSummary,
    ElectraTokenizer,
    ElectraVocabResources,
    Encoding,
    Encodings,
    FillMask,
    LocalResource,
    Model,
    PretrainerHeads,
    PretrainingNetworks,
    RemoteResource,
    ReplacedTokenDetection,
    Tokenizer,
    __version__,
    canonical_name,
    describe_weights,
    download_resource,
    find_weights,
    load_weights,
    save_weights,
    weight_origins,
)
from oxbert._quality import Quality, quality  # noqa: E402
from oxbert.auto import (  # noqa: E402
    AutoConfig,
    AutoModel,
    AutoModelForJointQuestionAnswering,
    AutoModelForLinearClassification,
    AutoModelForMaskedLM,
    AutoModelForMultipleChoice,
    AutoModelForPreTraining,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)
from oxbert.conversion import convert  # noqa: E402
from oxbert.encoding import BatchEncoding  # noqa: E402
from oxbert.errors import OxbertError  # noqa: E402
from oxbert.hub._folders import bundled  # noqa: E402
from oxbert.pipelines import CrossEncoder, SentenceEncoder, pipeline  # noqa: E402

# rust_bert's names of the classes, and transformers' other names of the tokenizers.
ElectraDiscriminator = ElectraForPreTraining
DistilBertModelMaskedLM = DistilBertForMaskedLM
DistilBertModelClassifier = DistilBertForSequenceClassification
DistilBertForSentenceEmbeddings = DistilBertModel
ElectraTokenizerFast = ElectraTokenizer
DistilBertTokenizerFast = DistilBertTokenizer


def __getattr__(name: str) -> object:
    # Classes that need torch are imported when they are first used.
    if name == "ElectraPretrainer":
        from oxbert.training.pretraining.model_garden import ElectraPretrainer

        return ElectraPretrainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "WEIGHT_FILES",
    "Activation",
    "AddedToken",
    "AutoConfig",
    "AutoModel",
    "AutoModelForJointQuestionAnswering",
    "AutoModelForLinearClassification",
    "AutoModelForMaskedLM",
    "AutoModelForMultipleChoice",
    "AutoModelForPreTraining",
    "AutoModelForQuestionAnswering",
    "AutoModelForSequenceClassification",
    "AutoModelForTokenClassification",
    "AutoTokenizer",
    "BatchEncoding",
    "Config",
    "CrossEncoder",
    "DistilBertConfig",
    "DistilBertConfigResources",
    "DistilBertForJointQuestionAnswering",
    "DistilBertForLinearClassification",
    "DistilBertForMaskedLM",
    "DistilBertForMultipleChoice",
    "DistilBertForQuestionAnswering",
    "DistilBertForSentenceEmbeddings",
    "DistilBertForSequenceClassification",
    "DistilBertForTokenClassification",
    "DistilBertModel",
    "DistilBertModelClassifier",
    "DistilBertModelMaskedLM",
    "DistilBertModelResources",
    "DistilBertTokenizer",
    "DistilBertTokenizerFast",
    "DistilBertVocabResources",
    "ElectraClassificationHead",
    "ElectraConfig",
    "ElectraConfigResources",
    "ElectraDiscriminator",
    "ElectraDiscriminatorHead",
    "ElectraForJointQuestionAnswering",
    "ElectraForLinearClassification",
    "ElectraForMaskedLM",
    "ElectraForMultipleChoice",
    "ElectraForPreTraining",
    "ElectraForQuestionAnswering",
    "ElectraForSequenceClassification",
    "ElectraForTokenClassification",
    "ElectraGeneratorHead",
    "ElectraModel",
    "ElectraModelResources",
    "ElectraPretrainer",
    "ElectraSequenceSummary",
    "ElectraTokenizer",
    "ElectraTokenizerFast",
    "ElectraVocabResources",
    "Encoding",
    "Encodings",
    "FillMask",
    "LocalResource",
    "Model",
    "OxbertError",
    "PretrainerHeads",
    "PretrainingNetworks",
    "Quality",
    "RemoteResource",
    "ReplacedTokenDetection",
    "SentenceEncoder",
    "Tokenizer",
    "__version__",
    "bundled",
    "canonical_name",
    "convert",
    "describe_weights",
    "download_resource",
    "errors",
    "find_weights",
    "load_weights",
    "outputs",
    "pipeline",
    "quality",
    "save_weights",
    "weight_origins",
]
