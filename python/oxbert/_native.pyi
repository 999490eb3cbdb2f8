"""Types of the native module: models, tokenizers and weight files, in Rust on libtorch.

Letters in shapes: B batch, S sequence, C choices, H hidden, E embedding, A heads, F feed-forward, V vocabulary, L
labels. Examples are run with `import oxbert`, `import numpy as np` and `import torch`. Every error is a class of
`oxbert.errors`.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeAlias, TypedDict, TypeVar, final, overload

import numpy as np
import numpy.typing as npt
import torch
from typing_extensions import Self, Unpack, disjoint_base

from oxbert.encoding import BatchEncoding
from oxbert.outputs import (
    BaseModelOutput,
    ElectraForPreTrainingOutput,
    MaskedLMOutput,
    MultipleChoiceModelOutput,
    PretrainingOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)

__all__ = [
    "WEIGHT_FILES",
    "Activation",
    "AddedToken",
    "Config",
    "DistilBertConfig",
    "DistilBertConfigResources",
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
    "__version__",
    "canonical_name",
    "describe_weights",
    "download_resource",
    "find_weights",
    "load_weights",
    "save_weights",
    "weight_origins",
]

__version__: str

WEIGHT_FILES: list[str]
"""The weight files of a model folder, best first; checkpoints of TensorFlow, whose names have a number, come last."""

_Path = str | os.PathLike[str]
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
_Truncation = bool | Literal["longest_first", "only_first", "only_second", "do_not_truncate"] | None
_Padding = bool | Literal["longest", "max_length", "do_not_pad"] | None
_Side = Literal["left", "right"]
# What a tokenizer takes: a text, texts, pairs of texts, or, with `is_split_into_words`, lists of words for texts.
_Text = str | Sequence[str]
_Texts = _Text | Sequence[_Text | Sequence[_Text]]
_ProblemType = Literal["regression", "single_label_classification", "multi_label_classification"]

_Component = Literal["generator", "discriminator"]

class _Hub(TypedDict, total=False):
    # What is passed on to huggingface_hub, where a folder comes from there.
    revision: str | None
    subfolder: str | None
    cache_dir: _Path | None
    local_files_only: bool
    force_download: bool
    token: str | bool | None

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
    padding_side: _Side | None

class _HasWeight(Protocol):
    # As `torch.nn.Embedding`.
    @property
    def weight(self) -> torch.Tensor | _Array: ...

@final
class Activation:
    """An activation function, by the name that `config.json` gives it.

    Called on floats of any shape, it gives as many of them: torch tensors give torch tensors with their graph and in
    their own floating dtype, float32 arrays and lists of numbers give float32 arrays. Two activations are equal where
    they are the same function, whatever they are called; they can be pickled and copied.

    Args:
        name: One of `names()`: those of transformers, less the few that have parameters of their own.

    Raises:
        InputError: There is none of that name; the message lists all of them.
        DtypeError: An array that it is called on is not float32.
        TorchError: libtorch has no such function for the dtype of a torch tensor.

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
        """Every name that is understood."""

    @property
    def name(self) -> str:
        """The name in `config.json`: of several names of one function, the one that is written."""

    @overload
    def __call__(self, input: torch.Tensor) -> torch.Tensor: ...
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
    """The base of all configurations: what does not depend on the family.

    Configurations are made by their own classes, `ElectraConfig` and `DistilBertConfig`. What `Config` itself reads is
    of the family that `model_type` says, or, where an old file lacks it, the class that `architectures` names.

    Keyword arguments, defaults and attributes are those of transformers. Keys that oxbert does not know are kept: they
    are attributes too, and are written back. Assigning to an attribute checks the whole configuration again and changes
    nothing where it is refused. What an attribute gives is a copy: assign `id2label` as a whole to change a name. Two
    configurations are equal where all their values are; they can be pickled and copied.

    Raises:
        ConfigError: A value is bad; `field` names it.

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
    problem_type: _ProblemType | None
    num_labels: int
    id2label: dict[int, str]
    label2id: dict[str, int]

    __hash__: ClassVar[None]  # type: ignore[assignment]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """From a dictionary with the keys of `config.json`.

        Raises:
            ConfigError: A value is bad, or `model_type` is another family's; on `Config` itself, neither `model_type`
                nor `architectures` names a family.

        Example:
            >>> oxbert.ElectraConfig.from_dict({"hidden_act": "relu"}).hidden_act
            'relu'
        """

    @classmethod
    def from_json_file(cls, path: _Path) -> Self:
        """From a file with the keys of `config.json`.

        Raises:
            MissingFileError: There is no such file.
            ConfigError: It is not JSON, or as for `from_dict`; `path` names the file.
        """

    @classmethod
    def from_pretrained(cls, folder: _Path, **hub: Unpack[_Hub]) -> Self:
        """From a model folder, the name of a bundled model, or a repository of the hub.

        Args:
            folder: A path, or a name such as `google/electra-small-discriminator`.
            hub: `revision`, `subfolder`, `cache_dir`, `local_files_only`, `force_download`, `token`, as in
                transformers.

        Raises:
            MissingFileError: There is no such folder or model, or no `config.json` in it.
            HubError: The repository cannot be had.
            ConfigError: As for `from_dict`; `path` names the file.

        Example:
            >>> oxbert.Config.from_pretrained("electra-tiny-generator").model_type
            'electra'
        """

    def to_dict(self) -> dict[str, Any]:
        """All keys, those that oxbert does not know included.

        Example:
            >>> oxbert.ElectraConfig(mine=[1, 2]).to_dict()["mine"]
            [1, 2]
        """

    def to_json_string(self) -> str:
        """The text of `config.json`."""

    def save_pretrained(self, folder: _Path) -> None:
        """Write `config.json` into a folder, which is made where there is none.

        Raises:
            FileError: The file cannot be written.
        """

    def __setattr__(self, name: str, value: Any, /) -> None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]: ...

@final
class ElectraConfig(Config):
    """The configuration of an ELECTRA model; `Config` says what all configurations have in common.

    Args:
        vocab_size: V, entries of the vocabulary.
        embedding_size: E, the width of the embeddings.
        hidden_size: H, the width of hidden states.
        num_hidden_layers: How many layers, at most 1,000; 0 is allowed.
        num_attention_heads: A; divides H.
        intermediate_size: F, the width inside the feed-forward part.
        hidden_act: One of `Activation.names()`, for the feed-forward part and the discriminator's head.
        hidden_dropout_prob: Of embeddings and of each layer's two outputs, 0 <= p < 1, as all rates of dropout.
        attention_probs_dropout_prob: Of attention probabilities.
        max_position_embeddings: The longest text, in tokens.
        type_vocab_size: How many token types.
        initializer_range: Standard deviation of fresh weights.
        layer_norm_eps: Added to the variance in every layer norm.
        summary_type: How multiple choice makes one vector of a text: the `first` or `last` token, their `mean`, or
            `cls_index`, which is the last.
        summary_use_proj: Whether that vector is projected.
        summary_proj_to_labels: Whether it is projected to L numbers instead of H.
        summary_activation: One of `Activation.names()`, after that projection; None is none.
        summary_first_dropout: Before that projection.
        summary_last_dropout: After it.
        pad_token_id: The id of `[PAD]`, below V, whose embedding is not trained.
        classifier_dropout: Before a classifier; `hidden_dropout_prob` where it is None.
        tie_word_embeddings: Whether the decoder of a masked LM is the word embeddings.
        output_hidden_states: Whether a call returns all hidden states, where it does not say.
        output_attentions: Whether a call returns all attention probabilities, where it does not say.
        problem_type: What the labels of a text classifier are; the first labels say so where it is None.
        num_labels: L. Where it contradicts the names, they are numbered anew.
        id2label: The names of the labels by id, 0 to L - 1; `LABEL_0`, `LABEL_1` where nothing is said.
        label2id: The same the other way round.
        values: Any other keys, whose values JSON can hold.

    Raises:
        ConfigError: A value is bad; `field` names it.

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
        problem_type: _ProblemType | None = None,
        num_labels: int | None = ...,
        id2label: dict[int, str] | dict[str, str] | None = ...,
        label2id: dict[str, int] | None = ...,
        **values: Any,
    ) -> Self: ...

