"""Continue the pre-training of the bundled ELECTRA on a text of your own, in the workers of Ray Train.

    python -m pip install "oxbert[ray,train]"
    python examples/ray_train.py TEXT OUTPUT [--workers 2] [--steps 20] [--gpu]

Ray starts the processes and joins them, as `torchrun` does; oxbert computes the same steps as in one process. After the
loss of a worker Ray starts all of them anew, and the run continues from its newest checkpoint in OUTPUT, which all
machines must see.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

# Nothing is reported over the network.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray.train
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

from oxbert import AutoTokenizer
from oxbert.training import pretrain
from oxbert.training.data import write_examples

DISCRIMINATOR, GENERATOR = "electra-tiny-discriminator", "electra-tiny-generator"


def work(options: dict[str, Any]) -> None:
    """Train in one worker. The process group is Ray's."""
    record = pretrain(
        options["examples"], options["run"], "tiny", discriminator=DISCRIMINATOR, generator=GENERATOR,
        untied_generator=True, generator_steps=0, short_steps=0, train_steps=options["steps"],
        warmup_steps=options["steps"] // 10, batch_size=options["batch_size"], save_every=5, max_length=128,
        device="cuda" if options["gpu"] else "cpu", progress=False,
    )  # fmt: skip
    ray.train.report({"step": record["step"], "loss": record["loss"]})


def main() -> None:
    """Write the examples, and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=8, help="examples per step, over all workers")
    parser.add_argument("--gpu", action="store_true", help="one GPU for each worker")
    arguments = parser.parse_args()
    output = arguments.output.absolute()
    if not (output / "examples").exists():
        write_examples(arguments.text, output / "examples", AutoTokenizer.from_pretrained(GENERATOR), max_length=128)
    options = {
        "examples": str(output / "examples"), "run": str(output / "run"), "steps": arguments.steps,
        "batch_size": arguments.batch_size, "gpu": arguments.gpu,
    }  # fmt: skip
    trainer = TorchTrainer(
        work,
        train_loop_config=options,
        scaling_config=ScalingConfig(num_workers=arguments.workers, use_gpu=arguments.gpu),
        run_config=RunConfig(
            name="ray", storage_path=str(output / "ray"), failure_config=FailureConfig(max_failures=3)
        ),
    )
    trainer.fit()
    record = json.loads((output / "run" / "log.jsonl").read_text().splitlines()[-1])
    print(f"step {record['step']}, loss {record['loss']:.2f}, {arguments.workers} workers, in {output / 'run'}")


if __name__ == "__main__":
    main()
