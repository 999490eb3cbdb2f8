"""Compare what users call, text in and answers out: `python -m benches.answers`.

Sentence vectors, labels and entities of the same texts by oxbert's pipelines and by the libraries that people take for
them, each in a process of its own, on models with random weights. The processes take turns within each round.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benches.processes import Failed, Process, serve
from benches.summary import print_rows

TEXTS, ROUNDS, LONGEST = 512, 5, 500
# What the libraries recommend, and what is fastest here for most of them.
BATCH = 32
SEED = 20
VECTORS, LABELS, ENTITIES = "vectors", "labels", "entities"
FLOAT32, LOW = "float32", "low"
ONNX_FILE = "onnx/model.onnx"

Texts = list[str]
Answer = Callable[[Texts], Any]


def texts(count: int) -> Texts:
    """Return paragraphs of docstrings of the standard library, from across all of it, each on one line."""
    from benches.texts import docstrings

    found = [" ".join(text.split())[:LONGEST] for text in docstrings()]
    found = [text for text in found if len(text) > 20]
    return found[:: max(1, len(found) // count)][:count]


def make_models(folder: Path) -> None:
    """Make a small model of sentence vectors, a classifier and a tagger, with the vocabulary of the bundled models."""
    import torch
    import transformers

    import oxbert

    bundled = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-discriminator")
    torch.manual_seed(SEED)
    vocabulary = {"vocab_size": len(bundled)}
    encoder = transformers.BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, **vocabulary
    )
    tagger = transformers.ElectraConfig(
        embedding_size=128, hidden_size=256, num_hidden_layers=12, num_attention_heads=4, intermediate_size=1024,
        num_labels=9, **vocabulary,
    )  # fmt: skip
    models = {
        VECTORS: transformers.BertModel(encoder),
        LABELS: transformers.DistilBertForSequenceClassification(transformers.DistilBertConfig(**vocabulary)),
        ENTITIES: transformers.ElectraForTokenClassification(tagger),
    }
    for name, model in models.items():
        model.save_pretrained(folder / name)
        bundled.save_pretrained(folder / name)
        words = transformers.BertTokenizerFast(str(next((folder / name).glob("vocab.txt"))))
        words.model_max_length = 512
        words.save_pretrained(folder / name)
    export(folder / VECTORS)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    described = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for place, (path, kind) in enumerate(modules)
    ]
    (folder / VECTORS / "modules.json").write_text(json.dumps(described))
    (folder / VECTORS / "sentence_bert_config.json").write_text('{"max_seq_length": 512, "do_lower_case": false}')
    (folder / VECTORS / "1_Pooling").mkdir()
    (folder / VECTORS / "1_Pooling" / "config.json").write_text(
        '{"word_embedding_dimension": 384, "pooling_mode_mean_tokens": true}'
    )
    (folder / VECTORS / "2_Normalize").mkdir()


def export(folder: Path) -> None:
    """Write an encoder where fastembed looks for an ONNX file."""
    import torch
    import transformers

    encoder = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()

    class HiddenStates(torch.nn.Module):
        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            return found

    (folder / ONNX_FILE).parent.mkdir()
    ids = torch.randint(10, 99, (3, 17))
    names = ["input_ids", "attention_mask", "last_hidden_state"]
    module = HiddenStates()
    module.encoder = encoder
    torch.onnx.export(
        module.eval(), (ids, torch.ones_like(ids)), str(folder / ONNX_FILE), dynamo=False, input_names=names[:2],
        output_names=names[2:], dynamic_axes={name: {0: "batch", 1: "length"} for name in names},
    )  # fmt: skip


# Each of these returns a function from texts to vectors, labels, or entities.


def oxbert(precision: str, folder: Path, task: str) -> Answer:
    import oxbert

    if task == VECTORS:
        encoder = oxbert.SentenceEncoder.from_pretrained(folder / VECTORS, precision=precision)
        return encoder.encode
    kind = "text-classification" if task == LABELS else "token-classification"
    return oxbert.pipeline(kind, str(folder / task), precision=precision)


def sentences(way: str, folder: Path, task: str) -> Answer:
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder / task), device="cpu", model_kwargs={"dtype": getattr(torch, way)})
    return lambda some: model.encode(some, batch_size=BATCH, show_progress_bar=False)


def fastembed(folder: Path, task: str) -> Answer:
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    TextEmbedding.add_custom_model(
        model="random", pooling=PoolingType.MEAN, normalization=True, sources=ModelSource(hf="random/random"), dim=384,
        model_file=ONNX_FILE,
    )  # fmt: skip
    model = TextEmbedding("random", specific_model_path=str(folder / task), threads=threads())
    return lambda some: np.stack(list(model.embed(some, batch_size=BATCH)))


def transformers(way: str, folder: Path, task: str) -> Answer:
    import torch
    import transformers

    kind = "text-classification" if task == LABELS else "token-classification"
    name = "AutoModelForSequenceClassification" if task == LABELS else "AutoModelForTokenClassification"
    model = getattr(transformers, name).from_pretrained(folder / task, dtype=getattr(torch, way))
    words = transformers.AutoTokenizer.from_pretrained(folder / task)
    run = transformers.pipeline(kind, model=model, tokenizer=words, device="cpu")
    return lambda some: run(some, batch_size=BATCH)


@dataclass(frozen=True)
class Peer:
    """Describe a library in a precision: what makes its answers, for which tasks, and what it needs."""

    name: str
    kind: str
    make: Callable[[Path, str], Answer]
    tasks: tuple[str, ...]
    modules: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        return self.name.startswith("oxbert")


BOTH, ALL = (LABELS, ENTITIES), (VECTORS, LABELS, ENTITIES)
SENTENCES = ("sentence_transformers",)
PEERS = {
    peer.name: peer
    for peer in (
        Peer("oxbert, float32", FLOAT32, partial(oxbert, "float32"), ALL),
        Peer("oxbert, auto", LOW, partial(oxbert, "auto"), ALL),
        Peer("oxbert, int8", LOW, partial(oxbert, "int8"), ALL),
        Peer("sentence-transformers, float32", FLOAT32, partial(sentences, "float32"), (VECTORS,), SENTENCES),
        Peer("sentence-transformers, bfloat16", LOW, partial(sentences, "bfloat16"), (VECTORS,), SENTENCES),
        Peer("fastembed, float32", FLOAT32, fastembed, (VECTORS,), ("fastembed",)),
        Peer("transformers, float32", FLOAT32, partial(transformers, "float32"), BOTH),
        Peer("transformers, bfloat16", LOW, partial(transformers, "bfloat16"), BOTH),
    )
}


def threads() -> int:
    return int(os.environ["OMP_NUM_THREADS"])


class Server:
    """Answer the orders, in the peer's process."""

    def __init__(self, peer: str, folder: str, task: str, count: str) -> None:
        self.peer, self.folder, self.task, self.count = PEERS[peer], Path(folder), task, int(count)
        self.answer: Answer = list
        self.texts: Texts = []

    def load(self) -> None:
        self.answer = self.peer.make(self.folder, self.task)
        self.texts = texts(self.count)

    def facts(self) -> list[Any]:
        """Return what the answers of some texts say, to compare peers: vectors, scores, or numbers of entities."""
        found = self.answer(self.texts[:BATCH])
        if self.task == VECTORS:
            return np.asarray(found, dtype=float).tolist()
        if self.task == LABELS:
            return [[one["score"] if one["label"].endswith("1") else 1 - one["score"]] for one in found]
        return [[float(one["score"]) for one in entities] for entities in found]

    def run(self) -> float:
        begin = time.perf_counter()
        self.answer(self.texts)
        return time.perf_counter() - begin


