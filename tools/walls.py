"""Check the walls between the rooms of src/ and of python/oxbert/, over indirect imports too.

`python tools/walls.py` prints each fault with the chain of imports that leads to it, and exits with 1 if there is one.
CONTRIBUTING.md says what the walls are for.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

# The rooms of the crate, ground floor first: a room imports only rooms above it in this list.
ROOMS = (
    "error interrupt memory checksum files names kernels nn config resources weights text inputs encoder engine outputs heads models pretrained "
    "any_model records pretraining pipelines bindings"
).split()

# The rooms or files that a room must not import, not even indirectly.
WALLS = {
    "kernels": ["nn"],
    "nn": ["config", "text", "weights", "files", "resources"],
    "encoder": ["weights", "resources", "text/tokenizer"],
    "engine": ["weights", "resources", "text/tokenizer"],
    "heads": ["weights", "resources", "text/tokenizer"],
    "models": ["weights", "resources/folder", "text/tokenizer"],
    "weights": ["models", "text"],
    "text": ["models", "weights", "inputs"],
    "pretrained": ["text/tokenizer", "pipelines"],
}

# The only rooms that may use a crate.
CRATES = {
    "pyo3": ["bindings"],
    "numpy": ["bindings"],
    "ureq": ["resources/remote"],
    "indicatif": ["resources/remote"],
    "tokenizers": ["text/pipeline"],
}

Graph = Mapping[str, set[str]]


def main(root: Path) -> int:
    """Check a checkout and return the number of faults."""
    sources = {name: _code(path) for name, path in rust_files(root / "src").items()}
    lib = root / "src" / "lib.rs"
    facade = _code(lib) if lib.exists() else ""
    imports = rust_imports(sources, facade)
    python = python_imports(root / "python" / "oxbert")
    faults = [
        *order(imports),
        *walls(imports),
        *cycles(rust_imports(sources, facade, siblings=True)),
        *crates(sources),
        *(list(cycles(python)) or cycles(python_rooms(python))),
    ]
    for fault in faults:
        print(f"walls: {fault}", file=sys.stderr)
    return len(faults)


def rust_files(src: Path) -> dict[str, Path]:
    """Return the library files by module, such as `text/words`. A folder's mod.rs has the folder's name."""
    found = {}
    for path in sorted(src.rglob("*.rs")):
        name = path.relative_to(src).with_suffix("").as_posix().removesuffix("/mod")
        if name != "lib" and not name.endswith("tests"):
            found[name] = path
    return found


def _code(path: Path) -> str:
    """Return a file without comments and without its modules of tests."""
    text = re.sub(r"//[^\n]*", "", path.read_text())
    return re.sub(r"(?ms)^#\[cfg\(test\)\]\s*(?:#\[[^]]*\]\s*)*mod \w+ \{.*?^\}", "", text)


def _paths(code: str, module: str) -> Iterator[list[str]]:
    """Return each path that the code of a module names, from the root of the crate."""
    trees = re.findall(r"\buse (crate|super|self)::([^;]+);", code)
    inline = re.findall(r"\b(crate|super|self)::((?:\w+::)*\w+)", code)
    for start, rest in [*trees, *inline]:
        base = [] if start == "crate" else module.split("/")
        for tail in _expand(rest):
            parts = tail.split("::")
            above = base[:-1] if start == "super" else base
            while parts and parts[0] == "super":
                above, parts = above[:-1], parts[1:]
            yield [*above, *parts]


def _expand(tree: str) -> Iterator[str]:
    """Return the paths of a use tree: `a::{b, c::{d, e}}` is a::b, a::c::d, a::c::e."""
    head, brace, rest = tree.partition("{")
    if not brace:
        yield tree.split(" as ")[0].strip()
        return
    depth, start, inner = 0, 0, rest.rstrip().removesuffix("}")
    for place, letter in enumerate(f"{inner},"):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            if part := inner[start:place].strip():
                yield from (head.strip() + one for one in _expand(part))
            start = place + 1


def _uses(code: str) -> list[str]:
    """Return the use trees that begin with a child of the module."""
    return re.findall(r"\buse ((?!crate|super|std)\w+::[^;]+);", code)


def rust_imports(sources: Mapping[str, str], facade: str = "", *, siblings: bool = False) -> Graph:
    """Return the imports between files. A name re-exported by a folder or by `facade` (lib.rs) leads to its own file.

    With `siblings`, imports between a folder's mod.rs and its files are left out.
    """
    exports: dict[str, dict[str, str]] = defaultdict(dict)
    for module, code in sources.items():
        for tree in _uses(code):
            for path in _expand(tree):
                child, *names = path.split("::")
                if names and f"{module}/{child}" in sources:
                    exports[module][names[-1]] = f"{module}/{child}"
    crate = {path.split("::")[-1]: path.split("::") for tree in _uses(facade) for path in _expand(tree)}
    graph: dict[str, set[str]] = {module: set() for module in sources}
    for module, code in sources.items():
        for path in _paths(code, module):
            if path and path[0] in crate and path[0] not in sources:
                path = [*crate[path[0]], *path[1:]]
            target = next((name for end in range(len(path), 0, -1) if (name := "/".join(path[:end])) in sources), None)
            if target is None:
                continue
            rest = path[len(target.split("/")) :]
            target = exports[target].get(rest[0], target) if rest else target
            inside = module.startswith(f"{target}/") or target.startswith(f"{module}/")
            if target != module and not (siblings and inside):
                graph[module].add(target)
    return graph


def order(graph: Graph) -> Iterator[str]:
    """Report imports of later rooms, and rooms that are not in `ROOMS`."""
    for module, targets in graph.items():
        room = module.split("/")[0]
        if room not in ROOMS:
            yield f"src/{room} is not in ROOMS of tools/walls.py; add it there, after the rooms that it imports"
            continue
        for target in sorted(targets):
            other = target.split("/")[0]
            if other in ROOMS and ROOMS.index(other) > ROOMS.index(room):
                yield f"{module} imports {target}, but a room may import only rooms before it in ROOMS"


def walls(graph: Graph) -> Iterator[str]:
    """Report chains of imports that lead to a forbidden room."""
    for room, forbidden in WALLS.items():
        chains = {module: [module] for module in graph if module == room or module.startswith(f"{room}/")}
        queue = list(chains)
        for module in queue:
            for target in sorted(graph[module]):
                if target not in chains:
                    chains[target] = [*chains[module], target]
                    queue.append(target)
        for wall in forbidden:
            hits = [chain for module, chain in chains.items() if f"{module}/".startswith(f"{wall}/")]
            if hits:
                yield f"{room} must not import {wall}, even indirectly: {' -> '.join(min(hits, key=len))}"


def crates(sources: Mapping[str, str]) -> Iterator[str]:
    """Report crates that are used outside their rooms."""
    for module, code in sources.items():
        for crate, rooms in CRATES.items():
            if re.search(rf"\b{crate}(?:::|\()", code) and not any(
                f"{module}/".startswith(f"{room}/") for room in rooms
            ):
                yield f"{module} uses the crate {crate}, which only {' and '.join(rooms)} may use"


def cycles(graph: Graph) -> Iterator[str]:
    """Report each import cycle once."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> Iterator[str]:
        if module in path:
            yield f"import cycle: {' -> '.join([*path[path.index(module) :], module])}"
        elif module not in done:
            for target in sorted(graph.get(module, ())):
                yield from visit(target, [*path, module])
            done.add(module)

    for module in graph:
        yield from visit(module, [])


