"""Convert any checkpoint to `rust_model.ot`, the weight file of rust_bert and tch, or to `.safetensors` or `.bin`.

The source is any file that oxbert reads, or its folder. The result is one file with the names that rust_bert,
transformers and oxbert look for, and a `Report` of every changed name. Nothing is lost silently: a value that does not
fit the dtype, or two names that become one, is an error, and no file is written. See docs/conversion.md for each option
of the command line, `oxbert convert`.
"""

from oxbert._paths import find_sources
from oxbert.conversion.convert import Report, Row, convert
from oxbert.conversion.names import SHARED_EMBEDDINGS, Names, plan_names
from oxbert.conversion.options import COMPONENTS, DTYPES, FORMATS, Options
from oxbert.conversion.paths import find_target, find_weights

__all__ = [
    "COMPONENTS",
    "DTYPES",
    "FORMATS",
    "SHARED_EMBEDDINGS",
    "Names",
    "Options",
    "Report",
    "Row",
    "convert",
    "find_sources",
    "find_target",
    "find_weights",
    "plan_names",
]
