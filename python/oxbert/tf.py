"""Provide the models for TensorFlow: `tf.Tensor` in and out, called like transformers 4's TensorFlow classes.

The models and their numbers are the same, in Rust on libtorch. They are for inference: no gradient flows through them;
use `oxbert.torch` to train. Tensors cross as numpy arrays. This module imports TensorFlow, and is
imported on its own: `import oxbert.tf`.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from typing_extensions import Self

from oxbert import _native, errors, outputs
from oxbert._checks import refused
from oxbert._types import WeightFormat

if importlib.util.find_spec("tensorflow") is None:
    _command = 'pip install "oxbert[tf]"'
    raise errors.MissingDependencyError(
        f"oxbert.tf needs TensorFlow; run: {_command}", name="tensorflow", command=_command
    )

import tensorflow as tf

# The arguments in the order of transformers 4's TensorFlow classes.
_Names = tuple[str, ...]
_ELECTRA: _Names = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "head_mask", "inputs_embeds")
_DISTILBERT: _Names = ("input_ids", "attention_mask", "head_mask", "inputs_embeds")
_OF_DECODERS = ("encoder_hidden_states", "encoder_attention_mask", "past_key_values", "use_cache")
_OPTIONS = ("output_attentions", "output_hidden_states", "return_dict")
_TARGETS = ("labels", "start_positions", "end_positions")


class _Output:
    # The dimensions of the tensors, by their letters; R is the number of rows in the encoder, B or B * C.
    _shapes: ClassVar[dict[str, str]]

    def __init_subclass__(cls, **shapes: str) -> None:
        cls._shapes = shapes

    def __init__(self, *named: Any, **values: Any) -> None:
        if not (named or values):
            # `tf.nest` would rebuild an output without its values.
            raise refused("output", "a tf.function cannot return an output; return its tensors, or dict(output)")
        super().__init__(*named, **values)


class TFBaseModelOutput(_Output, outputs.BaseModelOutput[tf.Tensor], last_hidden_state="BSH"):
    """Hold the output of a model without a head: `last_hidden_state` [B, S, H]."""


class TFMaskedLMOutput(_Output, outputs.MaskedLMOutput[tf.Tensor], loss="1", logits="BSV"):
    """Hold the output of a masked LM: `logits` [B, S, V], and with labels `loss` [1]."""


class TFElectraForPreTrainingOutput(
    _Output, outputs.ElectraForPreTrainingOutput[tf.Tensor], loss="1", logits="BS", probabilities="BS"
):
    """Hold the output of a discriminator: `logits` [B, S]; `probabilities`, their sigmoid; with labels `loss` [1]."""


class TFTokenClassifierOutput(_Output, outputs.TokenClassifierOutput[tf.Tensor], loss="1", logits="BSL"):
    """Hold the output of a token classifier: `logits` [B, S, L], and with labels `loss` [1]."""


class TFSequenceClassifierOutput(_Output, outputs.SequenceClassifierOutput[tf.Tensor], loss="B", logits="BL"):
    """Hold the output of a text classifier: `logits` [B, L], and with labels `loss` [B]."""


class TFQuestionAnsweringModelOutput(
    _Output, outputs.QuestionAnsweringModelOutput[tf.Tensor], loss="B", start_logits="BS", end_logits="BS"
):
    """Hold the output of question answering: `start_logits` and `end_logits` [B, S], and with positions `loss` [B]."""


class TFMultipleChoiceModelOutput(_Output, outputs.MultipleChoiceModelOutput[tf.Tensor], loss="B", logits="BC"):
    """Hold the output of multiple choice: `logits` [B, C], and with labels `loss` [B]."""


class TFModel:
    """Call a model of oxbert like transformers 4's TensorFlow classes; the base of all models for TensorFlow.

    The first argument of a call, `inputs` or `input_ids`, is the ids, a list or tuple of arguments in transformers'
    order such as `[input_ids, attention_mask, token_type_ids]`, or a dictionary of arguments such as a `BatchEncoding`.
    A list whose first item is a matrix (for multiple choice: has three dimensions) is a list of arguments; any other
    list is the ids. Arguments are tensors, numpy arrays or lists; `oxbert.Model` documents them. Ragged lists
    and ragged tensors need no padding and no mask.

    `head_mask` and the arguments of decoders must be None, and `training` False. With labels the output has a `loss`:
    one number [1] if tokens have labels, one number per text [B] if texts have, for which the model runs over each text
    once more.

    Inside a `tf.function`, such as a step of a `tf.data` pipeline, a call becomes one operation, and its errors are
    TensorFlow's, with the same message. It cannot be saved with the graph, or compiled by XLA.

    Args:
        config: A configuration of the class's family, for a fresh model; or a model of oxbert, which is shared.
        options: `seed` and `device` of a fresh model, as in `oxbert`.

    Raises:
        DtypeError: if `config` is neither.
        InputError: if the call needs a head mask or training, or the model is in training mode.
        TypeError: if an argument is unknown, or given twice.

    Example:
        >>> import oxbert
        >>> model = TFElectraForPreTraining.from_pretrained("electra-tiny-discriminator")
        >>> tokenizer = oxbert.AutoTokenizer.from_pretrained("electra-tiny-discriminator")
        >>> model(tokenizer(["Return the value.", "It is."], padding=True, return_tensors="tf")).logits.shape
        TensorShape([2, 6])
    """

    _kind: ClassVar[type[_native.Model]]
    _output: ClassVar[type[Any]]
    # The dimensions of the ids.
    _rows: ClassVar[str]
    _signature: ClassVar[inspect.Signature]

    def __init_subclass__(cls, output: type[Any] | None = None) -> None:
        if output is None:
            # A user's class, derived from one of the classes below.
            return
        kind = getattr(_native, cls.__name__.removeprefix("TF"))
        cls._kind, cls._output, cls._rows = kind, output, "BCS" if output is TFMultipleChoiceModelOutput else "BS"
        names = _ELECTRA if kind.__name__.startswith("Electra") else _DISTILBERT
        names += _OF_DECODERS if kind is _native.ElectraModel else ()
        names += (*_OPTIONS, *(name for name in _TARGETS if name in kind.arguments), "training")
        by_name = [name for name in ("token_type_ids", "position_ids") if name not in names]
        parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        parameters += [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in by_name]
        cls._signature = inspect.Signature(parameters)
        cls.call = _call_of(parameters)

    def __init__(self, config: Any, **options: Any) -> None:
        if isinstance(config, _native.Model):
            if type(config) is not self._kind:
                expected, got = f"a configuration or {self._kind.__name__}", type(config).__name__
                message = f"config: expected {expected}, got {got}"
                raise errors.DtypeError(message, what="config", expected=expected, got=got)
            self._model = config
        else:
            make: Any = self._kind
            self._model = make(config, **options).eval()

    @classmethod
    def from_config(cls, config: _native.Config, **options: Any) -> Self:
        """Return a freshly initialised model; `seed` and `device` are as in `oxbert`."""
        return cls(config, **options)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str], **options: Any) -> Self:
        """Load a model from a folder, a bundled model, or a repository of the hub.

        Args:
            folder: As for the class of the same name in `oxbert`; weights may be of any format, `tf_model.h5` too.
            options: As for that class. `from_pt`, `from_tf` and `from_flax` are ignored: the weights tell their format.

        Raises:
            OxbertError: as for that class.
        """
        options = {name: value for name, value in options.items() if name not in ("from_pt", "from_tf", "from_flax")}
        kind: Any = cls._kind
        return cls(kind.from_pretrained(folder, **options))

    @property
    def model(self) -> Any:
        """Return the wrapped model of oxbert."""
        return self._model

    @property
    def config(self) -> Any:
        """Return the model's configuration."""
        return self.model.config

    def num_parameters(self) -> int:
        """Return the number of values in all parameters."""
        return self._model.num_parameters()

    def get_input_embeddings(self) -> tf.Tensor:
        """Return a copy of the word embeddings [V, E]; changing it does not change the model. Imports torch."""
        return tf.constant(self.model.get_input_embeddings().weight.numpy(force=True))

    def save_pretrained(
        self,
        folder: str | os.PathLike[str],
        format: WeightFormat | None = None,
        *,
        saved_model: bool = False,
        safe_serialization: bool | None = None,
        version: int = 1,
        signatures: None = None,
        **options: Any,
    ) -> None:
        """Write `config.json` and the weights into a folder, as the model does.

        Args:
            folder: The folder, which is created if it does not exist.
            format: As for the model.
            saved_model: Only False: TensorFlow could not run what a SavedModel would hold.
            safe_serialization: As for the model, but not False, which asks for `tf_model.h5`.
            version: The version of a SavedModel; has no effect.
            signatures: Only None, as for `saved_model`.
            options: As for the model.

        Raises:
            InputError: if `saved_model` is True, or another option asks for something else.
            OxbertError: as for the model.
        """
        if saved_model:
            raise refused(
                "saved_model", "expected False: the model is no graph of TensorFlow; the weights are saved without it"
            )
        if signatures is not None:
            raise refused("signatures", "expected None: they are for a SavedModel, which oxbert does not write")
        if safe_serialization is False:
            reason = "expected True or None, got False: oxbert writes no tf_model.h5; choose a file with format"
            raise refused("safe_serialization", reason)
        options["safe_serialization"] = safe_serialization
        self._model.save_pretrained(folder, format=format, **options)

    def __repr__(self) -> str:
        """Return the parts of the model, with the shapes of their parameters."""
        return f"TF{self._model!r}"

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Run the model; the class documents the arguments.

        Returns:
            The output, or with `return_dict=False` a tuple of its values.

        Raises:
            OxbertError: as for a call of a model of oxbert, and as documented by the class.
        """
        if "inputs" in named:
            arguments = (named.pop("inputs"), *arguments)
        given = self._bind(*arguments, **named)
        first = given.pop("input_ids", None)
        if isinstance(first, Mapping):
            within = self._bind(**first)
        elif self._is_arguments(first):
            within = self._bind(*first)
        else:
            within = self._bind(first)
        if twice := within.keys() & given.keys():
            raise TypeError(f"{type(self).__name__}() got multiple values for {', '.join(sorted(twice))}")
        given = self._checked(given | within)
        return_dict = given.pop("return_dict", self.config.return_dict)
        output = self._run(given) if tf.executing_eagerly() else self._in_graph(given)
        return output if return_dict else output.to_tuple()

    call: ClassVar[Any]

    def _bind(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """Return the arguments by name, without those that are None."""
        try:
            bound = self._signature.bind_partial(*arguments, **named).arguments
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}() {error}") from None
        return {name: value for name, value in bound.items() if value is not None}

    def _is_arguments(self, first: Any) -> bool:
        """Return whether the first argument is a list of arguments, rather than of rows."""
        if not isinstance(first, (list, tuple)) or not first:
            return False
        rank, item = 0, first[0]
        while isinstance(item, (list, tuple)) and item:
            rank, item = rank + 1, item[0]
        # None, and a symbolic tensor, which may have no rank, are no rows.
        rank += tf.TensorShape(getattr(item, "shape", ())).rank or 0
        return item is None or tf.is_symbolic_tensor(item) or rank >= len(self._rows)

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """Check the arguments; return them without those that must be None, and without ragged tensors."""
        if given.pop("training", False):
            raise refused("training", "expected False: these classes are for inference, and oxbert.torch trains")
        if self._model.training:
            raise refused("model", "it is in training mode, in which dropout is on; call model.model.eval()")
        for name in ("head_mask", *_OF_DECODERS):
            if given.pop(name, False) is not False:
                raise refused(name, "expected None: oxbert does not support it")
        ids = given.get("input_ids")
        if isinstance(ids, tf.RaggedTensor) and "attention_mask" not in given:
            given["attention_mask"] = tf.ones_like(ids)
        return {name: v.to_tensor() if isinstance(v, tf.RaggedTensor) else v for name, v in given.items()}

    def _run(self, given: dict[str, Any]) -> Any:
        """Run the model on tensors or arrays that have values."""
        answer = self._answer(given)
        names = [name for name in (*self._output._shapes, "hidden_states", "attentions") if name in answer]
        return self._output(**{name: tf.nest.map_structure(tf.convert_to_tensor, answer[name]) for name in names})

    def _in_graph(self, given: dict[str, Any]) -> Any:
        """Add a call to the current graph, whose tensors have no values yet."""
        shapes = self._static_shapes(given)
        # The graph is traced for these outputs, so the configuration must not change them later.
        given |= {f"output_{name}": name in shapes for name in ("hidden_states", "attentions")}
        symbolic = {name: value for name, value in given.items() if tf.is_symbolic_tensor(value)}

        def run(*arrays: Any) -> Any:
            answer = self._answer(given | dict(zip(symbolic, arrays, strict=True)))
            return tf.nest.flatten({name: answer[name] for name in shapes})

        known = tf.nest.flatten(shapes)
        found = tf.numpy_function(run, list(symbolic.values()), [tf.float32] * len(known))
        tensors = [tf.ensure_shape(tensor, shape) for tensor, shape in zip(found, known, strict=True)]
        return self._output(**tf.nest.pack_sequence_as(shapes, tensors))

    def _answer(self, given: dict[str, Any]) -> Any:
        """Return the output of the model as arrays; the loss has the shape that transformers gives it."""
        given = {name: value.numpy() if hasattr(value, "numpy") else value for name, value in given.items()}
        given["return_dict"] = True
        output = self._model(**given)
        if not any(name in given for name in _TARGETS):
            return output
        if self._output._shapes["loss"] == "B" and (texts := len(output[1])) > 1:
            inputs = {name: value for name, value in given.items() if name in self._model.arguments}
            # A single row is broadcast to all texts.
            alone = [
                {name: v if len(v) == 1 else v[row : row + 1] for name, v in inputs.items()} for row in range(texts)
            ]
            output.loss = np.stack([self._model(**text, return_dict=True).loss for text in alone])
        else:
            output.loss = output.loss.reshape(1)
        return output

    def _static_shapes(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the names of the output's tensors, and their shapes as far as they are known."""
        config = self.config
        ids, letters = given.get("input_ids"), self._rows
        if ids is None:
            ids, letters = given.get("inputs_embeds"), f"{letters}E"
        shape = tf.TensorShape(getattr(ids, "shape", None))
        # The model refuses ids of another rank.
        known = shape.as_list() if shape.rank == len(letters) else [None] * len(letters)
        sizes = dict(zip(letters, known, strict=True)) | {"1": 1, "L": config.num_labels, "V": config.vocab_size}
        sizes |= {"A": config.num_attention_heads, "H": config.hidden_size}
        texts, choices = sizes["B"], sizes.get("C", 1)
        sizes["R"] = texts * choices if texts and choices else None

        def shaped(dimensions: str) -> Any:
            return tf.TensorShape([sizes[letter] for letter in dimensions])

        found = {name: shaped(dimensions) for name, dimensions in self._output._shapes.items()}
        if not any(name in given for name in _TARGETS):
            found.pop("loss", None)
        layers = config.num_hidden_layers
        for name, dimensions, count in [("hidden_states", "RSH", layers + 1), ("attentions", "RASS", layers)]:
            if given.get(f"output_{name}", getattr(config, f"output_{name}")):
                found[name] = (shaped(dimensions),) * count
        return found


