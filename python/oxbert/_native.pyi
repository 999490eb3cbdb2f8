"""Types of the native module: models, tokenizers and weight files, in Rust on libtorch.

Letters in shapes: B batch, S sequence, C choices, H hidden, E embedding, A heads, F feed-forward, V vocabulary, L
labels. Examples are run with `import oxbert`, `import numpy as np` and `import torch`. Every error is a class of
`oxbert.errors`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeAlias, TypedDict, TypeVar, final, overload

import numpy as np
import numpy.typing as npt
import torch
from typing_extensions import Self, Unpack, disjoint_base

from oxbert import _types
from oxbert.encoding import BatchEncoding
from oxbert.outputs import (
    BaseModelOutput,
    ElectraForPreTrainingOutput,
    JointQuestionAnsweringModelOutput,
    MaskedLMOutput,
    MultipleChoiceModelOutput,
    PretrainingOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)

__all__ = [
    "WEIGHT_FILES",
    "_TIES",
    "_TORCH_RELEASE",
    "_WEIGHT_FORMATS",
    "Activation",
    "AddedToken",
    "Config",
    "DistilBertConfig",
    "DistilBertConfigResources",
    "DistilBertForJointQuestionAnswering",
    "DistilBertForLinearClassification",
    "DistilBertForMaskedLM",
    "DistilBertForMultipleChoice",
    "DistilBertForQuestionAnswering",
    "DistilBertForSequenceClassification",
    "DistilBertForTokenClassification",
    "DistilBertModel",
    "DistilBertModelResources",
    "DistilBertTokenizer",
    "DistilBertVocabResources",
    "ElectraClassificationHead",
    "ElectraConfig",
    "ElectraConfigResources",
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
    "ElectraSequenceSummary",
    "ElectraTokenizer",
    "ElectraVocabResources",
    "Encoding",
    "Encodings",
    "FillMask",
    "LocalResource",
    "Model",
    "PretrainerHeads",
    "PretrainingNetworks",
    "RemoteResource",
    "ReplacedTokenDetection",
    "Tokenizer",
    "_FeatureExtraction",
    "_Pipeline",
    "_QuestionAnswering",
    "_SentenceEncoder",
    "_TFRecordFile",
    "_TextClassification",
    "_TokenClassification",
    "_ZeroShotClassification",
    "__version__",
    "_features",
    "_kernels",
    "_outside_modes",
    "_record",
    "_set_threads",
    "_threads",
    "canonical_name",
    "describe_weights",
    "download_resource",
    "find_weights",
    "load_weights",
    "save_weights",
    "weight_origins",
]

_TORCH_RELEASE: str
__version__: str

WEIGHT_FILES: list[str]
"""The weight files of a model folder, best first; checkpoints of TensorFlow, whose names have a number, come last."""

_WEIGHT_FORMATS: list[tuple[str, str]]
"""The formats that are written, each with the name of its file in a model folder."""

_TIES: list[tuple[str, str, str, str]]
"""The tied decoders of masked LMs: the weight, the bias, the prefix of the layers before it, the word embeddings."""

_Path = _types.PathLike
_Device = str | torch.device
_Array = npt.NDArray[Any]
_Floats = npt.NDArray[np.float32]
_Integers = npt.NDArray[np.int64]
# Python's own numbers, in lists of any depth.
_Numbers: TypeAlias = "Sequence[float | _Numbers]"
# Rows of equal or different lengths: a list of lists, of tuples or of one-dimensional arrays, or an array [B, S].
# Multiple choice takes a list of such lists, or an array [B, C, S].
_Row = Sequence[int] | _Array
_Rows = Sequence[_Row | Sequence[_Row]] | _Array
_Columns = torch.Tensor | _Array | Sequence[int]
_Labels = torch.Tensor | _Array | _Numbers
_Ids = int | Sequence[int] | _Array | torch.Tensor
# A `dict`; its type could not be told so that both of `dict[str, torch.Tensor]` and `dict[str, NDArray]` fit.
_Tensors = Mapping[str, torch.Tensor | _Array]
_Truncation = bool | _types.Truncation | None
_Padding = bool | _types.Padding | None
# What a tokenizer takes: a text, texts, pairs of texts, or, with `is_split_into_words`, lists of words for texts.
_Text = str | Sequence[str]
_Texts = _Text | Sequence[_Text | Sequence[_Text]]

class _LoadReport(TypedDict):
    loaded: int
    missing: list[str]
    unexpected: list[str]
    mismatched: list[tuple[str, str, str]]
    renamed: dict[str, str]
    not_finite: list[str]

class _Candidate(TypedDict):
    score: float
    token: int
    token_str: str
    sequence: str

class _MaskedToken(TypedDict):
    index: int
    start: int
    end: int
    candidates: list[_Candidate]

class _JudgedToken(TypedDict):
    token: str
    start: int
    end: int
    probability: float

class _EncodeOptions(TypedDict, total=False):
    # The options of a call of a tokenizer that decide about ids.
    add_special_tokens: bool
    padding: _Padding
    truncation: _Truncation
    max_length: int | None
    stride: int
    is_split_into_words: bool
    pad_to_multiple_of: int | None
    padding_side: _types.Side | None

class _HasWeight(Protocol):
    # As `torch.nn.Embedding`.
    @property
    def weight(self) -> torch.Tensor | _Array: ...

@final
class Activation:
    """Apply an activation function, chosen by its name in `config.json`.

    A call takes floats of any shape and returns the same shape: torch tensors give torch tensors with their graph and
    in their own floating dtype, float32 arrays and lists of numbers give float32 arrays. Two activations are equal if
    they are the same function, even under different names. Activations can be pickled and copied.

    Args:
        name: One of `names()`: the names of transformers, except the few activations that have parameters of their own.

    Raises:
        InputError: if no activation has that name; the message lists all names.
        DtypeError: if a call gets an array that is not float32.
        TorchError: if libtorch does not implement the function for the dtype of a torch tensor.

    Example:
        >>> relu = oxbert.Activation("relu")
        >>> relu([-1.0, 2.0])
        array([0., 2.], dtype=float32)
        >>> oxbert.Activation("swish") == oxbert.Activation("silu"), oxbert.Activation("swish").name
        (True, 'silu')
    """

    def __new__(cls, name: str) -> Self: ...
    @staticmethod
    def names() -> list[str]:
        """Return every name that is understood."""

    @property
    def name(self) -> str:
        """Return the name that is written to `config.json`, if the function has several."""

    @overload
    def __call__(self, input: torch.Tensor) -> torch.Tensor:
        """Apply the function to each number.

        Args:
            input: Floats of any shape: a torch tensor, a float32 array, or lists of numbers.

        Returns:
            The same shape: a torch tensor with its graph for a torch tensor, otherwise a float32 array.

        Raises:
            DtypeError: if an array is not float32.
            TorchError: if libtorch does not implement the function for the dtype of a torch tensor.
        """
    @overload
    def __call__(self, input: _Floats | _Numbers) -> _Floats: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

class _Attributes:
    # Keys that oxbert does not know are attributes too.
    def __getattr__(self, name: str) -> Any: ...

@disjoint_base
class Config(_Attributes):
    """Hold a configuration, the base class of both families' configurations.

    Construct `ElectraConfig` or `DistilBertConfig`, not this class. `Config.from_dict` and its siblings return the
    class of the family that `model_type` names or, if an old file lacks `model_type`, that `architectures` names.

    Keyword arguments, defaults and attributes are those of transformers. Keys that oxbert does not know are kept: they
    are attributes too, and are written back. Assigning to an attribute checks the whole configuration again and changes
    nothing if the value is refused. Reading an attribute returns a copy: assign `id2label` as a whole to change a name.
    Two configurations are equal if all their values are equal. Configurations can be pickled and copied.

    Raises:
        ConfigError: if a value is bad; `field` names it.

    Example:
        >>> config = oxbert.Config.from_dict({"model_type": "distilbert", "n_layers": 2})
        >>> type(config).__name__, config.num_hidden_layers
        ('DistilBertConfig', 2)
    """

    model_type: str
    vocab_size: int
    max_position_embeddings: int
    initializer_range: float
    pad_token_id: int | None
    tie_word_embeddings: bool
    output_hidden_states: bool
    output_attentions: bool
    problem_type: _types.ProblemType | None
    num_labels: int
    id2label: dict[int, str]
    label2id: dict[str, int]

    __hash__: ClassVar[None]  # type: ignore[assignment]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a configuration from a dictionary with the keys of `config.json`.

        Raises:
            ConfigError: if a value is bad, if `model_type` names another family, or, on `Config` itself, if neither
                `model_type` nor `architectures` names a family.

        Example:
            >>> oxbert.ElectraConfig.from_dict({"hidden_act": "relu"}).hidden_act
            'relu'
        """

    @classmethod
    def from_json_file(cls, path: _Path) -> Self:
        """Read a configuration from a file with the keys of `config.json`.

        Raises:
            MissingFileError: if there is no such file.
            ConfigError: if the file is not JSON, or as for `from_dict`; `path` names the file.
        """

    @overload
    @classmethod
    def from_pretrained(
        cls, folder: _Path, *, return_unused_kwargs: Literal[True], **options: Any
    ) -> tuple[Self, dict[str, Any]]:
        """Read the configuration of a model folder, a bundled model or a repository of the hub.

        Args:
            folder: A path, or a name such as `google/electra-small-discriminator`.
            return_unused_kwargs: Whether to return the configuration and a dictionary of the options that name no key
                of it; otherwise such an option is an error.
            options: `revision`, `subfolder`, `cache_dir`, `local_files_only`, `force_download` and `token` of the hub,
                as in transformers; `trust_remote_code`; and values of keys that replace the file's, such as
                `num_labels=3`.

        Raises:
            TypeError: if there is no such key.
            MissingFileError: if there is no such folder or model, or no `config.json` in it.
            HubError: if the repository cannot be downloaded.
            ConfigError: as for `from_dict`; `path` names the file.
            InputError: if `trust_remote_code` is True and the file names code of its own.

        Example:
            >>> config = oxbert.Config.from_pretrained("electra-tiny-generator", id2label={0: "no", 1: "yes"})
            >>> config.model_type, config.id2label
            ('electra', {0: 'no', 1: 'yes'})
        """

    @overload
    @classmethod
    def from_pretrained(
        cls, folder: _Path, *, return_unused_kwargs: Literal[False] = False, **options: Any
    ) -> Self: ...
    def to_dict(self) -> dict[str, Any]:
        """Return all keys and values, including the keys that oxbert does not know.

        Example:
            >>> oxbert.ElectraConfig(mine=[1, 2]).to_dict()["mine"]
            [1, 2]
        """

    def to_diff_dict(self) -> dict[str, Any]:
        """Return the keys and values that say something, as in transformers.

        Keys that every model has are left out at their defaults: the labels, `problem_type`, `output_hidden_states` and
        so on.

        Example:
            >>> "problem_type" in oxbert.ElectraConfig().to_diff_dict()
            False
        """
    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a key, or `default` if there is no such key.

        Example:
            >>> config = oxbert.DistilBertConfig(dim=24)
            >>> config.get("hidden_size"), config.get("mine"), config.get("mine", 3)
            (24, None, 3)
        """
    def update(self, values: dict[str, Any]) -> None:
        """Give several keys other values, as assigning to attributes does. Nothing changes if one is refused.

        Raises:
            ConfigError: if the configuration would be bad; `field` names the value.

        Example:
            >>> config = oxbert.ElectraConfig()
            >>> config.update({"hidden_size": 30, "num_attention_heads": 5})
            >>> config.hidden_size, config.num_attention_heads
            (30, 5)
        """
    def to_json_string(self, use_diff: bool = False) -> str:
        """Return the text of `config.json`.

        Args:
            use_diff: Whether to write the keys of `to_diff_dict` only; both texts are read as the same configuration.
        """
    sub_configs: ClassVar[dict[str, type[Config]]]
    def get_text_config(self, decoder: object = None, encoder: object = None) -> Self:
        """Return the configuration itself: a program for any model asks for the part that describes text.

        Args:
            decoder: No effect.
            encoder: No effect.

        Example:
            >>> oxbert.ElectraConfig(vocab_size=99).get_text_config().vocab_size
            99
        """
    def to_json_file(self, path: _Path, use_diff: bool = False) -> None:
        """Write the text of `config.json` to a file.

        Args:
            path: The file. A crash leaves either the old or the new file.
            use_diff: As for `to_json_string`.

        Raises:
            FileError: if the file cannot be written.
        """
    def save_pretrained(self, folder: _Path, **options: Any) -> None:
        """Write `config.json` into a folder, which is created if it does not exist.

        Args:
            folder: The folder.
            options: The options of transformers, accepted if they change nothing.

        Raises:
            FileError: if the file cannot be written.
            InputError: if an option asks for something else.
        """

    def __setattr__(self, name: str, value: Any, /) -> None: ...
    def __iter__(self) -> Iterator[str]: ...
    def __contains__(self, name: object, /) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]: ...

@final
class ElectraConfig(Config):
    """Hold the configuration of an ELECTRA model. See `Config` for what all configurations have in common.

    Args:
        vocab_size: V, entries of the vocabulary.
        embedding_size: E, the width of the embeddings.
        hidden_size: H, the width of hidden states.
        num_hidden_layers: Number of layers, from 0 to 1,000.
        num_attention_heads: A; divides H.
        intermediate_size: F, the width inside the feed-forward part.
        hidden_act: One of `Activation.names()`, for the feed-forward part and the discriminator's head.
        hidden_dropout_prob: Dropout rate of the embeddings and of each layer's two outputs. All dropout rates are 0
            <= p < 1.
        attention_probs_dropout_prob: Dropout rate of the attention probabilities.
        max_position_embeddings: The longest text, in tokens.
        type_vocab_size: Number of token types.
        initializer_range: Standard deviation of fresh weights.
        layer_norm_eps: Added to the variance in every layer norm.
        summary_type: How multiple choice turns a text into one vector: the `first` or `last` token, the `mean` of
            all tokens, or `cls_index`, which is the last token.
        summary_use_proj: Whether to project that vector.
        summary_proj_to_labels: Whether to project the vector to L numbers instead of H.
        summary_activation: One of `Activation.names()`, applied after the projection; None applies no activation.
        summary_first_dropout: Dropout rate before the projection.
        summary_last_dropout: Dropout rate after the projection.
        pad_token_id: Return the id of `[PAD]`, below V, whose embedding is not trained.
        classifier_dropout: Dropout rate before a classifier; None uses `hidden_dropout_prob`.
        tie_word_embeddings: Whether to tie the decoder of a masked LM to the word embeddings.
        output_hidden_states: Whether a call returns all hidden states if the call does not say.
        output_attentions: Whether a call returns all attention probabilities if the call does not say.
        problem_type: What the labels of a text classifier are; None lets the first labels decide.
        num_labels: L. If L contradicts the names of the labels, the labels are numbered anew.
        id2label: The names of the labels by id, 0 to L - 1; `LABEL_0`, `LABEL_1` by default.
        label2id: The ids of the labels by name.
        values: Any other keys, with values that JSON can hold.

    Raises:
        ConfigError: if a value is bad; `field` names it.

    Example:
        >>> config = oxbert.ElectraConfig(hidden_size=64, num_attention_heads=2)
        >>> config.hidden_size, config.embedding_size
        (64, 128)
        >>> config.num_labels = 3
        >>> config.id2label
        {0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2'}
    """

    embedding_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: str
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    type_vocab_size: int
    layer_norm_eps: float
    summary_type: str
    summary_use_proj: bool
    summary_proj_to_labels: bool
    summary_activation: str | None
    summary_first_dropout: float
    summary_last_dropout: float
    classifier_dropout: float | None

    def __new__(
        cls,
        *,
        vocab_size: int = 30522,
        embedding_size: int = 128,
        hidden_size: int = 256,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 4,
        intermediate_size: int = 1024,
        hidden_act: str = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        summary_type: str = "first",
        summary_use_proj: bool = True,
        summary_proj_to_labels: bool = False,
        summary_activation: str | None = "gelu",
        summary_first_dropout: float = 0.0,
        summary_last_dropout: float = 0.1,
        pad_token_id: int | None = 0,
        classifier_dropout: float | None = None,
        tie_word_embeddings: bool = True,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
        problem_type: _types.ProblemType | None = None,
        num_labels: int | None = ...,
        id2label: dict[int, str] | dict[str, str] | None = ...,
        label2id: dict[str, int] | None = ...,
        **values: Any,
    ) -> Self: ...

@final
class DistilBertConfig(Config):
    """Hold the configuration of a DistilBERT model. See `Config` for what all configurations have in common.

    transformers' general names `hidden_size`, `num_attention_heads` and `num_hidden_layers` are aliases of `dim`,
    `n_heads` and `n_layers`. If both are given, the family's own name wins.

    Args:
        vocab_size: V, entries of the vocabulary.
        dim: H, the width of embeddings and hidden states.
        n_layers: Number of layers, from 0 to 1,000.
        n_heads: A, attention heads; divides H.
        hidden_dim: F, the width inside the feed-forward part.
        activation: One of `Activation.names()`, for the feed-forward part and the masked LM's head.
        dropout: Dropout rate of the embeddings, of each layer's feed-forward part, and before a token classifier.
            All dropout rates are 0 <= p < 1.
        attention_dropout: Dropout rate of the attention probabilities.
        qa_dropout: Dropout rate before the question-answering head.
        seq_classif_dropout: Dropout rate in the heads of text classification and multiple choice.
        max_position_embeddings: The longest text, in tokens.
        sinusoidal_pos_embds: Whether a fresh position table holds sines and cosines instead of random numbers.
        initializer_range: Standard deviation of fresh weights.
        pad_token_id: Return the id of `[PAD]`, below V, whose embedding is not trained.
        tie_word_embeddings: Whether to tie the decoder of a masked LM to the word embeddings.
        tie_weights_: Has no effect; written because rust_bert refuses a file without it.
        output_hidden_states: Whether a call returns all hidden states if the call does not say.
        output_attentions: Whether a call returns all attention probabilities if the call does not say.
        problem_type: What the labels of a text classifier are; None lets the first labels decide.
        num_labels: L. If L contradicts the names of the labels, the labels are numbered anew.
        id2label: The names of the labels by id, 0 to L - 1; `LABEL_0`, `LABEL_1` by default.
        label2id: The ids of the labels by name.
        values: Any other keys, with values that JSON can hold.

    Raises:
        ConfigError: if a value is bad; `field` names it.

    Example:
        >>> config = oxbert.DistilBertConfig(hidden_size=64, n_heads=2)
        >>> config.dim, config.hidden_size, config.n_layers
        (64, 64, 6)
    """

    dim: int
    n_layers: int
    n_heads: int
    hidden_dim: int
    activation: str
    dropout: float
    attention_dropout: float
    qa_dropout: float
    seq_classif_dropout: float
    sinusoidal_pos_embds: bool
    tie_weights_: bool
    # transformers' general names of three of them.
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int

    def __new__(
        cls,
        *,
        vocab_size: int = 30522,
        dim: int = 768,
        n_layers: int = 6,
        n_heads: int = 12,
        hidden_dim: int = 3072,
        activation: str = "gelu",
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        qa_dropout: float = 0.1,
        seq_classif_dropout: float = 0.2,
        max_position_embeddings: int = 512,
        sinusoidal_pos_embds: bool = False,
        initializer_range: float = 0.02,
        pad_token_id: int | None = 0,
        tie_word_embeddings: bool = True,
        tie_weights_: bool = True,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
        problem_type: _types.ProblemType | None = None,
        num_labels: int | None = ...,
        id2label: dict[int, str] | dict[str, str] | None = ...,
        label2id: dict[str, int] | None = ...,
        **values: Any,
    ) -> Self: ...

@disjoint_base
class Model:
    """Run a model, the base class of all families and heads.

    A model is called as in transformers. The arguments in `arguments` may be given by position, in that order, or by
    name; all others by name only. Multiple choice takes C texts for each question: read [B, C, S] for [B, S], with rows
    one list deeper.

    Args:
        input_ids: [B, S] integer, below V; or ragged rows, which need no padding and no mask.
        attention_mask: [B, S], 1 = keep, 0 = padding; integers, booleans or whole floats. None keeps all tokens.
        token_type_ids: [B, S] or [1, S] integer, below `type_vocab_size`; None means 0. DistilBERT has no token types:
            it accepts the argument, since its tokenizers can return it, and ignores it.
        position_ids: [B, S] or [1, S] integer, below `max_position_embeddings`; None means 0, 1, 2, ... by column.
        inputs_embeds: [B, S, E] float32, instead of `input_ids`. DistilBERT's E is H.
        labels: The targets of training, as each class documents; the integer -100 is ignored. With labels the output
            has a `loss`, an array without dimensions.
        start_positions, end_positions: [B] integer, instead of `labels` for question answering.
        is_impossible: [B], 1 for a question without an answer; only beside these two, for models that predict it.
        output_hidden_states: Return n + 1 arrays [B, S, H], the embeddings first; None follows the configuration.
        output_attentions: Return n arrays [B, A, S, S] of probabilities; None follows the configuration.
        return_dict: False returns a tuple of the fields that are present; None follows the configuration.
        head_mask, use_cache, cache, past_key_values, encoder_hidden_states, encoder_attention_mask: None, as programs
            for other models pass them; `use_cache` may be False.

    Arrays in, the same arrays out: numpy arrays and lists give numpy arrays and build no graph; torch tensors give
    torch tensors with their graph, unless torch's grad mode is off. Values at padded positions are never read, and come
    back as zeros. A model may be called from several threads, and other Python threads run meanwhile: the calls of a
    trainable model take turns, those of a frozen one do not. A fresh model is in training mode, a loaded one in
    evaluation mode. A trainable model can be pickled and copied, and `repr` shows its parts with the shapes of their
    parameters.

    Raises:
        ShapeError: if an argument has the wrong rank or shape.
        DtypeError: if an argument has the wrong dtype.
        IdRangeError: if an id, a type, a position or a label lies outside its table.
        TooLongError: if a row has more than `max_position_embeddings` tokens.
        InputError: if not exactly one of `input_ids` and `inputs_embeds` is given, a row is empty, the mask holds
            values other than 0 and 1, or only one of `start_positions` and `end_positions` is given.
    """

    arguments: ClassVar[tuple[str, ...]]
    """The names of the arguments of a call, in their order. Every class for a family and a head has its own."""

    @property
    def config(self) -> Config:
        """Return the model's own configuration.

        A change of the names of labels, of `problem_type`, of the defaults for a call or of keys that oxbert does not
        know takes effect at once. The model is not rebuilt: sizes, activations and dropout rates stay as they were when
        the model was made, and `save_pretrained` refuses a configuration with other sizes.
        """

    @property
    def device(self) -> str:
        """Return the device of the parameters: `cpu` or `cuda:N`."""

    @property
    def precision(self) -> str:
        """Return the dtype of the parameters: `float32`, unless torch converted them."""

    @property
    def base_model_prefix(self) -> str:
        """Return the name of the encoder in a model with a head: `electra` or `distilbert`."""
    @property
    def num_labels(self) -> int:
        """Return the number of labels of the configuration."""
    def can_generate(self) -> bool:
        """Return False: the models are encoders."""
    @property
    def training(self) -> bool:
        """Return whether dropout is applied: at first true for a freshly initialised model, false for a loaded one."""

    @property
    def load_report(self) -> _LoadReport:
        """Return the differences between the weight file and the model.

        `loaded` is the number of tensors; `missing` and `unexpected` are lists of names; `mismatched` is a list of
        (name, what was expected, what was found); `renamed` maps a name in the file to the name in the model;
        `not_finite` lists the parameters with values that are infinite or not a number.

        Example:
            >>> model = oxbert.ElectraForMaskedLM.from_pretrained("electra-tiny-generator")
            >>> model.load_report["missing"], model.load_report["unexpected"]
            ([], [])
        """

    def forward(self, *positional: Any, **named: Any) -> Any:
        """Run the model, as a call does."""

    def zero_grad(self) -> None:
        """Set the gradients to None. Imports torch."""

    def train(self, mode: bool = True) -> Self:
        """Turn dropout on, or off with `mode=False`. Returns the model."""

    def eval(self) -> Self:
        """Turn dropout off. Returns the model."""

    def to(self, device: _Device) -> Self:
        """Move the parameters to a device: `cpu`, `cuda`, `cuda:N`. Returns the model.

        The parameters stay the same objects, so an optimizer that was made before remains valid.

        Raises:
            DeviceError: if this machine has no such device.
            OutOfMemory: if the device lacks the memory; the model stays where it was.
        """

    def num_parameters(self) -> int:
        """Return the number of values in all parameters; a tied decoder is counted once.

        Example:
            >>> config = oxbert.ElectraConfig(vocab_size=10, embedding_size=4, hidden_size=4, num_hidden_layers=0)
            >>> oxbert.ElectraModel(config).num_parameters()
            2104
        """

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Return the names and parameters, embeddings first. Imports torch.

        The parameters are float32, and share the model's memory: the model sees a change, and gradients arrive in
        `.grad`. The names are transformers', and a tied decoder is listed once. The parameters stay the same objects
        when the model moves or its vocabulary is resized.

        Example:
            >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
            >>> model = oxbert.ElectraForPreTraining(config, seed=0)
            >>> optimizer = torch.optim.AdamW(parameter for _, parameter in model.named_parameters())
            >>> model(torch.tensor([[1, 2, 3]]), labels=torch.tensor([[0, 1, 0]])).loss.backward()
            >>> optimizer.step()
        """

    def parameters(self) -> list[torch.nn.Parameter]:
        """Return the parameters of `named_parameters`. Imports torch."""

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return the names and values, in the model's memory and without gradients. Imports torch."""

    def load_state_dict(self, state_dict: _Tensors, strict: bool = True) -> None:
        """Replace the values of the parameters. Nothing changes if there is an error.

        Args:
            state_dict: Torch tensors or numpy arrays of a float dtype, by name.
            strict: Refuse any difference; `False` refuses only wrong shapes.

        Raises:
            WeightsMismatchError: if names, shapes or dtypes differ from the model's; the error lists all of them.

        Example:
            >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
            >>> one, other = (oxbert.ElectraModel(config, seed=seed).eval() for seed in (1, 2))
            >>> other.load_state_dict(one.state_dict())
            >>> bool((one([[1, 2]])[0] == other([[1, 2]])[0]).all())
            True
        """

    def get_input_embeddings(self) -> torch.nn.Embedding:
        """Return the word embeddings [V, E] as a module whose `weight` is the model's own parameter. Imports torch."""

    def set_input_embeddings(self, embeddings: torch.Tensor | _Array | _Numbers | _HasWeight) -> None:
        """Replace the values of the word embeddings; a tied decoder follows.

        Args:
            embeddings: [V, E], or an object whose `weight` is [V, E], such as a `torch.nn.Embedding`. Another V resizes
                the vocabulary.

        Raises:
            ShapeError: if E differs from the model's.

        Example:
            >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=0)
            >>> model = oxbert.DistilBertModel(config, seed=0)
            >>> model.set_input_embeddings(np.zeros((12, 8)))
            >>> model.config.vocab_size
            12
        """

    def get_position_embeddings(self) -> torch.nn.Embedding:
        """Return the position embeddings as a module whose `weight` is the model's own parameter. Imports torch."""
    def resize_position_embeddings(self, new_num_position_embeddings: int) -> None:
        """Change the number of positions, which is the length of the longest text. Imports torch.

        The last positions are dropped, or new positions are added with the values of a fresh model, so train the model
        before you use them. The parameter stays the same object with a new shape and loses its gradient.

        Args:
            new_num_position_embeddings: The new number, at least 1.

        Raises:
            InputError: if the new number is below 1.

        Example:
            >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=0, max_position_embeddings=2)
            >>> model = oxbert.DistilBertModel(config, seed=0)
            >>> model.resize_position_embeddings(3)
            >>> model([[1, 2, 3]]).last_hidden_state.shape
            (1, 3, 8)
        """
    def get_output_embeddings(self) -> torch.nn.Linear | None:
        """Return the decoder of a masked LM as a module over the model's own parameters. Imports torch.

        Returns:
            The decoder; None for other models.
        """

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None, mean_resizing: bool = True
    ) -> torch.nn.Embedding:
        """Resize the vocabulary, and with it the decoder of a masked LM. Imports torch.

        The last rows are dropped, or new rows are added. The parameters stay the same objects with new shapes and lose
        their gradients. Make an optimizer after resizing, not before.

        Args:
            new_num_tokens: The new V; None keeps the present V.
            pad_to_multiple_of: Round V up to a multiple of this.
            mean_resizing: Whether to draw new rows around the mean of the old rows; otherwise they are initialised as
                in a fresh model.

        Returns:
            The word embeddings, as `get_input_embeddings`.

        Raises:
            ConfigError: if the new V is below 1, or not above `pad_token_id`.
            InputError: if `pad_to_multiple_of` is below 1.

        Example:
            >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=0)
            >>> model = oxbert.DistilBertForMaskedLM(config, seed=0)
            >>> model.resize_token_embeddings(pad_to_multiple_of=8)
            Embedding(16, 8, padding_idx=0)
            >>> model([[15]]).logits.shape
            (1, 1, 16)
        """

    def save_pretrained(self, folder: _Path, format: _types.WeightFormat | None = None, **options: Any) -> None:
        """Write `config.json` and the weights into a folder, which is created if it does not exist.

        Args:
            folder: The folder. If the folder has weights in another format, they are rewritten too.
            format: `safetensors` (`model.safetensors`, which transformers loads), `ot` (`rust_model.ot`, which
                rust_bert and tch load) or `bin` (`pytorch_model.bin`, for old programs). None means safetensors, or
                `bin` with `safe_serialization=False`. A crash leaves either the old or the new file.
            options: The options of transformers. `safe_serialization` and `is_main_process` are heeded, and so is
                `max_shard_size`, which must not be less than the size of the weights. The others are accepted if they
                change nothing.

        Raises:
            FileError: if a file cannot be written.
            InputError: if the format is not one of these, or an option asks for something else.
            ConfigError: if the configuration was changed to other sizes than the parameters have.
        """

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Run the model. See the class for its arguments and outputs, and `arguments` for their order."""
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

_ConfigT = TypeVar("_ConfigT", bound=Config)
_ModelT = TypeVar("_ModelT", bound=Model)
_TorchOutput = TypeVar("_TorchOutput")
_NumpyOutput = TypeVar("_NumpyOutput")

class _Pretrained(Generic[_ConfigT, _ModelT]):
    # How the models of a family are made.
    def __new__(cls, config: _ConfigT, *, seed: int | None = None, device: _Device | None = None) -> Self: ...
    @property
    def config(self) -> _ConfigT:
        """Return the model's own configuration.

        A change of the names of labels, of `problem_type`, of the defaults for a call or of keys that oxbert does not
        know takes effect at once. The model is not rebuilt: sizes, activations and dropout rates stay as they were when
        the model was made, and `save_pretrained` refuses a configuration with other sizes.
        """

    @staticmethod
    def from_config(
        config: _ConfigT, *, seed: int | None = None, device: _Device | None = None, **options: Any
    ) -> _ModelT:
        """Build a freshly initialised model, as transformers initialises one; the same seed gives the same values.

        Calling the class does the same. The model is in training mode: dropout is applied until `eval()`.

        Args:
            config: A configuration of the same family.
            seed: Seed of torch's global random generator, as for `torch.manual_seed`; None leaves the
                generator's state as it is.
            device: The device of the parameters; None means `cpu`.
            options: `attn_implementation`, `dtype`, `torch_dtype` and `trust_remote_code`, as for
                `from_pretrained`.

        Raises:
            ConfigError: if the configuration contradicts itself or belongs to another family.
            DeviceError: if this machine has no such device.
            InputError: if an option asks for something that oxbert does not do.
        """

    @overload
    @staticmethod
    def from_pretrained(
        folder: _Path | None,
        *,
        config: _ConfigT | None = None,
        device: _Device | None = None,
        precision: _types.Precision = "float32",
        strict: bool | None = None,
        component: _types.Component | None = None,
        trainable: bool = True,
        emulate: bool = False,
        output_loading_info: Literal[True],
        **options: Any,
    ) -> tuple[_ModelT, dict[str, Any]]:
        """Load a model, in evaluation mode, from a folder, a bundled model or a repository of the hub.

        Args:
            folder: A path, or a name such as `google/electra-small-generator`. The folder holds `config.json`
                and weights: the first of `WEIGHT_FILES`, or a checkpoint of TensorFlow. Nothing in a file is
                executed. None loads the tensors of the option `state_dict`, with `config`.
            config: A configuration that replaces the folder's own. Google's checkpoints have no configuration
                and need none.
            device: The device of the parameters; None means `cpu`.
            precision: How the layers of the encoder compute: `float32`, and for a frozen model `float16` (weights
                in float16, arithmetic in float32; without kernels float16), `bfloat16`, `int8`, `int8_bfloat16`
                (queries, keys and values in bfloat16, the rest in int8), or `auto` for the fastest one that keeps
                answers. docs/precision.md compares them.
            strict: None refuses a missing or unexpected part of the encoder, and warns of a missing head
                (`UntrainedHeadWarning`); True refuses any difference; False refuses only wrong shapes.
            component: The network to take from a checkpoint of google-research/electra; None takes the
                generator for a masked LM and the discriminator for all other models.
            trainable: False loads a frozen model: it runs, from several threads at once, but has no parameters to
                read, train, move, resize or save.
            emulate: Whether to take a precision that the processor has no arithmetic for, and to compute it slowly.
            output_loading_info: Whether to return the differences between the weights and the model too.
            options: `revision`, `subfolder`, `cache_dir`, `local_files_only`, `force_download` and `token` of
                the hub, as in transformers; fields that override the folder's configuration, such as
                `num_labels=3`; and other options of transformers: `dtype`, `device_map`, `use_safetensors`,
                `from_tf`, `from_flax`, `ignore_mismatched_sizes`, `state_dict`, `attn_implementation`,
                `low_cpu_mem_usage`, `weights_only`, `trust_remote_code`. The section "Options of transformers" in
                docs/python.md says what each does here.

        Returns:
            The model; with `output_loading_info=True` also a dictionary with the sets `missing_keys`,
            `unexpected_keys` and `mismatched_keys`, and the empty list `error_msgs`.

        Raises:
            InputError: if an option of transformers asks for something that oxbert does not do; the message says
                what to do instead.
            TypeError: if there is no such field.
            MissingFileError: if there is no such folder or model, or the folder lacks a file.
            MissingDependencyError: if the weights are a `tf_model.h5` and h5py is not installed.
            HubError: if the repository cannot be downloaded.
            ConfigError: if the configuration is bad or belongs to another family; `field` names the value.
            WeightsFormatError: if the weight file is truncated, corrupt or of another format.
            WeightsMismatchError: if the weights differ from the model's in a way that `strict` refuses.
            DeviceError: if this machine has no such device.
        """

    @overload
    @staticmethod
    def from_pretrained(
        folder: _Path | None,
        *,
        config: _ConfigT | None = None,
        device: _Device | None = None,
        precision: _types.Precision = "float32",
        strict: bool | None = None,
        component: _types.Component | None = None,
        trainable: bool = True,
        emulate: bool = False,
        output_loading_info: Literal[False] = False,
        **options: Any,
    ) -> _ModelT: ...

class _ElectraEncoder(_Pretrained[ElectraConfig, _ModelT], Generic[_ModelT, _TorchOutput, _NumpyOutput]):
    # ELECTRA without labels; `Model` says what the arguments mean.
    @overload
    def __call__(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        inputs_embeds: torch.Tensor | None = None,
        *,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _TorchOutput: ...
    @overload
    def __call__(
        self,
        input_ids: _Rows | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        inputs_embeds: _Floats | _Numbers | None = None,
        *,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _NumpyOutput: ...
    @overload
    def __call__(self, *arguments: Any, return_dict: Literal[False], **options: Any) -> tuple[Any, ...]: ...

class _ElectraLabelled(_Pretrained[ElectraConfig, _ModelT], Generic[_ModelT, _TorchOutput, _NumpyOutput]):
    # ELECTRA with `labels`.
    @overload
    def __call__(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: _Labels | None = None,
        *,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _TorchOutput: ...
    @overload
    def __call__(
        self,
        input_ids: _Rows | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        inputs_embeds: _Floats | _Numbers | None = None,
        labels: _Labels | None = None,
        *,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _NumpyOutput: ...
    @overload
    def __call__(self, *arguments: Any, return_dict: Literal[False], **options: Any) -> tuple[Any, ...]: ...

class _ElectraSpans(_Pretrained[ElectraConfig, _ModelT], Generic[_ModelT, _TorchOutput, _NumpyOutput]):
    # ELECTRA with the first and the last token of an answer.
    @overload
    def __call__(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        inputs_embeds: torch.Tensor | None = None,
        start_positions: _Columns | None = None,
        end_positions: _Columns | None = None,
        *,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _TorchOutput: ...
    @overload
    def __call__(
        self,
        input_ids: _Rows | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        inputs_embeds: _Floats | _Numbers | None = None,
        start_positions: _Columns | None = None,
        end_positions: _Columns | None = None,
        *,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _NumpyOutput: ...
    @overload
    def __call__(self, *arguments: Any, return_dict: Literal[False], **options: Any) -> tuple[Any, ...]: ...

class _ElectraJointSpans(_Pretrained[ElectraConfig, _ModelT], Generic[_ModelT, _TorchOutput, _NumpyOutput]):
    # ELECTRA with the first and the last token of an answer, and whether there is one.
    @overload
    def __call__(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        inputs_embeds: torch.Tensor | None = None,
        start_positions: _Columns | None = None,
        end_positions: _Columns | None = None,
        is_impossible: _Labels | None = None,
        *,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _TorchOutput: ...
    @overload
    def __call__(
        self,
        input_ids: _Rows | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        inputs_embeds: _Floats | _Numbers | None = None,
        start_positions: _Columns | None = None,
        end_positions: _Columns | None = None,
        is_impossible: _Labels | None = None,
        *,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _NumpyOutput: ...
    @overload
    def __call__(self, *arguments: Any, return_dict: Literal[False], **options: Any) -> tuple[Any, ...]: ...

class _DistilBertEncoder(_Pretrained[DistilBertConfig, _ModelT], Generic[_ModelT, _TorchOutput, _NumpyOutput]):
    # DistilBERT without labels; `Model` says what the arguments mean.
    @overload
    def __call__(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        inputs_embeds: torch.Tensor | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        *,
        token_type_ids: object = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _TorchOutput: ...
    @overload
    def __call__(
        self,
        input_ids: _Rows | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        inputs_embeds: _Floats | _Numbers | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        *,
        token_type_ids: object = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _NumpyOutput: ...
    @overload
    def __call__(self, *arguments: Any, return_dict: Literal[False], **options: Any) -> tuple[Any, ...]: ...

class _DistilBertLabelled(_Pretrained[DistilBertConfig, _ModelT], Generic[_ModelT, _TorchOutput, _NumpyOutput]):
    # DistilBERT with `labels`.
    @overload
    def __call__(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: _Labels | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        *,
        token_type_ids: object = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _TorchOutput: ...
    @overload
    def __call__(
        self,
        input_ids: _Rows | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        inputs_embeds: _Floats | _Numbers | None = None,
        labels: _Labels | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        *,
        token_type_ids: object = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _NumpyOutput: ...
    @overload
    def __call__(self, *arguments: Any, return_dict: Literal[False], **options: Any) -> tuple[Any, ...]: ...

class _DistilBertSpans(_Pretrained[DistilBertConfig, _ModelT], Generic[_ModelT, _TorchOutput, _NumpyOutput]):
    # DistilBERT with the first and the last token of an answer.
    @overload
    def __call__(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        inputs_embeds: torch.Tensor | None = None,
        start_positions: _Columns | None = None,
        end_positions: _Columns | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        *,
        token_type_ids: object = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _TorchOutput: ...
    @overload
    def __call__(
        self,
        input_ids: _Rows | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        inputs_embeds: _Floats | _Numbers | None = None,
        start_positions: _Columns | None = None,
        end_positions: _Columns | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        *,
        token_type_ids: object = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _NumpyOutput: ...
    @overload
    def __call__(self, *arguments: Any, return_dict: Literal[False], **options: Any) -> tuple[Any, ...]: ...

class _DistilBertJointSpans(_Pretrained[DistilBertConfig, _ModelT], Generic[_ModelT, _TorchOutput, _NumpyOutput]):
    # DistilBERT with the first and the last token of an answer, and whether there is one.
    @overload
    def __call__(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        inputs_embeds: torch.Tensor | None = None,
        start_positions: _Columns | None = None,
        end_positions: _Columns | None = None,
        is_impossible: _Labels | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        *,
        token_type_ids: object = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _TorchOutput: ...
    @overload
    def __call__(
        self,
        input_ids: _Rows | None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        inputs_embeds: _Floats | _Numbers | None = None,
        start_positions: _Columns | None = None,
        end_positions: _Columns | None = None,
        is_impossible: _Labels | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        *,
        token_type_ids: object = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: Literal[True] | None = None,
        head_mask: None = None,
        use_cache: Literal[False] | None = None,
        encoder_hidden_states: None = None,
        encoder_attention_mask: None = None,
        past_key_values: None = None,
        cache: None = None,
    ) -> _NumpyOutput: ...
    @overload
    def __call__(self, *arguments: Any, return_dict: Literal[False], **options: Any) -> tuple[Any, ...]: ...

@final
class ElectraModel(_ElectraEncoder["ElectraModel", BaseModelOutput[torch.Tensor], BaseModelOutput[_Floats]], Model):
    """Run ELECTRA's encoder, without a head.

    A call returns `last_hidden_state` [B, S, H] float32. See `Model` for the arguments.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraModel(config, seed=0)
        >>> output = model([[1, 2, 3], [4, 5]], output_hidden_states=True)
        >>> output.last_hidden_state.shape, len(output.hidden_states)
        ((2, 3, 8), 2)
    """

@final
class ElectraForPreTraining(
    _ElectraLabelled[
        "ElectraForPreTraining", ElectraForPreTrainingOutput[torch.Tensor], ElectraForPreTrainingOutput[_Floats]
    ],
    Model,
):
    """Run ELECTRA's discriminator: predict for each token whether it was replaced.

    A call returns `logits` [B, S] float32, above 0 if a token looks replaced, and `probabilities`, the sigmoid of
    the logits. See `Model` for the arguments.

    `labels` are [B, S], 1 = replaced: integers, booleans or floats from 0 to 1. The loss is the binary cross
    entropy over kept tokens.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForPreTraining(config, seed=0)
        >>> model([[1, 2, 3], [4, 5]]).probabilities.shape
        (2, 3)
        >>> model(torch.tensor([[1, 2, 3]]), labels=torch.tensor([[0, 1, 0]])).loss.shape
        torch.Size([])
    """

@final
class ElectraForMaskedLM(
    _ElectraLabelled["ElectraForMaskedLM", MaskedLMOutput[torch.Tensor], MaskedLMOutput[_Floats]], Model
):
    """Run ELECTRA's generator, a masked LM: predict the token at each position.

    A call returns `logits` [B, S, V] float32. See `Model` for the arguments.

    `labels` are [B, S] integer, below V. The loss is the cross entropy over the labels that are not -100.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForMaskedLM(config, seed=0)
        >>> output = model(np.array([[1, 2, 3]]), labels=[[-100, 7, -100]])
        >>> output.logits.shape, output.loss.shape
        ((1, 3, 10), ())
    """

@final
class ElectraForTokenClassification(
    _ElectraLabelled[
        "ElectraForTokenClassification", TokenClassifierOutput[torch.Tensor], TokenClassifierOutput[_Floats]
    ],
    Model,
):
    """Classify each token with ELECTRA.

    A call returns `logits` [B, S, L] float32; the names of the labels are the configuration's `id2label`. See
    `Model` for the arguments.

    `labels` are [B, S] integer, below L. The loss is the cross entropy over the labels that are not -100.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForTokenClassification(config, seed=0)
        >>> logits = model(torch.tensor([[1, 2, 3]])).logits
        >>> logits.shape
        torch.Size([1, 3, 2])
    """

@final
class ElectraForSequenceClassification(
    _ElectraLabelled[
        "ElectraForSequenceClassification", SequenceClassifierOutput[torch.Tensor], SequenceClassifierOutput[_Floats]
    ],
    Model,
):
    """Classify texts with ELECTRA, from the first kept token of each.

    A call returns `logits` [B, L] float32; the names of the labels are the configuration's `id2label`. See `Model`
    for the arguments.

    The configuration's `problem_type` decides about `labels` and the loss:

    - `single_label_classification`: [B] integer, below L; cross entropy over the labels that are not -100.
    - `multi_label_classification`: [B, L] floats from 0 to 1; binary cross entropy.
    - `regression`: [B], or [B, L] if there are several labels; mean squared error.

    If `problem_type` is None, the first labels decide, and the result is written into the configuration: L = 1
    means regression, integers mean a single label, floats and booleans several labels.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForSequenceClassification(config, seed=0)
        >>> output = model([[1, 2, 3], [4, 5]], labels=[0, 1])
        >>> output.logits.shape, output.loss.shape, model.config.problem_type
        ((2, 2), (), 'single_label_classification')
    """

@final
class ElectraForQuestionAnswering(
    _ElectraSpans[
        "ElectraForQuestionAnswering", QuestionAnsweringModelOutput[torch.Tensor], QuestionAnsweringModelOutput[_Floats]
    ],
    Model,
):
    """Answer questions with ELECTRA: predict the first and the last token of the answer.

    A call returns `start_logits` and `end_logits` [B, S] float32, for the first and the last token of the answer.
    See `Model` for the arguments.

    `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column is
    ignored. The loss is the mean of two cross entropies over kept tokens.

    Raises:
        ConfigError: if `num_labels` is not 2.
        InputError: if an answer begins or ends at a padded position.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForQuestionAnswering(config, seed=0)
        >>> output = model([[1, 2, 3], [4, 5]], start_positions=[1, 0], end_positions=[2, 0])
        >>> output.start_logits.shape, output.loss.shape
        ((2, 3), ())
    """

@final
class ElectraForJointQuestionAnswering(
    _ElectraJointSpans[
        "ElectraForJointQuestionAnswering",
        JointQuestionAnsweringModelOutput[torch.Tensor],
        JointQuestionAnsweringModelOutput[_Floats],
    ],
    Model,
):
    """Answer questions with ELECTRA: predict an answer as a whole, and whether there is one.

    The end of an answer depends on its start, as in google-research/electra. A call returns K = 20 starts of each
    row, the likeliest first, and 20 ends for each of them: `start_top_log_probs` [B, K] and `end_top_log_probs`
    [B, K, K] float32, with their columns `start_top_index` and `end_top_index` int64. A row of fewer tokens has -inf
    in the remaining places. `cls_logits` [B] float32 are above 0 if there seems to be no answer. In training mode only
    they are returned.

    If a row has tokens of type 1, only these and the first token can begin or end an answer.
    See `Model` for the arguments.

    `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column is ignored.
    The loss is the mean of the cross entropies of the start, and of the end given the right start. With `is_impossible`
    [B], 1 for a question without an answer, half the binary cross entropy of `cls_logits` is added.

    Raises:
        InputError: if an answer begins or ends at a padded position, or `is_impossible` is neither 0 nor 1.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForJointQuestionAnswering(config, seed=0).eval()
        >>> places = dict(start_positions=[1, 0], end_positions=[2, 0], is_impossible=[0, 1])
        >>> output = model([[1, 2, 3], [4, 5]], **places)
        >>> output.end_top_index.shape, output.cls_logits.shape, output.loss.shape
        ((2, 20, 20), (2,), ())
    """

@final
class ElectraForLinearClassification(
    _ElectraLabelled[
        "ElectraForLinearClassification", SequenceClassifierOutput[torch.Tensor], SequenceClassifierOutput[_Floats]
    ],
    Model,
):
    """Classify texts with ELECTRA by one linear layer on the first kept token, without a hidden layer.

    That is the head of google-research/electra; `ElectraForSequenceClassification` has that of transformers, with a
    hidden layer. Outputs, labels and losses are the same.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForLinearClassification(config, seed=0)
        >>> output = model([[1, 2, 3], [4, 5]], labels=[0, 1])
        >>> output.logits.shape, output.loss.shape, model.config.problem_type
        ((2, 2), (), 'single_label_classification')
    """

@final
class ElectraForMultipleChoice(
    _ElectraLabelled[
        "ElectraForMultipleChoice", MultipleChoiceModelOutput[torch.Tensor], MultipleChoiceModelOutput[_Floats]
    ],
    Model,
):
    """Choose between texts with ELECTRA.

    Inputs are [B, C, S], C texts for each question: lists of C rows for each question, or arrays of three
    dimensions (`inputs_embeds`: four). A call returns `logits` [B, C] float32; hidden states and attentions have B
    * C rows. See `Model` for the arguments.

    `labels` are [B] integer, below C. The loss is the cross entropy over the labels that are not -100.

    The configuration's `summary_type` and the other keys that begin with `summary_` say how a text becomes one
    vector.

    Raises:
        ConfigError: if `summary_type` is not `first`, `last`, `mean` or `cls_index`, or if `summary_proj_to_labels`
            does not fit.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForMultipleChoice(config, seed=0)
        >>> output = model([[[1, 2, 3], [1, 4]], [[5, 6], [5, 7, 8]]], labels=[0, 1])
        >>> output.logits.shape, output.loss.shape
        ((2, 2), ())
    """

@final
class DistilBertModel(
    _DistilBertEncoder["DistilBertModel", BaseModelOutput[torch.Tensor], BaseModelOutput[_Floats]], Model
):
    """Run DistilBERT's encoder, without a head.

    A call returns `last_hidden_state` [B, S, H] float32. See `Model` for the arguments.

    Example:
        >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
        >>> model = oxbert.DistilBertModel(config, seed=0)
        >>> output = model([[1, 2, 3], [4, 5]], output_attentions=True)
        >>> output.last_hidden_state.shape, output.attentions[0].shape
        ((2, 3, 8), (2, 2, 3, 3))
    """

@final
class DistilBertForMaskedLM(
    _DistilBertLabelled["DistilBertForMaskedLM", MaskedLMOutput[torch.Tensor], MaskedLMOutput[_Floats]], Model
):
    """Run DistilBERT as a masked LM: predict the token at each position.

    A call returns `logits` [B, S, V] float32. See `Model` for the arguments.

    `labels` are [B, S] integer, below V. The loss is the cross entropy over the labels that are not -100.

    Example:
        >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
        >>> model = oxbert.DistilBertForMaskedLM(config, seed=0)
        >>> output = model(np.array([[1, 2, 3]]), labels=[[-100, 7, -100]])
        >>> output.logits.shape, output.loss.shape
        ((1, 3, 10), ())
    """

@final
class DistilBertForTokenClassification(
    _DistilBertLabelled[
        "DistilBertForTokenClassification", TokenClassifierOutput[torch.Tensor], TokenClassifierOutput[_Floats]
    ],
    Model,
):
    """Classify each token with DistilBERT.

    A call returns `logits` [B, S, L] float32; the names of the labels are the configuration's `id2label`. See
    `Model` for the arguments.

    `labels` are [B, S] integer, below L. The loss is the cross entropy over the labels that are not -100.

    Example:
        >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
        >>> model = oxbert.DistilBertForTokenClassification(config, seed=0)
        >>> logits = model(torch.tensor([[1, 2, 3]])).logits
        >>> logits.shape
        torch.Size([1, 3, 2])
    """

@final
class DistilBertForSequenceClassification(
    _DistilBertLabelled[
        "DistilBertForSequenceClassification", SequenceClassifierOutput[torch.Tensor], SequenceClassifierOutput[_Floats]
    ],
    Model,
):
    """Classify texts with DistilBERT, from the first kept token of each.

    A call returns `logits` [B, L] float32; the names of the labels are the configuration's `id2label`. See `Model`
    for the arguments.

    The configuration's `problem_type` decides about `labels` and the loss:

    - `single_label_classification`: [B] integer, below L; cross entropy over the labels that are not -100.
    - `multi_label_classification`: [B, L] floats from 0 to 1; binary cross entropy.
    - `regression`: [B], or [B, L] if there are several labels; mean squared error.

    If `problem_type` is None, the first labels decide, and the result is written into the configuration: L = 1
    means regression, integers mean a single label, floats and booleans several labels.

    Example:
        >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
        >>> model = oxbert.DistilBertForSequenceClassification(config, seed=0)
        >>> output = model([[1, 2, 3], [4, 5]], labels=[0, 1])
        >>> output.logits.shape, output.loss.shape, model.config.problem_type
        ((2, 2), (), 'single_label_classification')
    """

@final
class DistilBertForQuestionAnswering(
    _DistilBertSpans[
        "DistilBertForQuestionAnswering",
        QuestionAnsweringModelOutput[torch.Tensor],
        QuestionAnsweringModelOutput[_Floats],
    ],
    Model,
):
    """Answer questions with DistilBERT: predict the first and the last token of the answer.

    A call returns `start_logits` and `end_logits` [B, S] float32, for the first and the last token of the answer.
    See `Model` for the arguments.

    `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column is
    ignored. The loss is the mean of two cross entropies over kept tokens.

    Raises:
        ConfigError: if `num_labels` is not 2.
        InputError: if an answer begins or ends at a padded position.

    Example:
        >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
        >>> model = oxbert.DistilBertForQuestionAnswering(config, seed=0)
        >>> output = model([[1, 2, 3], [4, 5]], start_positions=[1, 0], end_positions=[2, 0])
        >>> output.start_logits.shape, output.loss.shape
        ((2, 3), ())
    """

@final
class DistilBertForJointQuestionAnswering(
    _DistilBertJointSpans[
        "DistilBertForJointQuestionAnswering",
        JointQuestionAnsweringModelOutput[torch.Tensor],
        JointQuestionAnsweringModelOutput[_Floats],
    ],
    Model,
):
    """Answer questions with DistilBERT: predict an answer as a whole, and whether there is one.

    The end of an answer depends on its start, as in google-research/electra. A call returns K = 20 starts of each
    row, the likeliest first, and 20 ends for each of them: `start_top_log_probs` [B, K] and `end_top_log_probs`
    [B, K, K] float32, with their columns `start_top_index` and `end_top_index` int64. A row of fewer tokens has -inf
    in the remaining places. `cls_logits` [B] float32 are above 0 if there seems to be no answer. In training mode only
    they are returned.

    DistilBERT has no token types, so that any token can begin or end an answer.
    See `Model` for the arguments.

    `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column is ignored.
    The loss is the mean of the cross entropies of the start, and of the end given the right start. With `is_impossible`
    [B], 1 for a question without an answer, half the binary cross entropy of `cls_logits` is added.

    Raises:
        InputError: if an answer begins or ends at a padded position, or `is_impossible` is neither 0 nor 1.

    Example:
        >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
        >>> model = oxbert.DistilBertForJointQuestionAnswering(config, seed=0).eval()
        >>> places = dict(start_positions=[1, 0], end_positions=[2, 0], is_impossible=[0, 1])
        >>> output = model([[1, 2, 3], [4, 5]], **places)
        >>> output.end_top_index.shape, output.cls_logits.shape, output.loss.shape
        ((2, 20, 20), (2,), ())
    """

@final
class DistilBertForLinearClassification(
    _DistilBertLabelled[
        "DistilBertForLinearClassification", SequenceClassifierOutput[torch.Tensor], SequenceClassifierOutput[_Floats]
    ],
    Model,
):
    """Classify texts with DistilBERT by one linear layer on the first kept token, without a hidden layer.

    That is the head of google-research/electra; `DistilBertForSequenceClassification` has that of transformers, with a
    hidden layer. Outputs, labels and losses are the same.

    Example:
        >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
        >>> model = oxbert.DistilBertForLinearClassification(config, seed=0)
        >>> output = model([[1, 2, 3], [4, 5]], labels=[0, 1])
        >>> output.logits.shape, output.loss.shape, model.config.problem_type
        ((2, 2), (), 'single_label_classification')
    """

@final
class DistilBertForMultipleChoice(
    _DistilBertLabelled[
        "DistilBertForMultipleChoice", MultipleChoiceModelOutput[torch.Tensor], MultipleChoiceModelOutput[_Floats]
    ],
    Model,
):
    """Choose between texts with DistilBERT.

    Inputs are [B, C, S], C texts for each question: lists of C rows for each question, or arrays of three
    dimensions (`inputs_embeds`: four). A call returns `logits` [B, C] float32; hidden states and attentions have B
    * C rows. See `Model` for the arguments.

    `labels` are [B] integer, below C. The loss is the cross entropy over the labels that are not -100.

    Example:
        >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
        >>> model = oxbert.DistilBertForMultipleChoice(config, seed=0)
        >>> output = model([[[1, 2, 3], [1, 4]], [[5, 6], [5, 7, 8]]], labels=[0, 1])
        >>> output.logits.shape, output.loss.shape
        ((2, 2), ())
    """

class _Head:
    # A head alone, freshly initialised. `train` turns dropout on.
    def __new__(cls, config: ElectraConfig, *, seed: int | None = None) -> Self: ...
    @overload
    def __call__(self, hidden_states: torch.Tensor, *, train: bool = False) -> torch.Tensor:
        """Apply the head to hidden states.

        Args:
            hidden_states: Floats of the shape that the class documents: a torch tensor, a float32 array, or
                lists of numbers.
            train: Whether to apply dropout.

        Returns:
            A torch tensor with its graph for a torch tensor, otherwise a float32 array.

        Raises:
            DtypeError: if an array is not float32.
            ShapeError: if the shape does not fit.
            TorchError: if the dtype of a torch tensor is not float32.
        """
    @overload
    def __call__(self, hidden_states: _Floats | _Numbers, *, train: bool = False) -> _Floats: ...
    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Return the names and parameters, in the head's memory, sorted by name. Imports torch."""
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class ElectraGeneratorHead(_Head):
    """Apply the generator's head alone, before the decoder: hidden states [..., H] -> [..., E], float32.

    `LayerNorm(gelu(W x + b))`, freshly initialised. The head has no dropout, so `train` has no effect. numpy in,
    numpy out; torch in, torch out with its graph.

    Raises:
        ConfigError: if the configuration is bad or not ELECTRA's.
        DtypeError: if an array is not float32.
        ShapeError: if the shape does not fit.
        TorchError: if the dtype of a torch tensor is not float32.

    Example:
        >>> head = oxbert.ElectraGeneratorHead(oxbert.ElectraConfig(hidden_size=8, embedding_size=6), seed=0)
        >>> head(np.ones((2, 3, 8), dtype=np.float32)).shape
        (2, 3, 6)
    """

