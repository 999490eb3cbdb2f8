"""Define the configuration of a pre-training run, and the published runs of ELECTRA as presets.

    config = dataclasses.replace(preset("base"), batch_size=64)
    generator, discriminator = config.electra_configs()

`PretrainingConfig.from_file` reads a configuration from a file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, get_args

from typing_extensions import Self

from oxbert._native import Activation, ElectraConfig
from oxbert._types import Objective, Optimizer  # noqa: F401  # `__init__` has the annotations of inherited fields
from oxbert.training.loop.options import (
    Options,
    RunOptions,
    choice,
    document_fields,
    flag,
    integer,
    not_negative,
    number,
    positive,
)

_OBJECTIVES: tuple[Objective, ...] = get_args(Objective)

NETWORK_FIELDS = frozenset(
    """vocab_size embedding_size hidden_size num_hidden_layers num_attention_heads intermediate_size hidden_act
    max_position_embeddings type_vocab_size layer_norm_eps generator_hidden_size generator_layers
    generator_num_attention_heads generator_intermediate_size generator_embedding_size untied_generator
    untied_generator_embeddings objective""".split()
)
"""The fields that decide which parameters the two networks have, and what they compute."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Subject(Options):
    """Define the two networks, the objective, and the lengths of the texts of a run."""

    vocab_size: int = integer(30522, 1, "V, the size of the vocabulary of both networks.")
    embedding_size: int = integer(128, 1, "E, the width of the embeddings.")
    hidden_size: int = integer(256, 1, "H of the discriminator.")
    num_hidden_layers: int = integer(12, 1, "The number of layers of the discriminator.")
    num_attention_heads: int | None = integer(
        None, 1, "A of the discriminator; None means max(1, H // 64).", optional=True
    )
    intermediate_size: int | None = integer(None, 1, "F of the discriminator; None means 4 H.", optional=True)
    hidden_act: str = choice(
        "gelu", Activation.names(), "The activation of both networks, as in `ElectraConfig`, like the next six."
    )
    hidden_dropout_prob: float = number(
        0.1, "from 0 to below 1", lambda value: 0 <= value < 1, "Dropout of embeddings and of each layer's two outputs."
    )
    attention_probs_dropout_prob: float = number(
        0.1, "from 0 to below 1", lambda value: 0 <= value < 1, "Dropout of attention probabilities."
    )
    max_position_embeddings: int = integer(512, 1, "The longest text that the networks can take, in tokens.")
    type_vocab_size: int = integer(2, 1, "The number of token types.")
    initializer_range: float = not_negative(0.02, "The standard deviation of fresh weights.")
    layer_norm_eps: float = positive(1e-12, "Added to the variance in every layer norm.")

    generator_hidden_size: float = positive(0.25, "The hidden size of the generator as a share of H.")
    generator_layers: float = positive(1.0, "The number of layers of the generator as a share of the discriminator's.")
    generator_num_attention_heads: int | None = integer(
        None, 1, "A of an untied generator; None means max(1, its hidden size // 64).", optional=True
    )
    generator_intermediate_size: int | None = integer(
        None, 1, "F of an untied generator; None means 4 times its hidden size.", optional=True
    )
    generator_embedding_size: int | None = integer(
        None, 1, "E of a generator with embeddings of its own; None means its hidden size.", optional=True
    )
    untied_generator: bool = flag(
        True,
        """Whether the generator is a network of its own; otherwise the two networks share all layers and have the same
        sizes.""",
    )
    untied_generator_embeddings: bool = flag(
        False, "Whether an untied generator has embeddings of its own, of `generator_embedding_size`."
    )

    objective: Objective = choice(  # noqa: RUF009
        "electra",
        _OBJECTIVES,
        """`electra` detects replaced tokens; `mlm` trains a masked LM and no discriminator; `electric` is the
        energy-based variant with a two-tower generator; `uniform` replaces tokens by uniformly drawn other tokens.""",
    )
    mask_probability: float = number(
        0.15, "between 0 and 1", lambda value: 0 < value < 1, "The share of a text's tokens that is chosen."
    )
    masked_share: float = number(
        0.85,
        "from 0 to 1",
        lambda value: 0 <= value <= 1,
        "The share of the chosen tokens that becomes `[MASK]`; the others stay.",
    )
    with_replacement: bool = flag(
        False, "Whether positions are drawn with replacement, as in the original, which chooses some twice."
    )
    generator_steps: int = integer(
        0,
        0,
        """In this many first updates, fewer than `train_steps`, only the generator learns. With
        `untied_generator=False` the discriminator then begins with the layers that the generator has learned.""",
    )
    gen_weight: float = not_negative(1.0, "The weight of the masked-LM loss in the sum.")
    disc_weight: float = not_negative(50.0, "The weight of the replaced-token loss in the sum.")
    temperature: float = positive(1.0, "The generator's logits are divided by this before sampling.")
    disallow_correct: bool = flag(False, "Whether the original token is never sampled.")

    max_length: int = integer(128, 3, "S of a text, in tokens, with `[CLS]` and `[SEP]`.")
    short_length: int = integer(32, 3, "S of the texts of the first updates, which are cut into pieces of that length.")
    short_steps: int = integer(
        0,
        0,
        """The number of those first updates. With few positions a network learns much sooner which tokens go
        together.""",
    )


