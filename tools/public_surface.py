"""Print the public API of the package or of the crate, one line per name, to compare two versions with `diff`.

`python tools/public_surface.py package` lists names, signatures and defaults of the installed `oxbert`.
`python tools/public_surface.py crate target/doc/oxbert` lists items, re-exports, methods and fields of `make docs`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path


def package() -> Iterator[str]:
    """Yield the public names of `oxbert` and its public modules, with their signatures."""
    import oxbert

    names = ["oxbert", *(module.name for module in pkgutil.walk_packages(oxbert.__path__, "oxbert."))]
    for name in names:
        if any(part.startswith("_") for part in name.split(".")) or name.endswith("__main__"):
            continue
        module = importlib.import_module(name)
        listed = getattr(module, "__all__", None)
        for key in sorted(listed if listed is not None else vars(module)):
            if key.startswith("_"):
                continue
            thing = getattr(module, key)
            if inspect.ismodule(thing) or (listed is None and getattr(thing, "__module__", name) != name):
                continue
            yield f"{name}.{key}{_signature(thing)}"
            if inspect.isclass(thing):
                for member in sorted(set(dir(thing)) - set(dir(object)) - set(dir(Exception)) - set(dir(dict))):
                    if not member.startswith("_") or member in ("__call__", "__len__", "__getitem__"):
                        yield f"{name}.{key}.{member}{_signature(getattr(thing, member))}"


def _signature(thing: object) -> str:
    if not callable(thing):
        return f": {type(thing).__name__}"
    try:
        return str(inspect.signature(thing))
    except (TypeError, ValueError):
        return "(...)"


def crate(folder: Path) -> Iterator[str]:
    """Yield the paths, methods and fields of a crate's documented items."""
    for page in sorted(folder.rglob("*.html")):
        path = "::".join(page.relative_to(folder).with_suffix("").parts)
        text = page.read_text()
        if 'http-equiv="refresh"' in text:
            continue  # An item of a private module, documented where it is re-exported.
        if page.name == "index.html":
            for code in re.findall(r'id="reexport\.[^"]*"><code>(.*?)</code>', text):
                yield f"{path}: {unescape(re.sub('<[^>]+>', '', code))}"
        elif re.match(r"(struct|enum|trait|fn|type|constant|macro|union)\.", page.name):
            yield path
            own = text.split('id="trait-implementations"')[0]
            for kind, member in re.findall(
                r'id="(method|tymethod|structfield|variant|associatedconstant)\.([^"]+)"', own
            ):
                yield f"{path} {kind} {member}"


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["package"]:
            lines = package()
        case ["crate", folder]:
            lines = crate(Path(folder))
        case _:
            sys.exit(__doc__)
    print("\n".join(dict.fromkeys(lines)))
