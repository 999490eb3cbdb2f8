"""Define the fixtures that several test modules use, and set up the process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

# Tests never use the network, even if the environment allows it.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Ray would report that it is used, and write a token into the home folder.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"

import pytest
import torch
import transformers
from hypothesis import settings

import oxbert

from .reference import Pair, build

# Every run draws the same examples, so that a failure can be reproduced.
settings.register_profile("oxbert", derandomize=True, deadline=None, print_blob=False)
settings.load_profile("oxbert")
transformers.logging.disable_progress_bar()
# Tiny models gain nothing from threads, and slow down a lot when the cores are busy.
torch.set_num_threads(1)
# A shell makes background jobs ignore SIGINT, and child processes would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Name the torch that the tests run on."""
    return f"torch: {torch.__version__}, transformers: {transformers.__version__}"


@pytest.fixture(autouse=True)
def seed() -> None:
    """Start every test from the same random state."""
    torch.manual_seed(0)


@pytest.fixture
def config() -> oxbert.ElectraConfig:
    """Return a small configuration in which no two sizes are equal."""
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
    """Return a folder with a configuration and without weights."""
    config.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    """Return transformers' model and a folder to load the same model from; `reference.pairs` chooses the model."""
    return build(*request.param, tmp_path / "reference")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a few hundred examples to pre-train on."""
    from .runs import write_data

    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def vocabulary() -> Path:
    """Return the path of a WordPiece vocabulary."""
    return Path(__file__).parents[1] / "data" / "tokenizer_vocab.txt"