def _call_of(parameters: list[inspect.Parameter]) -> Any:
    """Return the method `call` of a class, with its arguments as its signature."""

    def call(self: TFModel, *arguments: Any, **named: Any) -> Any:
        return self(*arguments, **named)

    call.__doc__ = TFModel.__call__.__doc__
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    defaults = [one.replace(default=False if one.name == "training" else None) for one in parameters]
    call.__signature__ = inspect.Signature([itself, *defaults])  # type: ignore[attr-defined]
    return call


class TFElectraModel(TFModel, output=TFBaseModelOutput):
    """Run ELECTRA's encoder, without a head."""


class TFElectraForPreTraining(TFModel, output=TFElectraForPreTrainingOutput):
    """Run ELECTRA's discriminator: was each token replaced?"""


class TFElectraForMaskedLM(TFModel, output=TFMaskedLMOutput):
    """Predict the token at each position with ELECTRA."""


class TFElectraForTokenClassification(TFModel, output=TFTokenClassifierOutput):
    """Classify tokens with ELECTRA."""


class TFElectraForSequenceClassification(TFModel, output=TFSequenceClassifierOutput):
    """Classify texts with ELECTRA."""


class TFElectraForQuestionAnswering(TFModel, output=TFQuestionAnsweringModelOutput):
    """Answer questions with ELECTRA: predict the first and the last token of the answer."""


