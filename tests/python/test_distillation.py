"""Test distillation: students of a teacher's layers, masked texts, and losses beside an independent transcription."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import oxbert
from oxbert import errors
from oxbert.training import DistillationConfig, Distiller, distill
from oxbert.training.data import ExampleDataset, write_examples
from oxbert.training.distillation.masking import count_chosen, mask
from oxbert.training.distillation.students import spread_layers

pytest.importorskip("pyarrow")

TINY = "electra-tiny-generator"
SIZES = {
    "vocab_size": 8192, "hidden_size": 24, "embedding_size": 24, "num_attention_heads": 3, "num_hidden_layers": 4,
    "intermediate_size": 20, "max_position_embeddings": 40, "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0, "initializer_range": 0.3,
}  # fmt: skip
OPTIONS: dict[str, Any] = {"train_steps": 6, "warmup_steps": 1, "batch_size": 5, "save_every": 3, "learning_rate": 1e-3}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    lines = [
        f"Return the {word} of the node, or raise an error. " * (1 + n % 3) for n, word in enumerate("abcdefgh" * 6)
    ]
    (folder / "text").write_text("\n".join(lines))
    tokenizer = oxbert.AutoTokenizer.from_pretrained(TINY)
    write_examples(folder / "text", folder / "examples", tokenizer, max_length=32)
    return folder / "examples"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    oxbert.ElectraForMaskedLM(oxbert.ElectraConfig(**SIZES), seed=1).save_pretrained(folder)
    oxbert.ElectraTokenizer.from_pretrained(TINY).save_pretrained(folder)
    return folder


def logits(folder: Path, ids: list[int]) -> Any:
    return oxbert.AutoModelForMaskedLM.from_pretrained(folder)(np.array([ids])).logits


def test_a_student_of_all_layers_is_its_teacher(examples: Path, teacher: Path, tmp_path: Path) -> None:
    """A student of either family with every layer of its teacher computes the same."""
    ids = [2, 50, 60, 70, 103, 3]
    known = logits(teacher, ids)
    for name, source in (("distilbert", teacher), ("electra", teacher), ("electra", tmp_path / "0-distilbert")):
        number = len(list(tmp_path.iterdir()))
        run = Distiller(
            DistillationConfig(**OPTIONS), ExampleDataset(examples), tmp_path / f"run{number}",
            teacher=source, student=name, layers=4,
        )  # fmt: skip
        assert run.layers == [0, 1, 2, 3]
        folder = tmp_path / f"{number}-{name}"
        run.model.save_pretrained(folder)
        run.tokenizer.save_pretrained(folder)
        assert np.abs(logits(folder, ids) - known).max() < 1e-5 * np.abs(known).max()


def test_layers_are_those_asked_for(examples: Path, teacher: Path, tmp_path: Path) -> None:
    theirs = dict(oxbert.AutoModelForMaskedLM.from_pretrained(teacher).named_parameters())
    data, config = ExampleDataset(examples), DistillationConfig(**OPTIONS)
    for layers, chosen in ((None, [0, 3]), (3, spread_layers(4, 3)), ([1, 2], [1, 2]), ([3], [3])):
        run = Distiller(config, data, tmp_path / str(layers), teacher=teacher, layers=layers)
        assert run.layers == chosen and run.model.config.num_hidden_layers == len(chosen)
        for place, number in enumerate(chosen):
            name = "electra.encoder.layer.{}.intermediate.dense.weight"
            assert torch.equal(run.parameters[name.format(place)], theirs[name.format(number)])
    other = oxbert.ElectraConfig(**{**SIZES, "hidden_size": 12, "num_hidden_layers": 2})
    run = Distiller(
        DistillationConfig(**OPTIONS, cosine_weight=0), data, tmp_path / "narrow", teacher=teacher, student=other
    )
    assert run.layers is None


@pytest.mark.parametrize("student", ["electra", "distilbert"])
def test_losses_equal_those_of_the_definitions(student: str, examples: Path, teacher: Path, tmp_path: Path) -> None:
    """Compare with transformers' models and the losses of the papers, written out."""
    config = DistillationConfig(**OPTIONS, temperature=3.0)
    run = Distiller(config, ExampleDataset(examples), tmp_path / "run", teacher=teacher, student=student)
    run.model.save_pretrained(tmp_path / "student")
    batch = run.draw_batch(0)
    drawn = [
        mask(one["input_ids"], run._special, config, mask_id=run.tokenizer.mask_token_id, size=8192, place=(0, place))
        for place, one in enumerate(batch.examples)
    ]
    ours = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "student").eval()
    theirs = transformers.AutoModelForMaskedLM.from_pretrained(teacher).eval()
    soft, masked, cosine, tokens, chosen = 0.0, 0.0, 0.0, 0, 0
    for (ids, labels), example in zip(drawn, batch.examples, strict=True):
        types = [int(place >= example["first_segment"]) for place in range(len(ids))]
        found = {}
        for name, model in (("s", ours), ("t", theirs)):
            inputs = {"input_ids": torch.tensor(ids)[None]}
            if name == "t" or student == "electra":
                inputs["token_type_ids"] = torch.tensor([types])
            with torch.no_grad():
                found[name] = model(**inputs, output_hidden_states=True)
        for place in range(len(ids)):
            s, t = (found[name].logits[0, place].double() for name in "st")
            p, q = ((one / 3.0).exp() / (one / 3.0).exp().sum() for one in (t, s))
            soft += float((p * (p.log() - q.log())).sum()) * 9.0
            u, v = (found[name].hidden_states[-1][0, place].double() for name in "st")
            cosine += 1 - float(u @ v / (u.norm() * v.norm()))
            if labels[place] != -100:
                masked -= float((s.exp() / s.exp().sum()).log()[labels[place]])
                chosen += 1
        tokens += len(ids)
    expected = {"soft_loss": soft / tokens, "masked_lm_loss": masked / chosen, "cosine_loss": cosine / tokens}
    expected["loss"] = 5 * expected["soft_loss"] + 2 * expected["masked_lm_loss"] + expected["cosine_loss"]
    assert (batch.tokens, batch.chosen) == (tokens, chosen)
    whole = run.compute_losses(batch, list(range(len(batch))))
    parts = [run.compute_losses(batch, places) for places in ([0, 3], [1, 2, 4])]
    for name, value in expected.items():
        assert float(whole[name].detach()) == pytest.approx(value, rel=1e-5, abs=1e-5), name
        # Shares of the mean over the whole batch.
        assert sum(float(part[name].detach()) for part in parts) == pytest.approx(value, rel=1e-5, abs=1e-5), name


