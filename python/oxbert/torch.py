"""Wrap a model of oxbert as a `torch.nn.Module`, for torch's optimizers and wrappers and transformers' `Trainer`.

    module = oxbert.torch.Module(oxbert.ElectraForMaskedLM(config))
    optimizer = torch.optim.AdamW(module.parameters())

Nothing is copied: the parameters of the module are those of the model, and calling the module runs the model. This
module imports torch. Import it on its own: `import oxbert.torch`.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NoReturn

import torch
from torch.nn.modules.module import _IncompatibleKeys
from torch.utils import _pytree
from typing_extensions import Self

from oxbert import _native, errors, outputs
from oxbert._checks import refused
from oxbert._layers import as_parameter, embedding, linear
from oxbert._native import Model
from oxbert._parts import Shared, Tree, grow, tree
from oxbert._types import WeightFormat

_OPTIONS = ("output_hidden_states", "output_attentions", "return_dict")


class Module(Shared):
    """Wrap a model of oxbert as a `torch.nn.Module` over the very same parameters.

    Operations of torch and transformers on the module act on the model: optimizers, schedulers, gradient clipping and
    scaling, autocast, moves, `DistributedDataParallel` and the `Trainer` work unchanged. The names of the parameters,
    and of the parts that hold them, are transformers': `module.electra.encoder.layer[0].parameters()`.

    The encoder of a model with a head can be called: `module.base_model(input_ids)`. A linear layer is a
    `torch.nn.Linear`, which may be replaced or hooked: the model then calls it, on packed hidden states [T, H] with T
    kept tokens. peft's LoRA and torch's dynamic quantisation work that way. Other parts cannot be called or replaced
    and run no hooks, and no part has a mode of its own: dropout is turned on for the whole model.

    The class of the result has the name of the model's class, and a `forward` with the model's arguments, since some
    callers inspect them. Pickles and copies keep the model, its mode, its frozen parameters and replaced linear layers,
    but no added hooks and attributes.

    Args:
        model: Any model of oxbert.

    Raises:
        DtypeError: if `model` is no model of oxbert.

    Example:
        >>> import oxbert
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
        >>> module = Module(oxbert.ElectraForMaskedLM(config, seed=0)).train()
        >>> optimizer = torch.optim.AdamW(module.parameters())
        >>> module(torch.tensor([[1, 2, 3]])).logits.square().sum().backward()
        >>> optimizer.step()
        >>> type(module).__name__, module.model.training
        ('ElectraForMaskedLM', True)
    """

    # What programs read of a model of transformers.
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True

    def __new__(cls, model: Model, *arguments: Any, **options: Any) -> Self:
        """Make an instance of the class for this class of models, or of a class derived from `Module`."""
        _check_model(model)
        return super().__new__(_class_for(type(model)) if cls is Module else cls)

    def __init__(self, model: Model) -> None:
        training = model.training
        # Before `super().__init__`, which sets the training mode, and the mode is stored in the model.
        object.__setattr__(self, "_model", model)
        super().__init__()
        grow(
            self,
            tree(model.named_parameters()),
            self.base_model_prefix,
            partial(self._run, True),
            self._save_encoder,
            linear,
        )
        self._tree = Tree(self)
        # The options of `torch.utils.checkpoint.checkpoint`, while checkpointing is enabled.
        self._checkpointing: dict[str, Any] | None = None
        self.train(training)
        # A key of configurations that transformers wrote before version 5, and that it still follows.
        if self.config.get("gradient_checkpointing") is True:
            self.activation_checkpointing_enable()

    @property
    def model(self) -> Any:
        """Return the model."""
        return self._model

    @property
    def training(self) -> bool:
        """Return whether the model is in training mode, in which dropout is applied."""
        mode: bool = self.model.training
        return mode

    @training.setter
    def training(self, mode: bool) -> None:
        self.model.train(mode)

    def forward(self, *arguments: Any, **options: Any) -> Any:
        """Run the model, with its arguments and its output.

        Raises:
            InputError: if a part or a parameter other than a linear layer's has been replaced, or a part other than a
                linear layer has hooks.
        """
        return self._run(False, arguments, options)

    def _run(self, is_encoder: bool, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            raise refused("the module", "models of oxbert run in Rust: torch.jit cannot record them")
        if torch.compiler.is_dynamo_compiling():
            # An exception would end torch.compile too, which otherwise calls the model as it is.
            torch._dynamo.graph_break(msg="models of oxbert run in Rust: torch.export cannot record them")
        parts = self._tree.taken_over()
        checkpoint = self._checkpointing if self.training else None
        if not (is_encoder or parts or checkpoint):
            return self.model(*arguments, **options)
        return self.model._run_for(parts, checkpoint, is_encoder, arguments, options)

    @property
    def config(self) -> Any:
        """Return the model's configuration."""
        return self.model.config

    @property
    def device(self) -> torch.device:
        """Return the device of the parameters."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Return the dtype of the parameters."""
        return next(self.parameters()).dtype

    @property
    def num_labels(self) -> int:
        """Return the number of labels of the model's configuration."""
        count: int = self.config.num_labels
        return count

    @property
    def base_model_prefix(self) -> str:
        """Return the name of the encoder in a model with a head: `electra` or `distilbert`."""
        name: str = self.config.model_type
        return name

    @property
    def base_model(self) -> torch.nn.Module:
        """Return the encoder, which can be called; for a model without a head, the module itself."""
        part: torch.nn.Module = getattr(self, self.base_model_prefix, self)
        return part

    @property
    def is_activation_checkpointing(self) -> bool:
        """Return whether the backward pass computes layers again; see `activation_checkpointing_enable`."""
        return self._checkpointing is not None

    def activation_checkpointing_enable(
        self,
        activation_checkpointing_kwargs: Mapping[str, Any] | None = None,
        every_n_layers: int = 1,
        offload: bool = False,
    ) -> None:
        """Compute each layer of the encoder again in the backward pass instead of keeping its intermediate values.

        In training mode a call with torch tensors then keeps one tensor [T, H] per layer. Numbers and gradients stay
        the same, with dropout too.

        Args:
            activation_checkpointing_kwargs: Options of `torch.utils.checkpoint.checkpoint`. Both values of
                `use_reentrant` give the same numbers, and the variant without re-entrance is taken.
            every_n_layers: Only 1: every layer is computed again.
            offload: Only False: what is kept stays on the device.

        Raises:
            InputError: if `every_n_layers` or `offload` has another value.
        """
        if every_n_layers != 1 or offload:
            what, got = ("every_n_layers", every_n_layers) if every_n_layers != 1 else ("offload", offload)
            raise refused(what, f"expected the default, got {got}")
        self._checkpointing = {**(activation_checkpointing_kwargs or {}), "use_reentrant": False}

    def activation_checkpointing_disable(self) -> None:
        """Keep the intermediate values of all layers for the backward pass, as by default."""
        self._checkpointing = None

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Return `is_activation_checkpointing`, under its older name."""
        return self.is_activation_checkpointing

    def gradient_checkpointing_enable(
        self, gradient_checkpointing_kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """Call `activation_checkpointing_enable`, under its older name."""
        self.activation_checkpointing_enable(gradient_checkpointing_kwargs, **options)

    def gradient_checkpointing_disable(self) -> None:
        """Call `activation_checkpointing_disable`, under its older name."""
        self.activation_checkpointing_disable()

    def enable_input_require_grads(self) -> None:
        """Do nothing: gradients reach adapters through checkpointed layers even if the embeddings are frozen."""

    def disable_input_require_grads(self) -> None:
        """Do nothing, as `enable_input_require_grads`."""

    def can_generate(self) -> bool:
        """Return False: the models are encoders."""
        return False

    def tie_weights(self) -> None:
        """Do nothing: the decoder of a masked LM is tied when the model is made."""

    def num_parameters(self, only_trainable: bool = False, exclude_embeddings: bool = False) -> int:
        """Return the number of elements of all parameters.

        Args:
            only_trainable: Whether to leave out frozen parameters.
            exclude_embeddings: Whether to leave out the embeddings of words, positions and token types.
        """
        return sum(
            parameter.numel()
            for name, parameter in self.named_parameters()
            if (parameter.requires_grad or not only_trainable)
            and not (exclude_embeddings and name.endswith("_embeddings.weight"))
        )

    def get_input_embeddings(self) -> torch.nn.Embedding:
        """Return the word embeddings as a layer over the same parameter."""
        layer: torch.nn.Embedding = self.model.get_input_embeddings()
        return layer

    def set_input_embeddings(self, embeddings: Any) -> None:
        """Replace the values of the word embeddings, as the model does."""
        self.model.set_input_embeddings(embeddings)

    def get_position_embeddings(self) -> torch.nn.Embedding:
        """Return the position embeddings as a layer over the same parameter."""
        layer: torch.nn.Embedding = self.model.get_position_embeddings()
        return layer

    def resize_position_embeddings(self, new_num_position_embeddings: int) -> None:
        """Change the number of positions, as the model does. The parameters stay the same objects, with new shapes."""
        self.model.resize_position_embeddings(new_num_position_embeddings)

    def get_output_embeddings(self) -> torch.nn.Linear | None:
        """Return the decoder of a masked LM, over the same parameters; None for other models."""
        layer: torch.nn.Linear | None = self.model.get_output_embeddings()
        return layer

    def resize_token_embeddings(self, *arguments: Any, **options: Any) -> torch.nn.Embedding:
        """Resize the vocabulary, as the model does. The parameters stay the same objects, with new shapes."""
        layer: torch.nn.Embedding = self.model.resize_token_embeddings(*arguments, **options)
        return layer

    def save_pretrained(
        self, folder: str | os.PathLike[str], format: WeightFormat | None = None, **options: Any
    ) -> None:
        """Write `config.json` and the weights into a folder, as the model does, with the same options.

        A `torch.nn.Linear` in the place of one of the model's linear layers is saved in that place.

        Raises:
            InputError: if something else stands in the place of a linear layer, such as an adapter that is not merged.
            OxbertError: as for the model.
        """
        self._tree.take_in()
        self.model.save_pretrained(folder, format=format, **options)

    def _save_encoder(self, folder: str | os.PathLike[str], format: WeightFormat = "safetensors") -> None:
        """Write the encoder as a model without a head."""
        self._tree.take_in()
        kind = getattr(_native, type(self.config).__name__.removesuffix("Config") + "Model")
        prefix = f"{self.base_model_prefix}."
        state = self.model.state_dict()
        own = {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}
        kind.from_pretrained(None, config=self.config, state_dict=own).save_pretrained(folder, format=format)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Replace the values of the parameters, as the model does; old names of transformers are accepted too.

        Args:
            state_dict: Torch tensors or numpy arrays, by name.
            strict: Whether to refuse any difference; False refuses only wrong shapes.
            assign: Only `False`: the tensors themselves cannot become the model's parameters.

        Returns:
            `missing_keys` and `unexpected_keys`.

        Raises:
            WeightsMismatchError: if names, shapes or dtypes are not the model's; nothing has changed.
            InputError: if `assign` is True.
        """
        if assign:
            raise refused(
                "assign", "expected False: the parameters are the model's own, and only their values can be replaced"
            )
        self.model.load_state_dict(dict(state_dict), strict)
        report = self.model.load_report
        return _IncompatibleKeys(list(report["missing"]), list(report["unexpected"]))

    def __prepare_scriptable__(self) -> NoReturn:
        """Refuse `torch.jit.script`."""
        raise refused("the module", "models of oxbert run in Rust: torch.jit cannot record them")

    def _replicate_for_data_parallel(self) -> NoReturn:
        reason = "its copies of the parameters are not the model's; use DistributedDataParallel, one process per device"
        raise refused("torch.nn.DataParallel", reason)

    def __reduce__(self) -> tuple[Any, ...]:
        kind = Module if type(self) is _class_for(type(self.model)) else type(self)
        frozen = {name for name, parameter in self.named_parameters() if not parameter.requires_grad}
        return (_rebuild, (kind, self.model, self.training, frozen, self._tree.replaced()))


