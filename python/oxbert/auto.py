"""Classes that look into a folder before they decide what to load.

The family is `model_type` of `config.json`, or, where an old file lacks it, the class that `architectures` names. The
class says which head is wanted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from oxbert import _native, errors, hub
from oxbert.hub import _folders

_Path = str | os.PathLike[str]

# What stands first in the names of a family's classes.
_FAMILIES = {"electra": "Electra", "distilbert": "DistilBert"}


# The options that say how a folder comes from the hub.
_HUB = tuple(hub.HubOptions.__dataclass_fields__)


def _of_hub(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in _HUB}


class AutoConfig:
    """The configuration of either family.

    Example:
        >>> import oxbert
        >>> type(oxbert.AutoConfig.from_pretrained("electra-tiny-generator")).__name__
        'ElectraConfig'
    """

    @staticmethod
    def from_pretrained(folder: _Path, **hub: Any) -> _native.Config:
        """From a model folder, the name of a bundled model, or a repository of the hub.

        Args:
            folder: As for `Config.from_pretrained`.
            hub: As for `Config.from_pretrained`.

        Raises:
            MissingFileError: There is no such folder or model, or no `config.json` in it.
            HubError: The repository cannot be had.
            ConfigError: A value is bad, or the family is another.
        """
        return _native.Config.from_pretrained(folder, **hub)

    @staticmethod
    def for_model(model_type: str, **values: Any) -> _native.Config:
        """The defaults of a family, `electra` or `distilbert`, but for these values.

        Raises:
            ConfigError: A value is bad, or the family is another.
        """
        return _native.Config.from_dict({"model_type": model_type, **values})


class AutoTokenizer:
    """The tokenizer of either family: BERT's word pieces for both, with token types where the family has them.

    Example:
        >>> import oxbert
        >>> type(oxbert.AutoTokenizer.from_pretrained("electra-tiny-generator")).__name__
        'ElectraTokenizer'
    """

    @staticmethod
    def from_pretrained(folder: _Path, **options: Any) -> _native.Tokenizer:
        """From a folder with a vocabulary, or the name of a model. Without `config.json` it is ELECTRA's.

        Args:
            folder: As for the family's own classes.
            options: Those of the family's own classes: `do_lower_case`, `model_max_length`, `revision` and so on.

        Raises:
            MissingFileError: There is no such folder or model, or no vocabulary in it.
            VocabularyError: The vocabulary is bad; `line` says where.
            ConfigError: A setting is bad, or the family is another.
        """
        found = _folders.find(folder, "tokenizer", **_of_hub(options))
        settings = {name: value for name, value in options.items() if name not in _HUB}
        try:
            # Asked for apart: a tokenizer may come without one.
            config = AutoConfig.from_pretrained(folder, **_of_hub(options))
        except errors.MissingFileError:
            return _native.ElectraTokenizer.from_pretrained(found, **settings)
        kind = getattr(_native, _FAMILIES[config.model_type] + "Tokenizer")
        tokenizer: _native.Tokenizer = kind.from_pretrained(found, **settings)
        return tokenizer


class AutoModel:
    """The encoder of either family, without a head.

    The classes that are named after a task give the encoder with the head for it.

    Example:
        >>> import oxbert
        >>> type(oxbert.AutoModel.from_pretrained("electra-tiny-discriminator")).__name__
        'ElectraModel'
    """

    _head: ClassVar[str] = "Model"
    # Where a family's class has another name than the family's and the head's together.
    _others: ClassVar[dict[str, str]] = {}

    @classmethod
    def from_pretrained(cls, folder: _Path, *, config: _native.Config | None = None, **options: Any) -> _native.Model:
        """A model in evaluation mode, from a folder or the name of a bundled model.

        Args:
            folder: As for the family's own classes.
            config: Instead of the folder's own.
            options: Those of the family's own classes: `device`, `precision`, `strict`, `component`, those of the hub,
                fields of the configuration.
        """
        # Found once, so that all of it is of one revision.
        found = _folders.find(folder, ["config", "weights"], **_of_hub(options))
        options = {name: value for name, value in options.items() if name not in _HUB}
        config = AutoConfig.from_pretrained(found) if config is None else config
        model: _native.Model = cls._class(config).from_pretrained(found, config=config, **options)
        return model

    @classmethod
    def from_config(cls, config: _native.Config, **options: Any) -> _native.Model:
        """A freshly initialised model; `seed` and `device` as for the family's own classes."""
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
    """What a family was pre-trained as: ELECTRA's discriminator, DistilBERT's masked LM."""

    _head = "ForPreTraining"
    _others: ClassVar[dict[str, str]] = {"distilbert": "DistilBertForMaskedLM"}


class AutoModelForMaskedLM(AutoModel):
    """A masked LM of either family."""

    _head = "ForMaskedLM"


class AutoModelForSequenceClassification(AutoModel):
    """A text classifier of either family."""

    _head = "ForSequenceClassification"


class AutoModelForTokenClassification(AutoModel):
    """A token classifier of either family."""

    _head = "ForTokenClassification"


class AutoModelForQuestionAnswering(AutoModel):
    """A model of either family that answers questions."""

    _head = "ForQuestionAnswering"


class AutoModelForMultipleChoice(AutoModel):
    """A model of either family that chooses between texts."""

    _head = "ForMultipleChoice"


__all__ = [
    "AutoConfig",
    "AutoModel",
    "AutoModelForMaskedLM",
    "AutoModelForMultipleChoice",
    "AutoModelForPreTraining",
    "AutoModelForQuestionAnswering",
    "AutoModelForSequenceClassification",
    "AutoModelForTokenClassification",
    "AutoTokenizer",
]
