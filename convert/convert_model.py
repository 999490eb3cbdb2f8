"""Convert any checkpoint to `rust_model.ot`: `python convert/convert_model.py SOURCE...`; `--help` lists the options.

The script does the same as `oxbert convert`.
"""

import sys

from oxbert.cli import app

if __name__ == "__main__":
    app(["convert", *sys.argv[1:]], prog_name="convert_model.py")
