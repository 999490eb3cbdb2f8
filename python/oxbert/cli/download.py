"""Implement `oxbert download`: a repository of the hub -> a folder in the cache."""

from __future__ import annotations

from typing import Annotated

import typer

from oxbert.cli._shared import open_console


def download(
    repo: Annotated[str, typer.Argument(help="A repository, e.g. google/electra-small-discriminator.")],
    revision: Annotated[str | None, typer.Option(help="A branch, a tag or a commit.", show_default=False)] = None,
    force: Annotated[bool, typer.Option("--force", help="Fetch files anew that the cache has.")] = False,
) -> None:
    """Fetch a model from the hub, and print its folder. Later runs need no network.

    HF_HOME, HF_TOKEN and the other variables of huggingface_hub apply.
    """
    from oxbert.hub._folders import find

    folder = find(repo, ["config", "tokenizer", "weights"], revision=revision, force_download=force)
    open_console().print(str(folder), markup=False)


__all__ = ["download"]