@final
class DistilBertConfig(Config):
    """The configuration of a DistilBERT model; `Config` says what all configurations have in common.

    transformers' general names `hidden_size`, `num_attention_heads` and `num_hidden_layers` are understood wherever
    `dim`, `n_heads` and `n_layers` are; where both are given, the family's own counts.

    Args:
        vocab_size: V, entries of the vocabulary.
        dim: H, the width of embeddings and hidden states.
        n_layers: How many layers, at most 1,000; 0 is allowed.
        n_heads: A, attention heads; divides H.
        hidden_dim: F, the width inside the feed-forward part.
        activation: One of `Activation.names()`, for the feed-forward part and the masked LM's head.
        dropout: Of embeddings, of each layer's feed-forward part, and before a token classifier, 0 <= p < 1, as all
            rates of dropout.
        attention_dropout: Of attention probabilities.
        qa_dropout: Before the question-answering head.
        seq_classif_dropout: In the heads of text classification and multiple choice.
        max_position_embeddings: The longest text, in tokens.
        sinusoidal_pos_embds: Whether a fresh position table holds sines and cosines instead of random numbers.
        initializer_range: Standard deviation of fresh weights.
        pad_token_id: The id of `[PAD]`, below V, whose embedding is not trained.
        tie_word_embeddings: Whether the decoder of a masked LM is the word embeddings.
        tie_weights_: Without meaning; rust_bert refuses a file that lacks it.
        output_hidden_states: Whether a call returns all hidden states, where it does not say.
        output_attentions: Whether a call returns all attention probabilities, where it does not say.
        problem_type: What the labels of a text classifier are; the first labels say so where it is None.
        num_labels: L. Where it contradicts the names, they are numbered anew.
        id2label: The names of the labels by id, 0 to L - 1; `LABEL_0`, `LABEL_1` where nothing is said.
        label2id: The same the other way round.
        values: Any other keys, whose values JSON can hold.

    Raises:
        ConfigError: A value is bad; `field` names it.

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
        problem_type: _ProblemType | None = None,
        num_labels: int | None = ...,
        id2label: dict[int, str] | dict[str, str] | None = ...,
        label2id: dict[str, int] | None = ...,
        **values: Any,
    ) -> Self: ...

@disjoint_base
class Model:
    """The base of all models: what does not depend on the family or the head.

    A model is called as in transformers. The arguments that `arguments` names may be given by position, in that order,
    or by name; the rest by name only. Multiple choice takes C texts for every question: there [B, C, S] stands for
    [B, S], and rows are one list deeper.

    Args:
        input_ids: [B, S] integer, below V; or ragged rows, which need no padding and no mask.
        attention_mask: [B, S], 1 = keep, 0 = padding; integers, truth values or whole floats. All are kept without it.
        token_type_ids: [B, S] or [1, S] integer, below `type_vocab_size`. 0 without it. DistilBERT has no types: it
            takes the name, since its tokenizers make them, and ignores it.
        position_ids: [B, S] or [1, S] integer, below `max_position_embeddings`. 0, 1, 2, ... by column without it.
        inputs_embeds: [B, S, E] float32, instead of `input_ids`. DistilBERT's E is H.
        labels: What the model is trained towards, as each class says; integers are -100 where they do not count. With
            labels the output has a `loss`, an array without dimensions.
        start_positions, end_positions: [B] integer, instead of `labels` for question answering.
        output_hidden_states: Return n + 1 arrays [B, S, H], the embeddings first; as the configuration says where it is
            None.
        output_attentions: Return n arrays [B, A, S, S] of probabilities; as the configuration says where it is None.
        return_dict: False returns a tuple of what is there.

    Arrays in, the same arrays out: numpy arrays and lists give numpy arrays and build no graph; torch tensors give
    torch tensors with their graph, unless torch's grad mode is off. What stands at a padded position is never read, and
    comes back as zeros. A model may be called from several threads; they take turns, and other Python threads run
    meanwhile. Models can be pickled and copied, and `repr` shows their parts with the shapes of their parameters.

    Raises:
        ShapeError: An argument has the wrong rank or shape.
        DtypeError: An argument has the wrong dtype.
        IdRangeError: An id, a type, a position or a label lies outside its table.
        TooLongError: A row has more than `max_position_embeddings` tokens.
        InputError: Not exactly one of `input_ids` and `inputs_embeds` is given, a row is empty, the mask holds
            something else than 0 and 1, or only one of `start_positions` and `end_positions` is given.
    """

    arguments: ClassVar[tuple[str, ...]]
    """The names of the arguments of a call, in their order. Every class for a family and a head has its own."""

    @property
    def config(self) -> Config:
        """The configuration, the model's own.

        A change of its labels' names, of `problem_type`, of its defaults for a call or of keys that oxbert does not
        know counts at once. The model is not built anew: sizes, activations and rates of dropout stay what they were
        when it was made, and `save_pretrained` refuses a configuration with other sizes.
        """

    @property
    def device(self) -> str:
        """Where the parameters are: `cpu` or `cuda:N`."""

    @property
    def precision(self) -> str:
        """What the parameters are stored in: `float32`, unless torch converted them."""

    @property
    def training(self) -> bool:
        """Whether dropout is applied."""

    @property
    def load_report(self) -> _LoadReport:
        """What loading found.

        `loaded` is a number of tensors; `missing` and `unexpected` are names; `mismatched` are names with what was
        expected and what was got; `renamed` maps a name in the file to the name in the model; `not_finite` are names of
        parameters with numbers that are infinite or not a number.

        Example:
            >>> model = oxbert.ElectraForMaskedLM.from_pretrained("electra-tiny-generator")
            >>> model.load_report["missing"], model.load_report["unexpected"]
            ([], [])
        """

    def forward(self, *positional: Any, **named: Any) -> Any:
        """As calling the model."""

    def zero_grad(self) -> None:
        """Forget the gradients. Imports torch."""

    def train(self, mode: bool = True) -> Self:
        """Turn dropout on, or off with `mode=False`. Returns the model."""

    def eval(self) -> Self:
        """Turn dropout off. Returns the model."""

    def to(self, device: _Device) -> Self:
        """Move the parameters to a device: `cpu`, `cuda`, `cuda:N`. Returns the model.

        They stay the same parameters, so that an optimizer made before goes on.

        Raises:
            DeviceError: There is no such device here.
            OutOfMemory: It has no memory for them; the model stays where it was.
        """

    def num_parameters(self) -> int:
        """How many numbers the parameters hold; a tied decoder is not counted a second time.

        Example:
            >>> config = oxbert.ElectraConfig(vocab_size=10, embedding_size=4, hidden_size=4, num_hidden_layers=0)
            >>> oxbert.ElectraModel(config).num_parameters()
            2104
        """

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Names and parameters, float32, over the same memory as the model's, embeddings first. Imports torch.

        A change is seen by the model; gradients arrive in `.grad`. The names are transformers', and a tied decoder is
        not listed a second time. They stay the same objects, also when the model moves or its vocabulary is resized.

        Example:
            >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
            >>> model = oxbert.ElectraForPreTraining(config, seed=0)
            >>> optimizer = torch.optim.AdamW(parameter for _, parameter in model.named_parameters())
            >>> model(torch.tensor([[1, 2, 3]]), labels=torch.tensor([[0, 1, 0]])).loss.backward()
            >>> optimizer.step()
        """

    def parameters(self) -> list[torch.nn.Parameter]:
        """The parameters of `named_parameters`. Imports torch."""

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Names and values, over the same memory as the model's, without gradients. Imports torch."""

    def load_state_dict(self, state_dict: _Tensors, strict: bool = True) -> None:
        """Replace the values of the parameters. Nothing changes where there is an error.

        Args:
            state_dict: Torch tensors or numpy arrays of a float dtype, by name.
            strict: Refuse any difference; `False` refuses none but wrong shapes.

        Raises:
            WeightsMismatchError: Names, shapes or dtypes are not the model's; all of them are told at once.

        Example:
            >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
            >>> one, other = (oxbert.ElectraModel(config, seed=seed) for seed in (1, 2))
            >>> other.load_state_dict(one.state_dict())
            >>> bool((one([[1, 2]])[0] == other([[1, 2]])[0]).all())
            True
        """

    def get_input_embeddings(self) -> torch.nn.Embedding:
        """The table of word embeddings [V, E]; its `weight` is the model's own parameter. Imports torch."""

    def set_input_embeddings(self, embeddings: torch.Tensor | _Array | _Numbers | _HasWeight) -> None:
        """Replace the values of the word embeddings; a tied decoder follows.

        Args:
            embeddings: [V, E], or something whose `weight` is, such as a `torch.nn.Embedding`. Another V resizes the
                vocabulary.

        Raises:
            ShapeError: E is another.

        Example:
            >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=0)
            >>> model = oxbert.DistilBertModel(config, seed=0)
            >>> model.set_input_embeddings(np.zeros((12, 8)))
            >>> model.config.vocab_size
            12
        """

    def get_output_embeddings(self) -> torch.nn.Linear | None:
        """The decoder of a masked LM, over the model's own parameters; None for other models. Imports torch."""

    def resize_token_embeddings(
        self, new_num_tokens: int | None = None, pad_to_multiple_of: int | None = None, mean_resizing: bool = True
    ) -> torch.nn.Embedding:
        """Give the vocabulary another size, and a masked LM's decoder with it. Imports torch.

        The last rows are dropped, or new ones added. The parameters stay the same objects with new shapes, without
        their gradients; make an optimizer after that, not before it.

        Args:
            new_num_tokens: The new V; the present one where it is None.
            pad_to_multiple_of: Round V up to a multiple of this.
            mean_resizing: Draw new rows around the mean of the old ones; otherwise as fresh ones.

        Returns:
            The table, as `get_input_embeddings`.

        Raises:
            ConfigError: The new V is below 1, or not above `pad_token_id`.
            InputError: `pad_to_multiple_of` is below 1.

        Example:
            >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=0)
            >>> model = oxbert.DistilBertForMaskedLM(config, seed=0)
            >>> model.resize_token_embeddings(pad_to_multiple_of=8)
            Embedding(16, 8, padding_idx=0)
            >>> model([[15]]).logits.shape
            (1, 1, 16)
        """

    def save_pretrained(self, folder: _Path, format: Literal["safetensors", "ot", "bin"] = "safetensors") -> None:
        """Write `config.json` and the weights into a folder, which is made where there is none.

        Args:
            folder: The folder. Where it has weights in another format, they are written anew too.
            format: `safetensors` (`model.safetensors`, which transformers loads), `ot` (`rust_model.ot`, which
                rust_bert and tch load) or `bin` (`pytorch_model.bin`, for old programs). A crash leaves the old file or
                the new one.

        Raises:
            FileError: A file cannot be written.
            InputError: The format is none of these.
            ConfigError: The configuration was changed to one of other parameters.
        """

    def __call__(self, *arguments: Any, **options: Any) -> Any: ...
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
        """The configuration, the model's own.

        A change of its labels' names, of `problem_type`, of its defaults for a call or of keys that oxbert does not
        know counts at once. The model is not built anew: sizes, activations and rates of dropout stay what they were
        when it was made, and `save_pretrained` refuses a configuration with other sizes.
        """

    @staticmethod
    def from_config(config: _ConfigT, *, seed: int | None = None, device: _Device | None = None) -> _ModelT:
        """A freshly initialised model, as transformers initialises one; the same seed gives the same values.

        The class itself takes the same arguments.

        Args:
            config: Of the same family.
            seed: Given to torch's one random generator, as `torch.manual_seed` does. Without it that goes on.
            device: `cpu` where it is None.

        Raises:
            ConfigError: The configuration contradicts itself, or is another family's.
            DeviceError: There is no such device here.
        """

    @staticmethod
    def from_pretrained(
        folder: _Path,
        *,
        config: _ConfigT | None = None,
        device: _Device | None = None,
        precision: Literal["float32"] = "float32",
        strict: bool | None = None,
        component: _Component | None = None,
        trainable: bool = True,
        **options: Any,
    ) -> _ModelT:
        """A model in evaluation mode, from a folder, the name of a bundled model, or a repository of the hub.

        Args:
            folder: A path, or a name such as `google/electra-small-generator`. Holds `config.json` and weights, the
                first of `WEIGHT_FILES` or a checkpoint of TensorFlow; nothing in it is executed.
            config: Instead of the folder's own. Google's checkpoints have none, and need none.
            device: `cpu` where it is None.
            precision: What the parameters are stored in.
            strict: None refuses a missing or unexpected part of the encoder, and warns of a missing head
                (`UntrainedHeadWarning`); True refuses any difference, False none but wrong shapes.
            component: Which network of a checkpoint of google-research/electra; None takes the generator for a masked
                LM and the discriminator for all others.
            options: `revision`, `subfolder`, `cache_dir`, `local_files_only`, `force_download` and `token` of the hub,
                as in transformers; and fields of the configuration that count instead of the folder's, such as
                `num_labels=3`.

        Raises:
            TypeError: There is no such field.
            MissingFileError: There is no such folder or model, or a file is missing in it.
            MissingDependencyError: The weights are a `tf_model.h5`, and h5py is not installed.
            HubError: The repository cannot be had.
            ConfigError: The configuration is bad, or another family's; `field` names the value.
            WeightsFormatError: The weight file is truncated, corrupt or of another format.
            WeightsMismatchError: The weights are not the model's, as `strict` says.
            DeviceError: There is no such device here.
        """

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
    ) -> _NumpyOutput: ...
    @overload
    def __call__(self, *arguments: Any, return_dict: Literal[False], **options: Any) -> tuple[Any, ...]: ...