@final
class ElectraDiscriminatorHead(_Head):
    """Apply the discriminator's head alone: hidden states [..., H] -> logits [...], float32.

    `w · activation(W x + b) + c`, freshly initialised. The head has no dropout, so `train` has no effect. numpy in,
    numpy out; torch in, torch out with its graph.

    Raises:
        ConfigError: if the configuration is bad or not ELECTRA's.
        DtypeError: if an array is not float32.
        ShapeError: if the shape does not fit.
        TorchError: if the dtype of a torch tensor is not float32.

    Example:
        >>> head = oxbert.ElectraDiscriminatorHead(oxbert.ElectraConfig(hidden_size=8), seed=0)
        >>> head(torch.ones(2, 3, 8)).shape
        torch.Size([2, 3])
    """

@final
class ElectraClassificationHead(_Head):
    """Apply the text classifier's head alone: hidden states [B, S, H] without padding -> logits [B, L], float32.

    `U drop(gelu(W drop(x) + b)) + c` of the first token x, freshly initialised. numpy in, numpy out; torch in,
    torch out with its graph. Dropout has the rate `classifier_dropout` and is applied only if `train` is true.

    Raises:
        ConfigError: if the configuration is bad or not ELECTRA's.
        DtypeError: if an array is not float32.
        ShapeError: if the shape does not fit.
        TorchError: if the dtype of a torch tensor is not float32.

    Example:
        >>> head = oxbert.ElectraClassificationHead(oxbert.ElectraConfig(hidden_size=8, num_labels=3), seed=0)
        >>> head(torch.ones(2, 5, 8), train=True).shape
        torch.Size([2, 3])
    """