def measure(folder: Path, task: str, peers: list[Peer], rounds: int, count: int, cores: int) -> list[dict[str, Any]]:
    """Return a row for each peer: its texts per second, and how far its answers are from those of oxbert in float32."""
    found: list[dict[str, Any]] = []
    running: dict[str, tuple[Process, list[float]]] = {}
    environment = {"OMP_NUM_THREADS": str(cores), "TOKENIZERS_PARALLELISM": "true", "HF_HUB_OFFLINE": "1"}
    facts: dict[str, list[Any]] = {}
    try:
        for peer in peers:
            process = Process(
                ["-m", "benches.answers", "--serve", peer.name, str(folder), task, str(count)],
                folder / f"{peer.name}.log",
                environment,
            )
            running[peer.name] = process, []
            try:
                process.ask("load")
                facts[peer.name] = process.ask("facts")
            except Failed as error:
                print(f"{task}: without {peer.name}: {error}", file=sys.stderr)
                running.pop(peer.name)[0].close()
        order = list(running)
        for _ in range(rounds):
            for name in order:
                running[name][1].append(running[name][0].ask("run"))
            order.append(order.pop(0))
    finally:
        for process, _ in running.values():
            process.close()
    ours = facts[next(name for name in facts if name.startswith("oxbert, float32"))]
    for name, (_, seconds) in running.items():
        found.append(
            {
                "task": task,
                "peer": name,
                "texts/s": round(count / median(seconds)),
                "best texts/s": round(count / min(seconds)),
                "differs from float32 by": f"{difference(ours, facts[name]):.0e}",
            }
        )
    return found


