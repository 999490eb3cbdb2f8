"""Put a generator and a discriminator into the package: float16 weights as `.ot`, the configuration, the vocabulary."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np

import oxbert

BUNDLED = Path(__file__).parents[2] / "python" / "oxbert" / "bundled"


def bundle(source: Path, target: Path) -> None:
    """Convert one folder into another."""
    target.mkdir(parents=True, exist_ok=True)
    weights = oxbert.load_weights(source / "model.safetensors")
    # Half precision halves the package; loading widens it to float32 again. The decoder is tied to the word embeddings,
    # so unlike `convert_model.py`, whose files serve rust_bert too, no second copy of them is written.
    halves = {name: tensor.astype(np.float16) for name, tensor in weights.items()}
    oxbert.save_weights(halves, target / "rust_model.ot")
    for name in ("config.json", "vocab.txt", "tokenizer_config.json"):
        shutil.copyfile(source / name, target / name)


def main() -> None:
    """Bundle both models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generator", type=Path, required=True)
    parser.add_argument("--discriminator", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=BUNDLED, help="the folder of bundled models")
    arguments = parser.parse_args()
    bundle(arguments.generator, arguments.output / "electra-tiny-generator")
    bundle(arguments.discriminator, arguments.output / "electra-tiny-discriminator")
    size = sum(path.stat().st_size for path in arguments.output.rglob("*") if path.is_file())
    print(f"{arguments.output}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