@final
class ElectraSequenceSummary(_Head):
    """Apply the summary of multiple choice alone: hidden states [B, S, H] without padding -> [B, H], float32.

    `drop(activation(W drop(x) + b))`, freshly initialised, where the configuration's keys that begin with
    `summary_` define x, W, the activation and the dropout rates. numpy in, numpy out; torch in, torch out with its
    graph. Dropout is applied only if `train` is true.

    Raises:
        ConfigError: if the configuration is bad or not ELECTRA's.
        DtypeError: if an array is not float32.
        ShapeError: if the shape does not fit.
        TorchError: if the dtype of a torch tensor is not float32.

    Example:
        >>> summary = oxbert.ElectraSequenceSummary(oxbert.ElectraConfig(hidden_size=8, summary_type="mean"), seed=0)
        >>> summary([[[1.0] * 8] * 5]).shape
        (1, 8)
    """

@final
class AddedToken:
    """Describe a token that is cut out of a text before any other processing.

    Args:
        content: The text of the token.
        single_word: Whether to match only whole words.
        lstrip: Whether the match includes the white space on its left.
        rstrip: Whether the match includes the white space on its right.
        normalized: Whether to match the normalised token in the normalised text; None means yes unless the token is
            special.
        special: Whether decoding may omit the token.

    Example:
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
        >>> tokenizer.add_tokens([oxbert.AddedToken("<table>", lstrip=True)])
        1
        >>> tokenizer("A <table>.")[0].offsets[1:-1]
        [(0, 1), (1, 9), (9, 10)]
    """

    def __new__(
        cls,
        content: str,
        *,
        single_word: bool = False,
        lstrip: bool = False,
        rstrip: bool = False,
        normalized: bool | None = None,
        special: bool = False,
    ) -> Self: ...
    @property
    def content(self) -> str:
        """Return the text of the token."""

    @property
    def single_word(self) -> bool:
        """Return whether only whole words match."""

    @property
    def lstrip(self) -> bool:
        """Return whether a match includes the white space on its left."""

    @property
    def rstrip(self) -> bool:
        """Return whether a match includes the white space on its right."""

    @property
    def normalized(self) -> bool:
        """Return whether the token is matched in the normalised text."""

    @property
    def special(self) -> bool:
        """Return whether decoding may omit the token."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[bool, bool, bool, bool, bool, str]]: ...

@final
class Encoding:
    """Hold one row of tokens and map it back to its text.

    Every list has one entry per token. Positions of characters refer to the original text and count from 0; `end` is
    one past the last character. Added tokens (`[CLS]`, `[SEP]`, padding) belong to no text, word or character. An index
    outside the row, or a character of no token, gives None.

    Example:
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
        >>> text = "Return a tokenizer."
        >>> row = tokenizer(text)[0]
        >>> [text[start:end] for start, end in row.offsets]
        ['', 'Return', 'a', 'token', 'izer', '.', '']
        >>> row.word_to_tokens(2), row.word_to_chars(2), row.char_to_token(16)
        ((3, 5), (9, 18), 4)
    """

    @property
    def ids(self) -> list[int]:
        """Return the token ids."""

    @property
    def type_ids(self) -> list[int]:
        """Return the token types: 0 for the first text and padding, 1 for the second text."""

    @property
    def attention_mask(self) -> list[int]:
        """Return 1 for each token and 0 for padding."""

    @property
    def special_tokens_mask(self) -> list[int]:
        """Return 1 for each added token (`[CLS]`, `[SEP]`, padding), 0 for all others."""

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Return (start, end) of each token in its text; (0, 0) for added tokens."""

    @property
    def tokens(self) -> list[str]:
        """Return the tokens as the vocabulary spells them."""

    @property
    def word_ids(self) -> list[int | None]:
        """Return the word of each token, counted from 0 in its text."""

    @property
    def sequence_ids(self) -> list[int | None]:
        """Return the text of each token: 0, or 1 for the second text of a pair."""

    @property
    def n_sequences(self) -> int:
        """Return the number of texts in the row."""

    def token_to_sequence(self, token_index: int) -> int | None:
        """Return the text of a token: 0 or 1."""

    def token_to_chars(self, token_index: int) -> tuple[int, int] | None:
        """Return (start, end) of a token's characters."""

    def token_to_word(self, token_index: int) -> int | None:
        """Return the word of a token."""

    def word_to_tokens(self, word_index: int, sequence_index: int = 0) -> tuple[int, int] | None:
        """Return (start, end) of a word's tokens."""

    def word_to_chars(self, word_index: int, sequence_index: int = 0) -> tuple[int, int] | None:
        """Return (start, end) of a word's characters."""

    def char_to_token(self, char_pos: int, sequence_index: int = 0) -> int | None:
        """Return the token that contains a character."""

    def char_to_word(self, char_pos: int, sequence_index: int = 0) -> int | None:
        """Return the word that contains a character."""

    def __len__(self) -> int: ...

