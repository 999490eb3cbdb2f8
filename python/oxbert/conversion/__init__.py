"""Any checkpoint -> `rust_model.ot`, the weight file of rust_bert and tch, or `.safetensors`, or `.bin`.

In: whatever oxbert reads, or a folder with it. Out: one file under the names that rust_bert, transformers and oxbert
look for, and a `Report` of every name that is not what it was. Nothing is lost in silence: a value that a dtype cannot
hold, or two names that become one, is an error, and then no file is written. docs/conversion.md shows each option on
the command line, which is `oxbert convert`.
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
