"""Read the keyword arguments that `from_pretrained` has in transformers.

An argument that cannot change a number is accepted. One that can is heeded, or refused with what to do instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oxbert._checks import refused
from oxbert._types import PathLike
from oxbert.errors import DtypeError
from oxbert.hub._download import WEIGHTS
from oxbert.hub._folders import find
from oxbert.hub._options import split_options

_SAFETENSORS = tuple(name for name in WEIGHTS if name.startswith("model.safetensors"))
_FLAX = tuple(name for name in WEIGHTS if name.startswith("flax_"))
_TENSORFLOW = tuple(name for name in WEIGHTS if name.startswith("tf_"))

# Arguments that say how memory is used or whether code in files may run. Neither changes a number here.
_FLAGS = ("low_cpu_mem_usage", "weights_only", "offload_state_dict", "offload_buffers", "disable_mmap", "_fast_init")
# Arguments that would change the model, and what to do instead.
_REFUSED = {
    "quantization_config": "oxbert has no quantised weights",
    "load_in_8bit": "oxbert has no quantised weights",
    "load_in_4bit": "oxbert has no quantised weights",
    "variant": "rename the file, or write another with `oxbert convert`",
    "gguf_file": "convert the weights to safetensors with transformers",
    "adapter_name": "load adapters with peft, into oxbert.torch.Module(model)",
    "adapter_kwargs": "load adapters with peft, into oxbert.torch.Module(model)",
    "key_mapping": "rename the tensors with oxbert.load_weights and oxbert.save_weights",
    "max_memory": "oxbert keeps a model on one device",
    "offload_folder": "oxbert keeps a model on one device",
    "tp_plan": "oxbert keeps a model on one device",
    "tp_size": "oxbert keeps a model on one device",
    "device_mesh": "oxbert keeps a model on one device",
    "distributed_config": "oxbert keeps a model on one device",
    "generation_config": "oxbert has encoders only",
    "use_kernels": "oxbert chooses its kernels itself",
    "kernel_config": "oxbert chooses its kernels itself",
    "proxies": "set the environment variable HTTPS_PROXY",
    "code_revision": "oxbert runs no code of a folder",
    "use_auth_token": "pass token",
}


@dataclass(frozen=True)
class LoadOptions:
    """Hold what the keyword arguments of a `from_pretrained` ask for.

    Attributes:
        hub: The arguments that say how a folder comes from the hub.
        fields: The arguments that are left: values of keys of the configuration.
        weights: The names of the weight files that may be read, best first.
        checkpoint: Whether a checkpoint of TensorFlow may be read as well.
        device: The device, or None.
        state_dict: Tensors to load instead of a file, or None.
        keep_dtype: Whether the dtype of the weights must be that of the model.
        ignore_sizes: Whether tensors of other shapes are left out.
        return_info: Whether the differences are returned beside the model.
        trust_code: Whether the caller expects code of the folder to run.
    """

    hub: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    weights: tuple[str, ...] = WEIGHTS
    checkpoint: bool = True
    device: Any = None
    state_dict: dict[str, Any] | None = None
    keep_dtype: bool = False
    ignore_sizes: bool = False
    return_info: bool = False
    trust_code: bool = False

    def find(self, folder: PathLike) -> Path:
        """Return the local folder of a model, after fetching what is needed if it is on the hub."""
        return find(folder, ["config", "weights"], weights=self.weights, **self.hub)


def read_load_options(options: Mapping[str, Any], device: Any = None) -> LoadOptions:
    """Read the keyword arguments of a `from_pretrained`.

    Args:
        options: All of them but those that oxbert names itself.
        device: The argument `device`.

    Raises:
        DtypeError: if a value has the wrong type.
        InputError: if a value asks for something that oxbert does not do; the message says what to do instead.
    """
    hub, rest = split_options(options)
    for name in _FLAGS:
        _flag(rest, name)
    for name, instead in _REFUSED.items():
        value = rest.pop(name, None)
        if value is not None and value is not False and not (isinstance(value, dict) and not value):
            raise refused(name, f"expected None, got {value!r}: {instead}")
    keep_dtype = _keeps_dtype(rest)
    _check_attention(rest.pop("attn_implementation", None))
    weights, checkpoint = _weight_files(rest)
    state_dict = rest.pop("state_dict", None)
    if state_dict is not None and not isinstance(state_dict, Mapping):
        raise _wrong_type("state_dict", "a mapping of names to tensors", state_dict)
    return LoadOptions(
        hub=hub,
        weights=weights,
        checkpoint=checkpoint,
        device=_device(device, rest.pop("device_map", None)),
        state_dict=None if state_dict is None else dict(state_dict),
        keep_dtype=keep_dtype,
        ignore_sizes=_flag(rest, "ignore_mismatched_sizes"),
        return_info=_flag(rest, "output_loading_info"),
        trust_code=_flag(rest, "trust_remote_code"),
        fields=rest,
    )


def check_build_options(options: Mapping[str, Any]) -> None:
    """Check the keyword arguments of a `from_config` that oxbert does not name itself.

    Raises:
        DtypeError: if a value has the wrong type.
        InputError: if a value asks for something that oxbert does not do.
        TypeError: if there is no such argument.
    """
    rest = dict(options)
    _keeps_dtype(rest)
    _check_attention(rest.pop("attn_implementation", None))
    _flag(rest, "trust_remote_code")
    if rest:
        raise TypeError(f"from_config() got an unexpected keyword argument {next(iter(rest))!r}")


def _flag(options: dict[str, Any], name: str) -> bool:
    """Take a truth value out of the options; None means False."""
    value = options.pop(name, None)
    if value is not None and not isinstance(value, bool):
        raise _wrong_type(name, "True, False or None", value)
    return value is True


def _keeps_dtype(options: dict[str, Any]) -> bool:
    given = {name: options.pop(name, None) for name in ("dtype", "torch_dtype")}
    for name, value in given.items():
        # The text of torch's own dtypes is `torch.float32`, and torch is not imported for it.
        if value is not None and str(value).removeprefix("torch.") not in ("float32", "float", "auto"):
            half = "load in float32, then convert the parameters with oxbert.torch.Module(model).to(torch.bfloat16)"
            raise refused(name, f'expected "float32" or "auto", got {value!r}: {half}')
    # As in transformers, the older name counts only without the newer one.
    value = given["torch_dtype"] if given["dtype"] is None else given["dtype"]
    return str(value) == "auto"


def _check_attention(value: Any) -> None:
    if value is not None and (not isinstance(value, str) or value not in ("eager", "sdpa")):
        reason = f'expected "eager" or "sdpa", which differ by rounding only, got {value!r}: leave the argument out'
        raise refused("attn_implementation", reason)


def _weight_files(options: dict[str, Any]) -> tuple[tuple[str, ...], bool]:
    """Return the names of the files that may be read, and whether a checkpoint of TensorFlow may be."""
    safe = options.pop("use_safetensors", None)
    if safe is not None and not isinstance(safe, bool):
        raise _wrong_type("use_safetensors", "True, False or None", safe)
    tensorflow, flax = _flag(options, "from_tf"), _flag(options, "from_flax")
    asked = [
        name for name, is_set in (("use_safetensors", safe), ("from_tf", tensorflow), ("from_flax", flax)) if is_set
    ]
    if len(asked) > 1:
        raise refused(asked[1], f"expected False together with {asked[0]}=True, got True: a file has one format")
    if safe:
        return _SAFETENSORS, False
    if tensorflow:
        return _TENSORFLOW, True
    if flax:
        return _FLAX, False
    return (_without(WEIGHTS, _SAFETENSORS) if safe is False else WEIGHTS), True


def _without(names: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in set(others))


def _device(device: Any, device_map: Any) -> Any:
    """Return the one device that `device` and `device_map` name; None if neither names one."""
    if device_map is None:
        return device
    places = list(device_map.values()) if isinstance(device_map, Mapping) else [device_map]
    names = {_place(place) for place in places}
    if len(names) != 1:
        got = "none" if not names else ", ".join(sorted(names))
        raise refused("device_map", f"expected one device, got {got}: oxbert keeps a model on one device")
    (mapped,) = names
    if device is not None and str(device) != mapped:
        raise refused("device_map", f"expected the device {device}, as the argument device says, got {mapped}")
    return mapped


def _place(place: Any) -> str:
    if isinstance(place, int) and not isinstance(place, bool):
        return f"cuda:{place}"
    if isinstance(place, str) and place in ("auto", "balanced", "balanced_low_0", "sequential"):
        import torch

        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if isinstance(place, str) and place in ("disk", "meta"):
        raise refused("device_map", f"expected cpu, cuda or cuda:N, got {place}: oxbert keeps a model in memory")
    return str(place)


def _wrong_type(what: str, expected: str, value: Any) -> DtypeError:
    got = type(value).__name__
    return DtypeError(f"{what}: expected {expected}, got {got}", what=what, expected=expected, got=got)


def take_tokenizer_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a tokenizer without those that cannot change an id: `use_fast`, `trust_remote_code`.

    Raises:
        DtypeError: if one of the two is neither True nor False nor None.
    """
    rest = dict(options)
    for name in ("use_fast", "trust_remote_code"):
        _flag(rest, name)
    return rest
