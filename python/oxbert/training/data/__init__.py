"""Prepare the data of ELECTRA's pre-training: text -> examples on the disk -> batches.

    write_examples("corpus/", "examples", tokenizer, max_length=128)
    dataset = ExampleDataset("examples", tokenizer)
    for batch in dataset.iter_batches(128, seed=1, start=step): ...

The modules in the order of the data: `sources` (find files), `reading_text` (files -> sentences), `documents` (hold
out, tokenise), `packing` (sentences -> examples), `buckets` and `parts` (shuffle on the disk), `manifest` (describe a
folder); and for reading: `batching`, `dataset`, `tfrecord`. See docs/pretraining-data.md.
"""

from oxbert.training.data.batching import Batch, Example, Examples, collate
from oxbert.training.data.dataset import ExampleDataset
from oxbert.training.data.examples import write_examples
from oxbert.training.data.learning import learn_vocabulary
from oxbert.training.data.manifest import Manifest, Part, Vocabulary
from oxbert.training.data.packing import Packer, Packing
from oxbert.training.data.reading_text import Reader
from oxbert.training.data.sources import TextFile, find_files
from oxbert.training.data.tfrecord import TFRecordDataset
from oxbert.training.data.writing import Progress

__all__ = [
    "Batch",
    "Example",
    "ExampleDataset",
    "Examples",
    "Manifest",
    "Packer",
    "Packing",
    "Part",
    "Progress",
    "Reader",
    "TFRecordDataset",
    "TextFile",
    "Vocabulary",
    "collate",
    "find_files",
    "learn_vocabulary",
    "write_examples",
]
