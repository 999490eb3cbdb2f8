"""Compare fine-tuning with the `Trainer` of transformers: `python -m benches.trainer`.

Both fine-tune the same ELECTRA-small of random weights to classify docstrings of mixed length, with dropout and AdamW.
Each trainer has a process of its own, and the processes take turns. A round times a short and a long run, and their
difference is the time of the steps alone: it has no loading, tokenising and saving in it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benches.processes import Failed, Process, serve
from benches.summary import print_rows

SMALL = {"vocab_size": 8192, "embedding_size": 128, "hidden_size": 256, "num_attention_heads": 4,
         "intermediate_size": 1024, "num_hidden_layers": 12}  # fmt: skip
BATCH, LONGEST, STEPS = 32, 128, 16
# A round is a whole epoch, because `Trainer` begins with long rows if it groups them. Both sort a quarter of so few
# rows at once.
ROWS = STEPS * BATCH
SHORT = 2
OURS, THEIRS = "oxbert", "transformers' Trainer"
GROUPED = ", grouped by length"
PEERS = (OURS, THEIRS, OURS + GROUPED, THEIRS + GROUPED)
PRECISIONS = ("float32", "bfloat16")


def make(folder: Path) -> None:
    """Write a model with its tokenizer."""
    import oxbert

    oxbert.ElectraForSequenceClassification(oxbert.ElectraConfig(**SMALL), seed=0).save_pretrained(folder)
    oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator").save_pretrained(folder)


def rows() -> list[dict[str, str]]:
    """Return docstrings of the standard library with one of two labels."""
    from benches.texts import docstrings

    texts = docstrings()
    step = max(1, len(texts) // ROWS)
    return [{"text": text, "label": str(len(text) % 2)} for text in texts[::step][:ROWS]]


class Server:
    """Train with one peer in one precision, in a process of its own."""

    def __init__(self, folder: str, peer: str, precision: str) -> None:
        self.folder, self.peer, self.precision = folder, peer, precision

    def run(self, steps: int) -> tuple[float, int]:
        """Return the seconds of a run, and the number of tokens of its texts, without padding."""
        with tempfile.TemporaryDirectory() as output:
            begin = time.perf_counter()
            tokens = (self._oxbert if self.peer.startswith(OURS) else self._transformers)(steps, output)
            return time.perf_counter() - begin, tokens

    def _oxbert(self, steps: int, output: str) -> int:
        from oxbert.training import finetune

        finetune(
            "classification", {"train": rows()}, output, model=self.folder, precision=self.precision,
            train_steps=steps, batch_size=BATCH, max_length=LONGEST, optimizer="adamw", progress=False,
            group_by_length=self.peer.endswith(GROUPED),
        )  # fmt: skip
        [state] = Path(output).glob(f"checkpoints/step-{steps:08d}/state.json")
        return int(json.loads(state.read_text("utf-8"))["tokens"])

    def _transformers(self, steps: int, output: str) -> int:
        import torch
        import transformers

        tokenizer = transformers.AutoTokenizer.from_pretrained(self.folder)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(self.folder)
        data = [
            {**tokenizer(row["text"], truncation=True, max_length=LONGEST), "labels": int(row["label"])}
            for row in rows()
        ]
        grouping = {"train_sampling_strategy": "group_by_length"} if self.peer.endswith(GROUPED) else {}
        arguments = transformers.TrainingArguments(
            output_dir=output, per_device_train_batch_size=BATCH, max_steps=steps, report_to=[], save_strategy="no",
            logging_strategy="no", disable_tqdm=True, use_cpu=True, bf16=self.precision == "bfloat16",
            optim="adamw_torch_fused", **grouping,
        )  # fmt: skip
        assert torch.get_num_threads() == int(os.environ["OMP_NUM_THREADS"])
        pad, tokens = transformers.DataCollatorWithPadding(tokenizer), 0

        def collate(examples: list[dict[str, Any]]) -> Any:
            nonlocal tokens
            tokens += sum(len(example["input_ids"]) for example in examples)
            return pad(examples)

        transformers.Trainer(model, arguments, train_dataset=data, data_collator=collate).train()
        return tokens


def measure(folder: Path, steps: int, rounds: int, threads: int, log: Path) -> list[dict[str, Any]]:
    """Return a row for each peer and precision."""
    environment = {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    running: dict[tuple[str, str], tuple[Process, list[float]]] = {}
    try:
        for precision in PRECISIONS:
            for peer in PEERS:
                arguments = ["-W", "ignore", "-m", "benches.trainer", "--serve", str(folder), peer, precision]
                running[peer, precision] = Process(arguments, log / f"{peer} {precision}.log", environment), []
        order = list(running)
        for key in order:
            running[key][0].ask("run", steps=SHORT)
        for _ in range(rounds):
            for key in order:
                process, rates = running[key]
                short, long = (process.ask("run", steps=count) for count in (SHORT, SHORT + steps))
                rates.append((long[1] - short[1]) / (long[0] - short[0]))
            order.append(order.pop(0))
    except Failed as error:
        sys.exit(f"error: {error}")
    finally:
        for process, _ in running.values():
            process.close()
    ours = {precision: median(running[OURS, precision][1]) for precision in PRECISIONS}
    return [
        {
            "precision": precision,
            "trainer": peer,
            "tokens/s": f"{median(rates):,.0f}",
            "time / oxbert": f"{ours[precision] / median(rates):.2f}",
        }
        for (peer, precision), (_, rates) in running.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.trainer", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of a round [an epoch]")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in which the trainers take turns [3]")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads of each [all cores]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        model = Path(place) / "model"
        make(model)
        found = measure(model, options.steps, options.rounds, options.threads, Path(place))
    print_rows(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Server(*sys.argv[2:]))
    else:
        main()
