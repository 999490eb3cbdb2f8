"""Types of the native module: models, tokenizers and weight files, in Rust on libtorch.

Letters in shapes: B batch, S sequence, H hidden, E embedding, A heads, V vocabulary, L labels. Examples are run with
`import oxbert`, `import numpy as np` and `import torch`. Every error is a class of `oxbert.errors`.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, TypedDict, TypeVar, final, overload

import numpy as np
import numpy.typing as npt
import torch
from typing_extensions import Self, disjoint_base

from oxbert.outputs import BaseModelOutput, ElectraForPreTrainingOutput, MaskedLMOutput, TokenClassifierOutput

__all__ = [
    "ElectraConfig",
    "ElectraDiscriminatorHead",
    "ElectraForMaskedLM",
    "ElectraForPreTraining",
    "ElectraForTokenClassification",
    "ElectraGeneratorHead",
    "ElectraModel",
    "ElectraTokenizer",
    "FillMask",
    "Model",
    "ReplacedTokenDetection",
    "__version__",
    "canonical_name",
    "load_weights",
    "save_weights",
]

__version__: str

_TorchOutput = TypeVar("_TorchOutput")
_NumpyOutput = TypeVar("_NumpyOutput")

_Path = str | os.PathLike[str]
_Device = str | torch.device
_Array = npt.NDArray[Any]
_Floats = npt.NDArray[np.float32]
# Rows of equal or different lengths: a list of lists, of tuples or of one-dimensional arrays, or an array [B, S].
_Rows = Sequence[Sequence[int] | _Array] | _Array
_Ids = int | Sequence[int] | _Array | torch.Tensor
_Truncation = bool | Literal["longest_first", "only_first", "only_second", "do_not_truncate"] | None
_Padding = bool | Literal["longest", "max_length", "do_not_pad"] | None

class _LoadReport(TypedDict):
    loaded: int
    missing: list[str]
    unexpected: list[str]
    mismatched: list[tuple[str, str, str]]
    renamed: dict[str, str]

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

class _Attributes:
    # Keys that oxbert does not know are attributes too.
    def __getattr__(self, name: str) -> Any: ...

@final
class ElectraConfig(_Attributes):
    """The configuration of an ELECTRA model.

    Keyword arguments, defaults and attributes are those of transformers' `ElectraConfig`. Keys that oxbert does not
    know are kept: they are attributes too, and are written back. Assigning to an attribute checks the whole
    configuration again and changes nothing where it is refused. Two configurations are equal where
    all their values are; they can be pickled and copied.

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

    model_type: str
    vocab_size: int
    embedding_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: str
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    max_position_embeddings: int
    type_vocab_size: int
    initializer_range: float
    layer_norm_eps: float
    summary_type: str
    summary_use_proj: bool
    summary_activation: str | None
    summary_last_dropout: float
    pad_token_id: int | None
    classifier_dropout: float | None
    tie_word_embeddings: bool
    output_hidden_states: bool
    output_attentions: bool
    num_labels: int
    id2label: dict[int, str]
    label2id: dict[str, int]

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __new__(cls, **values: Any) -> Self: ...
    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From a dictionary with the keys of `config.json`.

        Raises:
            ConfigError: A value is bad, or `model_type` is not `electra`.

        Example:
            >>> oxbert.ElectraConfig.from_dict({"hidden_act": "relu"}).hidden_act
            'relu'
        """

    @classmethod
    def from_json_file(cls, path: _Path) -> Self:
        """From a file with the keys of `config.json`.

        Raises:
            MissingFileError: There is no such file.
            ConfigError: It is not JSON, or a value is bad; `path` names the file.
        """

    @classmethod
    def from_pretrained(cls, folder: _Path) -> Self:
        """From a model folder, or the name of a bundled model.

        Raises:
            MissingFileError: There is no such folder or model, or no `config.json` in it.
            ConfigError: A value is bad; `path` names the file.

        Example:
            >>> oxbert.ElectraConfig.from_pretrained("electra-tiny-generator").model_type
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

