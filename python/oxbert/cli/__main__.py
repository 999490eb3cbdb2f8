"""`python -m oxbert.cli`: as `oxbert`, where that is not on the path."""

from oxbert.cli import main

main()
