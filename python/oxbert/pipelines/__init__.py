"""Answer texts: `pipeline` builds the pipeline of a task, as in transformers.

One file for each task turns the answers of `oxbert._native` into transformers' form. `_base.py` has what all tasks
share, and `_tasks.py` the names of the tasks.
"""

from __future__ import annotations

from oxbert.pipelines._base import Pipeline
from oxbert.pipelines._tasks import TASKS, pipeline
from oxbert.pipelines.features import FeatureExtractionPipeline
from oxbert.pipelines.fill_mask import FillMaskPipeline
from oxbert.pipelines.question_answering import QuestionAnsweringPipeline
from oxbert.pipelines.replaced_tokens import ReplacedTokenDetectionPipeline
from oxbert.pipelines.sentences import CrossEncoder, SentenceEncoder
from oxbert.pipelines.text_classification import TextClassificationPipeline
from oxbert.pipelines.token_classification import TokenClassificationPipeline
from oxbert.pipelines.vector_classification import VectorClassificationPipeline
from oxbert.pipelines.zero_shot import ZeroShotClassificationPipeline

__all__ = [
    "TASKS",
    "CrossEncoder",
    "FeatureExtractionPipeline",
    "FillMaskPipeline",
    "Pipeline",
    "QuestionAnsweringPipeline",
    "ReplacedTokenDetectionPipeline",
    "SentenceEncoder",
    "TextClassificationPipeline",
    "TokenClassificationPipeline",
    "VectorClassificationPipeline",
    "ZeroShotClassificationPipeline",
    "pipeline",
]