def _rebuild(
    kind: type[Module],
    model: Model,
    training: bool,
    frozen: set[str],
    replaced: Mapping[str, torch.nn.Module] | None = None,
) -> Module:
    module = kind(model)
    for name, part in (replaced or {}).items():
        module.set_submodule(name, part)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name not in frozen)
    return module.train(training)


def _check_model(model: object) -> None:
    if not isinstance(model, Model):
        got = type(model).__name__
        message = f"model: expected a model of oxbert, got {got}"
        raise errors.DtypeError(message, what="model", expected="a model of oxbert", got=got)


_CLASSES: dict[type[Model], type[Any]] = {}


def _class_for(kind: type[Model]) -> type[Any]:
    """Return the class of modules for a class of models, with the same name."""
    if kind not in _CLASSES:
        _CLASSES[kind] = _make_class(kind)
    return _CLASSES[kind]


def _make_class(kind: type[Model]) -> type[Module]:

    def forward(self: Module, *arguments: Any, **options: Any) -> Any:
        return Module.forward(self, *arguments, **options)

    forward.__doc__ = Module.forward.__doc__
    positional, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("self", positional),
        *(inspect.Parameter(name, positional, default=None) for name in kind.arguments),
        *(inspect.Parameter(name, named, default=None) for name in _OPTIONS),
    ]
    forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return type(kind.__name__, (Module,), {"forward": forward, "__doc__": kind.__doc__, "__module__": __name__})