@disjoint_base
class Model:
    """The base of all models: what does not depend on the family or the head.

    A model is called as in transformers. Every argument may be given by position or by name:

    - `input_ids` [B, S] integer, below V; or ragged rows, which need no padding and no mask.
    - `attention_mask` [B, S], 1 = keep, 0 = padding; integers, truth values or whole floats. All are kept without it.
    - `token_type_ids` [B, S] or [1, S] integer, below `type_vocab_size`. 0 without it.
    - `position_ids` [B, S] or [1, S] integer, below `max_position_embeddings`. 0, 1, 2, ... by column without it.
    - `inputs_embeds` [B, S, E] float32, instead of `input_ids`.
    - `output_hidden_states`, `output_attentions`: the configuration's values where they are None.

    Arrays in, the same arrays out: numpy arrays and lists give numpy arrays and build no graph; torch tensors give
    torch tensors with their graph, unless torch's grad mode is off. What stands at a padded position is never read, and
    comes back as zeros. A model may be called from several threads; they take turns, and other Python threads run
    meanwhile.

    Raises:
        ShapeError: An argument has the wrong rank or shape.
        DtypeError: An argument has the wrong dtype.
        IdRangeError: An id, a type or a position lies outside its table.
        TooLongError: A row has more than `max_position_embeddings` tokens.
        InputError: Not exactly one of `input_ids` and `inputs_embeds` is given, a row is empty, or the mask holds
            something else than 0 and 1.
    """

    @property
    def config(self) -> ElectraConfig:
        """The configuration, a copy."""

    @property
    def device(self) -> str:
        """Where the parameters are: `cpu` or `cuda:N`."""

    @property
    def precision(self) -> str:
        """What the parameters are stored in: `float32`."""

    @property
    def training(self) -> bool:
        """Whether dropout is applied."""

    @property
    def load_report(self) -> _LoadReport:
        """What loading found.

        `loaded` is a number of tensors; `missing` and `unexpected` are names; `mismatched` are names with what was
        expected and what was got; `renamed` maps a name in the file to the name in the model.

        Example:
            >>> model = oxbert.ElectraForMaskedLM.from_pretrained("electra-tiny-generator")
            >>> model.load_report["missing"], model.load_report["unexpected"]
            ([], [])
        """

    def train(self, mode: bool = True) -> Self:
        """Turn dropout on, or off with `mode=False`. Returns the model."""

    def eval(self) -> Self:
        """Turn dropout off. Returns the model."""

    def to(self, device: _Device) -> Self:
        """Move the parameters to a device: `cpu`, `cuda`, `cuda:N`. Returns the model.

        Raises:
            DeviceError: There is no such device here.
            OutOfMemory: It has no memory for them; the model stays where it was.
        """

    def num_parameters(self) -> int:
        """How many numbers the parameters hold.

        Example:
            >>> config = oxbert.ElectraConfig(vocab_size=10, embedding_size=4, hidden_size=4, num_hidden_layers=0)
            >>> oxbert.ElectraModel(config).num_parameters()
            2104
        """

    def named_parameters(self) -> list[tuple[str, torch.Tensor]]:
        """Names and parameters, float32, over the same memory as the model's, sorted by name. Imports torch.

        A change is seen by the model; gradients arrive in `.grad`. The names are transformers', and a tied decoder is
        not listed a second time. `Model.to` makes new parameters where the device changes.

        Example:
            >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
            >>> model = oxbert.ElectraForPreTraining(config, seed=0)
            >>> optimizer = torch.optim.AdamW(parameter for _, parameter in model.named_parameters())
            >>> model(torch.tensor([[1, 2, 3]])).logits.square().sum().backward()
            >>> optimizer.step()
        """

    def parameters(self) -> list[torch.Tensor]:
        """The parameters of `named_parameters`. Imports torch."""

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Names and values, over the same memory as the model's, without gradients. Imports torch."""

    def load_state_dict(self, state_dict: Mapping[str, torch.Tensor | _Array], strict: bool = True) -> None:
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

    def save_pretrained(self, folder: _Path, format: Literal["safetensors", "ot"] = "safetensors") -> None:
        """Write `config.json` and the weights into a folder, which is made where there is none.

        Args:
            folder: The folder.
            format: `safetensors` (`model.safetensors`, which transformers loads) or `ot` (`rust_model.ot`, which
                rust_bert and tch load). A crash leaves the old file or the new one.

        Raises:
            FileError: A file cannot be written.
            InputError: The format is none of the two.
        """

