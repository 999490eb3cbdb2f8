"""Fine-tune in one call, in several trials if asked for, and evaluate models that are stored."""

from __future__ import annotations

import dataclasses
import os
import shutil
import warnings
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from oxbert import AutoConfig, AutoTokenizer
from oxbert._checks import check_type, refused
from oxbert._files import is_folder, translate_os_errors
from oxbert._types import AutocastPrecision
from oxbert._yaml import read_yaml
from oxbert.errors import ConfigError, TrainingWarning
from oxbert.training.finetuning.config import TASK_FIELDS, FineTuningConfig
from oxbert.training.finetuning.evaluating import class_names, labels_of, make_result, run_features
from oxbert.training.finetuning.few_shot import FewShotTuner
from oxbert.training.finetuning.report import (
    METRICS,
    MODEL,
    PICTURE,
    Result,
    describe,
    read_task,
    summarise,
    write_json,
    write_predictions,
)
from oxbert.training.finetuning.sources import Splits, read_splits
from oxbert.training.finetuning.tasks.few_shot import FewShot
from oxbert.training.finetuning.tasks.registry import find_task
from oxbert.training.finetuning.tasks.task import DEV, TRAIN, Task
from oxbert.training.finetuning.trainer import FineTuner, load_model
from oxbert.training.loop.log import replace_not_finite
from oxbert.training.loop.loop import autocast
from oxbert.training.loop.options import LaunchOptions
from oxbert.training.loop.processes import Processes

_LARGE = 1024
"""H from which a model counts as large."""
_LARGE_DEFAULTS = {"learning_rate": 5e-5, "layerwise_decay": 0.9}
_ORIGINAL_HEADS = ("ForJointQuestionAnswering", "ForLinearClassification")
"""The ends of the names of models with a head of google-research/electra."""
_Path = str | os.PathLike[str]


def finetune(
    task: str | Task,
    data: _Path | Mapping[str, Any],
    output: _Path,
    config: FineTuningConfig | _Path | None = None,
    *,
    model: _Path,
    columns: Mapping[str, str] | None = None,
    device: str | None = LaunchOptions.device,
    precision: AutocastPrecision = LaunchOptions.precision,
    accumulate: int = LaunchOptions.accumulate,
    tensorboard: bool = LaunchOptions.tensorboard,
    resume: bool = LaunchOptions.resume,
    continue_from: _Path | None = LaunchOptions.continue_from,
    progress: bool | None = None,
    **changes: Any,
) -> dict[str, Any]:
    r"""Fine-tune a model on a task, and write the model, its predictions and its figures.

    After a stop, the same call resumes exactly.

    Args:
        task: The name of a task, such as `mnli`, `ner` or `classification`, or a task of your own.
        data: The folder with the files of the task; or a mapping from splits (`train`, `dev`, `test`) to files,
            `datasets.Dataset`s or lists of dictionaries.
        output: The folder of the run: `model/`, which `oxbert.pipeline`, transformers and, as `.ot`, rust_bert load;
            `metrics.json`, `predictions-*.jsonl`, the files of the benchmark, `results.png` if matplotlib is installed;
            `checkpoints/` and `log.jsonl`. With several trials each has its own folder `trial-N`, and the results of
            the best are copied.
        config: A configuration, or a YAML or JSON file of fields. What a file leaves out has the defaults of the task,
            and for models with H of 1024 or more the rates of the original's large model.
        model: The folder or name of the model to begin with.
        columns: The columns of the data by what they hold, such as `{"text": "review", "label": "stars"}`.
        device: See `FineTuner`, like the next five.
        precision: See `FineTuner`.
        accumulate: See `FineTuner`.
        tensorboard: See `FineTuner`.
        resume: See `FineTuner`.
        continue_from: See `FineTuner`. Only for one trial.
        progress: Whether to draw a progress bar; None means on a terminal, and plain lines elsewhere.
        changes: Fields of the configuration to replace, such as `epochs=2`.

    Returns:
        What `metrics.json` has: `task`, `step` and so on, and the figures of each split by name. With several trials
        also `trials`, `best_trial`, and `median` and `spread`, the lowest and the highest, of the figures of `dev`.

    Raises:
        ConfigError: if a field is unknown or wrong, not one of the task, or contradicts the checkpoint.
        DataError: if a row is bad and `bad_rows` is `error`; `path`, `line` or `record`, `reason`.
        InputError: if there is no such task, split or column.
        MissingFileError: if a file is missing.
        MissingDependencyError: if the packages that compute the figures are not installed.

    Warns:
        TrainingWarning: if bad rows were left out, or a label occurs in other splits than `train` only.

    Example:
        >>> import tempfile
        >>> rows = [{"text": f"return the {word}", "label": "yes"} for word in ("list", "name", "value", "node")]
        >>> rows += [{"text": f"raise an {word}", "label": "no"} for word in ("error", "exception", "alarm", "issue")]
        >>> metrics = finetune(
        ...     "classification", {"train": rows, "dev": rows}, tempfile.mkdtemp(), model="electra-tiny-discriminator",
        ...     epochs=10, batch_size=4, learning_rate=1e-3, progress=False,
        ... )
        >>> metrics["dev"]["accuracy"]
        1.0
    """
    task = find_task(task, columns)
    config = configure(task, model, config, changes)
    if continue_from is not None and config.trials > 1:
        raise _refused("trials", f"expected 1 together with continue_from, got {config.trials}")
    splits = read_splits(task, data, config.bad_rows, wanted=None if config.predict_test else (TRAIN, DEV))
    if not task.has_labels(splits.examples.get(DEV, ())):
        for name, usual in (("trials", 1), ("patience", 0)):
            if getattr(config, name) != usual:
                raise _refused(name, f"expected {usual} without a split dev with labels, got {getattr(config, name)}")
    _warn_of_skipped(splits)
    _warn_of_untrained(task, splits)
    launch: dict[str, Any] = {
        "device": device,
        "precision": precision,
        "accumulate": accumulate,
        "tensorboard": tensorboard,
        "resume": resume,
        "continue_from": continue_from,
    }
    folder = Path(output)
    found: list[dict[str, Any]] = []
    is_first = True
    for number in range(config.trials):
        own = folder if config.trials == 1 else folder / f"trial-{number + 1}"
        options = dataclasses.replace(config, seed=config.seed + number, trials=1)
        run = _trainer(task)(task, options, model, splits.examples, own, skipped=splits.skipped, **launch)
        run.train(progress=progress)
        is_first = run.processes.rank == 0
        found.append(describe(run, run.written_step))
    if config.trials == 1:
        return found[0]
    summary = summarise(found, task.metric, is_better_high=task.is_better_high)
    best = summary["best_trial"]
    metrics = {**found[best - 1], **summary}
    if is_first:
        _copy_best(folder / f"trial-{best}", folder, metrics)
    return metrics