@final
class ElectraModel(_ElectraEncoder["ElectraModel", BaseModelOutput[torch.Tensor], BaseModelOutput[_Floats]], Model):
    """ELECTRA's encoder, without a head.

    Calling it returns `last_hidden_state` [B, S, H] float32. `Model` says what the arguments mean.

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
    """ELECTRA's discriminator: was each token replaced?

    Calling it returns `logits` [B, S] float32, above 0 where a token looks replaced, and `probabilities`, their
    sigmoid. `Model` says what the arguments mean.

    `labels` are [B, S], 1 = replaced: integers, truth values or floats from 0 to 1. The loss is the binary cross
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
    """ELECTRA's generator, a masked LM: which token stands at each position?

    Calling it returns `logits` [B, S, V] float32. `Model` says what the arguments mean.

    `labels` are [B, S] integer, below V. The loss is the cross entropy over those that are not -100.

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
    """ELECTRA with a label for every token.

    Calling it returns `logits` [B, S, L] float32; the names of the labels are the configuration's `id2label`. `Model`
    says what the arguments mean.

    `labels` are [B, S] integer, below L. The loss is the cross entropy over those that are not -100.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForTokenClassification(config, seed=0)
        >>> (logits,) = model(torch.tensor([[1, 2, 3]]))
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
    """ELECTRA with labels for a text, from its first kept token.

    Calling it returns `logits` [B, L] float32; the names of the labels are the configuration's `id2label`. `Model` says
    what the arguments mean.

    `labels` and the loss are as the configuration's `problem_type` says:

    - `single_label_classification`: [B] integer, below L; cross entropy over those that are not -100.
    - `multi_label_classification`: [B, L] floats from 0 to 1; binary cross entropy.
    - `regression`: [B], or [B, L] of several labels; mean squared error.

    Where it says nothing, the first labels do, and it is written into the configuration: L = 1 means regression,
    integers a single label, floats and truth values several.

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
    """ELECTRA that answers questions: where does the answer begin and end?

    Calling it returns `start_logits` and `end_logits` [B, S] float32, for the first and the last token of the answer.
    `Model` says what the arguments mean.

    `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column does not
    count. The loss is the mean of two cross entropies over kept tokens.

    Raises:
        ConfigError: `num_labels` is not 2.
        InputError: An answer begins or ends at a padded position.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForQuestionAnswering(config, seed=0)
        >>> output = model([[1, 2, 3], [4, 5]], start_positions=[1, 0], end_positions=[2, 0])
        >>> output.start_logits.shape, output.loss.shape
        ((2, 3), ())
    """

@final
class ElectraForMultipleChoice(
    _ElectraLabelled[
        "ElectraForMultipleChoice", MultipleChoiceModelOutput[torch.Tensor], MultipleChoiceModelOutput[_Floats]
    ],
    Model,
):
    """ELECTRA that chooses between texts.

    Its inputs are [B, C, S], C texts for each question: lists of as many rows for every question, or arrays of three
    dimensions (`inputs_embeds`: four). Calling it returns `logits` [B, C] float32; hidden states and attentions come as
    B * C rows. `Model` says what the arguments mean.

    `labels` are [B] integer, below C. The loss is the cross entropy over those that are not -100.

    The configuration's `summary_type` and the keys like it say how a text becomes one vector.

    Raises:
        ConfigError: `summary_type` is none of `first`, `last`, `mean` and `cls_index`, or `summary_proj_to_labels` does
            not fit.

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
    """DistilBERT's encoder, without a head.

    Calling it returns `last_hidden_state` [B, S, H] float32. `Model` says what the arguments mean.

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
    """DistilBERT, a masked LM: which token stands at each position?

    Calling it returns `logits` [B, S, V] float32. `Model` says what the arguments mean.

    `labels` are [B, S] integer, below V. The loss is the cross entropy over those that are not -100.

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
    """DistilBERT with a label for every token.

    Calling it returns `logits` [B, S, L] float32; the names of the labels are the configuration's `id2label`. `Model`
    says what the arguments mean.

    `labels` are [B, S] integer, below L. The loss is the cross entropy over those that are not -100.

    Example:
        >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
        >>> model = oxbert.DistilBertForTokenClassification(config, seed=0)
        >>> (logits,) = model(torch.tensor([[1, 2, 3]]))
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
    """DistilBERT with labels for a text, from its first kept token.

    Calling it returns `logits` [B, L] float32; the names of the labels are the configuration's `id2label`. `Model` says
    what the arguments mean.

    `labels` and the loss are as the configuration's `problem_type` says:

    - `single_label_classification`: [B] integer, below L; cross entropy over those that are not -100.
    - `multi_label_classification`: [B, L] floats from 0 to 1; binary cross entropy.
    - `regression`: [B], or [B, L] of several labels; mean squared error.

    Where it says nothing, the first labels do, and it is written into the configuration: L = 1 means regression,
    integers a single label, floats and truth values several.

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
    """DistilBERT that answers questions: where does the answer begin and end?

    Calling it returns `start_logits` and `end_logits` [B, S] float32, for the first and the last token of the answer.
    `Model` says what the arguments mean.

    `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column does not
    count. The loss is the mean of two cross entropies over kept tokens.

    Raises:
        ConfigError: `num_labels` is not 2.
        InputError: An answer begins or ends at a padded position.

    Example:
        >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
        >>> model = oxbert.DistilBertForQuestionAnswering(config, seed=0)
        >>> output = model([[1, 2, 3], [4, 5]], start_positions=[1, 0], end_positions=[2, 0])
        >>> output.start_logits.shape, output.loss.shape
        ((2, 3), ())
    """

@final
class DistilBertForMultipleChoice(
    _DistilBertLabelled[
        "DistilBertForMultipleChoice", MultipleChoiceModelOutput[torch.Tensor], MultipleChoiceModelOutput[_Floats]
    ],
    Model,
):
    """DistilBERT that chooses between texts.

    Its inputs are [B, C, S], C texts for each question: lists of as many rows for every question, or arrays of three
    dimensions (`inputs_embeds`: four). Calling it returns `logits` [B, C] float32; hidden states and attentions come as
    B * C rows. `Model` says what the arguments mean.

    `labels` are [B] integer, below C. The loss is the cross entropy over those that are not -100.

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
    def __call__(self, hidden_states: torch.Tensor, *, train: bool = False) -> torch.Tensor: ...
    @overload
    def __call__(self, hidden_states: _Floats | _Numbers, *, train: bool = False) -> _Floats: ...
    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Names and parameters, over the same memory as the head's, sorted by name. Imports torch."""