class _Callable(Generic[_TorchOutput, _NumpyOutput]):
    # The one forward signature of all models; `Model` says what the arguments mean.
    @overload
    def __call__(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        inputs_embeds: None = None,
        *,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
    ) -> _TorchOutput: ...
    @overload
    def __call__(
        self,
        input_ids: _Rows,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        inputs_embeds: None = None,
        *,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
    ) -> _NumpyOutput: ...
    @overload
    def __call__(
        self,
        input_ids: None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        *,
        inputs_embeds: torch.Tensor,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
    ) -> _TorchOutput: ...
    @overload
    def __call__(
        self,
        input_ids: None = None,
        attention_mask: torch.Tensor | _Rows | None = None,
        token_type_ids: torch.Tensor | _Rows | None = None,
        position_ids: torch.Tensor | _Rows | None = None,
        *,
        inputs_embeds: _Floats,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
    ) -> _NumpyOutput: ...

@final
class ElectraModel(Model, _Callable[BaseModelOutput[torch.Tensor], BaseModelOutput[_Floats]]):
    """ELECTRA's encoder, without a head.

    Calling it returns `last_hidden_state` [B, S, H] float32. `Model` says what the arguments mean.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraModel(config, seed=0)
        >>> output = model([[1, 2, 3], [4, 5]], output_hidden_states=True)
        >>> output.last_hidden_state.shape, len(output.hidden_states)
        ((2, 3, 8), 2)
    """

    def __new__(cls, config: ElectraConfig, *, seed: int | None = None, device: _Device | None = None) -> Self: ...
    @staticmethod
    def from_config(config: ElectraConfig, *, seed: int | None = None, device: _Device | None = None) -> ElectraModel:
        """A freshly initialised model, as transformers initialises one; the same seed gives the same values.

        Raises:
            ConfigError: The configuration contradicts itself.
            DeviceError: There is no such device here.
        """

    @staticmethod
    def from_pretrained(
        folder: _Path,
        *,
        config: ElectraConfig | None = None,
        device: _Device | None = None,
        precision: Literal["float32"] = "float32",
        strict: bool | None = None,
    ) -> ElectraModel:
        """A model in evaluation mode, from a folder or the name of a bundled model.

        Args:
            folder: Holds `config.json` and `model.safetensors`, `rust_model.ot` or `pytorch_model.bin` (the first that
                is there; nothing in it is executed).
            config: Instead of the folder's own.
            device: `cpu` where it is None.
            precision: What the parameters are stored in.
            strict: None refuses a missing or unexpected part of the encoder, and warns of a missing head
                (`UntrainedHeadWarning`); True refuses any difference, False none but wrong shapes.

        Raises:
            MissingFileError: There is no such folder or model, or a file is missing in it.
            ConfigError: The configuration is bad; `field` names the value.
            WeightsFormatError: The weight file is truncated, corrupt or of another format.
            WeightsMismatchError: The weights are not the model's, as `strict` says.
            DeviceError: There is no such device here.
        """

