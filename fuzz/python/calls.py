"""The public callables, and cases: expressions that call one of them."""

from __future__ import annotations

import importlib
import inspect
import random
from dataclasses import dataclass

from fuzz.python.values import HOSTILE, KINDS, OPTIONS, VALID

import oxbert
import oxbert.pipelines

MODULES = ("oxbert", "oxbert.training", "oxbert.hub", "oxbert.conversion")

# Members that start long work, end the process or reach the network, and what other targets feed already.
SKIPPED = frozenset(
    "Trainer pretrain FineTuner finetune evaluate download_resource convert errors outputs ElectraPretrainer".split()
)

# Methods of Python's own classes that read an argument to its end, of any length.
ENDLESS = frozenset({"fromkeys"})

# How an object of a class is made; models are made by `model(NAME)`.
OBJECTS = {
    "FillMask": "fill()",
    "ReplacedTokenDetection": "detect()",
    "QuestionAnsweringPipeline": "serve('question-answering', 'ElectraForQuestionAnswering')",
    "TokenClassificationPipeline": "serve('token-classification', 'DistilBertForTokenClassification')",
    "BatchEncoding": "encoded()",
    "Encodings": "encoded().encodings",
    "Encoding": "encoded()[0]",
    "PretrainingNetworks": "networks()",
    "ElectraConfig": "config()",
    "DistilBertConfig": "oxbert.DistilBertConfig(**distilbert)",
    "ElectraTokenizer": "tokenizer()",
    "Activation": "oxbert.Activation('gelu')",
    "AddedToken": "oxbert.AddedToken('a')",
    "LocalResource": "oxbert.LocalResource(folder)",
    "PretrainingConfig": "training.PretrainingConfig()",
    "FineTuningConfig": "training.FineTuningConfig()",
    "HubOptions": "oxbert.hub.HubOptions()",
}

# Protocols of Python that are called like methods.
PROTOCOLS = ("__call__", "__getitem__", "__contains__", "__eq__", "__len__", "__iter__", "__setattr__", "__setstate__")

# What a protocol of Python demands beside errors of ours.
DEMANDED: dict[str, tuple[type[Exception], ...]] = {
    "__getitem__": (KeyError, IndexError),
    "pop": (KeyError, IndexError),
    "__setattr__": (AttributeError,),
    # Python's own, inherited: it holds what it is given.
    "fromkeys": (MemoryError,),
}

# The share of arguments that no caller should give, and of optional arguments that are given.
HOSTILE_SHARE, OPTIONAL_SHARE = 0.2, 0.4


@dataclass(frozen=True)
class Target:
    """Hold the expression of a callable, its name, and the names of its parameters, the required ones first."""

    name: str
    expression: str
    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def allowed(self) -> tuple[type[Exception], ...]:
        """Return the further exceptions that its protocol demands."""
        return DEMANDED.get(self.name.rpartition(".")[2], ())


def find_targets() -> list[Target]:
    """Return every public callable of the package: functions, classes, their methods and protocols."""
    found: dict[str, Target] = {}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in sorted(module.__all__):
            thing = getattr(module, name)
            if name in SKIPPED or not callable(thing):
                continue
            path = f"{module_name}.{name}"
            found[path] = _target(path, path, thing, "")
            if inspect.isclass(thing) and not issubclass(thing, BaseException):
                found |= {target.name: target for target in _methods(name, path, thing)}
    # Pipelines are made by `oxbert.pipeline`: their constructors are private.
    for name in oxbert.pipelines.__all__:
        if name in OBJECTS:
            kind = getattr(oxbert.pipelines, name)
            found |= {target.name: target for target in _methods(name, f"oxbert.pipelines.{name}", kind)}
    return list(found.values())


def _methods(name: str, path: str, kind: type) -> list[Target]:
    """Return the methods of a class as calls of an object, and its static and class methods as calls of the class."""
    is_model = issubclass(kind, oxbert.Model)
    made = OBJECTS.get(name) or (f"model({name!r})" if is_model else None)
    options = "tokenizer" if "Tokenizer" in name else "model" if is_model else name if name in OPTIONS else ""
    targets = []
    for member in dir(kind):
        thing = getattr(kind, member)
        is_protocol = member in PROTOCOLS and member in {key for base in kind.__mro__[:-1] for key in vars(base)}
        if not callable(thing) or (member.startswith("_") and not is_protocol) or member in ENDLESS:
            continue
        is_bound = inspect.ismethod(thing) or (inspect.isbuiltin(thing) and thing.__self__ is kind)
        is_static = isinstance(inspect.getattr_static(kind, member), staticmethod)
        if not (is_bound or is_static) and made is None:
            continue
        expression = f"{path}.{member}" if is_bound or is_static else f"({made}).{member}"
        is_loading = member in ("from_pretrained", "from_config")
        targets.append(_target(f"{path}.{member}", expression, thing, "loading" if is_loading else options))
    return targets


def _target(name: str, expression: str, thing: object, options: str) -> Target:
    try:
        signature = inspect.signature(thing)  # type: ignore[arg-type]
        parameters = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    except (TypeError, ValueError):
        parameters = []
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    more = OPTIONS.get(options, []) if len(named) < len(parameters) else []
    required = tuple(p.name for p in named if p.default is p.empty)
    optional = tuple(dict.fromkeys([*(p.name for p in named if p.default is not p.empty), *more]))
    positional = tuple(p.name for p in named if p.kind is p.POSITIONAL_ONLY)
    return Target(name, expression, tuple(f"*{n}" if n in positional else n for n in required), optional)


def make_case(targets: list[Target], seed: int, number: int) -> tuple[Target, str]:
    """Return the callable and the expression of a case, which depend on the seed and its number alone."""
    draw = random.Random(f"{seed}:{number}")
    target = draw.choice(targets)
    arguments = [_argument(name, draw) for name in target.required]
    arguments += [_argument(name, draw) for name in target.optional if draw.random() < OPTIONAL_SHARE / 2]
    if not target.required and draw.random() < OPTIONAL_SHARE:
        # Protocols and signatures that say nothing.
        arguments.insert(0, _value(draw.choice(list(VALID)), draw))
    if draw.random() < 0.02:
        arguments.append(f"unknown_option={draw.choice(HOSTILE)}")
    return target, f"{target.expression}({', '.join(arguments)})"


def _argument(name: str, draw: random.Random) -> str:
    value = _value(KINDS.get(name, ""), draw)
    return value if name.startswith("*") else f"{name}={value}"


def _value(kind: str, draw: random.Random) -> str:
    if not kind or draw.random() < HOSTILE_SHARE:
        return draw.choice(HOSTILE) if draw.random() < 0.7 else draw.choice(VALID[draw.choice(list(VALID))])
    return draw.choice(VALID[kind])