@final
class ElectraGeneratorHead(_Head):
    """The generator's head alone, before the decoder: hidden states [..., H] -> [..., E], float32.

    `LayerNorm(gelu(W x + b))`, freshly initialised; it has no dropout, and `train` makes no difference. numpy in, numpy
    out; torch in, torch out with its graph.

    Raises:
        ConfigError: The configuration is bad, or not ELECTRA's.
        DtypeError: An array is not float32.
        TorchError: The shape is another, or the dtype of a torch tensor is not float32.

    Example:
        >>> head = oxbert.ElectraGeneratorHead(oxbert.ElectraConfig(hidden_size=8, embedding_size=6), seed=0)
        >>> head(np.ones((2, 3, 8), dtype=np.float32)).shape
        (2, 3, 6)
    """

@final
class ElectraDiscriminatorHead(_Head):
    """The discriminator's head alone: hidden states [..., H] -> logits [...], float32.

    `w · activation(W x + b) + c`, freshly initialised; it has no dropout, and `train` makes no difference. numpy in,
    numpy out; torch in, torch out with its graph.

    Raises:
        ConfigError: The configuration is bad, or not ELECTRA's.
        DtypeError: An array is not float32.
        TorchError: The shape is another, or the dtype of a torch tensor is not float32.

    Example:
        >>> head = oxbert.ElectraDiscriminatorHead(oxbert.ElectraConfig(hidden_size=8), seed=0)
        >>> head(torch.ones(2, 3, 8)).shape
        torch.Size([2, 3])
    """

@final
class ElectraClassificationHead(_Head):
    """The text classifier's head alone: hidden states [B, S, H] without padding -> logits [B, L], float32.

    `U drop(gelu(W drop(x) + b)) + c` of the first token x, freshly initialised. numpy in, numpy out; torch in, torch
    out with its graph. The rate of dropout is `classifier_dropout`, and there is none unless `train` is true.

    Raises:
        ConfigError: The configuration is bad, or not ELECTRA's.
        DtypeError: An array is not float32.
        TorchError: The shape is another, or the dtype of a torch tensor is not float32.

    Example:
        >>> head = oxbert.ElectraClassificationHead(oxbert.ElectraConfig(hidden_size=8, num_labels=3), seed=0)
        >>> head(torch.ones(2, 5, 8), train=True).shape
        torch.Size([2, 3])
    """

@final
class ElectraSequenceSummary(_Head):
    """What multiple choice makes of a text, alone: hidden states [B, S, H] without padding -> [B, H], float32.

    `drop(activation(W drop(x) + b))`, freshly initialised, where x, W, the activation and the rates are what the
    configuration's keys that begin with `summary_` say. numpy in, numpy out; torch in, torch out with its graph. There
    is no dropout unless `train` is true.

    Raises:
        ConfigError: The configuration is bad, or not ELECTRA's.
        DtypeError: An array is not float32.
        TorchError: The shape is another, or the dtype of a torch tensor is not float32.

    Example:
        >>> summary = oxbert.ElectraSequenceSummary(oxbert.ElectraConfig(hidden_size=8, summary_type="mean"), seed=0)
        >>> summary([[[1.0] * 8] * 5]).shape
        (1, 8)
    """

@final
class AddedToken:
    """A token that is cut out of a text before all else.

    Args:
        content: What is looked for.
        single_word: Whether it must not stand inside a word.
        lstrip: Whether it takes the white space on its left along.
        rstrip: Whether it takes the white space on its right along.
        normalized: Whether it is looked for in the normalised text, normalised itself; None: unless it is special.
        special: Whether decoding may leave it out.

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
        """What is looked for."""

    @property
    def single_word(self) -> bool:
        """Whether it must not stand inside a word."""

    @property
    def lstrip(self) -> bool:
        """Whether it takes the white space on its left along."""

    @property
    def rstrip(self) -> bool:
        """Whether it takes the white space on its right along."""

    @property
    def normalized(self) -> bool:
        """Whether it is looked for in the normalised text."""

    @property
    def special(self) -> bool:
        """Whether decoding may leave it out."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[bool, bool, bool, bool, bool, str]]: ...