@final
class ElectraForPreTraining(
    Model, _Callable[ElectraForPreTrainingOutput[torch.Tensor], ElectraForPreTrainingOutput[_Floats]]
):
    """ELECTRA's discriminator: was each token replaced?

    Calling it returns `logits` [B, S] float32, above 0 where a token looks replaced, and `probabilities`, their
    sigmoid. `Model` says what the arguments mean.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForPreTraining(config, seed=0)
        >>> model([[1, 2, 3], [4, 5]]).probabilities.shape
        (2, 3)
    """

    def __new__(cls, config: ElectraConfig, *, seed: int | None = None, device: _Device | None = None) -> Self: ...
    @staticmethod
    def from_config(
        config: ElectraConfig, *, seed: int | None = None, device: _Device | None = None
    ) -> ElectraForPreTraining:
        """A freshly initialised model, as transformers initialises one; the same seed gives the same values.

        Raises:
            ConfigError: The configuration contradicts itself.
            DeviceError: There is no such device here.
        """

    @staticmethod
    def from_pretrained(
        folder: _Path,
        *,
        config: ElectraConfig | None = None,
        device: _Device | None = None,
        precision: Literal["float32"] = "float32",
        strict: bool | None = None,
    ) -> ElectraForPreTraining:
        """A model in evaluation mode, from a folder or the name of a bundled model.

        Args:
            folder: Holds `config.json` and `model.safetensors`, `rust_model.ot` or `pytorch_model.bin` (the first that
                is there; nothing in it is executed).
            config: Instead of the folder's own.
            device: `cpu` where it is None.
            precision: What the parameters are stored in.
            strict: None refuses a missing or unexpected part of the encoder, and warns of a missing head
                (`UntrainedHeadWarning`); True refuses any difference, False none but wrong shapes.

        Raises:
            MissingFileError: There is no such folder or model, or a file is missing in it.
            ConfigError: The configuration is bad; `field` names the value.
            WeightsFormatError: The weight file is truncated, corrupt or of another format.
            WeightsMismatchError: The weights are not the model's, as `strict` says.
            DeviceError: There is no such device here.
        """

@final
class ElectraForMaskedLM(Model, _Callable[MaskedLMOutput[torch.Tensor], MaskedLMOutput[_Floats]]):
    """ELECTRA's generator, a masked LM: which token stands at each position?

    Calling it returns `logits` [B, S, V] float32. `Model` says what the arguments mean.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForMaskedLM(config, seed=0)
        >>> model(np.array([[1, 2, 3]])).logits.shape
        (1, 3, 10)
    """

    def __new__(cls, config: ElectraConfig, *, seed: int | None = None, device: _Device | None = None) -> Self: ...
    @staticmethod
    def from_config(
        config: ElectraConfig, *, seed: int | None = None, device: _Device | None = None
    ) -> ElectraForMaskedLM:
        """A freshly initialised model, as transformers initialises one; the same seed gives the same values.

        Raises:
            ConfigError: The configuration contradicts itself.
            DeviceError: There is no such device here.
        """

    @staticmethod
    def from_pretrained(
        folder: _Path,
        *,
        config: ElectraConfig | None = None,
        device: _Device | None = None,
        precision: Literal["float32"] = "float32",
        strict: bool | None = None,
    ) -> ElectraForMaskedLM:
        """A model in evaluation mode, from a folder or the name of a bundled model.

        Args:
            folder: Holds `config.json` and `model.safetensors`, `rust_model.ot` or `pytorch_model.bin` (the first that
                is there; nothing in it is executed).
            config: Instead of the folder's own.
            device: `cpu` where it is None.
            precision: What the parameters are stored in.
            strict: None refuses a missing or unexpected part of the encoder, and warns of a missing head
                (`UntrainedHeadWarning`); True refuses any difference, False none but wrong shapes.

        Raises:
            MissingFileError: There is no such folder or model, or a file is missing in it.
            ConfigError: The configuration is bad; `field` names the value.
            WeightsFormatError: The weight file is truncated, corrupt or of another format.
            WeightsMismatchError: The weights are not the model's, as `strict` says.
            DeviceError: There is no such device here.
        """

