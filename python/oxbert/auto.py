"""Load a configuration, a tokenizer or a model of either family; the folder says which family it is.

The family is `model_type` of `config.json` or, if an old file lacks `model_type`, the class that `architectures` names.
The name of the auto class says which head is wanted.
"""

from __future__ import annotations

from typing import Any, ClassVar

from oxbert import _native, errors
from oxbert._load_options import read_load_options, take_tokenizer_options
from oxbert._types import PathLike
from oxbert.hub._folders import find
from oxbert.hub._options import split_options

# The first part of the names of a family's classes.
_FAMILIES = {"electra": "Electra", "distilbert": "DistilBert"}


class AutoConfig:
    """Load the configuration of either family.

    Example:
        >>> import oxbert
        >>> type(oxbert.AutoConfig.from_pretrained("electra-tiny-generator")).__name__
        'ElectraConfig'
    """

    @staticmethod
    def from_pretrained(folder: PathLike, **options: Any) -> Any:
        """Load the configuration of a model folder, a bundled model, or a repository of the hub.

        Args:
            folder: As for `Config.from_pretrained`.
            options: As for `Config.from_pretrained`: the options of the hub, `return_unused_kwargs`, and values of keys
                that replace the file's, such as `num_labels=3`.

        Returns:
            The configuration; with `return_unused_kwargs=True` also a dictionary of the options that name no key.

        Raises:
            TypeError: if there is no such key.
            MissingFileError: if there is no such folder or model, or no `config.json` in it.
            HubError: if the repository cannot be fetched.
            ConfigError: if a value is bad, or the family is neither ELECTRA nor DistilBERT.
        """
        return _native.Config.from_pretrained(folder, **options)

    @staticmethod
    def for_model(model_type: str, **values: Any) -> _native.Config:
        """Return the default configuration of a family with some values replaced.

        Args:
            model_type: `electra` or `distilbert`.
            values: The fields that differ from the defaults.

        Raises:
            ConfigError: if a value is bad, or the family is neither ELECTRA nor DistilBERT.
        """
        return _native.Config.from_dict({"model_type": model_type, **values})


class AutoTokenizer:
    """Load the tokenizer of either family: WordPiece for both, with token types if the family has them.

    Example:
        >>> import oxbert
        >>> type(oxbert.AutoTokenizer.from_pretrained("electra-tiny-generator")).__name__
        'ElectraTokenizer'
    """

    @staticmethod
    def from_pretrained(folder: PathLike, **options: Any) -> _native.Tokenizer:
        """Load the tokenizer of a folder or a model. Without `config.json` an ELECTRA tokenizer is made.

        Args:
            folder: As for the family's own classes.
            options: The options of the family's own classes: `do_lower_case`, `model_max_length`, `revision` and so on;
                and `use_fast` and `trust_remote_code`, which change no id.

        Raises:
            MissingFileError: if there is no such folder or model, or no vocabulary in it.
            HubError: if the repository cannot be fetched.
            VocabularyError: if the vocabulary is invalid; `line` says where.
            ConfigError: if a setting is bad, or the family is neither ELECTRA nor DistilBERT.
        """
        hub, settings = split_options(take_tokenizer_options(options))
        # A tokenizer may come without a configuration. Both are looked up at once, so that they are of one commit.
        found = find(folder, "tokenizer", optional="config", **hub)
        settings.setdefault("name_or_path", folder)
        try:
            config = AutoConfig.from_pretrained(found)
        except errors.MissingFileError:
            return _native.ElectraTokenizer.from_pretrained(found, **settings)
        kind = getattr(_native, _FAMILIES[config.model_type] + "Tokenizer")
        tokenizer: _native.Tokenizer = kind.from_pretrained(found, **settings)
        return tokenizer


class AutoModel:
    """Load the encoder of either family, without a head.

    The classes that are named after a task load the encoder with the head for the task.

    Example:
        >>> import oxbert
        >>> type(oxbert.AutoModel.from_pretrained("electra-tiny-discriminator")).__name__
        'ElectraModel'
    """

    _head: ClassVar[str] = "Model"
    # Classes whose name is not the family's followed by the head's.
    _others: ClassVar[dict[str, str]] = {}

    @classmethod
    def from_pretrained(cls, folder: PathLike | None, *, config: _native.Config | None = None, **options: Any) -> Any:
        """Load a model in evaluation mode from a folder, a bundled model, or a repository of the hub.

        Args:
            folder: As for the family's own classes.
            config: A configuration to use instead of the folder's own.
            options: The options of the family's own classes: `device`, `precision`, `strict`, `component`, the options
                of the hub and of transformers, and fields of the configuration.

        Returns:
            The model; with `output_loading_info=True` also the differences between the weights and the model.
        """
        if folder is None:
            return cls._class(config).from_pretrained(None, config=config, **options)
        settings = split_options(options)[1]
        # Looked up once, so that the configuration and the weights are of one commit.
        found = read_load_options(options).find(folder)
        config = AutoConfig.from_pretrained(found) if config is None else config
        return cls._class(config).from_pretrained(found, config=config, **settings)

    @classmethod
    def from_config(cls, config: _native.Config, **options: Any) -> _native.Model:
        """Return a freshly initialised model; `options` are as for the family's own classes."""
        model: _native.Model = cls._class(config).from_config(config, **options)
        return model

    @classmethod
    def _class(cls, config: object) -> Any:
        if not isinstance(config, _native.Config):
            expected, got = "a configuration of oxbert", type(config).__name__
            raise errors.DtypeError(
                f"config: expected {expected}, got {got}", what="config", expected=expected, got=got
            )
        name = cls._others.get(config.model_type) or _FAMILIES[config.model_type] + cls._head
        return getattr(_native, name)


class AutoModelForPreTraining(AutoModel):
    """Load the model that a family is pre-trained as: ELECTRA's discriminator, DistilBERT's masked LM."""

    _head = "ForPreTraining"
    _others: ClassVar[dict[str, str]] = {"distilbert": "DistilBertForMaskedLM"}


class AutoModelForMaskedLM(AutoModel):
    """Load a masked language model of either family."""

    _head = "ForMaskedLM"


class AutoModelForSequenceClassification(AutoModel):
    """Load a text classifier of either family."""

    _head = "ForSequenceClassification"


class AutoModelForTokenClassification(AutoModel):
    """Load a token classifier of either family."""

    _head = "ForTokenClassification"


class AutoModelForQuestionAnswering(AutoModel):
    """Load a question-answering model of either family."""

    _head = "ForQuestionAnswering"


class AutoModelForJointQuestionAnswering(AutoModel):
    """Load a question-answering model of either family whose ends depend on starts, as in google-research/electra."""

    _head = "ForJointQuestionAnswering"


class AutoModelForLinearClassification(AutoModel):
    """Load a text classifier of either family without a hidden layer, as in google-research/electra."""

    _head = "ForLinearClassification"


class AutoModelForMultipleChoice(AutoModel):
    """Load a multiple-choice model of either family."""

    _head = "ForMultipleChoice"


__all__ = [
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
]
