"""Convert the two models of a run for the package: float16 weights as `.ot`, and the configuration.

The tokenizer in the package is kept, because the run used it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import oxbert

BUNDLED = Path(__file__).parents[2] / "python" / "oxbert" / "bundled"
DROPOUT = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
"""Dropout for fine-tuning; the run itself has none."""


def bundle(source: Path, target: Path) -> None:
    """Convert the model in `source` into `target`, which has the tokenizer."""
    if (source / "vocab.txt").read_bytes() != (target / "vocab.txt").read_bytes():
        raise SystemExit(f"{source}: expected the vocabulary of {target}, got a different one")
    weights = oxbert.load_weights(source / "model.safetensors")
    # Half precision halves the size of the package, and loading converts it to float32. The decoder is tied to the word
    # embeddings, so no second copy is written; `convert_model.py` writes one for rust_bert.
    halves = {name: tensor.astype(np.float16) for name, tensor in weights.items()}
    oxbert.save_weights(halves, target / "rust_model.ot")
    config = json.loads((source / "config.json").read_text(encoding="utf-8")) | DROPOUT
    (target / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    """Bundle both models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the output folder of `oxbert pretrain`")
    parser.add_argument("--output", type=Path, default=BUNDLED, help="the folder of bundled models")
    arguments = parser.parse_args()
    for part in ("generator", "discriminator"):
        bundle(arguments.run / part, arguments.output / f"electra-tiny-{part}")
    size = sum(path.stat().st_size for path in arguments.output.rglob("*") if path.is_file())
    print(f"{arguments.output}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