@final
class Encoding:
    """One row of tokens, with the way back to its text.

    Everything has one entry per token. Positions of characters are those of the original text, counted from 0; `end` is
    one past the last. What was added (`[CLS]`, `[SEP]`, padding) belongs to no text, word or character. A place that is
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
        """Token ids."""

    @property
    def type_ids(self) -> list[int]:
        """0 for the first text and padding, 1 for the second."""

    @property
    def attention_mask(self) -> list[int]:
        """1, and 0 for padding."""

    @property
    def special_tokens_mask(self) -> list[int]:
        """1 for what was added."""

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """(start, end) of each token in its text; (0, 0) for what was added."""

    @property
    def tokens(self) -> list[str]:
        """The tokens as the vocabulary spells them."""

    @property
    def word_ids(self) -> list[int | None]:
        """The word of each token, counted from 0 in its text."""

    @property
    def sequence_ids(self) -> list[int | None]:
        """The text of each token: 0, or 1 of a pair."""

    @property
    def n_sequences(self) -> int:
        """How many texts there are."""

    def token_to_sequence(self, token_index: int) -> int | None:
        """The text of a token."""

    def token_to_chars(self, token_index: int) -> tuple[int, int] | None:
        """(start, end) of a token's characters."""

    def token_to_word(self, token_index: int) -> int | None:
        """The word of a token."""

    def word_to_tokens(self, word_index: int, sequence_index: int = 0) -> tuple[int, int] | None:
        """(start, end) of a word's tokens."""

    def word_to_chars(self, word_index: int, sequence_index: int = 0) -> tuple[int, int] | None:
        """(start, end) of a word's characters."""

    def char_to_token(self, char_pos: int, sequence_index: int = 0) -> int | None:
        """The token that a character is part of."""

    def char_to_word(self, char_pos: int, sequence_index: int = 0) -> int | None:
        """The word that a character is part of."""

    def __len__(self) -> int: ...