@final
class ElectraForTokenClassification(
    Model, _Callable[TokenClassifierOutput[torch.Tensor], TokenClassifierOutput[_Floats]]
):
    """A label for every token.

    Calling it returns `logits` [B, S, L] float32; the labels are the configuration's. `Model` says what the arguments
    mean.

    Example:
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> model = oxbert.ElectraForTokenClassification(config, seed=0)
        >>> (logits,) = model(torch.tensor([[1, 2, 3]]))
        >>> logits.shape
        torch.Size([1, 3, 2])
    """

    def __new__(cls, config: ElectraConfig, *, seed: int | None = None, device: _Device | None = None) -> Self: ...
    @staticmethod
    def from_config(
        config: ElectraConfig, *, seed: int | None = None, device: _Device | None = None
    ) -> ElectraForTokenClassification:
        """A freshly initialised model, as transformers initialises one; the same seed gives the same values.

        Raises:
            ConfigError: The configuration contradicts itself.
            DeviceError: There is no such device here.
        """

    @staticmethod
    def from_pretrained(
        folder: _Path,
        *,
        config: ElectraConfig | None = None,
        device: _Device | None = None,
        precision: Literal["float32"] = "float32",
        strict: bool | None = None,
    ) -> ElectraForTokenClassification:
        """A model in evaluation mode, from a folder or the name of a bundled model.

        Args:
            folder: Holds `config.json` and `model.safetensors`, `rust_model.ot` or `pytorch_model.bin` (the first that
                is there; nothing in it is executed).
            config: Instead of the folder's own.
            device: `cpu` where it is None.
            precision: What the parameters are stored in.
            strict: None refuses a missing or unexpected part of the encoder, and warns of a missing head
                (`UntrainedHeadWarning`); True refuses any difference, False none but wrong shapes.

        Raises:
            MissingFileError: There is no such folder or model, or a file is missing in it.
            ConfigError: The configuration is bad; `field` names the value.
            WeightsFormatError: The weight file is truncated, corrupt or of another format.
            WeightsMismatchError: The weights are not the model's, as `strict` says.
            DeviceError: There is no such device here.
        """

@final
class ElectraGeneratorHead:
    """The generator's head alone, before the decoder: hidden states [..., H] -> [..., E], float32.

    `LayerNorm(gelu(W x + b))`, freshly initialised. numpy in, numpy out; torch in, torch out with its graph.

    Raises:
        DtypeError: The hidden states are not float32.
        TorchError: Their last dimension is not H.

    Example:
        >>> head = oxbert.ElectraGeneratorHead(oxbert.ElectraConfig(hidden_size=8, embedding_size=6), seed=0)
        >>> head(np.ones((2, 3, 8), dtype=np.float32)).shape
        (2, 3, 6)
    """

    def __new__(cls, config: ElectraConfig, *, seed: int | None = None) -> Self: ...
    @overload
    def __call__(self, hidden_states: torch.Tensor) -> torch.Tensor: ...
    @overload
    def __call__(self, hidden_states: _Floats) -> _Floats: ...
    def named_parameters(self) -> list[tuple[str, torch.Tensor]]:
        """Names and parameters, over the same memory as the head's. Imports torch."""

@final
class ElectraDiscriminatorHead:
    """The discriminator's head alone: hidden states [..., H] -> logits [...], float32.

    `w · activation(W x + b) + c`, freshly initialised. numpy in, numpy out; torch in, torch out with its graph.

    Raises:
        DtypeError: The hidden states are not float32.
        TorchError: Their last dimension is not H.

    Example:
        >>> head = oxbert.ElectraDiscriminatorHead(oxbert.ElectraConfig(hidden_size=8), seed=0)
        >>> head(torch.ones(2, 3, 8)).shape
        torch.Size([2, 3])
    """

    def __new__(cls, config: ElectraConfig, *, seed: int | None = None) -> Self: ...
    @overload
    def __call__(self, hidden_states: torch.Tensor) -> torch.Tensor: ...
    @overload
    def __call__(self, hidden_states: _Floats) -> _Floats: ...
    def named_parameters(self) -> list[tuple[str, torch.Tensor]]:
        """Names and parameters, over the same memory as the head's. Imports torch."""