@document_fields()
@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingConfig(RunOptions, _Subject):
    """Hold everything that a pre-training run depends on except its text. The defaults are ELECTRA-Small.

    A configuration is immutable; `dataclasses.replace` makes another one. A number field takes an integer, and an
    integer field takes 1e6.

    Args:
        {fields}

    Raises:
        ConfigError: if a value has the wrong type or is out of its range, or two contradict each other; `field` names
            the first of them.

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

    _title: ClassVar[str] = "pretraining config"
    _extra: ClassVar[tuple[str, ...]] = ("preset",)

    def __post_init__(self) -> None:
        """Check the fields one by one, then together."""
        super().__post_init__()
        if self.max_length > self.max_position_embeddings:
            self._refuse(
                "max_length",
                f"expected at most max_position_embeddings = {self.max_position_embeddings}, got {self.max_length}",
            )
        if not self.max_predictions:
            self._refuse(
                "max_length",
                f"too short for mask_probability = {self.mask_probability!r}: no token could be "
                f"chosen of {self.max_length}",
            )
        if self.generator_steps and self.objective in ("mlm", "uniform"):
            self._refuse("generator_steps", f"expected 0 for {self.objective}, which has no second network")
        if self.generator_steps >= self.train_steps:
            share = self.train_steps * 3 // 10
            self._refuse(
                "generator_steps",
                f"expected fewer than train_steps = {self.train_steps}, or the discriminator learns nothing, "
                f"got {self.generator_steps}; pass generator_steps={share} (--set generator_steps={share})",
            )
        if self.objective == "electric" and not self.untied_generator:
            reason = "expected true, since the generator of the objective electric has two towers"
            self._refuse("untied_generator", reason)
        self.electra_configs()

    @property
    def max_predictions(self) -> int:
        """Return how many tokens of a text are chosen at most: int((mask_probability + 0.005) * max_length)."""
        return int((self.mask_probability + 0.005) * self.max_length)

    def electra_configs(self) -> tuple[ElectraConfig, ElectraConfig]:
        """Return the configurations of the generator and of the discriminator.

        An untied generator has, rounded as Python rounds,

            hidden size   round(hidden_size * generator_hidden_size)
            layers        round(num_hidden_layers * generator_layers)
            feed-forward  generator_intermediate_size, otherwise 4 * hidden size
            heads         generator_num_attention_heads, otherwise max(1, hidden size // 64)
            embeddings    embedding_size; with embeddings of its own generator_embedding_size, otherwise hidden size

        A tied generator, and the masked LM of the objective `mlm`, have the discriminator's sizes. The objective
        `uniform` needs no generator, and `mlm` no discriminator: their configurations are returned but not used.

        Raises:
            ConfigError: if the sizes are impossible: the heads do not divide the hidden size, or there are no layers.

        Source:
            google-research/electra, run_pretraining.py, lines 56 to 98 and `get_generator_config`.
        """
        heads = self.num_attention_heads or max(1, self.hidden_size // 64)
        if self.hidden_size % heads:
            self._refuse("num_attention_heads", f"expected a divisor of hidden_size = {self.hidden_size}, got {heads}")
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
        own_heads = self.generator_num_attention_heads
        heads = own_heads or max(1, hidden_size // 64)
        if own_heads and hidden_size % own_heads:
            reason = f"expected a divisor of {hidden_size}, the generator's hidden size, got {own_heads}"
            self._refuse("generator_num_attention_heads", reason)
        if hidden_size % heads or not hidden_size:
            reason = f"gives a generator of hidden size {hidden_size}, which {heads} heads cannot divide"
            self._refuse("generator_hidden_size", f"{reason}, got {self.generator_hidden_size!r}")
        if not layers:
            self._refuse("generator_layers", f"gives a generator of no layers, got {self.generator_layers!r}")
        embedding_size = self.generator_embedding_size or hidden_size
        if not self.untied_generator_embeddings:
            embedding_size = self.embedding_size
            if self.generator_embedding_size not in (None, embedding_size):
                reason = (
                    f"expected null or embedding_size = {embedding_size}, since both networks share their embeddings"
                )
                reason += f" (untied_generator_embeddings), got {self.generator_embedding_size}"
                self._refuse("generator_embedding_size", reason)
        return {
            "embedding_size": embedding_size,
            "hidden_size": hidden_size,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "intermediate_size": self.generator_intermediate_size or 4 * hidden_size,
        }

    @classmethod
    def _defaults(cls, values: dict[str, Any]) -> dict[str, Any]:
        return preset(values.pop("preset", "small")).to_dict()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return a configuration with the given values, and those of a preset for the rest.

        Args:
            values: Values by field name. `preset` names the preset; the default is `small`.

        Raises:
            ConfigError: if a name is unknown, or a value is bad; `field` names it.

        Example:
            >>> PretrainingConfig.from_dict({"preset": "large", "batch_size": 64}).hidden_size
            1024
        """
        return super().from_dict(values)


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
"""The configurations by name. `small`, `base` and `large` are those of the paper, table 6, and of
configure_pretraining.py. The released checkpoints differ in part: small was trained for 4,000,000 steps with
`generator_hidden_size=1.0`, large for 1,750,000. `tiny` is for a CPU and a few million tokens: it trains one network
for both tasks in an hour and a half on two cores; with `untied_generator=True` it has the sizes of the bundled
models."""


def preset(name: str) -> PretrainingConfig:
    """Return the configuration of a preset.

    Args:
        name: `tiny`, `small`, `base` or `large`.

    Raises:
        ConfigError: if there is no such preset.

    Example:
        >>> preset("base").learning_rate
        0.0002
    """
    if not isinstance(name, str) or name not in PRESETS:
        PretrainingConfig._refuse("preset", f"expected one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name]


__all__ = ["NETWORK_FIELDS", "PRESETS", "PretrainingConfig", "preset"]
