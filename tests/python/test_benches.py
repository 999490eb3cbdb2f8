"""Check that the comparison of models counts the same work for every peer and picks the right runs."""

from __future__ import annotations

import pytest
from benches import summary, texts
from hypothesis import given
from hypothesis import strategies as st

SHAPES = ("latency", "mixed", "sorted", "full")


def run(peer: str, seconds: list[float], **changes: object) -> dict:
    place = {"model": "small", "peer": peer, "instructions": "best", "shape": "mixed", "batches": "mixed"}
    return place | {"way": "threads", "tokens": 100, "seconds": seconds} | changes


@given(size=st.sampled_from(list(texts.SIZES)), shape=st.sampled_from(SHAPES), parts=st.integers(1, 9))
def test_every_way_to_cut_has_the_same_texts(size: str, shape: str, parts: int) -> None:
    whole = [
        row for batch in texts.batches(texts.SIZES[size], "mixed" if shape == "sorted" else shape, 1) for row in batch
    ]
    cut = texts.batches(texts.SIZES[size], shape, parts)
    assert all(cut) and sorted(row for batch in cut for row in batch) == sorted(whole)
    assert sum(map(texts.SIZES[size].work, cut)) == texts.SIZES[size].work(whole)


def test_work_counts_the_products_of_a_layer() -> None:
    # 170 MFLOP per token are known of ELECTRA-base; attention adds 4 L H for each token and layer.
    assert texts.SIZES["base"].work([[1]]) == 12 * (2 * (4 * 768**2 + 2 * 768 * 3072) + 4 * 768)
    assert texts.SIZES["distilbert"].work([[1]]) * 2 == texts.SIZES["base"].work([[1]])


def test_a_ratio_compares_the_best_of_each_class() -> None:
    runs = [
        run("oxbert, float32", [2.0, 1.0, 3.0]),
        run("oxbert, float32", [1.6], way="replicas"),
        run("oxbert, int8", [0.1]),
        run("transformers, float32", [8.0]),
        run("ONNX Runtime, float32", [4.0], batches="sorted"),
        run("ONNX Runtime, float32", [0.1], instructions="avx2"),
    ]
    rows = summary.ratios({"runs": runs}, "small", "best")
    assert [row["ours / best peer"] for row in rows] == ["2.50"]
    assert "replicas" in rows[0]["ours"] and "ONNX Runtime, float32, sorted" in rows[0]["best peer"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_pieces_of_one_measurement_become_one(order: tuple[int, int]) -> None:
    def piece(seconds: float) -> dict:
        table: dict = {"machine": {}, "runs": [run("oxbert, int8", [seconds])]}
        return table | {"rates": [{"instructions": "best", "float32": [seconds]}], "left out": [{"peer": "x"}]}

    merged = summary.merge([piece(1.0), piece(2.0)][place] for place in order)
    assert [sorted(row["seconds"]) for row in merged["runs"]] == [[1.0, 2.0]]
    assert summary.rates(merged) == {"float32": 1.5} and merged["left out"] == [{"peer": "x"}]