@final
class ElectraTokenizer:
    """Text to ids and back, over a BERT word-piece vocabulary.

    Ids, types, masks and offsets are those of transformers' fast tokenizer. Offsets are in characters of the original
    text. What a call returns goes straight into a model; without padding it stays ragged.

    Args:
        vocab_file: `vocab.txt`, one token a line.
        do_lower_case: Lower-case the text.
        strip_accents: Remove accents; None follows `do_lower_case`.
        tokenize_chinese_chars: Make every Chinese character a word of its own.
        model_max_length: The longest row that the model takes, in tokens; the length of a truncation that names none.

    Raises:
        MissingFileError: There is no such file.
        VocabularyError: It is not a vocabulary; `line` says where.

    Example:
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-discriminator")
        >>> rows = tokenizer(["one text", "and another one"])
        >>> model = oxbert.ElectraForPreTraining.from_pretrained("electra-tiny-discriminator")
        >>> model(**rows).logits.shape[0]
        2
    """

    def __new__(
        cls,
        vocab_file: _Path,
        *,
        do_lower_case: bool = True,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
        model_max_length: int | None = None,
    ) -> Self: ...
    @staticmethod
    def from_pretrained(folder: _Path) -> ElectraTokenizer:
        """From a model folder, or a bundled model by its name.

        Args:
            folder: Holds `vocab.txt` or `tokenizer.json`, and `tokenizer_config.json` where it has settings.

        Raises:
            MissingFileError: There is no such folder or model, or no vocabulary in it.
            VocabularyError: The vocabulary is bad.
            ConfigError: A setting is bad, or one that this tokenizer does not have.
        """

    def __call__(
        self,
        text: str | Sequence[str],
        text_pair: str | Sequence[str] | None = None,
        *,
        add_special_tokens: bool = True,
        padding: _Padding = None,
        truncation: _Truncation = None,
        max_length: int | None = None,
        return_tensors: Literal["np", "pt"] | None = None,
        return_offsets_mapping: bool = False,
        return_special_tokens_mask: bool = False,
    ) -> dict[str, Any]:
        """Tokenise a text or several, on all cores.

        Args:
            text: One text or several.
            text_pair: As many second texts.
            add_special_tokens: Add `[CLS]` before the first text and `[SEP]` after each text.
            padding: True or `longest` pads to the longest row, `max_length` to that many tokens.
            truncation: True or `longest_first` shortens the longer text first; `only_first`, `only_second`.
            max_length: The longest row, in tokens, special ones included.
            return_tensors: `np` or `pt`: int64 arrays [B, S] instead of lists.
            return_offsets_mapping: Add `offset_mapping`, (start, end) of each token in characters.
            return_special_tokens_mask: Add `special_tokens_mask`, 1 at a special token.

        Returns:
            `input_ids`, `token_type_ids` and `attention_mask`: flat lists for one text, lists of rows for several.

        Raises:
            InputError: An option is unknown, the texts and their pairs differ in number, or rows of different lengths
                are asked for as one array.
            TokenizerError: The truncation cannot reach `max_length`.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> row = tokenizer("A test", return_offsets_mapping=True)
            >>> row["offset_mapping"][1]
            (0, 1)
        """

    def encode(
        self,
        text: str,
        text_pair: str | None = None,
        *,
        add_special_tokens: bool = True,
        truncation: _Truncation = None,
        max_length: int | None = None,
        return_tensors: Literal["np", "pt"] | None = None,
    ) -> Any:
        """The ids of one text or pair: a list, or int64 [1, S] with `return_tensors`.

        Raises:
            InputError: An option is unknown.
            TokenizerError: The truncation cannot reach `max_length`.
        """

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text, without special tokens."""

    def decode(
        self, token_ids: _Ids, *, skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = False
    ) -> str:
        """The text of ids.

        Raises:
            DtypeError: The ids are not a flat row of integers.
            IdRangeError: An id is not in the vocabulary.

        Example:
            >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
            >>> tokenizer.decode(tokenizer.encode("A test."), skip_special_tokens=True)
            'a test.'
        """

    def batch_decode(
        self,
        sequences: Sequence[_Ids] | _Array | torch.Tensor,
        *,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = False,
    ) -> list[str]:
        """The texts of rows of ids.

        Raises:
            DtypeError: A row is not a flat row of integers.
            IdRangeError: An id is not in the vocabulary.
        """

    def convert_ids_to_tokens(self, ids: _Ids) -> list[str]:
        """The tokens of ids.

        Raises:
            DtypeError: The ids are not a flat row of integers.
            IdRangeError: An id is not in the vocabulary.
        """

    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]:
        """The ids of tokens, that of `[UNK]` for one that the vocabulary lacks."""

    @property
    def vocab_size(self) -> int:
        """How many tokens the vocabulary has."""

    @property
    def model_max_length(self) -> int | None:
        """The longest row that the model takes, in tokens; None where it is not known."""

    @property
    def pad_token_id(self) -> int:
        """The id of `[PAD]`."""

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

    def __len__(self) -> int: ...

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
    def from_pretrained(folder: _Path, *, device: _Device | None = None) -> FillMask:
        """From a model folder, or a bundled model by its name.

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
class ReplacedTokenDetection:
    """Says of every token of a text how likely it is that it was replaced.

    Example:
        >>> detect = oxbert.ReplacedTokenDetection.from_pretrained("electra-tiny-discriminator")
        >>> [tokens] = detect(["The function returns"])
        >>> [token["token"] for token in tokens], all(0 < token["probability"] < 1 for token in tokens)
        (['the', 'function', 'returns'], True)
    """

    @staticmethod
    def from_pretrained(folder: _Path, *, device: _Device | None = None) -> ReplacedTokenDetection:
        """From a model folder, or a bundled model by its name.

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
def load_weights(path: _Path, arrays: Literal["numpy"] = "numpy") -> dict[str, _Array]:
    """The tensors of a file by name: `.ot`, `.safetensors`, or torch's `.bin` and `.pt`.

    Nothing in a file is executed.

    Args:
        path: The file. torch's own are told by the ending, `.bin`, `.pt` or `.pth`; the others by what they hold.
        arrays: `numpy` or `torch`. float16 and bfloat16 come as float32 in numpy, which holds every value of both;
            `torch` keeps the dtype of the file.

    Raises:
        MissingFileError: There is no such file.
        WeightsFormatError: The file is truncated, corrupt or of another format.
        InputError: `arrays` is none of the two.

    Example:
        >>> oxbert.save_weights({"a.bias": torch.tensor([1.0, 2.0], dtype=torch.float16)}, "one.safetensors")
        >>> oxbert.load_weights("one.safetensors", "torch")["a.bias"].dtype
        torch.float16
    """

@overload
def load_weights(path: _Path, arrays: Literal["torch"]) -> dict[str, torch.Tensor]: ...
def save_weights(tensors: Mapping[str, torch.Tensor | _Array], path: _Path) -> None:
    """Write tensors by name. A crash leaves the old file or the new one.

    Args:
        tensors: Names, and torch tensors or numpy arrays of a float, integer or bool dtype.
        path: Ends with `.ot` or `.safetensors`, which says the format.

    Raises:
        FileError: The file cannot be written.
        InputError: The ending is none of the two.
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