def python_imports(package: Path) -> Graph:
    """Return the imports between the package's modules, those inside functions too. A package is its `__init__`."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        name = ".".join([package.name, *path.relative_to(package).with_suffix("").parts])
        modules[name.removesuffix(".__init__")] = path
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        home = name if path.name == "__init__.py" else name.rpartition(".")[0]
        graph[name] = {
            target
            for node in _run(ast.parse(path.read_text()))
            for target in _targets(node, home, modules)
            # A package re-exports its own modules, and they may read it.
            if target != name and not name.startswith(f"{target}.") and not target.startswith(f"{name}.")
        }
    return graph


def python_rooms(graph: Graph) -> Graph:
    """Return the imports between rooms: a folder, a file beside the folders, or the `__init__` of a package."""
    packages = {module.rpartition(".")[0] for module in graph}

    def room(module: str) -> str:
        above = module.rpartition(".")[0]
        return above if "." in above and module not in packages else module

    rooms: dict[str, set[str]] = defaultdict(set)
    for module, targets in graph.items():
        rooms[room(module)] |= {room(target) for target in targets} - {room(module)}
    return rooms


def _run(tree: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements that are executed, without those for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.stmt):
            yield node
        yield from _run(node)


def _targets(node: ast.stmt, home: str, modules: Mapping[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in modules)
    elif isinstance(node, ast.ImportFrom):
        above = home.split(".")
        base = ".".join(above[: len(above) - node.level + 1]) if node.level else ""
        source = ".".join(part for part in (base, node.module) if part)
        for alias in node.names:
            full = f"{source}.{alias.name}"
            if full in modules:
                yield full
            elif source in modules:
                yield source


if __name__ == "__main__":
    sys.exit(min(main(Path(__file__).parents[1]), 1))
