"""Give the parameters of a model the shape of a tree of `torch.nn.Module`s, and notice what others do to the tree.

Linear layers are `torch.nn.Linear`s. The model computes them itself until one is replaced or hooked, as peft, torch's
dynamic quantisation and forward hooks do; then the model calls it. All other parts only name parameters.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from typing_extensions import Self

from oxbert._checks import refused
from oxbert._types import WeightFormat

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_Tree = dict[str, Any]


class Shared(torch.nn.Module):
    """Hold parameters that stay the same objects when their values change."""

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        """Apply a function to the parameters in place; `to`, `half` and `cuda` call this."""
        if torch.__future__.get_swap_module_params_on_conversion():
            raise refused(
                "torch.__future__.set_swap_module_params_on_conversion", "the model's parameters cannot be swapped"
            )
        before = [
            (part._parameters, name, parameter)
            for part in (self.modules() if recurse else [self])
            for name, parameter in part._parameters.items()
        ]
        try:
            super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        finally:
            replaced = [name for registry, name, parameter in before if registry[name] is not parameter]
            for registry, name, parameter in before:
                registry[name] = parameter
        if replaced:
            reason = "torch would replace it by a new parameter that is not the model's"
            raise refused(f"the conversion of the parameter {replaced[0]}", reason)
        return self


class Part(Shared):
    """Name the parameters of a part of a model. The part cannot be called."""

    def extra_repr(self) -> str:
        """Return the names and shapes of the parameters."""
        return ", ".join(
            f"{name}={list(parameter.shape)}" for name, parameter in self._parameters.items() if parameter is not None
        )


class Encoder(Part):
    """Hold the encoder of a model with a head. A call runs the encoder alone, as `ElectraModel` does."""

    def __init__(self, run: Callable[..., Any], save: Callable[..., None]) -> None:
        super().__init__()
        self._run, self._save = run, save

    def forward(self, *arguments: Any, **options: Any) -> Any:
        """Run the encoder, with the arguments of the model but its labels."""
        return self._run(arguments, options)

    def save_pretrained(self, folder: str | os.PathLike[str], *, format: WeightFormat = "safetensors") -> None:
        """Write the encoder into a folder, as the model without a head that `ElectraModel` loads.

        Raises:
            InputError: as for the module.
            OxbertError: as for the model.
        """
        self._save(folder, format)


class Parts(Shared, torch.nn.ModuleList):
    """Hold parts named 0, 1, 2, ..., in that order."""


class Tree:
    """The parts of a model under the root of its module, as they were made."""

    def __init__(self, root: torch.nn.Module) -> None:
        parts = {name: part for name, part in root.named_modules() if name}
        self._root = root
        self._linear = {name: part for name, part in parts.items() if isinstance(part, torch.nn.Linear)}
        self._other = {name: part for name, part in parts.items() if name not in self._linear}
        self._weights = {name: dict(part._parameters) for name, part in self._linear.items()}
        self._parameters = {
            f"{prefix}.{name}".lstrip("."): parameter
            for prefix, part in {"": root, **self._other}.items()
            for name, parameter in part._parameters.items()
        }
        # What a call looks at: where each part and parameter stands, and the hooks of each part. By the part, since
        # torch.export leaves other dictionaries of the same parameters behind.
        self._places = [
            (vars(part), registry, name, item, f"{prefix}.{name}".lstrip("."))
            for prefix, part in root.named_modules()
            for registry in ("_parameters", "_modules")
            for name, item in vars(part)[registry].items()
        ]
        self._hooks = [getattr(part, kind) for part in parts.values() for kind in _HOOKS]
        self._classes = [(part, vars(part), type(part)) for part in parts.values()]
        self._sizes = [(name, part._modules, len(part._modules)) for name, part in self._other.items()]

    def taken_over(self) -> dict[str, torch.nn.Module]:
        """Return the modules that compute linear layers in the model's place, by the names of the layers.

        Raises:
            InputError: if another part was replaced, which the model would never see, or has hooks, parts or a
                `forward` that would not run.
        """
        is_own = all(part[registry].get(name) is item for part, registry, name, item, _ in self._places)
        changed = {id(part) for part, names, kind in self._classes if type(part) is not kind or "forward" in names}
        if (
            is_own
            and not changed
            and all(len(parts) == size for _, parts, size in self._sizes)
            and not any(self._hooks)
        ):
            return {}
        for name, parameter in self._parameters.items():
            if self._find(name) is not parameter:
                raise self._refused(name)
        for name, part in self._other.items():
            if any(getattr(part, kind) for kind in _HOOKS):
                reason = "would not run: only linear layers and the whole module run hooks"
                raise refused(f"hooks of {name}", reason)
            if id(part) in changed:
                raise refused(f"forward of {name}", "would not run: only linear layers can be replaced")
        for name, parts, size in self._sizes:
            if len(parts) != size:
                raise refused(f"the parts of {name}", f"expected the model's own {size}, got {len(parts)}")
        hooked = (
            name
            for name, part in self._linear.items()
            if id(part) in changed or any(getattr(part, kind) for kind in _HOOKS)
        )
        return {name: self._linear[name] for name in hooked} | self.replaced()

    def replaced(self) -> dict[str, torch.nn.Module]:
        """Return the modules that stand in the place of linear layers, or linear layers with other parameters.

        Raises:
            InputError: if there is no module in the place of a linear layer.
        """
        return dict(self._replaced())

    def _replaced(self) -> Iterator[tuple[str, torch.nn.Module]]:
        for name, part in self._linear.items():
            found = self._find(name)
            if not isinstance(found, torch.nn.Module):
                raise self._refused(name)
            own = self._weights[name]
            if found is not part or any(part._parameters.get(key) is not value for key, value in own.items()):
                yield name, found

    def take_in(self) -> None:
        """Give the model's own linear layers the values of plain ones in their place.

        Raises:
            InputError: if a layer was replaced by anything but a `torch.nn.Linear` of the same size.
        """
        for name, found in self.replaced().items():
            own = {key: value for key, value in self._weights[name].items() if value is not None}
            given = {key: getattr(found, key) for key in own if isinstance(getattr(found, key, None), torch.Tensor)}
            is_plain = type(found) is torch.nn.Linear and given.keys() == own.keys()
            if not is_plain or any(given[key].shape != value.shape for key, value in own.items()):
                kind = type(found).__name__
                reason = f"a {kind} stands there, whose weights are no part of the model: merge it first"
                raise refused(name, f"expected a linear layer, but {reason} (peft: merge_and_unload)")
            with torch.no_grad():
                for key, value in own.items():
                    value.copy_(given[key])

    def _find(self, name: str) -> Any:
        """Return the part or parameter that stands under a name now; None if there is none."""
        found: Any = self._root
        for step in name.split("."):
            found = getattr(found, step, None)
        return found

    def _refused(self, name: str) -> Exception:
        """Return the error for a replaced part or parameter, about the outermost one that holds it."""
        places = (full for part, registry, key, item, full in self._places if part[registry].get(key) is not item)
        what = next((full for full in places if f"{name}.".startswith(f"{full}.")), name)
        made = "a replacement (as torch.func.functional_call and torch.export make)"
        return refused(what, f"expected the model's own, got {made}; change values in place")


def tree(named: Iterable[tuple[str, torch.Tensor]]) -> _Tree:
    """Turn dotted names into nested dictionaries."""
    root: _Tree = {}
    for name, tensor in named:
        *path, last = name.split(".")
        node = root
        for step in path:
            node = node.setdefault(step, {})
        node[last] = tensor
    return root


def grow(
    module: torch.nn.Module,
    tree: _Tree,
    encoder: str,
    run: Callable[..., Any],
    save: Callable[..., None],
    linear: Callable[..., torch.nn.Linear],
) -> None:
    """Register the parts and parameters of a tree, in its order.

    Args:
        module: The module that gets them.
        tree: Nested dictionaries of parameters.
        encoder: The name of the part that is the encoder.
        run: A function that runs the encoder, with its arguments and options.
        save: A function that saves the encoder, with a folder and a format.
        linear: A function that returns a linear layer over a weight and a bias.
    """
    for name, item in tree.items():
        if not isinstance(item, dict):
            module.register_parameter(name, item)
        elif item.keys() == {"weight", "bias"} and item["weight"].ndim == 2:
            module.add_module(name, linear(**item))
        else:
            is_list = list(item) == list(map(str, range(len(item))))
            part: torch.nn.Module = Parts() if is_list else Encoder(run, save) if name == encoder else Part()
            grow(part, item, "", run, save, linear)
            module.add_module(name, part)
