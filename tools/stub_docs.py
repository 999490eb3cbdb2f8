"""Write the docstrings of the native module into its stub, so that an editor shows what `help()` shows.

The doc comments in `src/bindings/` are the source. Build the module, then run `python tools/stub_docs.py`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import oxbert
from oxbert import _native

STUB = Path(oxbert.__file__).parent / "_native.pyi"
Definition = ast.ClassDef | ast.FunctionDef


def documented(stub: str) -> str:
    """Return the text of a stub with exactly the docstrings of the module.

    The first overload of a function has the docstring. A class that exists only in the stub has the docstrings of the
    first class of the module that derives from it. Attributes have no docstrings at run time, so those of the stub are
    kept.
    """
    lines = stub.split("\n")
    tree = ast.parse(stub)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    wanted: list[tuple[Definition, str | None]] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            kind = _kind(node, classes)
            wanted.append((node, None if node.name.startswith("_") else kind.__doc__))
            wanted += [(item, _method(kind, item, node)) for item in _definitions(node)]
        elif isinstance(node, ast.FunctionDef):
            is_first = next(other for other in _definitions(tree) if other.name == node.name) is node
            wanted.append((node, getattr(_native, node.name).__doc__ if is_first else None))
    for node, text in reversed(wanted):
        _put(lines, node, text)
    return "\n".join(lines)


def _kind(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> type:
    """Return the class of the module that a class of the stub describes."""
    if not node.name.startswith("_"):
        kind: type = getattr(_native, node.name)
        return kind
    for other in classes.values():
        bases = [base.value if isinstance(base, ast.Subscript) else base for base in other.bases]
        if node.name in [base.id for base in bases if isinstance(base, ast.Name)]:
            return _kind(other, classes)
    return object


def _method(kind: type, item: ast.FunctionDef, node: ast.ClassDef) -> str | None:
    is_setter = any(isinstance(decorator, ast.Attribute) for decorator in item.decorator_list)
    is_special = item.name.startswith("_") and (item.name != "__call__" or "__call__" not in vars(kind))
    is_first = next(other for other in _definitions(node) if other.name == item.name) is item
    member = getattr(kind, item.name, None)
    # From Python 3.13 on, None has a docstring of its own.
    text: str | None = None if member is None else member.__doc__
    return None if is_setter or is_special or not is_first else text


def _definitions(node: ast.ClassDef | ast.Module) -> list[ast.FunctionDef]:
    return [item for item in node.body if isinstance(item, ast.FunctionDef)]


def _put(lines: list[str], node: Definition, text: str | None) -> None:
    """Replace the docstring of a class or a function."""
    first = node.body[0]
    has_docstring = ast.get_docstring(node, clean=False) is not None
    indent = " " * (node.col_offset + 4)
    written = [] if text is None else _quoted(text.strip("\n"), indent)
    if has_docstring:
        last = first.end_lineno or first.lineno
        if text is None and len(node.body) == 1:
            written = [indent + "..."]
        lines[first.lineno - 1 : last] = written
    elif text is not None and _is_ellipsis(first):
        # The ellipsis may be on the line of the signature.
        head = lines[first.lineno - 1][: first.col_offset].rstrip()
        lines[first.lineno - 1 : first.lineno] = [*([head] if head else []), *written]
    elif text is not None:
        lines[first.lineno - 1 : first.lineno - 1] = [*written, ""]


def _is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


def _quoted(text: str, indent: str) -> list[str]:
    first, *others = text.split("\n")
    if not others:
        return [f'{indent}"""{first}"""']
    return [f'{indent}"""{first}', *((indent + line).rstrip() for line in others), f'{indent}"""']


def main() -> None:
    """Rewrite the stub."""
    STUB.write_text(documented(STUB.read_text("utf-8")), "utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(STUB)], check=True)


if __name__ == "__main__":
    main()
