"""Answer the texts of Parquet files with Spark: `mapInPandas` with the class that Ray Data takes.

    python -m pip install "oxbert[arrow]" pyspark pandas
    python examples/spark_inference.py INPUT OUTPUT [--task fill-mask] [--model FOLDER] [--column text]

INPUT has a column of texts. OUTPUT gets the same rows with the answers in new columns; a row without an answer has the
reason in the column `error`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructType

from oxbert.ray import Predictor


def main() -> None:
    """Read, answer and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--task", default="fill-mask")
    parser.add_argument("--model", help="a folder that every machine has; by default the bundled model of the task")
    parser.add_argument("--column", default="text")
    parser.add_argument("--threads", type=int, default=1, help="threads of a task of Spark: spark.task.cpus")
    options = parser.parse_args()

    # Its pickle has the arguments and no weights: each task of Spark loads the model once, from its path.
    predict = Predictor(options.task, options.model, columns=options.column, bad_rows="null", threads=options.threads)

    def answer(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        return map(predict, frames)

    spark = SparkSession.builder.appName("oxbert").config("spark.task.cpus", options.threads).getOrCreate()
    texts = spark.read.parquet(options.input)
    schema = StructType([*texts.schema.fields, *from_arrow_schema(predict.schema).fields])
    answers = texts.mapInPandas(answer, schema)
    answers.write.mode("overwrite").parquet(options.output)
    written = spark.read.parquet(options.output)
    print(f"{written.count()} rows, {written.filter('error is not null').count()} without an answer: {written.columns}")
    spark.stop()


if __name__ == "__main__":
    main()