def _flatten(output: outputs.ModelOutput[Any]) -> tuple[list[Any], list[str]]:
    names = output.keys()
    if getattr(output, "probabilities", None) is not None:
        names.append("probabilities")
    return [getattr(output, name) for name in names], names


def _flatten_with_keys(output: outputs.ModelOutput[Any]) -> tuple[list[tuple[_pytree.KeyEntry, Any]], list[str]]:
    values, names = _flatten(output)
    return [(_pytree.GetAttrKey(name), value) for name, value in zip(names, values, strict=True)], names


def _unflatten(kind: type[outputs.ModelOutput[Any]], values: Iterable[Any], names: list[str]) -> Any:
    given = dict(zip(names, values, strict=True))
    own = {name: given.pop(name) for name in names if name in kind._names or name == "probabilities"}
    output = kind(**own)
    for name, value in given.items():
        output[name] = value
    return output


# `DistributedDataParallel` flattens and rebuilds outputs to find out which parameters were used.
for _kind in outputs.ModelOutput.__subclasses__():
    _pytree.register_pytree_node(
        _kind,
        _flatten,
        partial(_unflatten, _kind),
        serialized_type_name=f"{_kind.__module__}.{_kind.__qualname__}",
        flatten_with_keys_fn=_flatten_with_keys,
    )

__all__ = ["Module", "as_parameter", "embedding", "linear"]
