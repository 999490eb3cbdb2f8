"""Answer the texts of tables on many machines: `Predictor` for Ray Data and Spark, `predict_parquet` for whole folders.

    dataset.map_batches(Predictor, fn_constructor_kwargs={"task": "feature-extraction", "model": folder}, ...)
    predict_parquet("texts/", "vectors/", "feature-extraction", folder, pooling="mean")

`Predictor` answers batches of pandas, Arrow or numpy and needs neither Ray nor Spark; `predict_parquet` needs Ray
(`pip install "oxbert[ray]"`).
"""

from __future__ import annotations

from oxbert.ray.jobs import predict_parquet
from oxbert.ray.output import Report
from oxbert.ray.predictor import Predictor

__all__ = ["Predictor", "Report", "predict_parquet"]