@final
class Encodings:
    """Hold the rows of one call; index it to get an `Encoding`.

    Example:
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
        >>> rows = tokenizer(["Return a copy.", "Raise an error."]).encodings
        >>> len(rows), rows[-1].tokens
        (2, ['[CLS]', 'raise', 'an', 'error', '.', '[SEP]'])
    """

    def __len__(self) -> int: ...
    def __getitem__(self, row: int, /) -> Encoding: ...
    def __reduce__(self) -> tuple[Any, tuple[bytes]]: ...

@disjoint_base
class Tokenizer:
    """Convert text to ids and back over a BERT word-piece vocabulary: the base class of both families' tokenizers.

    Ids, types, masks and offsets are those of transformers' fast tokenizers. Offsets are in characters of the original
    text. The result of a call goes straight into a model: `model(**tokenizer(texts))`; rows without padding stay
    ragged. Construct `ElectraTokenizer` or `DistilBertTokenizer`, not this class. Tokenizers can be pickled, copied,
    and used by several threads at once.

    Example:
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
        >>> isinstance(tokenizer, oxbert.Tokenizer), tokenizer.vocab_size, tokenizer.model_max_length
        (True, 8192, 128)
    """

    def __call__(
        self,
        text: _Texts,
        text_pair: _Text | Sequence[_Text] | None = None,
        *,
        add_special_tokens: bool = True,
        padding: _Padding = None,
        truncation: _Truncation = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: _types.Side | None = None,
        return_tensors: _types.ReturnTensors | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
    ) -> BatchEncoding:
        """Tokenise one text or several, on all cores.

        Args:
            text: A text, or a list of texts or of pairs of texts.
            text_pair: The second text, or one for each text.
            add_special_tokens: Add `[CLS]` before the first text and `[SEP]` after each text.
            padding: True or `longest` pads to the longest row; `max_length` pads to that many tokens.
            truncation: True or `longest_first` shortens the longer text first; `only_first` or `only_second` shortens
                that text. If neither `truncation` nor `padding` is given, `max_length` implies True.
            max_length: The length of the longest row in tokens, including special tokens; None means
                `model_max_length`.
            stride: The number of tokens of a text that a row shares with the row before, with
                `return_overflowing_tokens`.
            is_split_into_words: Whether each text is a list of words.
            pad_to_multiple_of: Round the length of padded rows up to a multiple of this.
            padding_side: `left` or `right`; None means the tokenizer's own.
            return_tensors: `np`, `pt` or `tf`: int64 arrays [B, S] instead of lists.
            return_token_type_ids: Whether to return `token_type_ids`; None returns them if the family has them.
            return_attention_mask: Whether to return an `attention_mask`; None means True.
            return_overflowing_tokens: Return the tokens that truncation cuts off in rows of their own, and
                `overflow_to_sample_mapping`, the text of each row.
            return_special_tokens_mask: Return `special_tokens_mask`, 1 for added tokens.
            return_offsets_mapping: Return `offset_mapping`, (start, end) of each token in characters.
            return_length: Return `length`, the number of tokens of each row.

        Returns:
            A `BatchEncoding`, a dictionary of the columns `input_ids`, `token_type_ids`, `attention_mask` and any
            others that are asked for: flat lists for one text, lists of rows for several. The methods of the result map
            tokens back to the text.

        Raises:
            InputError: if an option is unknown or impossible, the texts and their pairs differ in number, a text holds
                half of a surrogate pair, or `return_tensors` meets rows of different lengths.
            DtypeError: if a text is not a `str`.
            TokenizerError: if truncation cannot reach `max_length`.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> rows = tokenizer(["Return a copy.", "Return."], padding=True, return_tensors="np")
            >>> rows["attention_mask"]
            array([[1, 1, 1, 1, 1, 1],
                   [1, 1, 1, 1, 0, 0]])
            >>> windows = tokenizer("a b c d", max_length=5, stride=1, truncation=True, return_overflowing_tokens=True)
            >>> [windows.tokens(row)[1:-1] for row in range(2)]
            [['a', 'b', 'c'], ['c', 'd']]
        """

    @overload
    def encode(
        self,
        text: str,
        text_pair: str | None = None,
        *,
        return_tensors: None = None,
        **options: Unpack[_EncodeOptions],
    ) -> list[int]:
        """Return the ids of one text or pair: a list, or int64 [1, S] with `return_tensors`.

        The options are those of a call. A list of texts gives a list of rows.

        Raises:
            InputError: if an option is unknown or impossible.
            TokenizerError: if truncation cannot reach `max_length`.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.encode("Return a copy.", max_length=3)
            [2, 188, 3]
        """

    @overload
    def encode(
        self,
        text: _Texts,
        text_pair: _Text | Sequence[_Text] | None = None,
        *,
        return_tensors: Literal["np"],
        **options: Unpack[_EncodeOptions],
    ) -> _Integers: ...
    @overload
    def encode(
        self,
        text: _Texts,
        text_pair: _Text | Sequence[_Text] | None = None,
        *,
        return_tensors: Literal["pt"],
        **options: Unpack[_EncodeOptions],
    ) -> torch.Tensor: ...
    @overload
    def encode(
        self,
        text: _Texts,
        text_pair: _Text | Sequence[_Text] | None = None,
        *,
        return_tensors: _types.ReturnTensors | None = None,
        **options: Unpack[_EncodeOptions],
    ) -> Any: ...
    def tokenize(self, text: str, pair: str | None = None, *, add_special_tokens: bool = False) -> list[str]:
        """Return the tokens of a text or a pair, without special tokens unless `add_special_tokens` is true.

        Raises:
            DtypeError: if a text is not a `str`.

        Example:
            >>> oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator").tokenize("A tokenizer")
            ['a', 'token', '##izer']
        """

    @overload
    def decode(
        self,
        token_ids: _Ids,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        *,
        spaces_between_special_tokens: bool = True,
    ) -> str:
        """Return the text of a row of ids, or a list of texts for several rows.

        Args:
            token_ids: An id, a list of ids, an array; or rows: a list of lists, an array [B, S].
            skip_special_tokens: Omit special tokens.
            clean_up_tokenization_spaces: Remove the spaces before punctuation and contractions once more; None follows
                the tokenizer's setting, usually False.
            spaces_between_special_tokens: Has no effect: special tokens always have spaces around them.

        Raises:
            DtypeError: if the ids are neither integers nor rows of integers.
            IdRangeError: if an id is not in the vocabulary.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.decode(tokenizer.encode("A test."), skip_special_tokens=True)
            'a test.'
        """

    @overload
    def decode(
        self,
        token_ids: Sequence[Sequence[int]],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        *,
        spaces_between_special_tokens: bool = True,
    ) -> list[str]: ...
    def batch_decode(
        self,
        sequences: Sequence[_Ids] | _Ids,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        *,
        spaces_between_special_tokens: bool = True,
    ) -> list[str]:
        """Return the texts of rows of ids as a list; a single row gives a list of one text.

        Raises:
            DtypeError: if a row does not hold integers.
            IdRangeError: if an id is not in the vocabulary.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.batch_decode(tokenizer(["A test", "A copy"])["input_ids"], skip_special_tokens=True)
            ['a test', 'a copy']
        """

    @overload
    def convert_ids_to_tokens(self, ids: int, skip_special_tokens: bool = False) -> str:
        """Return the tokens of ids, or the token of one id.

        Raises:
            DtypeError: if the ids are not a flat row of integers.
            IdRangeError: if an id is not in the vocabulary.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.convert_ids_to_tokens([2, 41, 3]), tokenizer.convert_ids_to_tokens(41)
            (['[CLS]', 'a', '[SEP]'], 'a')
        """

    @overload
    def convert_ids_to_tokens(
        self, ids: Sequence[int] | _Array | torch.Tensor, skip_special_tokens: bool = False
    ) -> list[str]: ...
    @overload
    def convert_tokens_to_ids(self, tokens: str) -> int:
        """Return the ids of tokens, or the id of one token.

        A token that is not in the vocabulary has the id of `[UNK]`.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.convert_tokens_to_ids(["a", "no such token"]), tokenizer.convert_tokens_to_ids("a")
            ([41, 1], 41)
        """

    @overload
    def convert_tokens_to_ids(self, tokens: list[str] | tuple[str, ...]) -> list[int]: ...
    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """Return the text of tokens.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.convert_tokens_to_string(["a", "token", "##izer"])
            'a tokenizer'
        """

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """Return a row of ids with `[CLS]` before the first text and `[SEP]` after each text."""

    def create_token_type_ids_from_sequences(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """Return the token types of the row that `build_inputs_with_special_tokens` returns."""

    def get_special_tokens_mask(
        self,
        token_ids_0: Sequence[int],
        token_ids_1: Sequence[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """Return 1 for each special token of a row, and 0 for all other tokens.

        The row is the one that `build_inputs_with_special_tokens` returns, or, if `already_has_special_tokens` is true,
        `token_ids_0` itself.
        """

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Return the number of special tokens that are added to a row."""

    def pad(
        self,
        encoded_inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        padding: _Padding = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: _types.Side | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: _types.ReturnTensors | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pad rows of ids that are already tokenised: a dictionary of rows, or a list of dictionaries.

        See `oxbert.encoding.pad` for the arguments. Collators of transformers call this method.

        Raises:
            InputError: if there is no `input_ids`, or an option is unknown or impossible.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.pad([tokenizer("a b"), tokenizer("a")], return_tensors="np")["input_ids"]
            array([[ 2, 41, 42,  3],
                   [ 2, 41,  3,  0]])
        """

    def add_tokens(
        self, new_tokens: str | AddedToken | Sequence[str | AddedToken], special_tokens: bool = False
    ) -> int:
        """Add tokens, which are cut out of a text before any other processing.

        A model's embeddings need a row for each token: call `model.resize_token_embeddings(len(tokenizer))`.

        Args:
            new_tokens: One token or a list of tokens. A token that the vocabulary has keeps its id; all others get the
                next free ids.
            special_tokens: Whether decoding may omit the tokens.

        Returns:
            The number of tokens that are new.

        Raises:
            DtypeError: if a token is neither a `str` nor an `AddedToken`.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.add_tokens(["<table>", "<row>"]), len(tokenizer), tokenizer.vocab_size
            (2, 8194, 8192)
            >>> tokenizer.tokenize("a<row>")
            ['a', '<row>']
        """

    def add_special_tokens(self, special_tokens_dict: dict[str, Any], replace_extra_special_tokens: bool = True) -> int:
        """Add special tokens: `{"additional_special_tokens": [...]}`, or `extra_special_tokens`.

        Args:
            special_tokens_dict: The tokens by key.
            replace_extra_special_tokens: No effect: earlier special tokens stay special.

        Returns:
            The number of tokens that are new.

        Raises:
            InputError: if a key is `pad_token`, `unk_token`, `cls_token`, `sep_token` or `mask_token` and the value
                differs from the tokenizer's own.
        """

    @property
    def backend_tokenizer(self) -> Any:
        """Return a `tokenizers.Tokenizer` with the same vocabulary and pipeline.

        It shows the parts of the pipeline, and is made anew each time: changes of it change nothing here.

        Raises:
            MissingDependencyError: if `tokenizers` is not installed.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.backend_tokenizer.normalizer.normalize_str("CAFE")
            'cafe'
        """
    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """Return the ids of the added tokens by token, as `get_added_vocab`."""

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """Return the added tokens by id."""

    def get_added_vocab(self) -> dict[str, int]:
        """Return the ids of the added tokens by token."""

    def get_vocab(self) -> dict[str, int]:
        """Return the ids of all tokens by token, including added tokens."""

    @property
    def vocab(self) -> dict[str, int]:
        """Return the ids of all tokens by token, as `get_vocab`."""

    def save_pretrained(self, folder: _Path, **options: Any) -> tuple[str, ...]:
        """Write `vocab.txt`, `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json`.

        transformers and `tokenizers` read them to the same ids. A pipeline other than BERT's has no `vocab.txt`.

        Args:
            folder: The folder, which is created if it does not exist.
            options: The options of transformers, accepted if they change nothing.

        Returns:
            The paths of the files.

        Raises:
            FileError: if a file cannot be written.
            InputError: if an option asks for something else.
            TokenizerError: if a token cannot be written as a line of `vocab.txt`.

        Example:
            >>> paths = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator").save_pretrained("mine")
            >>> oxbert.ElectraTokenizer.from_pretrained("mine").tokenize("Text")
            ['text']
        """

    @property
    def vocab_size(self) -> int:
        """Return the number of tokens in the vocabulary, without added tokens; `len(tokenizer)` includes them."""

    @property
    def model_max_length(self) -> int | None:
        """Return the length of the longest row that the model accepts, in tokens; None if it is unknown."""

    @model_max_length.setter
    def model_max_length(self, length: int | None, /) -> None: ...
    @property
    def max_len_single_sentence(self) -> int | None:
        """Return the length of the longest text, without special tokens; None if it is unknown."""
    @property
    def max_len_sentences_pair(self) -> int | None:
        """Return the length of the longest pair, without special tokens; None if it is unknown."""
    @property
    def padding_side(self) -> _types.Side:
        """Return the side on which rows are padded: `left` or `right`."""

    @padding_side.setter
    def padding_side(self, side: _types.Side, /) -> None: ...
    @property
    def truncation_side(self) -> _types.Side:
        """Return the side on which truncation removes tokens: `left` or `right`."""

    @truncation_side.setter
    def truncation_side(self, side: _types.Side, /) -> None: ...
    @property
    def model_input_names(self) -> list[str]:
        """Return the names of the columns that a call returns by default."""

    @property
    def clean_up_tokenization_spaces(self) -> bool:
        """Return whether `decode` removes the spaces before punctuation and contractions once more."""

    @property
    def do_lower_case(self) -> bool:
        """Return whether texts are lower-cased."""

    @property
    def all_special_tokens(self) -> list[str]:
        """Return the special tokens, those of the vocabulary first."""

    @property
    def all_special_ids(self) -> list[int]:
        """Return the ids of the special tokens, those of the vocabulary first."""

    @property
    def special_tokens_map(self) -> dict[str, Any]:
        """Return the special tokens by name: `pad_token` and the four others, and any `additional_special_tokens`."""

    @property
    def extra_special_tokens(self) -> list[str]:
        """Return the special tokens other than the five of the vocabulary: the name of transformers 5."""

    @property
    def extra_special_tokens_ids(self) -> list[int]:
        """Return the ids of `extra_special_tokens`."""

    @property
    def additional_special_tokens(self) -> list[str]:
        """Return the special tokens other than the five of the vocabulary."""

    @property
    def pad_token(self) -> str:
        """Return how `[PAD]` is spelled."""

    @property
    def unk_token(self) -> str:
        """Return how `[UNK]` is spelled."""

    @property
    def cls_token(self) -> str:
        """Return how `[CLS]` is spelled."""

    @property
    def sep_token(self) -> str:
        """Return how `[SEP]` is spelled."""

    @property
    def mask_token(self) -> str:
        """Return how `[MASK]` is spelled."""

    @property
    def pad_token_id(self) -> int:
        """Return the id of `[PAD]`."""

    @property
    def pad_token_type_id(self) -> int:
        """Return the token type of padding: 0."""

    @property
    def unk_token_id(self) -> int:
        """Return the id of `[UNK]`."""

    @property
    def cls_token_id(self) -> int:
        """Return the id of `[CLS]`."""

    @property
    def sep_token_id(self) -> int:
        """Return the id of `[SEP]`."""

    @property
    def mask_token_id(self) -> int:
        """Return the id of `[MASK]`."""

    @property
    def is_fast(self) -> bool:
        """Return True: the tokenizer is written in Rust."""

    @property
    def bos_token(self) -> str | None:
        """Return None: BERT's vocabularies have no token for the start of a text."""

    @property
    def eos_token(self) -> str | None:
        """Return None: BERT's vocabularies have no token for the end of a text."""

    @property
    def bos_token_id(self) -> int | None:
        """Return None, as for `bos_token`."""

    @property
    def eos_token_id(self) -> int | None:
        """Return None, as for `eos_token`."""

    @property
    def name_or_path(self) -> str:
        """Return the folder or name that the tokenizer was loaded from; empty for a copy, and for one from a file."""

    @property
    def init_kwargs(self) -> dict[str, Any]:
        """Return the settings by the names of the arguments that set them."""

    def train_new_from_iterator(
        self,
        text_iterator: Iterable[str | Sequence[str]],
        vocab_size: int,
        length: int | None = None,
        new_special_tokens: Sequence[str | AddedToken] | None = None,
        special_tokens_map: dict[str, str] | None = None,
    ) -> Self:
        """Learn a vocabulary from texts, and return a tokenizer with it that is like this one in all else.

        Args:
            text_iterator: Texts, or lists of texts. All of them are held in memory.
            vocab_size: The largest number of tokens, including special tokens.
            length: The number of texts, for a progress bar in transformers. Has no effect.
            new_special_tokens: Special tokens beside those of this tokenizer.
            special_tokens_map: None: special tokens keep their spelling.

        Raises:
            DtypeError: if a text is not a `str`.
            InputError: if the special tokens need more than `vocab_size` tokens, or a `special_tokens_map` is given.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.train_new_from_iterator(["a cab", "a cabin"], 20).tokenize("cabin cab")
            ['cabin', 'cab']
        """
    def __len__(self) -> int: ...

class _TokenizerKeywords(_types.HubKeywords, total=False):
    pad_token: str | AddedToken | None
    unk_token: str | AddedToken | None
    cls_token: str | AddedToken | None
    sep_token: str | AddedToken | None
    mask_token: str | AddedToken | None
    bos_token: None
    eos_token: None
    extra_special_tokens: Sequence[str | AddedToken] | None
    additional_special_tokens: Sequence[str | AddedToken] | None
    use_fast: bool | None
    trust_remote_code: bool | None
    name_or_path: _Path

class _FamilyTokenizer:
    # What both families' own classes have.
    def __new__(
        cls,
        vocab_file: _Path | dict[str, int] | None = None,
        *,
        vocab: _Path | dict[str, int] | None = None,
        do_lower_case: bool = True,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
        model_max_length: int | None = None,
        padding_side: _types.Side = "right",
        truncation_side: _types.Side = "right",
    ) -> Self: ...
    @classmethod
    def from_pretrained(
        cls,
        folder: _Path,
        *,
        do_lower_case: bool | None = None,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool | None = None,
        model_max_length: int | None = None,
        padding_side: _types.Side | None = None,
        truncation_side: _types.Side | None = None,
        **hub: Unpack[_TokenizerKeywords],
    ) -> Self:
        """Load from a model folder, a bundled model or a repository of the hub.

        Arguments override the folder's settings; None keeps the folder's.

        Args:
            folder: A path or a name. The folder holds `tokenizer.json`, or else `vocab.txt`, and, optionally,
                settings and added tokens (`tokenizer_config.json`, `special_tokens_map.json`,
                `added_tokens.json`).
            do_lower_case: Whether to lower-case texts.
            strip_accents: Whether to remove accents.
            tokenize_chinese_chars: Whether to make every Chinese character a word of its own.
            model_max_length: The length of the longest row that the model accepts, in tokens.
            padding_side: The side on which rows are padded: `left` or `right`.
            truncation_side: The side on which truncation removes tokens: `left` or `right`.
            hub: Options of the hub, as for `Config.from_pretrained`. `pad_token`, `unk_token`, `cls_token`,
                `sep_token` and `mask_token` name tokens of the vocabulary, `extra_special_tokens` (or
                `additional_special_tokens`) adds special tokens. `trust_remote_code=False` reads a tokenizer that
                comes with code without that code; `use_fast` has no effect. `name_or_path` is the name to keep.
                `clean_up_tokenization_spaces` is the default of `decode`, and `model_input_names` says whether
                calls return `token_type_ids` by default.

        Raises:
            MissingFileError: if there is no such folder or model, or the folder has no vocabulary.
            HubError: if the repository cannot be downloaded.
            VocabularyError: if the vocabulary is bad; `line` names the line.
            ConfigError: if a setting is bad, or is one that this tokenizer does not support. `path` and `field` name
                a part of `tokenizer.json`.
            InputError: if a side is neither `left` nor `right`, or a special token is not in the vocabulary.
        """

    def __reduce__(self) -> tuple[Any, tuple[bytes]]: ...

@final
class ElectraTokenizer(_FamilyTokenizer, Tokenizer):
    """Tokenise for ELECTRA. See `Tokenizer` for the methods.

    Args:
        vocab_file: The path of a `vocab.txt`, one token per line, or a dictionary of tokens and ids.
        vocab: The same, under its newer name.
        do_lower_case: Whether to lower-case texts.
        strip_accents: Whether to remove accents; None follows `do_lower_case`.
        tokenize_chinese_chars: Whether to make every Chinese character a word of its own.
        model_max_length: The length of the longest row that the model accepts, in tokens; the default length of
            truncation.
        padding_side: The side on which rows are padded: `left` or `right`.
        truncation_side: The side on which truncation removes tokens: `left` or `right`.

    Raises:
        MissingFileError: if there is no such file.
        VocabularyError: if the file is not a vocabulary; `line` names the line.
        InputError: if a side is neither `left` nor `right`, or there is no vocabulary or there are two.

    Example:
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-discriminator")
        >>> rows = tokenizer(["one text", "and another one"])
        >>> model = oxbert.ElectraForPreTraining.from_pretrained("electra-tiny-discriminator")
        >>> model(**rows).logits.shape[0]
        2
    """

@final
class DistilBertTokenizer(_FamilyTokenizer, Tokenizer):
    """Tokenise for DistilBERT: as ELECTRA's tokenizer, but rows have no token types unless they are asked for.

    Args:
        vocab_file: The path of a `vocab.txt`, one token per line, or a dictionary of tokens and ids.
        vocab: The same, under its newer name.
        do_lower_case: Whether to lower-case texts.
        strip_accents: Whether to remove accents; None follows `do_lower_case`.
        tokenize_chinese_chars: Whether to make every Chinese character a word of its own.
        model_max_length: The length of the longest row that the model accepts, in tokens; the default length of
            truncation.
        padding_side: The side on which rows are padded: `left` or `right`.
        truncation_side: The side on which truncation removes tokens: `left` or `right`.

    Raises:
        MissingFileError: if there is no such file.
        VocabularyError: if the file is not a vocabulary; `line` names the line.
        InputError: if a side is neither `left` nor `right`, or there is no vocabulary or there are two.

    Example:
        >>> tokenizer = oxbert.DistilBertTokenizer.from_pretrained("electra-tiny-generator")
        >>> list(tokenizer("Its vocabulary is that of another family."))
        ['input_ids', 'attention_mask']
    """

@disjoint_base
class _Pipeline:
    @property
    def _model(self) -> Model | None: ...
    @property
    def _config(self) -> Config: ...
    @property
    def _tokenizer(self) -> Tokenizer: ...
    @property
    def _device(self) -> str: ...
    @property
    def _precision(self) -> _types.Precision: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: Any, /) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class _FeatureExtraction(_Pipeline):
    @staticmethod
    def from_pretrained(
        folder: _Path | Model,
        *,
        tokenizer: _Path | Tokenizer | None = None,
        device: _Device | None = None,
        precision: _types.Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        **hub: Unpack[_types.HubKeywords],
    ) -> _FeatureExtraction: ...
    def _tokens(
        self, texts: Sequence[str], *, torch: bool, truncation: _Truncation = None, first_row: int | None = None
    ) -> list[Any]: ...
    def _vectors(
        self,
        texts: Sequence[str],
        *,
        pooling: str,
        normalize: bool,
        torch: bool,
        truncation: _Truncation = None,
        first_row: int | None = None,
    ) -> Any: ...

@final
class _QuestionAnswering(_Pipeline):
    @staticmethod
    def from_pretrained(
        folder: _Path | Model,
        *,
        tokenizer: _Path | Tokenizer | None = None,
        device: _Device | None = None,
        precision: _types.Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        **hub: Unpack[_types.HubKeywords],
    ) -> _QuestionAnswering: ...
    def _answer(
        self,
        questions: Sequence[str],
        contexts: Sequence[str],
        *,
        top_k: int,
        max_seq_len: int | None,
        doc_stride: int | None,
        max_question_len: int,
        max_answer_len: int,
        handle_impossible_answer: bool,
        align_to_words: bool,
    ) -> list[list[dict[str, Any]]]: ...

@final
class _SentenceEncoder(_Pipeline):
    @staticmethod
    def from_pretrained(
        folder: _Path | Model,
        *,
        tokenizer: _Path | Tokenizer | None = None,
        device: _Device | None = None,
        precision: _types.Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        **hub: Unpack[_types.HubKeywords],
    ) -> _SentenceEncoder: ...
    def _encode(
        self,
        texts: Sequence[str],
        *,
        prompt: str | None,
        normalize: bool,
        truncate: bool,
        torch: bool,
        first_row: int | None = None,
    ) -> Any: ...
    @property
    def _dimension(self) -> int: ...
    @property
    def _max_length(self) -> int: ...
    @property
    def _prompts(self) -> dict[str, str]: ...
    @property
    def _default_prompt_name(self) -> str | None: ...

@final
class _TextClassification(_Pipeline):
    @staticmethod
    def from_pretrained(
        folder: _Path | Model,
        *,
        tokenizer: _Path | Tokenizer | None = None,
        device: _Device | None = None,
        precision: _types.Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        **hub: Unpack[_types.HubKeywords],
    ) -> _TextClassification: ...
    def _classify(
        self,
        texts: _Texts,
        *,
        top_k: int | None = None,
        function: str | None = None,
        truncation: _Truncation = None,
        first_row: int | None = None,
    ) -> list[list[dict[str, Any]]]: ...
    def _scores(
        self, texts: _Texts, *, function: str, truncation: _Truncation = None, first_row: int | None = None
    ) -> list[list[float]]: ...

@final
class _TokenClassification(_Pipeline):
    @staticmethod
    def from_pretrained(
        folder: _Path | Model,
        *,
        tokenizer: _Path | Tokenizer | None = None,
        device: _Device | None = None,
        precision: _types.Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        **hub: Unpack[_types.HubKeywords],
    ) -> _TokenClassification: ...
    def _classify(
        self,
        texts: Sequence[str] | Sequence[Sequence[str]],
        *,
        aggregation: str,
        ignore_labels: Sequence[str],
        stride: int | None,
        is_split_into_words: bool,
        delimiter: str,
    ) -> list[list[dict[str, Any]]]: ...

@final
class _ZeroShotClassification(_Pipeline):
    @staticmethod
    def from_pretrained(
        folder: _Path | Model,
        *,
        tokenizer: _Path | Tokenizer | None = None,
        device: _Device | None = None,
        precision: _types.Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        **hub: Unpack[_types.HubKeywords],
    ) -> _ZeroShotClassification: ...
    def _classify(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        template: str,
        multi_label: bool,
        truncate: bool,
        first_row: int | None = None,
    ) -> list[dict[str, Any]]: ...

@final
class FillMask(_Pipeline):
    """Fill each `[MASK]` of a text with the likeliest tokens.

    A pickle holds the folder, the device and the precision, and is loaded from there. A copy is the pipeline itself,
    which never changes.

    Example:
        >>> fill = oxbert.FillMask.from_pretrained("electra-tiny-generator")
        >>> [[mask]] = fill(["The function returns a [MASK] of strings."], top_k=3)
        >>> mask["start"], mask["end"], len(mask["candidates"])
        (23, 29, 3)
    """

    @staticmethod
    def from_pretrained(
        folder: _Path | Model,
        *,
        tokenizer: _Path | Tokenizer | None = None,
        device: _Device | None = None,
        precision: _types.Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        **hub: Unpack[_types.HubKeywords],
    ) -> FillMask:
        """Load from a model folder, a bundled model or a repository of the hub, or take a loaded model.

        Args:
            folder: A path or a name, as for `Model.from_pretrained`; or a masked LM, which the pipeline shares.
            tokenizer: A tokenizer, or its path or name; None means the folder's. A loaded model needs one.
            device: The device; None means `cpu`, or that of a loaded model.
            precision: `float32`, `float16`, `bfloat16`, `int8`, `int8_bfloat16` or `auto`, as for
                `Model.from_pretrained`; None means `float32`, or that of a loaded model.
            emulate: Whether to take a precision that the processor has no arithmetic for, and to compute it slowly.
            batch_tokens: The largest number of tokens in a batch; None means 2048.
            hub: `revision` and the other options of the hub.

        Raises:
            InputError: if the processor or the device lacks the precision, or a loaded model does not fit.
            MissingFileError: if there is no such folder or model, or the folder lacks a file.
            UntrainedHeadError: if the weights have no masked-LM head.
            WeightsFormatError: if the weight file is truncated, corrupt or of another format.
            WeightsMismatchError: if the weights differ from the model's.
        """

    def _fill(
        self,
        texts: Sequence[str],
        *,
        top_k: int = 5,
        targets: Sequence[int] | None = None,
        first_row: int | None = None,
    ) -> list[list[list[_Candidate]]]: ...
    def _targets(self, words: Sequence[str]) -> list[tuple[int, bool] | None]: ...
    def __call__(self, texts: Sequence[str], *, top_k: int = 5) -> list[list[_MaskedToken]]:
        """Return, for each text, one dictionary per mask.

        Args:
            texts: Texts with one `[MASK]` or more each.
            top_k: The number of candidates per mask.

        Returns:
            `index` (of the token, `[CLS]` being 0), `start` and `end` (characters), and `candidates`, the likeliest
            first: `score` (a probability), `token` (its id), `token_str`, `sequence` (the text with it).

        Raises:
            InputError: if there is no text, a text has no mask, or `top_k` is 0.
            TooLongError: if a text has more tokens than the model has positions.
        """

@final
class PretrainerHeads:
    """Run the heads of TF Model Garden's pretrainer on the sequence outputs of two networks, for `ElectraPretrainer`.

    Methods take and return torch tensors.

    Args:
        generator_hidden: H of the generator.
        discriminator_hidden: H of the discriminator.
        vocab_size: V, rows of the generator's table of words.
        embedding_size: E, columns of that table.
        num_classes: Classes of the sentence head.
        mlm_activation: The activation of the masked-LM head and of the discriminator's projection.
        log_probabilities: Whether `lm_outputs` are logarithms of probabilities; otherwise they are logits.
        disallow_correct: Never draw the original token.

    Raises:
        InputError: if there is no such activation.

    Example:
        >>> heads = oxbert.PretrainerHeads(
        ...     generator_hidden=4, discriminator_hidden=6, vocab_size=9, embedding_size=3, num_classes=2
        ... )
        >>> heads.disc_logits(torch.zeros(1, 5, 6)).shape
        torch.Size([1, 5])
    """

    def __new__(
        cls,
        *,
        generator_hidden: int,
        discriminator_hidden: int,
        vocab_size: int,
        embedding_size: int,
        num_classes: int,
        mlm_activation: str = "linear",
        log_probabilities: bool = False,
        disallow_correct: bool = False,
    ) -> Self: ...
    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Return the names and the parameters themselves."""

    def lm_outputs(self, sequence: torch.Tensor, positions: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """Predict the tokens at masked positions, [B, P, V].

        Args:
            sequence: The generator's sequence output [B, S, H].
            positions: int64 [B, P].
            table: The generator's word embeddings [V, E].
        """

    def sentence_outputs(self, sequence: torch.Tensor) -> torch.Tensor:
        """Classify the first token of the generator's sequence output [B, S, H]; returns [B, C]."""

    def disc_logits(self, sequence: torch.Tensor) -> torch.Tensor:
        """Return logits [B, S] of the discriminator's sequence output [B, S, H]; above 0 if a token looks replaced."""

    def replace(
        self,
        input_word_ids: torch.Tensor,
        masked_lm_positions: torch.Tensor,
        masked_lm_ids: torch.Tensor,
        lm_outputs: torch.Tensor,
        uniforms: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the ids that the discriminator sees and 1 for each id that differs from the original, both [B, S].

        Args:
            input_word_ids: Masked ids, int64 [B, S].
            masked_lm_positions: int64 [B, P].
            masked_lm_ids: The original ids at these positions, int64 [B, P].
            lm_outputs: The outputs of `lm_outputs`, [B, P, V].
            uniforms: Uniform random numbers in [0, 1), [B, P, V].
        """

@final
class PretrainingNetworks:
    """Train a generator and a discriminator together: both networks and their objective.

    Rows are packed, never padded, and only chosen tokens reach the projection to the vocabulary. All randomness of an
    example is a function of the seed, the step and the number of the example, so an interrupted run resumes exactly,
    and several processes draw what one process would have drawn.

    Args:
        generator: The configuration of the masked LM; None draws replacements uniformly from all words.
        discriminator: The configuration of the discriminator; None trains a masked LM alone.
        special_ids: The ids of `[CLS]`, `[SEP]` and `[MASK]`. The first two are never chosen.
        max_predictions: The largest number of tokens chosen per row; the original has 19 for rows of 128.
        mask_probability: The share of the tokens of a row that is chosen.
        masked_share: The share of chosen tokens that becomes `[MASK]`; the others stay.
        with_replacement: Choose as the original does, which chooses some tokens twice.
        sharing: `embeddings` ties all embeddings and their norm, as the paper does; `nothing` ties nothing;
            `everything` makes both one network with two heads.
        masked_lm_weight: The weight of the generator's loss.
        replaced_weight: The weight of the discriminator's loss.
        temperature: The divisor of the generator's logits before tokens are drawn.
        disallow_correct: Never draw the original token.
        electric: Use the objective of Electric: the generator is two towers of its configuration, one that reads from
            the left and one from the right, and learns to predict every token; the discriminator's logit is the energy
            of a token, to which the generator's log-probability is added. The original's log-probabilities of `[CLS]`
            and `[SEP]` depend on its padding; here the towers wrap around in a row, as they do there without padding.
        seed: The seed of the fresh parameters, as for a model.
        device: The device of the parameters; None means `cpu`.

    Raises:
        ConfigError: if a configuration contradicts itself, or the two networks cannot be tied as `sharing` says.
        InputError: if a share, a number or a name is out of range, or there is no network at all.
        DeviceError: if this machine has no such device.

    Example:
        >>> sizes = {"vocab_size": 20, "embedding_size": 4, "num_hidden_layers": 1}
        >>> generator = oxbert.ElectraConfig(hidden_size=4, num_attention_heads=1, intermediate_size=8, **sizes)
        >>> discriminator = oxbert.ElectraConfig(hidden_size=8, num_attention_heads=2, intermediate_size=16, **sizes)
        >>> networks = oxbert.PretrainingNetworks(
        ...     generator, discriminator, special_ids=(2, 3, 4), max_predictions=3, seed=0
        ... )
        >>> output = networks.step([[2, 7, 8, 9, 3], [2, 10, 3]], seed=0, step=0)
        >>> output.loss.backward()
        >>> output.totals
        (2, 8, 4)
    """

    def __new__(
        cls,
        generator: ElectraConfig | None,
        discriminator: ElectraConfig | None,
        *,
        special_ids: tuple[int, int, int],
        max_predictions: int,
        mask_probability: float = 0.15,
        masked_share: float = 0.85,
        with_replacement: bool = False,
        sharing: _types.Sharing = "embeddings",
        masked_lm_weight: float = 1.0,
        replaced_weight: float = 50.0,
        temperature: float = 1.0,
        disallow_correct: bool = False,
        electric: bool = False,
        seed: int | None = None,
        device: _Device | None = None,
    ) -> Self: ...
    @property
    def device(self) -> str:
        """Return the device of the parameters: `cpu` or `cuda:N`."""

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Return the names and the parameters themselves. Imports torch.

        Names begin with `generator.` or `discriminator.` and continue as in a checkpoint of the network alone. Two
        towers have the prefixes `generator_ltr.`, `generator_rtl.` and `cloze_predictions.`, as in the original. Tied
        parameters are listed once, under the discriminator's name.
        """

    def totals(self, rows: _Rows) -> tuple[int, int, int]:
        """Count the tokens over which the losses of a step are means.

        Return the number of chosen tokens, of all tokens, and of tokens that might have been chosen.

        Args:
            rows: Ids, without padding.
        """

    def step(
        self,
        rows: _Rows,
        first_segments: Sequence[int] | None = None,
        *,
        seed: int,
        step: int,
        examples: Sequence[int] | None = None,
        totals: tuple[int, int, int] | None = None,
        train: bool = True,
        discriminate: bool = True,
        gumbel: torch.Tensor | None = None,
    ) -> PretrainingOutput:
        """Compute the losses of one step, with their graph. Imports torch.

        Args:
            rows: Ids, B rows without padding, with `[CLS]` and `[SEP]` where they belong.
            first_segments: The number of tokens of each row that belong to its first text; the others have type 1. None
                means all.
            seed: The seed of the run, at least 0.
            step: The number of the update, counted from 0.
            examples: The number of each row in the batch of all processes; None means 0, 1, 2, ...
            totals: For a part of a batch, the result of `totals` for all rows of the batch, so that the losses of the
                parts add up to the loss of the whole. None means that these rows are the whole batch.
            train: Whether to apply dropout.
            discriminate: Whether to run the discriminator.
            gumbel: Uniform random numbers [N, V] for the original's way to draw tokens; None draws with one number per
                token, from the same distribution.

        Raises:
            IdRangeError: if an id is not in the vocabulary.
            TooLongError: if a row has more tokens than there are positions.
            ShapeError: if the shapes of arguments do not fit each other.
            InputError: if no token can be chosen, no network takes part, or `totals` are below the totals of these
                rows.

        Source:
            `run_pretraining.py` and `pretrain/pretrain_helpers.py` of google-research/electra.
        """

@final
class ReplacedTokenDetection(_Pipeline):
    """Predict for each token of a text the probability that it was replaced.

    A pickle holds the folder, the device and the precision, and is loaded from there. A copy is the pipeline itself,
    which never changes.

    Example:
        >>> detect = oxbert.ReplacedTokenDetection.from_pretrained("electra-tiny-discriminator")
        >>> [tokens] = detect(["The function returns"])
        >>> [token["token"] for token in tokens], all(0 < token["probability"] < 1 for token in tokens)
        (['the', 'function', 'returns'], True)
    """

    @staticmethod
    def from_pretrained(
        folder: _Path | Model,
        *,
        tokenizer: _Path | Tokenizer | None = None,
        device: _Device | None = None,
        precision: _types.Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        **hub: Unpack[_types.HubKeywords],
    ) -> ReplacedTokenDetection:
        """Load from a model folder, a bundled model or a repository of the hub, or take a loaded model.

        Args:
            folder: A path or a name, as for `Model.from_pretrained`; or a discriminator, which the pipeline shares.
            tokenizer: A tokenizer, or its path or name; None means the folder's. A loaded model needs one.
            device: The device; None means `cpu`, or that of a loaded model.
            precision: `float32`, `float16`, `bfloat16`, `int8`, `int8_bfloat16` or `auto`, as for
                `Model.from_pretrained`; None means `float32`, or that of a loaded model.
            emulate: Whether to take a precision that the processor has no arithmetic for, and to compute it slowly.
            batch_tokens: The largest number of tokens in a batch; None means 2048.
            hub: `revision` and the other options of the hub.

        Raises:
            InputError: if the processor or the device lacks the precision, or a loaded model does not fit.
            MissingFileError: if there is no such folder or model, or the folder lacks a file.
            UntrainedHeadError: if the weights have no discriminator head.
            WeightsFormatError: if the weight file is truncated, corrupt or of another format.
            WeightsMismatchError: if the weights differ from the model's.
        """

    def _words(
        self, texts: Sequence[str], *, threshold: float, first_row: int | None = None
    ) -> list[list[dict[str, Any]]]: ...
    def __call__(self, texts: Sequence[str]) -> list[list[_JudgedToken]]:
        """Return, for each text, one dictionary per token: `token`, `start`, `end` (characters) and `probability`.

        Raises:
            InputError: if there is no text.
            TooLongError: if a text has more tokens than the model has positions.
        """

@overload
def load_weights(
    path: _Path, arrays: Literal["numpy"] = "numpy", *, component: _types.Component | None = None
) -> dict[str, _Array]:
    """Load the tensors of a checkpoint of any format by name; nothing in a file is executed.

    The formats are `.safetensors`, `.ot`, torch's `.bin` and `.pt`, checkpoints of TensorFlow, Flax's `.msgpack` and
    Keras's `.h5`, recognised by their content. Tensors of the last three get transformers' names for torch, and are
    transposed as there.

    Args:
        path: The file; the index of several (`model.safetensors.index.json`); or TensorFlow's `model.ckpt-N`.
        component: The network to take from a checkpoint of google-research/electra that has both.
        arrays: `numpy` or `torch`. `numpy` converts float16 and bfloat16 to float32, which holds every value of both;
            `torch` keeps the dtype of the file.

    Raises:
        MissingFileError: if there is no such file.
        MissingDependencyError: if the file is an `.h5` and h5py is not installed.
        WeightsFormatError: if the file is truncated, corrupt or of another format.
        InputError: if `arrays` is neither of the two, or if the checkpoint has two networks and `component` is None.

    Example:
        >>> oxbert.save_weights({"a.bias": torch.tensor([1.0, 2.0], dtype=torch.float16)}, "one.safetensors")
        >>> oxbert.load_weights("one.safetensors", "torch")["a.bias"].dtype
        torch.float16
    """

@overload
def load_weights(
    path: _Path, arrays: Literal["torch"], *, component: _types.Component | None = None
) -> dict[str, torch.Tensor]: ...
def weight_origins(path: _Path, *, component: _types.Component | None = None) -> dict[str, tuple[str, bool]]:
    """Return how a checkpoint names and stores its tensors, if that differs from torch.

    Args:
        path: As for `load_weights`.
        component: As for `load_weights`.

    Returns:
        For each name that `load_weights` gives, the name in the file and whether the tensor is transposed there.

    Raises:
        OxbertError: as `load_weights`.

    Example:
        >>> oxbert.save_weights({"a.bias": np.zeros(2)}, "three.ot")
        >>> oxbert.weight_origins("three.ot")
        {}
    """

def find_weights(folder: _Path) -> Path:
    """Return the weight file that is read from a folder: the first of `WEIGHT_FILES`, or a checkpoint of TensorFlow.

    Raises:
        MissingFileError: if the folder has no weight file; `found` lists its files.

    Example:
        >>> oxbert.save_weights({"a.bias": np.zeros(2)}, "model.safetensors")
        >>> oxbert.find_weights(".").name
        'model.safetensors'
    """

def describe_weights(path: _Path, *, component: _types.Component | None = None) -> str | None:
    """Return the text of a `config.json` inferred from the shapes of a checkpoint of google-research/electra.

    Returns:
        The text; None for other checkpoints.

    Args:
        path: As for `load_weights`.
        component: As for `load_weights`.

    Raises:
        OxbertError: as `load_weights`.

    Example:
        >>> oxbert.save_weights({"a.bias": np.zeros(2)}, "four.ot")
        >>> oxbert.describe_weights("four.ot") is None
        True
    """

def save_weights(tensors: _Tensors, path: _Path) -> None:
    """Write tensors by name. A crash leaves either the old or the new file.

    Args:
        tensors: Names, and torch tensors or numpy arrays of a float, integer or bool dtype.
        path: A path that ends with `.ot`, `.safetensors` or `.bin`, which decides the format.

    Raises:
        FileError: if the file cannot be written.
        InputError: if the path ends otherwise.
        DtypeError: if a tensor has another dtype.

    Example:
        >>> oxbert.save_weights({"a.weight": np.eye(2)}, "two.ot")
        >>> oxbert.load_weights("two.ot")["a.weight"].tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

def canonical_name(name: str) -> str | None:
    """Return a tensor's name as the models write it.

    Removes a wrapper's prefix (`module.`) and writes `LayerNorm.gamma` and `.beta` as `.weight` and `.bias`. Returns
    None for the buffers `position_ids` and `token_type_ids`, which no model needs.

    Example:
        >>> oxbert.canonical_name("module.electra.embeddings.LayerNorm.gamma")
        'electra.embeddings.LayerNorm.weight'
    """

@final
class LocalResource:
    """Name a file on this machine.

    Resources can be compared, hashed, pickled and copied.

    Args:
        local_path: The path of the file.

    Example:
        >>> oxbert.LocalResource("model/vocab.txt").local_path.name
        'vocab.txt'
    """

    def __new__(cls, local_path: _Path) -> Self: ...
    @property
    def local_path(self) -> Path:
        """Return the path of the file."""

    def get_local_path(self) -> Path:
        """Return the path of the file, which must exist.

        Raises:
            MissingFileError: if the file does not exist.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[Path]]: ...

@final
class RemoteResource:
    """Name a file on the network, which is downloaded when its path is first requested, and then cached.

    The cache is the folder in the environment variable `RUSTBERT_CACHE`, otherwise `.rustbert` in the user's cache
    folder (`$XDG_CACHE_HOME`, or `~/.cache`), as for rust_bert. A file in the cache has the path `cache_subdir/<hash of
    the url>/<its name in the url>`. A cached file is used without a request; delete it to download it again.

    A download that is interrupted, by Ctrl-C or a network failure, resumes the next time if the server supports that.
    If several threads or processes request a file, one downloads it and the others wait. On a terminal a bar shows the
    progress of a large file. Proxies are read from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`; servers are
    verified with Mozilla's list of authorities, or with the file in `SSL_CERT_FILE`.

    Resources can be compared, hashed, pickled and copied.

    Args:
        url: The url of the file: `https://...` or `http://...`.
        cache_subdir: The folder in the cache, e.g. `electra-base-generator/model`; None means the cache itself.
        cache_dir: A cache that replaces the default one.

    Example:
        >>> vocabulary = oxbert.RemoteResource.from_pretrained(oxbert.ElectraVocabResources.BASE_GENERATOR)
        >>> vocabulary.cache_subdir, vocabulary.cached_path().name
        ('electra-base-generator/vocab', 'vocab.txt')
    """

    def __new__(cls, url: str, cache_subdir: str | None = None, *, cache_dir: _Path | None = None) -> Self: ...
    @classmethod
    def from_pretrained(cls, name_url_tuple: tuple[str, str], *, cache_dir: _Path | None = None) -> Self:
        """Name one of the files of known models, such as `ElectraModelResources.BASE_GENERATOR`.

        Args:
            name_url_tuple: The folder in the cache, and the url.
            cache_dir: A cache that replaces the default one.
        """

    @property
    def url(self) -> str:
        """Return the url of the file."""

    @property
    def cache_subdir(self) -> str:
        """Return the folder in the cache; empty for the cache itself."""

    @property
    def cache_dir(self) -> Path | None:
        """Return the cache that replaces the default one, or None."""

    def cached_path(self) -> Path:
        """Return the path of the file once it is downloaded.

        Raises:
            InputError: if the url is invalid or names no file, if `cache_subdir` leads out of the cache, or if there is
                no cache.
        """

    def get_local_path(self) -> Path:
        """Return the path of the file, downloading the file if it is not in the cache yet.

        Raises:
            DownloadError: if the server or the network failed, three times in a row if trying again may help.
            FileError: if the file cannot be written.
            InputError: as `cached_path`.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]: ...

def download_resource(resource: LocalResource | RemoteResource) -> Path:
    """Return the path of a resource on this machine, downloading the file if it is not there yet.

    Args:
        resource: The resource, whose `get_local_path` is called.

    Example:
        >>> oxbert.download_resource(oxbert.LocalResource("."))
        PosixPath('.')
    """

@final
class ElectraModelResources:
    """List the weights of ELECTRA on the hub.

    Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.

    Example:
        >>> oxbert.ElectraModelResources.BASE_GENERATOR[0]
        'electra-base-generator/model'
    """

    BASE_GENERATOR: ClassVar[tuple[str, str]]
    BASE_DISCRIMINATOR: ClassVar[tuple[str, str]]

@final
class ElectraConfigResources:
    """List the configurations of ELECTRA on the hub.

    Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.

    Example:
        >>> oxbert.ElectraConfigResources.BASE_GENERATOR[0]
        'electra-base-generator/config'
    """

    BASE_GENERATOR: ClassVar[tuple[str, str]]
    BASE_DISCRIMINATOR: ClassVar[tuple[str, str]]

@final
class ElectraVocabResources:
    """List the vocabularies of ELECTRA on the hub.

    Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.

    Example:
        >>> oxbert.ElectraVocabResources.BASE_GENERATOR[0]
        'electra-base-generator/vocab'
    """

    BASE_GENERATOR: ClassVar[tuple[str, str]]
    BASE_DISCRIMINATOR: ClassVar[tuple[str, str]]

@final
class DistilBertModelResources:
    """List the weights of DistilBERT on the hub.

    Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.

    Example:
        >>> oxbert.DistilBertModelResources.DISTIL_BERT[0]
        'distilbert/model'
    """

    DISTIL_BERT_SST2: ClassVar[tuple[str, str]]
    DISTIL_BERT: ClassVar[tuple[str, str]]
    DISTIL_BERT_SQUAD: ClassVar[tuple[str, str]]
    DISTILUSE_BASE_MULTILINGUAL_CASED: ClassVar[tuple[str, str]]

@final
class DistilBertConfigResources:
    """List the configurations of DistilBERT on the hub.

    Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.

    Example:
        >>> oxbert.DistilBertConfigResources.DISTIL_BERT[0]
        'distilbert/config'
    """

    DISTIL_BERT_SST2: ClassVar[tuple[str, str]]
    DISTIL_BERT: ClassVar[tuple[str, str]]
    DISTIL_BERT_SQUAD: ClassVar[tuple[str, str]]
    DISTILUSE_BASE_MULTILINGUAL_CASED: ClassVar[tuple[str, str]]

@final
class DistilBertVocabResources:
    """List the vocabularies of DistilBERT on the hub.

    Each entry is a pair for `RemoteResource.from_pretrained`: the folder in the cache and the url.

    Example:
        >>> oxbert.DistilBertVocabResources.DISTIL_BERT[0]
        'distilbert/vocab'
    """

    DISTIL_BERT_SST2: ClassVar[tuple[str, str]]
    DISTIL_BERT: ClassVar[tuple[str, str]]
    DISTIL_BERT_SQUAD: ClassVar[tuple[str, str]]
    DISTILUSE_BASE_MULTILINGUAL_CASED: ClassVar[tuple[str, str]]

@final
class _TFRecordFile:
    def __new__(cls, path: _Path, ends: npt.NDArray[np.uint64] | None = None) -> Self: ...
    def __getnewargs__(self) -> tuple[Path, npt.NDArray[np.uint64]]: ...
    def __len__(self) -> int: ...
    @property
    def ends(self) -> npt.NDArray[np.uint64]: ...
    def places(self) -> tuple[_Integers, _Integers]: ...
    def row_length(self, record: int) -> int: ...
    def read(self, record: int, vocab_size: int | None = None) -> tuple[npt.NDArray[np.int32], int]: ...
    @staticmethod
    def write(path: _Path, examples: Sequence[tuple[Sequence[int], int]], max_length: int) -> None: ...

_ResultT = TypeVar("_ResultT")

def _outside_modes(work: Callable[[], _ResultT]) -> _ResultT:
    """Call a function outside of the modes in which new tensors have no memory, for work of oxbert in Python."""

def _features() -> list[tuple[str, bool]]:
    """Return the features of the processor that kernels use, and whether it has each."""

def _kernels(device: _Device) -> list[tuple[str, str | None, str | None]]:
    """Return for each precision what serves it on a device (an instruction set, or `libtorch`), and why none does."""

def _record(index: int, work: Callable[[], object]) -> bool | None:
    """Record a function as the layers of a frozen model are recorded on a GPU, and replay it; for tests.

    Returns:
        Whether a replay was launched; None if nothing was recorded.
    """

def _set_threads(threads: int) -> None:
    """Set the number of threads of a call, for this thread of Python, as `torch.set_num_threads` does."""

def _threads() -> int:
    """Return the number of threads of a call."""
