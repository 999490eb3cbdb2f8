"""Provide `oxbert.ElectraPretrainer`: TF Model Garden's `ElectraPretrainer`, over any two networks. Imports torch.

The heads and the sampling of tokens are in Rust; this module calls the networks and passes their outputs on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

import oxbert.torch
from oxbert import _native
from oxbert._checks import refused

_INPUTS = ("input_word_ids", "input_mask", "input_type_ids", "masked_lm_positions", "masked_lm_ids")
_INITIALIZERS: dict[str, Callable[[torch.Tensor], Any]] = {
    "glorot_uniform": torch.nn.init.xavier_uniform_,
    "glorot_normal": torch.nn.init.xavier_normal_,
    "he_uniform": torch.nn.init.kaiming_uniform_,
    "he_normal": torch.nn.init.kaiming_normal_,
    "zeros": torch.nn.init.zeros_,
}


class ElectraPretrainer(torch.nn.Module):
    """Run a generator and a discriminator with their heads, and sample tokens of the one for the other.

    A call takes a mapping of int tensors `input_word_ids` [B, S] (already masked), `input_mask` [B, S],
    `input_type_ids` [B, S], `masked_lm_positions` [B, P] (0 for an unused slot) and `masked_lm_ids` [B, P]; other keys,
    such as `masked_lm_weights`, are ignored. It returns a dict: `lm_outputs` [B, P, V], `sentence_outputs`
    [B, num_classes], `disc_logits` [B, S], above 0 if a token looks replaced, and `disc_label` [B, S] int32, 1 if a
    token differs from the original. The dict has no loss. Torch tensors give torch tensors with their graph; numpy
    arrays and TensorFlow's eager tensors give arrays of the same kind, without a graph.

    A network is a model of oxbert, or any callable of ids, mask and types that returns a sequence output [B, S, H]: the
    tensor itself, an output with `last_hidden_state`, or a mapping with `sequence_output` (the last one of a list). Its
    width is `get_config()["hidden_size"]` or `config.hidden_size`, and the word embeddings of the generator are
    `get_embedding_table()` or `get_input_embeddings().weight`, [V, E].

    Args:
        generator_network: The network whose outputs become tokens.
        discriminator_network: The network that reads these tokens.
        vocab_size: V.
        num_classes: The number of classes of the sentence head, which no loss uses.
        num_token_predictions: P, kept for the configuration only: the inputs have it.
        mlm_activation: The activation of the masked-LM head and of the discriminator's projection: a name such as
            `gelu`, or None.
        mlm_initializer: The initializer of the heads' matrices: a name as in Keras, or a function that fills a tensor.
        output_type: `logits`, or `predictions`: the logarithms of probabilities.
        disallow_correct: Whether the original token is never sampled.
        more: Further values to keep in the configuration.

    Raises:
        InputError: if the output type or the initializer is unknown, or a network lacks what is described above.

    Example:
        >>> import oxbert, torch
        >>> config = oxbert.ElectraConfig(vocab_size=20, embedding_size=4, hidden_size=4, num_hidden_layers=1)
        >>> networks = [oxbert.ElectraModel(config, seed=seed) for seed in (0, 1)]
        >>> pretrainer = oxbert.ElectraPretrainer(*networks, 20, num_classes=2, num_token_predictions=1)
        >>> ids = torch.tensor([[2, 4, 7, 3]])
        >>> outputs = pretrainer(
        ...     {
        ...         "input_word_ids": ids, "input_mask": torch.ones_like(ids), "input_type_ids": torch.zeros_like(ids),
        ...         "masked_lm_positions": torch.tensor([[1]]), "masked_lm_ids": torch.tensor([[9]]),
        ...     }
        ... )
        >>> [tuple(output.shape) for output in outputs.values()]
        [(1, 1, 20), (1, 2), (1, 4), (1, 4)]

    Source:
        `official/nlp/modeling/models/electra_pretrainer.py` of tensorflow/models.
    """

    def __init__(
        self,
        generator_network: Any,
        discriminator_network: Any,
        vocab_size: int,
        num_classes: int,
        num_token_predictions: int,
        mlm_activation: str | None = None,
        mlm_initializer: str | Callable[[torch.Tensor], Any] = "glorot_uniform",
        output_type: str = "logits",
        disallow_correct: bool = False,
        **more: Any,
    ) -> None:
        """Make the heads for the widths of the networks."""
        super().__init__()
        if output_type not in ("logits", "predictions"):
            raise refused("output_type", f'expected "logits" or "predictions", got {output_type!r}')
        fill = mlm_initializer if callable(mlm_initializer) else _INITIALIZERS.get(mlm_initializer)
        if fill is None:
            raise refused("mlm_initializer", f"expected one of {', '.join(_INITIALIZERS)}, got {mlm_initializer!r}")
        self._config: dict[str, Any] = {
            "generator_network": generator_network,
            "discriminator_network": discriminator_network,
            "vocab_size": vocab_size,
            "num_classes": num_classes,
            "num_token_predictions": num_token_predictions,
            "mlm_activation": mlm_activation,
            "mlm_initializer": mlm_initializer,
            "output_type": output_type,
            "disallow_correct": disallow_correct,
            **more,
        }
        self.generator_network = _as_network(generator_network)
        self.discriminator_network = _as_network(discriminator_network)
        rows, columns = self._table().shape
        if rows != vocab_size:
            raise refused(
                "vocab_size", f"expected {rows}, the number of the generator's word embeddings, got {vocab_size}"
            )
        self._heads = _native.PretrainerHeads(
            generator_hidden=_width("generator_network", generator_network),
            discriminator_hidden=_width("discriminator_network", discriminator_network),
            vocab_size=rows,
            embedding_size=columns,
            num_classes=num_classes,
            mlm_activation=mlm_activation or "linear",
            log_probabilities=output_type == "predictions",
            disallow_correct=disallow_correct,
        )
        self.heads = torch.nn.ParameterDict()
        for name, parameter in self._heads.named_parameters():
            if parameter.ndim == 2:
                # torch's matrix is the transpose of Keras's, and so are the fans: both initializers agree.
                fill(parameter.data)
            self.heads[name.replace(".", "/")] = parameter

    def forward(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run both networks; see the class.

        Raises:
            InputError: if an input is missing, or is no array of integers.
        """
        first = inputs.get("input_word_ids")
        if first is None or isinstance(first, torch.Tensor):
            return self._run(inputs)
        with torch.no_grad():
            outputs = self._run({name: _as_tensor(name, inputs[name]) for name in _INPUTS if name in inputs})
        # TensorFlow is not imported for its arrays: an array of it exists only if it is there.
        tensorflow: Any = sys.modules.get("tensorflow")
        is_tensorflow = tensorflow is not None and isinstance(first, tensorflow.Tensor)
        arrays = {name: output.numpy(force=True) for name, output in outputs.items()}
        return (
            {name: tensorflow.convert_to_tensor(array) for name, array in arrays.items()} if is_tensorflow else arrays
        )

    def _run(self, inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        missing = [name for name in _INPUTS if name not in inputs]
        if missing:
            raise refused("inputs", f"expected {', '.join(_INPUTS)}, but {', '.join(missing)} is missing")
        ids, mask, types, positions, originals = (inputs[name].long() for name in _INPUTS)
        sequence = _sequence(self.generator_network(ids, mask, types))
        lm_outputs = self._heads.lm_outputs(sequence, positions, self._table())
        uniforms = torch.rand_like(lm_outputs, dtype=torch.float32)
        replaced, labels = self._heads.replace(ids, positions, originals, lm_outputs, uniforms)
        shown = _sequence(self.discriminator_network(replaced, mask, types))
        return {
            "lm_outputs": lm_outputs,
            "sentence_outputs": self._heads.sentence_outputs(sequence),
            "disc_logits": self._heads.disc_logits(shown),
            "disc_label": labels,
        }

    @property
    def checkpoint_items(self) -> dict[str, Any]:
        """Return what is kept after pre-training: `encoder` is the discriminator's network."""
        return {"encoder": self._config["discriminator_network"]}

    def get_config(self) -> dict[str, Any]:
        """Return the arguments for `from_config`."""
        return dict(self._config)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ElectraPretrainer:
        """Return a pretrainer with the same arguments and fresh heads."""
        return cls(**config)

    def to_json(self, **options: Any) -> str:
        """Return the class and its arguments as a JSON text, as Keras does: `class_name` and `config`.

        Networks are written as their own `class_name` and `config`; weights are not in the text.

        Args:
            options: Options of `json.dumps`, such as `indent`.

        Raises:
            InputError: if a network has no configuration, or another argument has no JSON.
        """
        config = {
            name: _described(name, value) if name in ("generator_network", "discriminator_network") else value
            for name, value in self._config.items()
        }
        for name, value in config.items():
            try:
                json.dumps(value)
            except (TypeError, ValueError) as error:
                raise refused(name, f"expected a value that JSON can hold: {error}") from error
        return json.dumps({"class_name": type(self).__name__, "config": config}, **options)

    @classmethod
    def from_json(cls, text: str) -> ElectraPretrainer:
        """Return a pretrainer with the arguments of `to_json`, over fresh networks of oxbert.

        Raises:
            InputError: if a network is none of oxbert.
        """
        config = json.loads(text)["config"]
        for name in ("generator_network", "discriminator_network"):
            kind: Any = getattr(_native, config[name]["class_name"], None)
            if _native.Model not in getattr(kind, "__mro__", ()):
                raise refused(name, f"expected a model of oxbert, got {config[name]['class_name']}")
            config[name] = kind(_native.Config.from_dict(config[name]["config"]))
        return cls.from_config(config)

    def __reduce__(self) -> tuple[Any, ...]:
        heads = {name: parameter.detach() for name, parameter in self.heads.items()}
        frozen = [name for name, parameter in self.heads.items() if not parameter.requires_grad]
        return (_rebuild, (type(self), self.get_config(), heads, frozen, self.training))

    def _table(self) -> torch.Tensor:
        network = self._config["generator_network"]
        if hasattr(network, "get_embedding_table"):
            table: torch.Tensor = network.get_embedding_table()
            return table
        if hasattr(network, "get_input_embeddings"):
            words: torch.Tensor = network.get_input_embeddings().weight
            return words
        raise refused("generator_network", "expected get_embedding_table() or get_input_embeddings()")


def _rebuild(
    kind: type[ElectraPretrainer],
    config: dict[str, Any],
    heads: dict[str, torch.Tensor],
    frozen: list[str],
    training: bool,
) -> ElectraPretrainer:
    made = kind.from_config(config)
    with torch.no_grad():
        for name, value in heads.items():
            made.heads[name].copy_(value).requires_grad_(name not in frozen)
    return made.train(training)


def _as_tensor(name: str, array: Any) -> torch.Tensor:
    values = np.asarray(array)
    if values.dtype.kind not in "iub":
        raise refused(name, f"expected integers, got {values.dtype}")
    return torch.from_numpy(values.astype(np.int64))


def _described(what: str, network: Any) -> dict[str, Any]:
    """Return the class of a network and its configuration, for JSON."""
    model = network.model if isinstance(network, oxbert.torch.Module) else network
    if isinstance(model, _native.Model):
        config = model.config.to_dict()
    elif hasattr(network, "get_config"):
        config = network.get_config()
    else:
        raise refused(what, "expected a model of oxbert, or a network with get_config()")
    return {"class_name": type(model).__name__, "config": config}


def _as_network(network: Any) -> Any:
    return oxbert.torch.Module(network) if isinstance(network, _native.Model) else network


def _width(what: str, network: Any) -> int:
    if hasattr(network, "get_config"):
        return int(network.get_config()["hidden_size"])
    if hasattr(network, "config"):
        return int(network.config.hidden_size)
    raise refused(what, 'expected get_config()["hidden_size"] or config.hidden_size')


def _sequence(output: Any) -> torch.Tensor:
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, Mapping) and "sequence_output" in output:
        output = output["sequence_output"]
        last: torch.Tensor = output[-1] if isinstance(output, (list, tuple)) else output
        return last
    sequence: torch.Tensor | None = getattr(output, "last_hidden_state", None)
    if sequence is None:
        raise refused("network", f"expected a sequence output, got {type(output).__name__}")
    return sequence


__all__ = ["ElectraPretrainer"]