def test_a_run_learns_resumes_exactly_and_is_loaded_everywhere(examples: Path, teacher: Path, tmp_path: Path) -> None:
    def run(name: str, **changes: Any) -> Distiller:
        return Distiller(
            DistillationConfig(**{**OPTIONS, **changes}), ExampleDataset(examples), tmp_path / name, teacher=teacher,
            student="distilbert", layers=2, held_out=ExampleDataset(examples),
        )  # fmt: skip

    whole = run("whole")
    whole.train(progress=False)
    half = run("halves")
    half.train(progress=False, stop=4)
    rest = run("halves")
    assert rest.step == 4
    rest.train(progress=False)
    for name, parameter in whole.parameters.items():
        assert torch.equal(parameter, rest.parameters[name]), name
    assert (tmp_path / "whole" / "model" / "rust_model.ot").exists()
    model = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "whole" / "model")
    ids = [2, 50, 60, 103, 3]
    assert isinstance(model, transformers.DistilBertForMaskedLM)
    found = model(torch.tensor([ids])).logits.detach().numpy()
    assert np.abs(found - logits(tmp_path / "whole" / "model", ids)).max() < 1e-4
    assert len(oxbert.pipeline("fill-mask", tmp_path / "whole" / "model")("Return the [MASK].")) == 5
    assert "the teacher's layers 0, 3" in (tmp_path / "whole" / "model" / "README.md").read_text()
    # Longer, it comes nearer to its teacher.
    before = run("long", train_steps=60, save_every=60, learning_rate=5e-3)
    start = before.evaluate()["loss"]
    before.train(progress=False)
    assert before.evaluate()["loss"] < 0.9 * start