def _trainer(task: Task) -> type[FineTuner]:
    return FewShotTuner if isinstance(task, FewShot) else FineTuner


def configure(
    task: Task, model: _Path, config: FineTuningConfig | _Path | None, changes: Mapping[str, Any]
) -> FineTuningConfig:
    """Return the configuration of a run: the defaults of the task and of the size of the model, a file, and changes.

    Args:
        task: The task.
        model: The model to begin with.
        config: A configuration, whose fields all count as given, or a file of fields.
        changes: Fields to replace.

    Raises:
        ConfigError: if a field is unknown or wrong, the task does not use it, or the model has fewer positions than
            `max_length`; `field` names it.
    """
    sizes = AutoConfig.from_pretrained(model)
    defaults: dict[str, Any] = dict(_LARGE_DEFAULTS) if sizes.hidden_size >= _LARGE else {}
    defaults |= task.defaults
    defaults["max_length"] = min(
        defaults.get("max_length", FineTuningConfig().max_length), sizes.max_position_embeddings
    )
    if "head" in task.used_fields and (sizes.architectures or [""])[0].endswith(_ORIGINAL_HEADS):
        defaults["head"] = "original"
    given: dict[str, Any] = {}
    if isinstance(config, FineTuningConfig):
        defaults = config.to_dict()
    elif config is not None:
        check_type("config", config, (str, os.PathLike), "a FineTuningConfig or a file")
        given = read_yaml(Path(config))
        FineTuningConfig.from_file(config)
    given |= changes
    _check_fields(task, given)
    found = FineTuningConfig.from_dict(defaults | given)
    if found.max_length > sizes.max_position_embeddings:
        limit = f"expected at most {sizes.max_position_embeddings}, the positions of the model"
        raise _refused("max_length", f"{limit}, got {found.max_length}")
    return found


def _check_fields(task: Task, given: Collection[str]) -> None:
    """Refuse fields that the task does not use."""
    for name in given:
        if name in TASK_FIELDS and name not in task.used_fields:
            raise _refused(name, f"the task {task.name} does not use it")


def _refused(field: str, reason: str) -> ConfigError:
    return ConfigError(f"fine-tuning config: {field}: {reason}", field=field, reason=reason, path=None)


def _warn_of_skipped(splits: Splits) -> None:
    if splits.skipped and os.environ.get("RANK", "0") == "0":
        text = f"data: {splits.skipped} bad rows were left out; the first: {splits.first_skipped}"
        warnings.warn(text, TrainingWarning, stacklevel=3)


def _warn_of_untrained(task: Task, splits: Splits) -> None:
    """Warn of labels that no training example has: rare ones, or misspelt ones."""
    trained = task.labels(splits.examples[TRAIN])
    if trained is None or os.environ.get("RANK", "0") != "0":
        return
    for split, examples in splits.examples.items():
        if not task.has_labels(examples) or not (unknown := set(task.labels(examples) or ()) - set(trained)):
            continue
        place = next(one.place for one in examples if unknown & set(task.labels([one]) or ()))
        names = ", ".join(repr(name) for name in sorted(unknown)[:5]) + (", ..." if len(unknown) > 5 else "")
        text = f"data: no example of {TRAIN} has these labels of {split}, so they are not learnt: {names}"
        warnings.warn(f"{text}; the first: {place}", TrainingWarning, stacklevel=3)


