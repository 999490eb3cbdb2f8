"""What a pre-training run is made of, and the published runs of ELECTRA as data.

    config = dataclasses.replace(preset("base"), batch_size=64)
    generator, discriminator = config.electra_configs()

`PretrainingConfig.from_file` reads the same from a file.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, get_args

from typing_extensions import Self

from oxbert._native import Activation, ElectraConfig
from oxbert._types import Objective, Optimizer
from oxbert._yaml import read_yaml
from oxbert.errors import ConfigError

_OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
_OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)


def _field(default: Any, kind: type, expected: str, holds: Callable[[Any], bool], optional: bool = False) -> Any:
    """A field, and what its values must be: of a kind, and such that `holds`."""
    return dataclasses.field(default=default, metadata={"rule": (kind, expected, holds, optional)})


def _integer(default: int | None, least: int, optional: bool = False) -> Any:
    limit = 2**63 - 1
    return _field(default, int, f"an integer from {least}", lambda value: least <= value <= limit, optional)


def _number(default: float, expected: str, holds: Callable[[float], bool]) -> Any:
    return _field(default, float, f"a number {expected}", holds)


def _positive(default: float) -> Any:
    return _number(default, "above 0", lambda value: value > 0)


def _not_negative(default: float) -> Any:
    return _number(default, "of at least 0", lambda value: value >= 0)


def _choice(default: str, values: Sequence[str]) -> Any:
    return _field(default, str, f"one of {', '.join(values)}", lambda value: value in values)


def _flag(default: bool) -> Any:
    return _field(default, bool, "true or false", lambda value: True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingConfig:
    """Everything that a pre-training run depends on, but for its text. The defaults are ELECTRA-Small.

    It does not change; `dataclasses.replace` makes another. Where a fraction is meant a number may be an integer, and
    where an integer is meant it may be 1e6.

    Args:
        vocab_size: V, entries of the vocabulary, of both networks.
        embedding_size: E, the width of the embeddings.
        hidden_size: H, of the discriminator.
        num_hidden_layers: Layers of the discriminator.
        num_attention_heads: A of the discriminator; max(1, H // 64) where it is None.
        intermediate_size: F of the discriminator; 4 H where it is None.
        hidden_act: As in `ElectraConfig`, of both networks, and so are the next six.
        hidden_dropout_prob: Of embeddings and of each layer's two outputs.
        attention_probs_dropout_prob: Of attention probabilities.
        max_position_embeddings: The longest text that the networks can take, in tokens.
        type_vocab_size: How many token types.
        initializer_range: Standard deviation of fresh weights.
        layer_norm_eps: Added to the variance in every layer norm.
        generator_hidden_size: The generator's hidden size as a share of H.
        generator_layers: The generator's layers as a share of the discriminator's.
        untied_generator: Whether the generator is a network of its own; otherwise the two share all layers and have
            the same sizes.
        untied_generator_embeddings: Whether such a generator has embeddings of its own, as wide as its hidden states.
        objective: `electra` detects replaced tokens, `mlm` trains a masked LM and no discriminator, `electric` is the
            energy-based variant with a two-tower generator, `uniform` replaces tokens by any others of the vocabulary.
        mask_probability: The share of a text's tokens that is chosen, between 0 and 1.
        masked_share: The share of the chosen ones that becomes `[MASK]`; the rest stays.
        with_replacement: Whether places are drawn as the original draws them, some of them twice.
        generator_steps: In the first so many updates, fewer than `train_steps`, the generator learns alone. A
            discriminator that is the same network (`untied_generator=False`) then begins with what it has learned.
        gen_weight: Of the masked-LM loss in the sum.
        disc_weight: Of the replaced-token loss in the sum.
        temperature: What the generator's logits are divided by for sampling.
        disallow_correct: Whether the original token is never sampled.
        optimizer: `adam` is the original's, without bias correction; `adamw` corrects it; `muon` is Muon for the
            matrices inside of layers and AdamW for the rest.
        adam_beta1: The decay of the first moment.
        adam_beta2: The decay of the second moment.
        adam_epsilon: Added to the root of the second moment.
        learning_rate: The rate that is warmed up and decays, per update.
        learning_rate_power: Of the polynomial decay; 1 is a straight line.
        decay_steps: The update at which the rate would be 0; `train_steps` where it is None. With more of them a run
            ends while it still learns, for another run to go on from (`pretrain(first=...)`).
        weight_decay: Of what is neither a layer norm nor a bias.
        max_gradient_norm: The global norm to which gradients are clipped.
        warmup_steps: Updates of the warm-up.
        train_steps: Updates altogether.
        batch_size: Texts for an update, over all processes.
        eval_batch_size: Texts for a step of evaluation.
        max_length: S, of a text, in tokens with `[CLS]` and `[SEP]`.
        short_length: S of the first updates, whose texts are cut into pieces of that many tokens.
        short_steps: How many updates those are. A network learns much sooner what stands beside what where there are
            few positions.
        seed: Of everything that is drawn.
        save_every: Updates from a checkpoint to the next.
        keep_checkpoints: How many of the newest are kept; 0 keeps all.
        evaluate_every: Updates from an evaluation to the next; 0 is none during training.
        evaluation_batches: How many batches an evaluation takes.

    Raises:
        ConfigError: A value is of a wrong type or out of its range, or two do not go together; `field` names it.

    Example:
        >>> config = PretrainingConfig(hidden_size=512, generator_hidden_size=0.5)
        >>> generator, discriminator = config.electra_configs()
        >>> generator.hidden_size, generator.num_attention_heads, discriminator.intermediate_size
        (256, 4, 2048)
        >>> config.max_predictions
        19

    Source:
        google-research/electra, configure_pretraining.py and util/training_utils.py.
    """

    vocab_size: int = _integer(30522, 1)
    embedding_size: int = _integer(128, 1)
    hidden_size: int = _integer(256, 1)
    num_hidden_layers: int = _integer(12, 1)
    num_attention_heads: int | None = _integer(None, 1, optional=True)
    intermediate_size: int | None = _integer(None, 1, optional=True)
    hidden_act: str = _choice("gelu", Activation.names())
    hidden_dropout_prob: float = _number(0.1, "from 0 to below 1", lambda value: 0 <= value < 1)
    attention_probs_dropout_prob: float = _number(0.1, "from 0 to below 1", lambda value: 0 <= value < 1)
    max_position_embeddings: int = _integer(512, 1)
    type_vocab_size: int = _integer(2, 1)
    initializer_range: float = _not_negative(0.02)
    layer_norm_eps: float = _positive(1e-12)

    generator_hidden_size: float = _positive(0.25)
    generator_layers: float = _positive(1.0)
    untied_generator: bool = _flag(True)
    untied_generator_embeddings: bool = _flag(False)

    objective: Objective = _choice("electra", _OBJECTIVES)  # noqa: RUF009
    mask_probability: float = _number(0.15, "between 0 and 1", lambda value: 0 < value < 1)
    masked_share: float = _number(0.85, "from 0 to 1", lambda value: 0 <= value <= 1)
    with_replacement: bool = _flag(False)
    generator_steps: int = _integer(0, 0)
    gen_weight: float = _not_negative(1.0)
    disc_weight: float = _not_negative(50.0)
    temperature: float = _positive(1.0)
    disallow_correct: bool = _flag(False)

    optimizer: Optimizer = _choice("adam", _OPTIMIZERS)  # noqa: RUF009
    adam_beta1: float = _number(0.9, "from 0 to below 1", lambda value: 0 <= value < 1)
    adam_beta2: float = _number(0.999, "from 0 to below 1", lambda value: 0 <= value < 1)
    adam_epsilon: float = _positive(1e-6)
    learning_rate: float = _not_negative(5e-4)
    learning_rate_power: float = _positive(1.0)
    decay_steps: int | None = _integer(None, 1, optional=True)
    weight_decay: float = _not_negative(0.01)
    max_gradient_norm: float = _positive(1.0)
    warmup_steps: int = _integer(10_000, 0)
    train_steps: int = _integer(1_000_000, 1)

    batch_size: int = _integer(128, 1)
    eval_batch_size: int = _integer(128, 1)
    max_length: int = _integer(128, 3)
    short_length: int = _integer(32, 3)
    short_steps: int = _integer(0, 0)
    seed: int = _integer(0, 0)

    save_every: int = _integer(1000, 1)
    keep_checkpoints: int = _integer(5, 0)
    evaluate_every: int = _integer(0, 0)
    evaluation_batches: int = _integer(100, 1)

    def __post_init__(self) -> None:
        """Bring numbers into their types, and refuse what cannot be."""
        for item in dataclasses.fields(self):
            kind, expected, holds, optional = item.metadata["rule"]
            value = _as_kind(getattr(self, item.name), kind)
            if not (_is(value, kind, holds) or (optional and value is None)):
                _refuse(item.name, f"expected {expected}{' or null' if optional else ''}, got {value!r}")
            object.__setattr__(self, item.name, value)
        if self.max_length > self.max_position_embeddings:
            _refuse(
                "max_length",
                f"expected at most max_position_embeddings = {self.max_position_embeddings}, got {self.max_length}",
            )
        if not self.max_predictions:
            _refuse(
                "max_length",
                f"too short for mask_probability = {self.mask_probability!r}: no token could be "
                f"chosen of {self.max_length}",
            )
        if self.generator_steps and self.objective in ("mlm", "uniform"):
            _refuse("generator_steps", f"expected 0 for {self.objective}, which has no second network")
        if self.generator_steps >= self.train_steps:
            _refuse(
                "generator_steps",
                f"expected fewer than train_steps = {self.train_steps}, or the discriminator learns nothing, "
                f"got {self.generator_steps}",
            )
        if self.decay_steps is not None and self.decay_steps < self.train_steps:
            _refuse("decay_steps", f"expected at least train_steps = {self.train_steps}, got {self.decay_steps}")
        if self.objective == "electric" and not self.untied_generator:
            _refuse("untied_generator", "expected true, since the objective electric has a generator of two towers")
        self.electra_configs()

    @property
    def max_predictions(self) -> int:
        """How many tokens of a text are chosen at most: int((mask_probability + 0.005) * max_length)."""
        return int((self.mask_probability + 0.005) * self.max_length)

    def electra_configs(self) -> tuple[ElectraConfig, ElectraConfig]:
        """The configurations of the generator and of the discriminator.

        A generator of its own has, rounded as Python rounds,

            hidden size   round(hidden_size * generator_hidden_size)       feed-forward   4 * hidden size
            layers        round(num_hidden_layers * generator_layers)      heads          max(1, hidden size // 64)

        A tied one, and the masked LM of the objective `mlm`, has the discriminator's sizes. The objective `uniform`
        needs no generator, and `mlm` no discriminator: what is returned there is not used.

        Raises:
            ConfigError: There is no such network.

        Source:
            google-research/electra, run_pretraining.py, lines 56 to 98 and `get_generator_config`.
        """
        heads = self.num_attention_heads or max(1, self.hidden_size // 64)
        if self.hidden_size % heads:
            _refuse("num_attention_heads", f"expected a divisor of hidden_size = {self.hidden_size}, got {heads}")
        both = {
            "vocab_size": self.vocab_size,
            "hidden_act": self.hidden_act,
            "hidden_dropout_prob": self.hidden_dropout_prob,
            "attention_probs_dropout_prob": self.attention_probs_dropout_prob,
            "max_position_embeddings": self.max_position_embeddings,
            "type_vocab_size": self.type_vocab_size,
            "initializer_range": self.initializer_range,
            "layer_norm_eps": self.layer_norm_eps,
        }
        sizes = {
            "embedding_size": self.embedding_size,
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": heads,
            "intermediate_size": self.intermediate_size or 4 * self.hidden_size,
        }
        discriminator = ElectraConfig.from_dict(both | sizes)
        if self.untied_generator and self.objective != "mlm":
            sizes = self._generator_sizes()
        return ElectraConfig.from_dict(both | sizes), discriminator

    def _generator_sizes(self) -> dict[str, int]:
        hidden_size = round(self.hidden_size * self.generator_hidden_size)
        layers = round(self.num_hidden_layers * self.generator_layers)
        heads = max(1, hidden_size // 64)
        if hidden_size % heads or not hidden_size:
            reason = f"gives a generator of hidden size {hidden_size}, which {heads} heads cannot divide"
            _refuse("generator_hidden_size", f"{reason}, got {self.generator_hidden_size!r}")
        if not layers:
            _refuse("generator_layers", f"gives a generator of no layers, got {self.generator_layers!r}")
        return {
            "embedding_size": hidden_size if self.untied_generator_embeddings else self.embedding_size,
            "hidden_size": hidden_size,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "intermediate_size": 4 * hidden_size,
        }

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, in order: numbers, texts, truth values and None."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """A configuration of what is named, and the defaults for the rest.

        Args:
            values: Values by name. `preset` names the preset whose values are the defaults, `small` where it is absent.

        Raises:
            ConfigError: A name is unknown, or a value is bad; `field` names it.

        Example:
            >>> PretrainingConfig.from_dict({"preset": "large", "batch_size": 64}).hidden_size
            1024
        """
        values = dict(values)
        defaults = preset(values.pop("preset", "small")).to_dict()
        for name in values:
            if name not in defaults:
                _refuse(str(name), f"there is no such field; known are: preset, {', '.join(defaults)}")
        return cls(**defaults | values)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """A configuration from a YAML or JSON file that maps names to values, as `from_dict` takes them.

        A number such as 5e-4 is a number here, as in YAML 1.2 and JSON; YAML 1.1 takes it for a text.

        Raises:
            MissingFileError: There is no such file.
            FileError: It cannot be read.
            ConfigError: It is not YAML, a name is unknown or comes twice, or a value is bad; `field` and `path` say
                where.
        """
        path = Path(path)
        try:
            return cls.from_dict(read_yaml(path))
        except ConfigError as error:
            if error.details.get("path") is None:
                _refuse(error.details["field"], error.details["reason"], path)
            raise


def _as_kind(value: Any, kind: type) -> Any:
    """A number as a number of the other kind, where that changes nothing."""
    if kind is float and type(value) is int and abs(value) <= 2**53:
        return float(value)
    if kind is int and type(value) is float and value.is_integer():
        return int(value)
    return value


def _is(value: Any, kind: type[Any], holds: Callable[[Any], bool]) -> bool:
    """Whether a value is of a kind, finite, and such that `holds`. Truth values are no integers."""
    return type(value) is kind and (kind is not float or math.isfinite(value)) and holds(value)


_SMALL = PretrainingConfig()

PRESETS: Mapping[str, PretrainingConfig] = MappingProxyType(
    {
        "tiny": dataclasses.replace(
            _SMALL,
            vocab_size=8192,
            hidden_size=192,
            num_hidden_layers=4,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            max_position_embeddings=128,
            generator_hidden_size=2 / 3,
            generator_layers=0.75,
            untied_generator=False,
            generator_steps=2500,
            disc_weight=25.0,
            optimizer="muon",
            adam_beta2=0.98,
            learning_rate=3e-3,
            weight_decay=0.02,
            warmup_steps=200,
            train_steps=8700,
            batch_size=32,
            eval_batch_size=32,
            short_steps=2000,
            save_every=500,
            evaluate_every=500,
        ),
        "small": _SMALL,
        "base": dataclasses.replace(
            _SMALL,
            embedding_size=768,
            hidden_size=768,
            generator_hidden_size=1 / 3,
            learning_rate=2e-4,
            batch_size=256,
            max_length=512,
            train_steps=766_000,
        ),
        "large": dataclasses.replace(
            _SMALL,
            embedding_size=1024,
            hidden_size=1024,
            num_hidden_layers=24,
            mask_probability=0.25,
            learning_rate=2e-4,
            batch_size=2048,
            max_length=512,
            train_steps=400_000,
        ),
    }
)
"""The runs by name. `small`, `base` and `large` are those of the paper, table 6, and of configure_pretraining.py. The
checkpoints that were released differ in part: small took 4,000,000 steps with `generator_hidden_size=1.0`, large took
1,750,000. `tiny` is for a processor and a few million tokens: in an hour and a half on two cores it makes one network
of both; with `untied_generator=True` it has the sizes of the bundled models."""


def preset(name: str) -> PretrainingConfig:
    """The run of a name.

    Args:
        name: `tiny`, `small`, `base` or `large`.

    Raises:
        ConfigError: There is no such preset.

    Example:
        >>> preset("base").learning_rate
        0.0002
    """
    if not isinstance(name, str) or name not in PRESETS:
        _refuse("preset", f"expected one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name]


def _refuse(field: str, reason: str, path: Path | None = None) -> NoReturn:
    where = "pretraining config" if path is None else f"pretraining config {path}"
    raise ConfigError(f"{where}: {field}: {reason}", field=field, reason=reason, path=path)


__all__ = ["PRESETS", "PretrainingConfig", "preset"]