def test_masks_choose_their_share_and_nothing_special() -> None:
    config = DistillationConfig()
    ids = np.array([2, *range(10, 110), 3], np.int32)
    kinds = {"masked": 0, "kept": 0, "random": 0}
    for step in range(40):
        found, labels = mask(ids, {0, 2, 3}, config, mask_id=4, size=8192, place=(step, 0))
        chosen = labels != -100
        assert chosen.sum() == count_chosen(ids, {0, 2, 3}, config) == 15
        assert (
            not chosen[[0, -1]].any()
            and (labels[chosen] == ids[chosen]).all()
            and (found[~chosen] == ids[~chosen]).all()
        )
        kinds["masked"] += int((found[chosen] == 4).sum())
        kinds["kept"] += int((found[chosen] == ids[chosen]).sum())
        again, _ = mask(ids, {0, 2, 3}, config, mask_id=4, size=8192, place=(step, 0))
        assert (found == again).all()
    assert 0.75 < kinds["masked"] / 600 < 0.85 and 0.07 < kinds["kept"] / 600 < 0.14
    assert count_chosen(ids[:2], {2, 3}, config) == 1 and count_chosen(ids[:1], {2, 3}, config) == 0


def test_what_does_not_fit_is_refused(examples: Path, teacher: Path, tmp_path: Path) -> None:
    narrow = oxbert.ElectraConfig(**{**SIZES, "hidden_size": 12})
    for arguments, kind, message in [
        ({"layers": 5}, errors.InputError, "layers: expected from 1 to 4"),
        ({"layers": [0, 4]}, errors.InputError, "layers: expected numbers from 0 to 3"),
        ({"student": narrow}, errors.InputError, "cosine_weight: expected 0 for a student of H = 12"),
        ({"student": narrow, "layers": 2}, errors.InputError, "layers: expected 4, as the student has, got 2"),
        ({"student": TINY, "layers": 2}, errors.InputError, "layers: expected None for a student with weights"),
        (
            {"student": oxbert.ElectraConfig(**{**SIZES, "vocab_size": 9})},
            errors.InputError,
            "vocab_size = 8192, got 9",
        ),
        ({"teacher": "electra-tiny-discriminator"}, errors.UntrainedHeadError, "generator_predictions"),
        ({"temperature": 0}, errors.ConfigError, "temperature: expected a number above 0"),
        ({"masked_share": 0.95}, errors.ConfigError, "random_share: expected at most"),
        ({"soft_weight": 0, "masked_weight": 0, "cosine_weight": 0}, errors.ConfigError, "expected a weight above 0"),
        ({"steps": 3}, errors.ConfigError, "there is no such field"),
    ]:
        with pytest.raises(kind, match=message):
            distill(examples, tmp_path / "run", **{"teacher": teacher, "progress": False, **OPTIONS, **arguments})
    short = oxbert.ElectraForMaskedLM(oxbert.ElectraConfig(**{**SIZES, "max_position_embeddings": 16}), seed=0)
    short.save_pretrained(tmp_path / "short")
    oxbert.ElectraTokenizer.from_pretrained(TINY).save_pretrained(tmp_path / "short")
    with pytest.raises(
        errors.InputError, match="examples: expected at most max_position_embeddings = 16 tokens each, got up to 32"
    ):
        distill(examples, tmp_path / "run", teacher=tmp_path / "short")


def test_the_command_distils(examples: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from oxbert.cli import app

    words = [
        "distill",
        str(examples),
        "-o",
        str(tmp_path / "run"),
        "--teacher",
        TINY,
        "--layers",
        "0,2",
        "--steps",
        "2",
    ]
    done = CliRunner().invoke(app, [*words, "--set", "batch_size=4", "--set", "warmup_steps=1"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("step 2, loss ")
    assert oxbert.AutoConfig.from_pretrained(tmp_path / "run" / "model").num_hidden_layers == 2
