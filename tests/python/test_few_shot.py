"""Test the tasks of few examples: pairs, losses beside their definitions, the head, and the folder that is written."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import oxbert
from oxbert import errors
from oxbert.training import TASKS, LinearHead, evaluate, finetune
from oxbert.training.finetuning.few_shot import FewShotTuner
from oxbert.training.finetuning.run import configure
from oxbert.training.finetuning.tasks.contrast import cosine_loss, ranking_loss, triplet_loss
from oxbert.training.finetuning.tasks.few_shot import FewShot, draw

linear_model = pytest.importorskip("sklearn.linear_model")

TINY = "electra-tiny-discriminator"
WORDS = ("list", "name", "value", "node", "path", "row", "file", "key")


def rows(words: Any, *, third: bool = False) -> list[dict[str, str]]:
    found = [{"text": f"Return the {word}.", "label": "returns"} for word in words]
    found += [{"text": f"Raise an error if the {word} is missing.", "label": "raises"} for word in words]
    return found + [{"text": f"Delete {word}", "label": "deletes"} for word in words if third]


DATA = {"train": rows(WORDS), "dev": rows(["index", "text"]), "test": rows(["number"], third=False)}
OPTIONS: dict[str, Any] = {"model": TINY, "progress": False, "batch_size": 8, "max_length": 32, "learning_rate": 1e-3}


def test_losses_equal_the_definitions_of_sentence_transformers() -> None:
    numbers = np.random.default_rng(0)
    a, b, c = (numbers.normal(size=(5, 7)) for _ in range(3))
    tensors = [torch.tensor(one) for one in (a, b, c)]
    length = np.linalg.norm
    cosines = np.array([[u @ v / (length(u) * length(v)) for v in b] for u in a])
    target = np.array([1.0, 0.0, 1.0, 0.5, 0.0])
    expected = np.mean((np.diag(cosines) - target) ** 2)
    assert float(cosine_loss(tensors[0], tensors[1], torch.tensor(target))) == pytest.approx(expected, abs=1e-9)
    scores = np.exp(20 * cosines)
    expected = -np.mean(np.log(np.diag(scores) / scores.sum(1)))
    assert float(ranking_loss(tensors[0], tensors[1], 20.0)) == pytest.approx(expected, abs=1e-9)
    expected = np.mean([max(0, length(u - v) - length(u - w) + 5) for u, v, w in zip(a, b, c, strict=True)])
    # torch adds 1e-6 to differences, so that the root has a gradient at 0.
    assert float(triplet_loss(*tensors, 5.0)) == pytest.approx(expected, abs=1e-5)


def test_pairs_are_of_the_classes_that_they_should_be() -> None:
    classes = [0, 0, 1, 1, 1, 2]
    found = draw(classes, 10, 3, has_negatives=True)
    assert found == draw(classes, 10, 3, has_negatives=True) != draw(classes, 10, 4, has_negatives=True)
    assert Counter(anchor for anchor, _, _ in found) == dict.fromkeys(range(6), 10)
    for anchor, positive, negative in found:
        assert classes[anchor] == classes[positive] and classes[anchor] != classes[negative]
        # The only example of its class is its own partner.
        assert (positive == anchor) == (anchor == 5)
    with pytest.raises(errors.InputError, match="examples: expected training examples of at least two classes"):
        draw([1, 1], 1, 0, has_negatives=True)
    assert len(draw([1, 1], 2, 0, has_negatives=False)) == 4


def test_the_head_is_that_of_scikit_learn(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0)
    vectors = numbers.normal(size=(30, 6)).astype(np.float32)
    for names in (["a", "b"], ["a", "b", "c"]):
        labels = [names[number] for number in numbers.integers(len(names), size=30)]
        head = LinearHead.fit(vectors, labels)
        reference = linear_model.LogisticRegression(max_iter=1000).fit(vectors.astype(np.float64), labels)
        logits = head.logits(vectors)
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        assert np.abs(shares - reference.predict_proba(vectors.astype(np.float64))).max() < 1e-12
        head.save(tmp_path)
        again = LinearHead.from_pretrained(tmp_path)
        assert again.predict(vectors) == list(reference.predict(vectors.astype(np.float64)))
        assert np.array_equal(again.weight, head.weight)
    for text in ("{", "[]", '{"labels": ["a"], "weight": [[1], [2]], "bias": [1]}', '{"labels": ["a"], "weight": [1]}'):
        (tmp_path / "head.json").write_text(text)
        with pytest.raises(errors.DataError, match=r"head.json: expected"):
            LinearHead.from_pretrained(tmp_path)
    with pytest.raises(errors.MissingFileError, match="it is no result of a few-shot task"):
        LinearHead.from_pretrained(tmp_path / "nothing")


def test_a_head_takes_numbers_of_any_container() -> None:
    vectors = np.random.default_rng(0).integers(-8, 8, size=(12, 4)).astype(np.float32)
    labels = [str(number % 2) for number in range(12)]
    expected = LinearHead.fit(vectors, labels)
    tensor = torch.from_numpy(vectors)
    containers = [
        vectors.tolist(),
        np.asfortranarray(vectors),
        tensor,
        tensor.bfloat16(),
        tensor.clone().requires_grad_(),
        torch.stack([tensor, tensor], -1)[..., 0],
        # A view with the negative bit.
        torch.complex(tensor, -tensor).to(torch.complex128).conj().imag,
    ]
    for same in containers:
        head = LinearHead.fit(same, labels)
        assert np.array_equal(head.weight, expected.weight) and head.predict(same) == expected.predict(vectors)
    for other in ([[1.0], [1.0, 2.0]], "text", None, tensor.to("meta"), [["a"]], tensor * 1j):
        for call in (lambda other=other: LinearHead.fit(other, labels), lambda other=other: expected.logits(other)):
            with pytest.raises(errors.InputError, match="vectors: "):
                call()
    for shape in [(12,), (12, 3), (1, 12, 4)]:
        with pytest.raises(errors.InputError, match="vectors: "):
            expected.logits(np.zeros(shape))


@pytest.mark.parametrize("name", ["few-shot", "few-shot-ranking", "few-shot-triplet"])
def test_the_loss_of_a_step_is_that_of_the_vectors_of_its_texts(name: str, tmp_path: Path) -> None:
    """Compare the loss of a step without dropout with that of the vectors of the pipeline."""
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    oxbert.ElectraModel.from_pretrained(TINY, **still).save_pretrained(tmp_path / "still")
    oxbert.AutoTokenizer.from_pretrained(TINY).save_pretrained(tmp_path / "still")
    task: Any = TASKS[name]
    config = configure(task, TINY, None, {"batch_size": 8, "max_length": 32})
    examples = {"train": list(task.read(DATA["train"], "train", lambda error: None))}
    run = FewShotTuner(task, config, tmp_path / "still", examples, tmp_path)
    batch = run.draw_batch(0)
    found = run.compute_losses(batch, list(range(8)))["loss"]
    embed = oxbert.pipeline("feature-extraction", TINY, pooling="mean", return_tensors="pt")
    texts = [
        [run.tokenizer.decode(text.input_ids, skip_special_tokens=True) for text in row.texts] for row in batch.features
    ]
    vectors = [torch.stack(embed(list(column))) for column in zip(*texts, strict=True)]
    cosine = torch.nn.functional.cosine_similarity
    if name == "few-shot":
        expected = ((cosine(*vectors) - torch.tensor([row.labels for row in batch.features])) ** 2).mean()
    elif name == "few-shot-ranking":
        scores = 20 * cosine(vectors[0][:, None], vectors[1][None], dim=-1)
        expected = -scores.log_softmax(-1).diagonal().mean()
    else:
        near, far = ((vectors[0] - vectors[place]).norm(dim=1) for place in (1, 2))
        expected = (near - far + 5).clamp(min=0).mean()
    assert float(found.detach()) == pytest.approx(float(expected), rel=1e-4)
    assert found.requires_grad


@pytest.mark.parametrize("name", ["few-shot", "few-shot-ranking", "few-shot-triplet", "linear"])
def test_a_run_writes_an_encoder_and_a_head_that_agree_with_its_predictions(name: str, tmp_path: Path) -> None:
    metrics = finetune(name, DATA, tmp_path, **OPTIONS)
    assert metrics["dev"]["accuracy"] == 1.0 and metrics["step"] == (0 if name == "linear" else metrics["train_steps"])
    folder = tmp_path / "model"
    encoder, head = oxbert.SentenceEncoder.from_pretrained(folder), LinearHead.from_pretrained(folder)
    assert encoder.max_seq_length == 32 and encoder.dimension == 192
    texts = [row["text"] for row in DATA["dev"]]
    vectors = encoder.encode(texts)
    means = oxbert.pipeline("feature-extraction", folder, pooling="mean", return_tensors="np")(texts)
    assert np.abs(vectors - np.stack(means)).max() < 1e-5
    lines = [json.loads(line) for line in (tmp_path / "predictions-dev.jsonl").read_text().splitlines()]
    assert head.predict(vectors) == [line["label"] for line in lines] == [row["label"] for row in DATA["dev"]]
    classify = oxbert.pipeline("text-classification", folder)
    assert [answer["label"] for answer in classify(texts)] == head.predict(vectors)
    for line, answers in zip(lines, classify(texts, top_k=None), strict=True):
        found = {answer["label"]: answer["score"] for answer in answers}
        assert found == pytest.approx(line["scores"], abs=1e-5) and sorted(found.values()) == [
            answer["score"] for answer in answers[::-1]
        ]
    assert evaluate(folder, {"dev": DATA["dev"]})["dev"] == pytest.approx(metrics["dev"])
    if name == "linear":
        original = oxbert.pipeline("feature-extraction", TINY, pooling="mean", return_tensors="np")(texts)
        assert np.abs(vectors - np.stack(original)).max() < 1e-5
    else:
        # Texts of one class are nearer to one another than to others.
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = unit @ unit.T
        assert cosines[0, 1] > cosines[0, 2:].max()


@pytest.mark.parametrize("longest", [32, 128])
def test_the_folder_has_the_files_of_sentence_transformers(longest: int, tmp_path: Path) -> None:
    """They say that a vector is the mean of the tokens, of a text cut at what the model can read."""
    finetune("linear", DATA, tmp_path, **OPTIONS | {"max_length": longest})
    folder = tmp_path / "model"
    config = oxbert.AutoConfig.from_pretrained(folder)
    read = {path: json.loads((folder / path).read_text()) for path in ("modules.json", "1_Pooling/config.json")}
    assert [(one["idx"], one["name"], one["path"], one["type"]) for one in read["modules.json"]] == [
        (0, "0", "", "sentence_transformers.models.Transformer"),
        (1, "1", "1_Pooling", "sentence_transformers.models.Pooling"),
    ]
    assert read["1_Pooling/config.json"] == {
        "word_embedding_dimension": config.hidden_size,
        "pooling_mode_mean_tokens": True,
    }
    limits = json.loads((folder / "sentence_bert_config.json").read_text())
    # The tokenizer has the letters' case.
    assert limits == {"max_seq_length": longest, "do_lower_case": False}
    encoder = oxbert.SentenceEncoder.from_pretrained(folder)
    vector = encoder.encode(["Return the name. " * 500])
    assert encoder.max_seq_length == limits["max_seq_length"] and np.isfinite(vector).all()


def test_a_folder_with_a_head_classifies_texts(tmp_path: Path) -> None:
    finetune("linear", DATA, tmp_path, **OPTIONS)
    folder = tmp_path / "model"
    classify = oxbert.pipeline("text-classification", folder)
    names = dict(enumerate(LinearHead.from_pretrained(folder).labels))
    assert classify.config.id2label == names and classify.config.num_labels == len(names)
    text = DATA["dev"][0]["text"]
    [best] = classify(text)
    assert classify({"text": text}) == best and list(classify(iter([text]))) == [best]
    assert classify(text, top_k=1) == [best] and pickle.loads(pickle.dumps(classify))(text) == [best]
    everything = classify(text, top_k=99)
    assert sum(one["score"] for one in everything) == pytest.approx(1)
    logits = {one["label"]: one["score"] for one in classify(text, top_k=None, function_to_apply="none")}
    for one in classify(text, top_k=None, function_to_apply="sigmoid"):
        assert one["score"] == pytest.approx(1 / (1 + np.exp(-logits[one["label"]])))
    long = "Return the name. " * 500
    for truncation in (True, "longest_first", "only_first"):
        assert classify(long, truncation=truncation)
    for truncation in (None, False, "do_not_truncate"):
        with pytest.raises(errors.TooLongError):
            classify(["a", long], truncation=truncation)
    for options in (
        {"top_k": 0},
        {"top_k": "all"},
        {"top_k": True},
        {"function_to_apply": "relu"},
        {"truncation": "x"},
    ):
        with pytest.raises((errors.InputError, errors.DtypeError), match=next(iter(options))):
            classify(text, **options)
    for pair in ({"text": text, "text_pair": text}, {}, (text, text)):
        with pytest.raises((errors.InputError, errors.DtypeError)):
            classify([pair])
    with pytest.raises(errors.InputError, match="tokenizer: expected None"):
        oxbert.pipeline("text-classification", folder, "electra-tiny-generator")
    (folder / "head.json").write_text('{"labels": ["a", "b"], "weight": [[1], [2]], "bias": [1, 2]}')
    with pytest.raises(errors.DataError, match="expected weights of the vectors' width 192, found 1"):
        oxbert.pipeline("text-classification", folder)


def test_a_run_resumes_exactly(tmp_path: Path) -> None:
    task: Any = TASKS["few-shot"]
    config = configure(task, TINY, None, {"batch_size": 8, "max_length": 32, "train_steps": 6})
    read = {split: list(task.read(found, split, lambda error: None)) for split, found in DATA.items()}

    def run(name: str) -> FewShotTuner:
        return FewShotTuner(task, config, TINY, read, tmp_path / name)

    whole = run("whole")
    whole.train(progress=False)
    run("halves").train(progress=False, stop=3)
    rest = run("halves")
    assert rest.step == 3
    rest.train(progress=False)
    assert all(torch.equal(parameter, rest.parameters[name]) for name, parameter in whole.parameters.items())


def test_other_rounds_and_one_class(tmp_path: Path) -> None:
    task = FewShot(rounds=2)
    metrics = finetune(task, DATA, tmp_path / "run", **OPTIONS)
    assert metrics["trained_rows"] == 2 * 2 * len(DATA["train"])
    for name, value in (("contrast", "softmax"), ("rounds", 0), ("scale", 0), ("margin", -1)):
        with pytest.raises(errors.InputError, match=f"{name}: expected"):
            FewShot(**{name: value})
    with pytest.raises(errors.InputError, match=r"labels: expected examples of two classes at least, got a$"):
        LinearHead.fit(np.ones((2, 3)), ["a", "a"])
    with pytest.raises(errors.InputError, match="vectors: no head fits them"):
        LinearHead.fit(np.full((2, 3), np.nan), ["a", "b"])
    with pytest.raises(errors.InputError, match="at least two classes"):
        finetune("few-shot", {"train": DATA["train"][:4]}, tmp_path / "one", **OPTIONS)
