"""Pre-train both models: two calls of the trainer. Started again, it goes on where it was stopped.

One network is generator and discriminator at first, which teaches it to read as a masked LM does; it is taken before its
rate has come down. A small generator of its own is then trained beside it, on the embeddings that it has learned.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import oxbert
from oxbert.training import Trainer, preset
from oxbert.training.data import ExampleDataset

TIED_STEPS = 7000
"""Of the preset's, which is one network for both."""
PAIR: dict[str, Any] = {
    "untied_generator": True,
    "short_steps": 0,
    "generator_steps": 600,
    "disc_weight": 50.0,
    "learning_rate": 2e-3,
    "warmup_steps": 100,
    "train_steps": 2600,
    "seed": 1,
}


def main() -> None:
    """Train on the examples of `oxbert pretrain-data`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=Path, required=True, help="of train.txt")
    parser.add_argument("--held-out", type=Path, required=True, help="of heldout.txt")
    parser.add_argument("--output", type=Path, required=True, help="the folder of both runs")
    arguments = parser.parse_args()
    tokenizer = oxbert.AutoTokenizer.from_pretrained(arguments.examples)

    def trainer(name: str, changes: dict[str, Any], **options: Any) -> Trainer:
        return Trainer(
            dataclasses.replace(preset("tiny"), **changes),
            ExampleDataset(arguments.examples),
            tokenizer,
            arguments.output / name,
            held_out=ExampleDataset(arguments.held_out),
            precision="bfloat16",
            **options,
        )

    tied = trainer("tied", {})
    tied.train(stop=TIED_STEPS)
    encoder = tied.export()["discriminator"]
    trainer("pair", PAIR, discriminator=encoder).train()


if __name__ == "__main__":
    main()