class TFElectraForMultipleChoice(TFModel, output=TFMultipleChoiceModelOutput):
    """Choose between texts with ELECTRA."""


class TFDistilBertModel(TFModel, output=TFBaseModelOutput):
    """Run DistilBERT's encoder, without a head."""


class TFDistilBertForMaskedLM(TFModel, output=TFMaskedLMOutput):
    """Predict the token at each position with DistilBERT."""


class TFDistilBertForTokenClassification(TFModel, output=TFTokenClassifierOutput):
    """Classify tokens with DistilBERT."""


class TFDistilBertForSequenceClassification(TFModel, output=TFSequenceClassifierOutput):
    """Classify texts with DistilBERT."""


class TFDistilBertForQuestionAnswering(TFModel, output=TFQuestionAnsweringModelOutput):
    """Answer questions with DistilBERT: predict the first and the last token of the answer."""


class TFDistilBertForMultipleChoice(TFModel, output=TFMultipleChoiceModelOutput):
    """Choose between texts with DistilBERT."""


__all__ = [
    "TFBaseModelOutput",
    "TFDistilBertForMaskedLM",
    "TFDistilBertForMultipleChoice",
    "TFDistilBertForQuestionAnswering",
    "TFDistilBertForSequenceClassification",
    "TFDistilBertForTokenClassification",
    "TFDistilBertModel",
    "TFElectraForMaskedLM",
    "TFElectraForMultipleChoice",
    "TFElectraForPreTraining",
    "TFElectraForPreTrainingOutput",
    "TFElectraForQuestionAnswering",
    "TFElectraForSequenceClassification",
    "TFElectraForTokenClassification",
    "TFElectraModel",
    "TFMaskedLMOutput",
    "TFModel",
    "TFMultipleChoiceModelOutput",
    "TFQuestionAnsweringModelOutput",
    "TFSequenceClassifierOutput",
    "TFTokenClassifierOutput",
]