@final
class Encodings:
    """The rows of one call, made into objects when they are asked for.

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
    """The base of both families' tokenizers: text to ids and back, over a BERT word-piece vocabulary.

    Ids, types, masks and offsets are those of transformers' fast tokenizers. Offsets are in characters of the original
    text. What a call returns goes straight into a model: `model(**tokenizer(texts))`; without padding it stays ragged.
    Tokenizers are made by their own classes, `ElectraTokenizer` and `DistilBertTokenizer`; they can be pickled, copied,
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
        padding_side: _Side | None = None,
        return_tensors: Literal["np", "pt", "tf"] | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
    ) -> BatchEncoding:
        """Tokenise a text or several, on all cores.

        Args:
            text: A text, or a list of texts or of pairs of texts.
            text_pair: A second text, or as many of them.
            add_special_tokens: Add `[CLS]` before the first text and `[SEP]` after each text.
            padding: True or `longest` pads to the longest row, `max_length` to that many tokens.
            truncation: True or `longest_first` shortens the longer text first; `only_first`, `only_second`. Where
                neither it nor `padding` is given, `max_length` asks for it.
            max_length: The longest row in tokens, special ones included; None: `model_max_length`.
            stride: How many tokens of a text a row has in common with the row before, with `return_overflowing_tokens`.
            is_split_into_words: Each text is a list of words.
            pad_to_multiple_of: Rows that are padded have such a length.
            padding_side: `left` or `right`; None: the tokenizer's.
            return_tensors: `np`, `pt` or `tf`: int64 arrays [B, S] instead of lists.
            return_token_type_ids: Whether there are `token_type_ids`; None: where the family has them.
            return_attention_mask: Whether there is an `attention_mask`; None: there is.
            return_overflowing_tokens: What a truncation cuts off comes in rows of its own, and
                `overflow_to_sample_mapping` says which text each row is of.
            return_special_tokens_mask: Add `special_tokens_mask`, 1 at what was added.
            return_offsets_mapping: Add `offset_mapping`, (start, end) of each token in characters.
            return_length: Add `length`, the tokens of each row.

        Returns:
            A dictionary of columns, `input_ids`, `token_type_ids`, `attention_mask` and what else is asked for: flat
            lists for one text, lists of rows for several. Its methods know the way back to the text.

        Raises:
            InputError: An option is unknown or impossible, the texts and their pairs differ in number, a text holds
                half of a surrogate pair, or rows of different lengths are asked for as one array.
            DtypeError: A text is no `str`.
            TokenizerError: The truncation cannot reach `max_length`.

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
        """The ids of one text or pair: a list, or int64 [1, S] with `return_tensors`.

        The options are those of a call. A list of texts gives a list of rows.

        Raises:
            InputError: An option is unknown or impossible.
            TokenizerError: The truncation cannot reach `max_length`.

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
        return_tensors: Literal["np", "pt", "tf"] | None = None,
        **options: Unpack[_EncodeOptions],
    ) -> Any: ...
    def tokenize(self, text: str, pair: str | None = None, *, add_special_tokens: bool = False) -> list[str]:
        """The tokens of a text, or of a pair; without special tokens, unless they are asked for.

        Raises:
            DtypeError: It is no `str`.

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
    ) -> str:
        """The text of a row of ids; of rows, a list of texts.

        Args:
            token_ids: An id, a list of ids, an array; or rows: a list of lists, an array [B, S].
            skip_special_tokens: Leave special tokens out.
            clean_up_tokenization_spaces: Close the gaps before punctuation and contractions once more; None: do not.

        Raises:
            DtypeError: The ids are neither integers nor rows of them.
            IdRangeError: There is no such id.

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
    ) -> list[str]: ...
    def batch_decode(
        self,
        sequences: Sequence[_Ids] | _Ids,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
    ) -> list[str]:
        """The texts of rows of ids, as a list; of a row, its only text.

        Raises:
            DtypeError: A row is not one of integers.
            IdRangeError: There is no such id.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.batch_decode(tokenizer(["A test", "A copy"])["input_ids"], skip_special_tokens=True)
            ['a test', 'a copy']
        """

    @overload
    def convert_ids_to_tokens(self, ids: int, skip_special_tokens: bool = False) -> str:
        """The tokens of ids; the token of one id.

        Raises:
            DtypeError: The ids are not a flat row of integers.
            IdRangeError: There is no such id.

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
        """The ids of tokens, that of `[UNK]` for one that the vocabulary lacks; the id of one token.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.convert_tokens_to_ids(["a", "no such token"]), tokenizer.convert_tokens_to_ids("a")
            ([41, 1], 41)
        """

    @overload
    def convert_tokens_to_ids(self, tokens: list[str] | tuple[str, ...]) -> list[int]: ...
    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text of tokens.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.convert_tokens_to_string(["a", "token", "##izer"])
            'a tokenizer'
        """

    def build_inputs_with_special_tokens(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """A row of ids with `[CLS]` and `[SEP]` where they belong."""

    def create_token_type_ids_from_sequences(
        self, token_ids_0: Sequence[int], token_ids_1: Sequence[int] | None = None
    ) -> list[int]:
        """The types of such a row."""

    def get_special_tokens_mask(
        self,
        token_ids_0: Sequence[int],
        token_ids_1: Sequence[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """1 where a special token stands in such a row; in the row itself, where it has them already."""

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """How many special tokens a row gets."""

    def pad(
        self,
        encoded_inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        padding: _Padding = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: _Side | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: Literal["np", "pt", "tf"] | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pad rows of ids that were tokenised before: a dictionary of rows, or a list of dictionaries.

        `oxbert.encoding.pad` describes the arguments. Collators of transformers call this.

        Raises:
            InputError: There is no `input_ids`, or an option is unknown.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.pad([tokenizer("a b"), tokenizer("a")], return_tensors="np")["input_ids"]
            array([[ 2, 41, 42,  3],
                   [ 2, 41,  3,  0]])
        """

    def add_tokens(
        self, new_tokens: str | AddedToken | Sequence[str | AddedToken], special_tokens: bool = False
    ) -> int:
        """Add tokens, which are cut out of a text before all else.

        A model's embeddings must have a row for each: `model.resize_token_embeddings(len(tokenizer))`.

        Args:
            new_tokens: One token or a list of them. One that the vocabulary has keeps its id, the others get the next.
            special_tokens: Whether decoding may leave them out.

        Returns:
            How many were not there before.

        Raises:
            DtypeError: One is neither `str` nor `AddedToken`.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.add_tokens(["<table>", "<row>"]), len(tokenizer), tokenizer.vocab_size
            (2, 8194, 8192)
            >>> tokenizer.tokenize("a<row>")
            ['a', '<row>']
        """

    def add_special_tokens(self, special_tokens_dict: dict[str, Any]) -> int:
        """Add special tokens: `{"additional_special_tokens": [...]}`, or `extra_special_tokens`.

        Returns:
            How many were not there before.

        Raises:
            InputError: It is `pad_token` or another of the five, and not the one that it is.
        """

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The added tokens by id."""

    def get_added_vocab(self) -> dict[str, int]:
        """The ids of added tokens."""

    def get_vocab(self) -> dict[str, int]:
        """The ids of all tokens, added ones included."""

    @property
    def vocab(self) -> dict[str, int]:
        """As `get_vocab`."""

    def save_pretrained(self, folder: _Path) -> tuple[str, str, str]:
        """Write `vocab.txt`, `tokenizer_config.json` and `special_tokens_map.json`.

        Args:
            folder: Is made where there is none.

        Returns:
            Their paths.

        Raises:
            FileError: A file cannot be written.
            TokenizerError: A token cannot stand in a line of `vocab.txt`.

        Example:
            >>> paths = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator").save_pretrained("mine")
            >>> oxbert.ElectraTokenizer.from_pretrained("mine").tokenize("Text")
            ['text']
        """

    @property
    def vocab_size(self) -> int:
        """How many tokens the vocabulary has, added ones left out; `len(tokenizer)` counts them."""

    @property
    def model_max_length(self) -> int | None:
        """The longest row that the model takes, in tokens; None where it is not known."""

    @model_max_length.setter
    def model_max_length(self, length: int | None, /) -> None: ...
    @property
    def padding_side(self) -> _Side:
        """The end at which rows are padded."""

    @padding_side.setter
    def padding_side(self, side: _Side, /) -> None: ...
    @property
    def truncation_side(self) -> _Side:
        """The end at which texts that are too long lose tokens."""

    @truncation_side.setter
    def truncation_side(self, side: _Side, /) -> None: ...
    @property
    def model_input_names(self) -> list[str]:
        """What a call returns where nobody says."""

    @property
    def do_lower_case(self) -> bool:
        """Whether the text is lower-cased."""

    @property
    def all_special_tokens(self) -> list[str]:
        """The special tokens, those of the vocabulary first."""

    @property
    def all_special_ids(self) -> list[int]:
        """Their ids."""

    @property
    def special_tokens_map(self) -> dict[str, Any]:
        """`pad_token` and the others, and `additional_special_tokens`."""

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens beside the five of the vocabulary."""

    @property
    def pad_token(self) -> str:
        """`[PAD]`."""

    @property
    def unk_token(self) -> str:
        """`[UNK]`."""

    @property
    def cls_token(self) -> str:
        """`[CLS]`."""

    @property
    def sep_token(self) -> str:
        """`[SEP]`."""

    @property
    def mask_token(self) -> str:
        """`[MASK]`."""

    @property
    def pad_token_id(self) -> int:
        """The id of `[PAD]`."""

    @property
    def pad_token_type_id(self) -> int:
        """The type of padding: 0."""

    @property
    def unk_token_id(self) -> int:
        """The id of `[UNK]`."""

    @property
    def cls_token_id(self) -> int:
        """The id of `[CLS]`."""

    @property
    def sep_token_id(self) -> int:
        """The id of `[SEP]`."""

    @property
    def mask_token_id(self) -> int:
        """The id of `[MASK]`."""

    @property
    def is_fast(self) -> bool:
        """Always true: it is written in Rust."""

    def __len__(self) -> int: ...

class _FamilyTokenizer:
    # What both families' own classes have.
    def __new__(
        cls,
        vocab_file: _Path,
        *,
        do_lower_case: bool = True,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
        model_max_length: int | None = None,
        padding_side: _Side = "right",
        truncation_side: _Side = "right",
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
        padding_side: _Side | None = None,
        truncation_side: _Side | None = None,
        **hub: Unpack[_Hub],
    ) -> Self:
        """From a model folder, a bundled model by its name, or a repository of the hub.

        What is given counts more than what the folder says; None leaves it at that.

        Args:
            folder: Holds `vocab.txt` or `tokenizer.json`, and settings and added tokens where it has them
                (`tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`).
            do_lower_case: Lower-case the text.
            strip_accents: Remove accents.
            tokenize_chinese_chars: Make every Chinese character a word of its own.
            model_max_length: The longest row that the model takes, in tokens.
            padding_side: The end at which rows are padded.
            truncation_side: The end at which texts that are too long lose tokens.
            hub: As for `Config.from_pretrained`.

        Raises:
            MissingFileError: There is no such folder or model, or no vocabulary in it.
            HubError: The repository cannot be had.
            VocabularyError: The vocabulary is bad; `line` says where.
            ConfigError: A setting is bad, or one that this tokenizer does not have.
            InputError: A side is neither `left` nor `right`.
        """

    def __reduce__(self) -> tuple[Any, tuple[bytes]]: ...

@final
class ElectraTokenizer(_FamilyTokenizer, Tokenizer):
    """ELECTRA's tokenizer. `Tokenizer` has its methods.

    Args:
        vocab_file: `vocab.txt`, one token a line.
        do_lower_case: Lower-case the text.
        strip_accents: Remove accents; None follows `do_lower_case`.
        tokenize_chinese_chars: Make every Chinese character a word of its own.
        model_max_length: The longest row that the model takes, in tokens; the length of a truncation that names none.
        padding_side: The end at which rows are padded.
        truncation_side: The end at which texts that are too long lose tokens.

    Raises:
        MissingFileError: There is no such file.
        VocabularyError: It is not a vocabulary; `line` says where.
        InputError: A side is neither `left` nor `right`.

    Example:
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-discriminator")
        >>> rows = tokenizer(["one text", "and another one"])
        >>> model = oxbert.ElectraForPreTraining.from_pretrained("electra-tiny-discriminator")
        >>> model(**rows).logits.shape[0]
        2
    """

@final
class DistilBertTokenizer(_FamilyTokenizer, Tokenizer):
    """DistilBERT's tokenizer: ELECTRA's, whose rows have no types unless they are asked for.

    Args:
        vocab_file: `vocab.txt`, one token a line.
        do_lower_case: Lower-case the text.
        strip_accents: Remove accents; None follows `do_lower_case`.
        tokenize_chinese_chars: Make every Chinese character a word of its own.
        model_max_length: The longest row that the model takes, in tokens; the length of a truncation that names none.
        padding_side: The end at which rows are padded.
        truncation_side: The end at which texts that are too long lose tokens.

    Raises:
        MissingFileError: There is no such file.
        VocabularyError: It is not a vocabulary; `line` says where.
        InputError: A side is neither `left` nor `right`.

    Example:
        >>> tokenizer = oxbert.DistilBertTokenizer.from_pretrained("electra-tiny-generator")
        >>> list(tokenizer("Its vocabulary is that of another family."))
        ['input_ids', 'attention_mask']
    """

@final
class FillMask:
    """Fills `[MASK]` with a generator.

    Example:
        >>> fill = oxbert.FillMask.from_pretrained("electra-tiny-generator")
        >>> [[mask]] = fill(["The function returns a [MASK] of strings."], top_k=3)
        >>> mask["start"], mask["end"], len(mask["candidates"])
        (23, 29, 3)
    """

    @staticmethod
    def from_pretrained(folder: _Path, *, device: _Device | None = None, **hub: Unpack[_Hub]) -> FillMask:
        """From a model folder, a bundled model by its name, or a repository of the hub.

        Raises:
            MissingFileError: There is no such folder or model, or a file is missing in it.
            UntrainedHeadError: The weights have no masked-LM head.
            WeightsFormatError: The weight file is truncated, corrupt or of another format.
            WeightsMismatchError: The weights are not the model's.
        """

    def __call__(self, texts: Sequence[str], *, top_k: int = 5) -> list[list[_MaskedToken]]:
        """For every text, one dictionary a mask.

        Args:
            texts: Each has one `[MASK]` or several.
            top_k: How many candidates.

        Returns:
            `index` (of the token, `[CLS]` being 0), `start` and `end` (characters), and `candidates`, the likeliest
            first: `score` (a probability), `token` (its id), `token_str`, `sequence` (the text with it).

        Raises:
            InputError: There is no text, a text without a mask, or `top_k` is 0.
            TooLongError: A text has more tokens than the model has positions.
        """

@final
class PretrainerHeads:
    """The heads of TF Model Garden's pretrainer, on the sequence outputs of two networks; behind `ElectraPretrainer`.

    Takes and gives torch tensors.

    Args:
        generator_hidden: H of the generator.
        discriminator_hidden: H of the discriminator.
        vocab_size: V, rows of the generator's table of words.
        embedding_size: E, its columns.
        num_classes: Classes of the sentence head.
        mlm_activation: In the masked-LM head and in the discriminator's projection.
        log_probabilities: Whether `lm_outputs` are logarithms of probabilities, or logits.
        disallow_correct: Never draw the original token.

    Raises:
        InputError: There is no such activation.

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
        """Names and parameters, the parameters themselves."""

    def lm_outputs(self, sequence: torch.Tensor, positions: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """What stands at masked positions, [B, P, V].

        Args:
            sequence: The generator's sequence output [B, S, H].
            positions: int64 [B, P].
            table: Its word embeddings [V, E].
        """

    def sentence_outputs(self, sequence: torch.Tensor) -> torch.Tensor:
        """Classes of the generator's first token, [B, C], of its sequence output [B, S, H]."""

    def disc_logits(self, sequence: torch.Tensor) -> torch.Tensor:
        """Logits [B, S], above 0 where a token looks replaced, of the discriminator's sequence output [B, S, H]."""

    def replace(
        self,
        input_word_ids: torch.Tensor,
        masked_lm_positions: torch.Tensor,
        masked_lm_ids: torch.Tensor,
        lm_outputs: torch.Tensor,
        uniforms: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The ids that the discriminator is shown, and 1 where they differ from the original, [B, S] both.

        Args:
            input_word_ids: Masked ids, int64 [B, S].
            masked_lm_positions: int64 [B, P].
            masked_lm_ids: What stood there, int64 [B, P].
            lm_outputs: [B, P, V].
            uniforms: Numbers in [0, 1), [B, P, V].
        """

@final
class PretrainingNetworks:
    """A generator and a discriminator that are trained together, and what they are trained towards.

    Rows are packed, never padded, and only chosen tokens reach the projection to the vocabulary. All randomness of an
    example is a function of the seed, the step and the number of the example, so that a run that was interrupted goes
    on exactly, and several processes draw what one would have drawn.

    Args:
        generator: The configuration of the masked LM; None draws replacements from all words alike.
        discriminator: That of the discriminator; None trains a masked LM alone.
        special_ids: The ids of `[CLS]`, `[SEP]` and `[MASK]`. The first two are never chosen.
        max_predictions: The most tokens that are chosen of a row; the original has 19 for rows of 128.
        mask_probability: The share of the tokens of a row that are chosen.
        masked_share: The share of chosen tokens that become `[MASK]`; the others stay.
        with_replacement: Choose as the original does, where some tokens are chosen twice.
        sharing: `embeddings` shares all of them and their norm, as the paper does; `nothing`; `everything` makes both
            one network with two heads.
        masked_lm_weight: What the generator's loss counts.
        replaced_weight: What the discriminator's loss counts.
        temperature: The generator's logits are divided by it before tokens are drawn.
        disallow_correct: Never draw the original token.
        electric: The objective of Electric: the generator is two towers of its configuration, one that reads from the
            left and one from the right, and learns to guess every token; the discriminator's logit is the energy of a
            token, to which the generator's log-probability is added. The original's log-probabilities of `[CLS]` and
            `[SEP]` depend on its padding; here the towers go round in a row, as they do there without padding.
        seed: Of the fresh parameters, as for a model.
        device: `cpu` where it is None.

    Raises:
        ConfigError: A configuration contradicts itself, or the two cannot share what they should.
        InputError: A share, a number or a name that cannot be, or no network at all.
        DeviceError: There is no such device here.

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
        sharing: Literal["embeddings", "nothing", "everything"] = "embeddings",
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
        """Where the parameters are: `cpu` or `cuda:N`."""

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Names and parameters, the parameters themselves. Imports torch.

        Names begin with `generator.` or `discriminator.` and go on as in a checkpoint of the network alone; of two
        towers with `generator_ltr.`, `generator_rtl.` and `cloze_predictions.`, as in the original. What is shared is
        there once, under the discriminator's name.
        """

    def totals(self, rows: _Rows) -> tuple[int, int, int]:
        """What the losses of a step are means over.

        How many tokens of rows are chosen, how many there are, and how many might have been chosen.

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
            first_segments: How many tokens of each row are of its first text; the others have type 1. None: all.
            seed: Of the run, at least 0.
            step: The number of the update, counted from 0.
            examples: The number of each row in the batch of all processes; None: 0, 1, 2, ...
            totals: Of a part of a batch: what `totals` says of all its rows, so that the losses of the parts add up to
                that of the whole. None: these rows are the whole.
            train: Whether dropout is applied.
            discriminate: Whether the discriminator takes part.
            gumbel: Uniform numbers [N, V] for the original's way to draw tokens; None draws with one number a token,
                from the same distribution.

        Raises:
            IdRangeError: An id has no word.
            TooLongError: A row has more tokens than there are positions.
            ShapeError: Arguments do not fit one another.
            InputError: There is no token that can be chosen, no network takes part, or `totals` are less than these
                rows have.

        Source:
            `run_pretraining.py` and `pretrain/pretrain_helpers.py` of google-research/electra.
        """

@final
class ReplacedTokenDetection:
    """Says of every token of a text how likely it is that it was replaced.

    Example:
        >>> detect = oxbert.ReplacedTokenDetection.from_pretrained("electra-tiny-discriminator")
        >>> [tokens] = detect(["The function returns"])
        >>> [token["token"] for token in tokens], all(0 < token["probability"] < 1 for token in tokens)
        (['the', 'function', 'returns'], True)
    """

    @staticmethod
    def from_pretrained(folder: _Path, *, device: _Device | None = None, **hub: Unpack[_Hub]) -> ReplacedTokenDetection:
        """From a model folder, a bundled model by its name, or a repository of the hub.

        Raises:
            MissingFileError: There is no such folder or model, or a file is missing in it.
            UntrainedHeadError: The weights have no discriminator's head.
            WeightsFormatError: The weight file is truncated, corrupt or of another format.
            WeightsMismatchError: The weights are not the model's.
        """

    def __call__(self, texts: Sequence[str]) -> list[list[_JudgedToken]]:
        """For every text, one dictionary a token: `token`, `start`, `end` (characters) and `probability`.

        Raises:
            InputError: There is no text.
            TooLongError: A text has more tokens than the model has positions.
        """

@overload
def load_weights(
    path: _Path, arrays: Literal["numpy"] = "numpy", *, component: _Component | None = None
) -> dict[str, _Array]:
    """The tensors of a checkpoint by name, whatever its format; nothing in a file is executed.

    Read are `.safetensors`, `.ot`, torch's `.bin` and `.pt`, checkpoints of TensorFlow, Flax's `.msgpack` and Keras's
    `.h5`. The format is told by the content. Tensors of the last three come under transformers' names for torch, and
    transposed as there.

    Args:
        path: The file; the index of several (`model.safetensors.index.json`); or TensorFlow's `model.ckpt-N`.
        component: Which network of a checkpoint of google-research/electra that has both.
        arrays: `numpy` or `torch`. float16 and bfloat16 come as float32 in numpy, which holds every value of both;
            `torch` keeps the dtype of the file.

    Raises:
        MissingFileError: There is no such file.
        MissingDependencyError: The file is an `.h5`, and h5py is not installed.
        WeightsFormatError: The file is truncated, corrupt or of another format.
        InputError: `arrays` is none of the two; or the checkpoint has two networks and `component` names none.

    Example:
        >>> oxbert.save_weights({"a.bias": torch.tensor([1.0, 2.0], dtype=torch.float16)}, "one.safetensors")
        >>> oxbert.load_weights("one.safetensors", "torch")["a.bias"].dtype
        torch.float16
    """

@overload
def load_weights(
    path: _Path, arrays: Literal["torch"], *, component: _Component | None = None
) -> dict[str, torch.Tensor]: ...
def weight_origins(path: _Path, *, component: _Component | None = None) -> dict[str, tuple[str, bool]]:
    """How a checkpoint itself names and stores its tensors, where that is not as torch does.

    Args:
        path: As for `load_weights`.
        component: As for `load_weights`.

    Returns:
        The names that `load_weights` gives, each with the name in the file and whether it is transposed there.

    Raises:
        OxbertError: As `load_weights`.

    Example:
        >>> oxbert.save_weights({"a.bias": np.zeros(2)}, "three.ot")
        >>> oxbert.weight_origins("three.ot")
        {}
    """

def find_weights(folder: _Path) -> Path:
    """The weight file of a model folder that is read: the first of `WEIGHT_FILES`, or a checkpoint of TensorFlow.

    Raises:
        MissingFileError: There is none; `found` says what is there.

    Example:
        >>> oxbert.save_weights({"a.bias": np.zeros(2)}, "model.safetensors")
        >>> oxbert.find_weights(".").name
        'model.safetensors'
    """

def describe_weights(path: _Path, *, component: _Component | None = None) -> str | None:
    """The text of the `config.json` that the shapes of a checkpoint of google-research/electra tell; None for others.

    Args:
        path: As for `load_weights`.
        component: As for `load_weights`.

    Raises:
        OxbertError: As `load_weights`.

    Example:
        >>> oxbert.save_weights({"a.bias": np.zeros(2)}, "four.ot")
        >>> oxbert.describe_weights("four.ot") is None
        True
    """

def save_weights(tensors: _Tensors, path: _Path) -> None:
    """Write tensors by name. A crash leaves the old file or the new one.

    Args:
        tensors: Names, and torch tensors or numpy arrays of a float, integer or bool dtype.
        path: Ends with `.ot`, `.safetensors` or `.bin`, which says the format.

    Raises:
        FileError: The file cannot be written.
        InputError: The ending is none of these.
        DtypeError: A tensor has another dtype.

    Example:
        >>> oxbert.save_weights({"a.weight": np.eye(2)}, "two.ot")
        >>> oxbert.load_weights("two.ot")["a.weight"].tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

def canonical_name(name: str) -> str | None:
    """A tensor's name as the models write it.

    Without a wrapper's prefix (`module.`), and with `LayerNorm.gamma` and `.beta` as `.weight` and `.bias`; None for
    the buffers `position_ids` and `token_type_ids`, which no model needs.

    Example:
        >>> oxbert.canonical_name("module.electra.embeddings.LayerNorm.gamma")
        'electra.embeddings.LayerNorm.weight'
    """

@final
class LocalResource:
    """A file on this machine.

    Resources can be compared, hashed, pickled and copied.

    Args:
        local_path: The file.

    Example:
        >>> oxbert.LocalResource("model/vocab.txt").local_path.name
        'vocab.txt'
    """

    def __new__(cls, local_path: _Path) -> Self: ...
    @property
    def local_path(self) -> Path:
        """The file."""

    def get_local_path(self) -> Path:
        """The file, which must exist.

        Raises:
            MissingFileError: It does not.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[Path]]: ...

@final
class RemoteResource:
    """A file on the network, which is downloaded when its path is first asked for, and then kept.

    The cache is the folder in the environment variable `RUSTBERT_CACHE`, or else `.rustbert` in the user's cache folder
    (`$XDG_CACHE_HOME`, or `~/.cache`), as rust_bert's is. In there a file has the path `cache_subdir/<hash of the
    url>/<its name in the url>`. What is there is used without a request; to fetch it anew, delete it.

    A download that is interrupted, by Ctrl-C or a network that fails, goes on where it stopped the next time, if the
    server can do so. Of several threads and processes that want a file one downloads it and the others wait. On a
    terminal a bar shows how far a large file is. Proxies are found in `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
    `NO_PROXY`; servers are trusted by Mozilla's list of authorities, or by the file in `SSL_CERT_FILE`.

    Resources can be compared, hashed, pickled and copied.

    Args:
        url: Where the file is: `https://...` or `http://...`.
        cache_subdir: The folder in the cache, e.g. `electra-base-generator/model`; None: the cache itself.
        cache_dir: Another cache than the usual one.

    Example:
        >>> vocabulary = oxbert.RemoteResource.from_pretrained(oxbert.ElectraVocabResources.BASE_GENERATOR)
        >>> vocabulary.cache_subdir, vocabulary.cached_path().name
        ('electra-base-generator/vocab', 'vocab.txt')
    """

    def __new__(cls, url: str, cache_subdir: str | None = None, *, cache_dir: _Path | None = None) -> Self: ...
    @classmethod
    def from_pretrained(cls, name_url_tuple: tuple[str, str], *, cache_dir: _Path | None = None) -> Self:
        """One of the files of known models, such as `ElectraModelResources.BASE_GENERATOR`.

        Args:
            name_url_tuple: The folder in the cache, and the url.
            cache_dir: Another cache than the usual one.
        """

    @property
    def url(self) -> str:
        """Where the file is."""

    @property
    def cache_subdir(self) -> str:
        """The folder in the cache; empty for the cache itself."""

    @property
    def cache_dir(self) -> Path | None:
        """Another cache than the usual one."""

    def cached_path(self) -> Path:
        """Where the file is once it has been downloaded.

        Raises:
            InputError: The url is none or names no file, `cache_subdir` leads out of the cache, or there is no cache.
        """

    def get_local_path(self) -> Path:
        """The file, after a download where it is not in the cache yet.

        Raises:
            DownloadError: The server or the network failed, three times in a row where trying again may help.
            FileError: The file cannot be written.
            InputError: As `cached_path`.
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]: ...

def download_resource(resource: LocalResource | RemoteResource) -> Path:
    """The path of a resource on this machine, after a download where it is not there yet.

    Args:
        resource: The resource, whose `get_local_path` is called.

    Example:
        >>> oxbert.download_resource(oxbert.LocalResource("."))
        PosixPath('.')
    """

@final
class ElectraModelResources:
    """The weights of ELECTRA on the hub.

    Each is a pair for `RemoteResource.from_pretrained`: the folder in the cache, and the url.

    Example:
        >>> oxbert.ElectraModelResources.BASE_GENERATOR[0]
        'electra-base-generator/model'
    """

    BASE_GENERATOR: ClassVar[tuple[str, str]]
    BASE_DISCRIMINATOR: ClassVar[tuple[str, str]]

@final
class ElectraConfigResources:
    """The configurations of ELECTRA on the hub.

    Each is a pair for `RemoteResource.from_pretrained`: the folder in the cache, and the url.

    Example:
        >>> oxbert.ElectraConfigResources.BASE_GENERATOR[0]
        'electra-base-generator/config'
    """

    BASE_GENERATOR: ClassVar[tuple[str, str]]
    BASE_DISCRIMINATOR: ClassVar[tuple[str, str]]

@final
class ElectraVocabResources:
    """The vocabularies of ELECTRA on the hub.

    Each is a pair for `RemoteResource.from_pretrained`: the folder in the cache, and the url.

    Example:
        >>> oxbert.ElectraVocabResources.BASE_GENERATOR[0]
        'electra-base-generator/vocab'
    """

    BASE_GENERATOR: ClassVar[tuple[str, str]]
    BASE_DISCRIMINATOR: ClassVar[tuple[str, str]]

@final
class DistilBertModelResources:
    """The weights of DistilBERT on the hub.

    Each is a pair for `RemoteResource.from_pretrained`: the folder in the cache, and the url.

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
    """The configurations of DistilBERT on the hub.

    Each is a pair for `RemoteResource.from_pretrained`: the folder in the cache, and the url.

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
    """The vocabularies of DistilBERT on the hub.

    Each is a pair for `RemoteResource.from_pretrained`: the folder in the cache, and the url.

    Example:
        >>> oxbert.DistilBertVocabResources.DISTIL_BERT[0]
        'distilbert/vocab'
    """

    DISTIL_BERT_SST2: ClassVar[tuple[str, str]]
    DISTIL_BERT: ClassVar[tuple[str, str]]
    DISTIL_BERT_SQUAD: ClassVar[tuple[str, str]]
    DISTILUSE_BASE_MULTILINGUAL_CASED: ClassVar[tuple[str, str]]
