"""The models for users of TensorFlow: `tf.Tensor` in, `tf.Tensor` out, called as transformers 4's TensorFlow classes.

The models are the same, in Rust on libtorch, and so are their numbers. They are for inference: no gradient flows
through them, and `oxbert.torch` is what trains. Tensors cross as numpy arrays. This module imports TensorFlow, and is
imported on its own: `import oxbert.tf`.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

import numpy as np
from typing_extensions import Self

from oxbert import _native, errors, outputs
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


def _refuse(what: str, reason: str) -> NoReturn:
    raise errors.InputError(f"{what}: {reason}", what=what, reason=reason)


class _Output:
    # The dimensions of the tensors, by their letters; R are the rows that the encoder sees, B or B * C.
    _shapes: ClassVar[dict[str, str]]

    def __init_subclass__(cls, **shapes: str) -> None:
        cls._shapes = shapes

    def __init__(self, *named: Any, **values: Any) -> None:
        if not (named or values):
            # `tf.nest` takes an output apart, and would put it together by its keys, which iterating does not give.
            _refuse("output", "a tf.function cannot return it; return its tensors, or dict(output)")
        super().__init__(*named, **values)


class TFBaseModelOutput(_Output, outputs.BaseModelOutput[tf.Tensor], last_hidden_state="BSH"):
    """Of a model without a head: `last_hidden_state` [B, S, H]."""


class TFMaskedLMOutput(_Output, outputs.MaskedLMOutput[tf.Tensor], loss="1", logits="BSV"):
    """Of a masked LM: `logits` [B, S, V], and with labels `loss` [1]."""


class TFElectraForPreTrainingOutput(
    _Output, outputs.ElectraForPreTrainingOutput[tf.Tensor], loss="1", logits="BS", probabilities="BS"
):
    """Of a discriminator: `logits` [B, S]; `probabilities`, their sigmoid; with labels `loss` [1]."""


class TFTokenClassifierOutput(_Output, outputs.TokenClassifierOutput[tf.Tensor], loss="1", logits="BSL"):
    """Of a token classifier: `logits` [B, S, L], and with labels `loss` [1]."""


class TFSequenceClassifierOutput(_Output, outputs.SequenceClassifierOutput[tf.Tensor], loss="B", logits="BL"):
    """Of a classifier of whole texts: `logits` [B, L], and with labels `loss` [B]."""


class TFQuestionAnsweringModelOutput(
    _Output, outputs.QuestionAnsweringModelOutput[tf.Tensor], loss="B", start_logits="BS", end_logits="BS"
):
    """Of a model that finds answers: `start_logits` and `end_logits` [B, S], and with positions `loss` [B]."""


class TFMultipleChoiceModelOutput(_Output, outputs.MultipleChoiceModelOutput[tf.Tensor], loss="B", logits="BC"):
    """Of a model that chooses: `logits` [B, C], and with labels `loss` [B]."""


class TFModel:
    """The base of all models for TensorFlow: a model of oxbert inside, and transformers 4's way to call it.

    The first argument of a call, `inputs` or `input_ids`, is the ids, a list or tuple of arguments in transformers'
    order such as `[input_ids, attention_mask, token_type_ids]`, or a dictionary of arguments such as a `BatchEncoding`.
    A list whose first item is a matrix (for multiple choice: has three dimensions) is one of arguments; any other is
    the ids themselves. Arguments are tensors, numpy arrays or lists; `oxbert.Model` says what they mean. Ragged lists
    and ragged tensors need no padding and no mask.

    `head_mask` and what is for decoders may only be None, and `training` only False. With labels the output has a
    `loss`: one number [1] where tokens have labels, a number for each text [B] where texts have, for which the model
    runs over each text once more.

    Inside a `tf.function`, such as a step of a `tf.data` pipeline, a call becomes one operation, and its errors are
    TensorFlow's, with the same message. It cannot be saved with the graph, or compiled by XLA.

    Args:
        config: A configuration of the class's family, for a fresh model. Or a model of oxbert, which is then shared.
        options: For a fresh model, `seed` and `device` as in `oxbert`.

    Raises:
        DtypeError: `config` is neither.
        InputError: Something cannot be done here: a head mask, training, a model in training mode.
        TypeError: An argument is unknown, or given twice.

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
            # A user's class, derived from one of those below.
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

    def __init__(self, config: Any, **options: Any) -> None:
        if isinstance(config, _native.Model):
            if type(config) is not self._kind:
                expected, got = f"a configuration or {self._kind.__name__}", type(config).__name__
                message = f"config: expected {expected}, got {got}"
                raise errors.DtypeError(message, what="config", expected=expected, got=got)
            self._model = config
        else:
            make: Any = self._kind
            self._model = make(config, **options)

    @classmethod
    def from_config(cls, config: _native.Config, **options: Any) -> Self:
        """A freshly initialised model; `seed` and `device` as in `oxbert`."""
        return cls(config, **options)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str], **options: Any) -> Self:
        """A model from a folder, the name of a bundled model, or a repository of the hub.

        Args:
            folder: As for the class of the same name in `oxbert`; weights may be of any format, `tf_model.h5` too.
            options: As there. `from_pt`, `from_tf` and `from_flax` make no difference: the weights are looked at.

        Raises:
            OxbertError: As there.
        """
        options = {name: value for name, value in options.items() if name not in ("from_pt", "from_tf", "from_flax")}
        kind: Any = cls._kind
        return cls(kind.from_pretrained(folder, **options))

    @property
    def model(self) -> Any:
        """The model of oxbert inside."""
        return self._model

    @property
    def config(self) -> Any:
        """The model's configuration."""
        return self.model.config

    def num_parameters(self) -> int:
        """How many numbers the parameters hold."""
        return self._model.num_parameters()

    def get_input_embeddings(self) -> tf.Tensor:
        """The table of word embeddings [V, E]: a copy, so that a change does not reach the model. Imports torch."""
        return tf.constant(self.model.get_input_embeddings().weight.numpy(force=True))

    def save_pretrained(self, folder: str | os.PathLike[str], format: WeightFormat = "safetensors") -> None:
        """Write `config.json` and the weights into a folder, as the model does."""
        self._model.save_pretrained(folder, format=format)

    def __repr__(self) -> str:
        """The parts of the model, with the shapes of their parameters."""
        return f"TF{self._model!r}"

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Run the model; the class says what the arguments are.

        Returns:
            The output, or with `return_dict=False` a tuple of what is there.

        Raises:
            OxbertError: As calling a model of oxbert, and as the class says.
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
        return_dict = given.pop("return_dict", True)
        output = self._run(given) if tf.executing_eagerly() else self._in_graph(given)
        return output if return_dict else output.to_tuple()

    call = __call__

    def _bind(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """The arguments by name, without those that are None."""
        try:
            bound = self._signature.bind_partial(*arguments, **named).arguments
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}() {error}") from None
        return {name: value for name, value in bound.items() if value is not None}

    def _is_arguments(self, first: Any) -> bool:
        """Whether this is a list of arguments, and not one of rows."""
        if not isinstance(first, (list, tuple)) or not first:
            return False
        rank, item = 0, first[0]
        while isinstance(item, (list, tuple)) and item:
            rank, item = rank + 1, item[0]
        # What is None or symbolic, and may have no rank, is no row.
        rank += tf.TensorShape(getattr(item, "shape", ())).rank or 0
        return item is None or tf.is_symbolic_tensor(item) or rank >= len(self._rows)

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments without those that may only be None, and without ragged tensors."""
        if given.pop("training", False):
            _refuse("training", "expected False: these classes are for inference, and oxbert.torch trains")
        if self._model.training:
            _refuse("model", "it is in training mode, where dropout is on; call model.model.eval()")
        for name in ("head_mask", *_OF_DECODERS):
            if given.pop(name, False) is not False:
                _refuse(name, "expected None: there is no such thing in oxbert")
        ids = given.get("input_ids")
        if isinstance(ids, tf.RaggedTensor) and "attention_mask" not in given:
            given["attention_mask"] = tf.ones_like(ids)
        return {name: v.to_tensor() if isinstance(v, tf.RaggedTensor) else v for name, v in given.items()}

    def _run(self, given: dict[str, Any]) -> Any:
        """Runs the model over tensors or arrays with values."""
        answer = self._answer(given)
        names = [name for name in (*self._output._shapes, "hidden_states", "attentions") if name in answer]
        return self._output(**{name: tf.nest.map_structure(tf.convert_to_tensor, answer[name]) for name in names})

    def _in_graph(self, given: dict[str, Any]) -> Any:
        """Puts a call into the graph under way, whose tensors have no values yet."""
        shapes = self._static_shapes(given)
        # What the graph is made for, whatever the configuration says when it runs.
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
        """The model's output, of arrays; the loss has the shape that transformers gives it."""
        given = {name: value.numpy() if hasattr(value, "numpy") else value for name, value in given.items()}
        output = self._model(**given)
        if not any(name in given for name in _TARGETS):
            return output
        if self._output._shapes["loss"] == "B" and (texts := len(output[1])) > 1:
            inputs = {name: value for name, value in given.items() if name in self._model.arguments}
            # Where there is one row, it stands for all.
            alone = [
                {name: v if len(v) == 1 else v[row : row + 1] for name, v in inputs.items()} for row in range(texts)
            ]
            output.loss = np.stack([self._model(**text).loss for text in alone])
        else:
            output.loss = output.loss.reshape(1)
        return output

    def _static_shapes(self, given: dict[str, Any]) -> dict[str, Any]:
        """The names of the output's tensors, with their shapes as far as they are known."""
        config = self.config
        ids, letters = given.get("input_ids"), self._rows
        if ids is None:
            ids, letters = given.get("inputs_embeds"), f"{letters}E"
        shape = tf.TensorShape(getattr(ids, "shape", None))
        # What has another rank the model refuses.
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