def _copy_best(source: Path, folder: Path, metrics: Mapping[str, Any]) -> None:
    """Copy the results of the best trial beside the folders of the trials."""
    with translate_os_errors("write", folder):
        for path in source.iterdir():
            if path.name == MODEL:
                shutil.rmtree(folder / MODEL, ignore_errors=True)
                shutil.copytree(path, folder / MODEL)
            elif path.name == PICTURE or path.suffix in (".tsv", ".json") or path.name.startswith("predictions-"):
                shutil.copyfile(path, folder / path.name)
    # Last: it says that all is there.
    write_json(folder / METRICS, metrics)


def evaluate(
    model: _Path,
    data: _Path | Mapping[str, Any],
    task: str | Task | None = None,
    *,
    output: _Path | None = None,
    columns: Mapping[str, str] | None = None,
    device: str | None = LaunchOptions.device,
    precision: AutocastPrecision = LaunchOptions.precision,
    **changes: Any,
) -> dict[str, dict[str, float]]:
    """Evaluate a stored model on a task, whoever fine-tuned it.

    Args:
        model: The folder or name of the model.
        data: As for `finetune`. Every split but `train` is evaluated; `train` too if it is the only one.
        task: As for `finetune`; None means the task that the model was fine-tuned on by `finetune`, with its columns
            and lengths.
        output: A folder for the predictions, the figures, and the files of the benchmark; None writes nothing.
        columns: As for `finetune`.
        device: See `FineTuner`.
        precision: See `FineTuner`.
        changes: Fields of the configuration, such as `max_length=256`.

    Returns:
        The figures of each split; empty for a split without labels.

    Raises:
        ConfigError: if a field is unknown or wrong, or not one of the task.
        DataError: if a row is bad, or has a label that the model does not know, unless `bad_rows="skip"` leaves it out.
        InputError: if the model does not say which task it is for and none is given.
        MissingFileError: if a file is missing.

    Example:
        >>> import tempfile
        >>> rows = [{"text": "return the list", "label": "LABEL_0"}, {"text": "raise an error", "label": "LABEL_1"}]
        >>> sorted(evaluate("electra-tiny-discriminator", {"dev": rows}, "classification")["dev"])
        ['accuracy', 'loss', 'macro_f1', 'mcc']
    """
    stored = (read_task(Path(model)) if is_folder(model) else None) or {}
    if task is None:
        if not stored:
            reason = f"{os.fspath(model)} does not say which task it is for; name one (--task)"
            raise refused("task", reason)
        columns = {**stored["columns"], **(columns or {})}
        task = stored["task"]
    task = find_task(task, columns)
    base = FineTuningConfig.from_dict(stored["config"]) if stored.get("task") == task.name else None
    config = configure(task, model, base, changes)
    if isinstance(task, FewShot):
        task = task.loaded(Path(model))
    processes = Processes(device)
    loaded = load_model(task, task.model_class(config), model, None, config.seed, str(processes.device))
    splits = read_splits(task, data, config.bad_rows, needs=None, names=_known_names(task, loaded, config))
    _warn_of_skipped(splits)
    examples = {split: found for split, found in splits.examples.items() if split != TRAIN} or splits.examples
    known = [one for found in examples.values() if task.has_labels(found) for one in found]
    labels = labels_of(loaded, task.labels(known))
    tokenizer = AutoTokenizer.from_pretrained(model)
    results: dict[str, Result] = {}
    for split, found in examples.items():
        features = task.features(found, tokenizer, labels, config, train=False)
        outputs, loss = run_features(
            task,
            loaded,
            features,
            batch_size=config.eval_batch_size,
            pad_token_id=tokenizer.pad_token_id,
            processes=processes,
            autocast=partial(autocast, precision, processes.device),
        )
        results[split] = make_result(task, outputs, loss, features, found, labels, config)
    if output is not None and not processes.rank:
        write_predictions(task, results, Path(output))
        figures = {split: replace_not_finite(result.figures) for split, result in results.items()}
        write_json(Path(output) / METRICS, {"task": task.name, "model": os.fspath(model), **figures})
    return {split: result.figures for split, result in results.items()}


def _known_names(task: Task, model: Any, config: FineTuningConfig) -> Sequence[str] | None:
    """Return the labels of rows that are not left out; None for any, of which one that the model lacks is an error."""
    if config.bad_rows != "skip" or task.problem_type == "regression":
        return None
    return task.head.labels if isinstance(task, FewShot) and task.head is not None else class_names(model)


__all__ = ["configure", "evaluate", "finetune"]
