"""Fixtures for all rooms."""

from __future__ import annotations

import os
import signal
from pathlib import Path

# Nothing here may reach the network, whatever the machine is set up for.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import pytest
import torch
import transformers
from hypothesis import settings

import oxbert

from .reference import Pair, build

# The same examples in every run: a failure can be seen again.
settings.register_profile("oxbert", derandomize=True, deadline=None, print_blob=False)
settings.load_profile("oxbert")
transformers.logging.disable_progress_bar()
# Models of a few numbers gain nothing from threads, and lose much where the cores are busy.
torch.set_num_threads(1)
# A shell that runs pytest in the background has it ignore Ctrl-C, and processes that are started would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def seed() -> None:
    """Every test starts from the same random state."""
    torch.manual_seed(0)


@pytest.fixture
def config() -> oxbert.ElectraConfig:
    """A small configuration in which no two sizes are equal."""
    return oxbert.ElectraConfig(
        vocab_size=50,
        embedding_size=12,
        hidden_size=20,
        num_hidden_layers=2,
        num_attention_heads=5,
        intermediate_size=28,
        max_position_embeddings=16,
        initializer_range=0.3,
        layer_norm_eps=1e-3,
        num_labels=3,
    )


@pytest.fixture
def folder(config: oxbert.ElectraConfig, tmp_path: Path) -> Path:
    """A folder with a configuration and no weights."""
    config.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    """transformers' model and the same for us: `reference.pairs` says which."""
    return build(*request.param, tmp_path / "reference")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a few hundred examples to pre-train on."""
    from .runs import write_data

    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def vocabulary() -> Path:
    """A word-piece vocabulary."""
    return Path(__file__).parents[1] / "data" / "tokenizer_vocab.txt"