class TFElectraModel(TFModel, output=TFBaseModelOutput):
    """ELECTRA's encoder, without a head."""


class TFElectraForPreTraining(TFModel, output=TFElectraForPreTrainingOutput):
    """ELECTRA's discriminator: was each token replaced?"""


class TFElectraForMaskedLM(TFModel, output=TFMaskedLMOutput):
    """ELECTRA, a masked LM: which token stands at each position?"""


class TFElectraForTokenClassification(TFModel, output=TFTokenClassifierOutput):
    """ELECTRA with a label for every token."""


class TFElectraForSequenceClassification(TFModel, output=TFSequenceClassifierOutput):
    """ELECTRA with labels for a text."""


class TFElectraForQuestionAnswering(TFModel, output=TFQuestionAnsweringModelOutput):
    """ELECTRA that answers questions: where does the answer begin and end?"""


class TFElectraForMultipleChoice(TFModel, output=TFMultipleChoiceModelOutput):
    """ELECTRA that chooses between texts."""


class TFDistilBertModel(TFModel, output=TFBaseModelOutput):
    """DistilBERT's encoder, without a head."""


class TFDistilBertForMaskedLM(TFModel, output=TFMaskedLMOutput):
    """DistilBERT, a masked LM: which token stands at each position?"""


class TFDistilBertForTokenClassification(TFModel, output=TFTokenClassifierOutput):
    """DistilBERT with a label for every token."""


class TFDistilBertForSequenceClassification(TFModel, output=TFSequenceClassifierOutput):
    """DistilBERT with labels for a text."""


class TFDistilBertForQuestionAnswering(TFModel, output=TFQuestionAnsweringModelOutput):
    """DistilBERT that answers questions: where does the answer begin and end?"""


class TFDistilBertForMultipleChoice(TFModel, output=TFMultipleChoiceModelOutput):
    """DistilBERT that chooses between texts."""


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