def difference(ours: list[Any], theirs: list[Any]) -> float:
    """Return the largest difference; infinity if there are other entities."""
    if any(len(one) != len(other) for one, other in zip(ours, theirs, strict=True)):
        return float("inf")
    return max(
        (abs(a - b) for one, other in zip(ours, theirs, strict=True) for a, b in zip(one, other, strict=True)),
        default=0,
    )


def ratios(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return how much faster the best of ours is than the best peer, of each task and class."""
    found = []
    for task in dict.fromkeys(row["task"] for row in rows):
        for kind in (FLOAT32, LOW):
            fitting = [row for row in rows if row["task"] == task]
            ours = [row for row in fitting if PEERS[row["peer"]].is_ours and PEERS[row["peer"]].kind == kind]
            # Whoever wants speed takes the fastest peer, exact or not.
            theirs = [row for row in fitting if not PEERS[row["peer"]].is_ours]
            theirs = theirs if kind == LOW else [row for row in theirs if PEERS[row["peer"]].kind == FLOAT32]
            if ours and theirs:
                best, other = (max(some, key=lambda row: row["texts/s"]) for some in (ours, theirs))
                found.append(
                    {
                        "task": task,
                        "class": kind,
                        "ours": best["peer"],
                        "best peer": other["peer"],
                        "ours / best peer": f"{best['texts/s'] / other['texts/s']:.2f}",
                    }
                )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.answers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--task", choices=ALL, action="append", help="a task, again for another [all]")
    parser.add_argument("--peers", nargs="+", metavar="NAME", help="only peers with one of these in their name")
    parser.add_argument("--texts", type=int, default=TEXTS, help=f"texts per call [{TEXTS}]")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds in which the peers take turns [{ROUNDS}]")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads of each library [all cores]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a file")
    options = parser.parse_args()
    peers = [
        peer
        for peer in PEERS.values()
        if (not options.peers or any(part in peer.name for part in options.peers) or peer.name == "oxbert, float32")
    ]
    for peer in peers:
        missing = [module for module in peer.modules if importlib.util.find_spec(module) is None]
        if missing:
            print(f"without {peer.name}, not installed: {', '.join(missing)}", file=sys.stderr)
    peers = [peer for peer in peers if all(importlib.util.find_spec(module) for module in peer.modules)]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        subprocess.run([sys.executable, "-m", "benches.answers", "--make", place], check=True)
        for task in options.task or ALL:
            fitting = [peer for peer in peers if task in peer.tasks]
            rows += measure(folder, task, fitting, options.rounds, options.texts, options.threads)
    table = {"texts": options.texts, "threads": options.threads, "answers": rows, "ratios": ratios(rows)}
    if options.json:
        options.json.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    print_rows(rows)
    print()
    print_rows(table["ratios"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Server(*sys.argv[2:]))
    elif sys.argv[1:2] == ["--make"]:
        make_models(Path(sys.argv[2]))
    else:
        main()
