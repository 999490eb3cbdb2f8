"""Run `oxbert` as `python -m oxbert`, for environments without the script on the path."""

from oxbert.cli import main

main()
