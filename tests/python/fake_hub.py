"""Serve a hub on localhost: the part of the hub's protocol that `huggingface_hub` uses to download."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import unquote, urlsplit

Files = dict[str, bytes]


@dataclass
class Repository:
    """Hold commits (a hash and its files) and the names of commits."""

    commits: dict[str, Files] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    # Files that another host serves, as the hub does with large files.
    large: set[str] = field(default_factory=set)

    def commit(self, files: Files, *branches: str) -> str:
        """Add a commit, point the branches at it, and return its hash."""
        content = repr((sorted(files.items()), len(self.commits)))
        name = hashlib.sha1(content.encode()).hexdigest()
        self.commits[name] = files
        self.branches.update(dict.fromkeys(branches, name))
        return name

    def resolve(self, revision: str) -> str | None:
        revision = self.branches.get(revision, revision)
        return next((name for name in self.commits if name.startswith(revision) and len(revision) >= 7), None)


@dataclass
class Fault:
    """Describe a fault of the requests with these methods (`GET`, `HEAD`) whose path matches.

    `status` answers with this status and these headers. `cut` closes the connection after `after` bytes of the body.
    `stall` sends nothing after `after` bytes of the body. `slow` sends nothing at all. `long` announces `after` bytes
    more than it sends. `body` answers with this body.
    """

    kind: str
    path: str = ""
    methods: str = "GET HEAD"
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"none"
    after: int = 10
    # Number of requests that fail; None means all.
    times: int | None = None


@dataclass(frozen=True)
class Request:
    method: str
    host: str
    path: str
    headers: dict[str, str]


class FakeHub:
    """Run the server while the context is active."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        # Old name -> new name.
        self.renamed: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        # Called after every listing.
        self.after_listing: Callable[[], object] = lambda: None
        self.stopped = threading.Event()
        # Set when a stalled body has come to its halt.
        self.stalled = threading.Event()
        self._lock = threading.Lock()
        hub = self

        class Handler(_Handler):
            fake = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        # The same server under another name, which the client treats as another host.
        self.elsewhere = f"http://localhost:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> FakeHub:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, name: str, files: Files, *branches: str) -> str:
        """Add a commit to a repository, create the repository if it is missing, and return the hash of the commit."""
        return self.repositories.setdefault(name, Repository()).commit(files, *branches or ("main",))

    def requested_files(self, method: str | None = None) -> list[str]:
        """Return the names of the files that were requested, with `listing` for listings."""
        names = []
        for request in self.requests:
            if method in (None, request.method):
                found = re.search(r"/resolve/[^/]+/(.+)", request.path)
                names.append(
                    found[1] if found else "listing" if request.path.startswith("/api/models/") else request.path
                )
        return names

    def forget(self) -> None:
        self.requests.clear()

    def by_hash(self, name: str) -> bytes:
        commits = [files for repository in self.repositories.values() for files in repository.commits.values()]
        return next(data for files in commits for data in files.values() if hashlib.sha256(data).hexdigest() == name)

    def fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if method in fault.methods.split() and re.search(fault.path, path) and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    fake: FakeHub
    protocol_version = "HTTP/1.1"
    # Nagle's algorithm delays the second write of an answer until the first is acknowledged.
    disable_nagle_algorithm = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""

    def do_HEAD(self) -> None:
        self.respond()

    def do_GET(self) -> None:
        self.respond()

    def respond(self) -> None:
        path = urlsplit(self.path).path
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.fake.requests.append(Request(self.command, headers["host"].split(":")[0], path, headers))
        fault = self.fake.fault(self.command, path)
        if fault and fault.kind == "slow":
            self.fake.stopped.wait(60)
            self.close_connection = True
        elif fault and fault.kind == "status":
            self.answer(fault.status, fault.headers, b"it went wrong")
        elif fault and fault.kind == "body":
            self.answer(200, {}, fault.body)
        elif found := re.fullmatch(r"/api/models/(.+?)(?:/revision/([^/]+))?", path):
            self.listing(found[1], unquote(found[2] or "main"))
        elif found := re.fullmatch(r"/(.+?)/resolve/([^/]+)/(.+)", path):
            self.file(found[1], unquote(found[2]), unquote(found[3]), fault)
        elif found := re.fullmatch(r"/large/(.+)", path):
            self.body(self.fake.by_hash(found[1]), {"ETag": f'"{found[1]}"'}, fault)
        else:
            self.answer(404, {}, b"")

    def repository(self, name: str, revision: str) -> tuple[Repository, str] | None:
        """Return the repository and the commit, or answer with an error and return None."""
        if name in self.fake.renamed:
            target = self.path.replace(name, self.fake.renamed[name], 1)
            self.answer(307, {"Location": target}, b"")
        elif name not in self.fake.repositories:
            self.answer(401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, b"")
        elif (commit := self.fake.repositories[name].resolve(revision)) is None:
            self.answer(404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"}, b"")
        else:
            return self.fake.repositories[name], commit
        return None

    def listing(self, name: str, revision: str) -> None:
        found = self.repository(name, revision)
        if found is None:
            return
        repository, commit = found
        siblings = [{"rfilename": path} for path in repository.commits[commit]]
        content = {"id": name, "modelId": name, "sha": commit, "siblings": siblings, "private": False}
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(content).encode())
        self.fake.after_listing()

    def file(self, name: str, revision: str, path: str, fault: Fault | None) -> None:
        found = self.repository(name, revision)
        if found is None:
            return
        repository, commit = found
        headers = {"X-Repo-Commit": commit}
        data = repository.commits[commit].get(path)
        if data is None:
            self.answer(404, headers | {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}, b"")
        elif path in repository.large:
            hashed = hashlib.sha256(data).hexdigest()
            headers |= {"Location": f"{self.fake.elsewhere}/large/{hashed}?signature=0", "ETag": '"pointer"'}
            headers |= {"X-Linked-Size": str(len(data)), "X-Linked-Etag": f'"{hashed}"'}
            self.answer(302, headers, b"")
        else:
            self.body(data, headers | {"ETag": f'"{hashlib.sha1(data).hexdigest()}"'}, fault)

    def body(self, data: bytes, headers: dict[str, str], fault: Fault | None) -> None:
        """Answer with the bytes, or with the requested range of them."""
        status, start = 200, 0
        if found := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            status, start = 206, int(found[1])
            headers = headers | {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        data = data[start:]
        if fault and fault.kind == "long":
            self.answer(status, headers, data, announced=len(data) + fault.after)
        elif fault and fault.kind in ("cut", "stall") and self.command == "GET":
            self.answer(status, headers, data[: fault.after], announced=len(data))
            if fault.kind == "stall":
                self.wfile.flush()
                self.fake.stalled.set()
                self.fake.stopped.wait(60)
            self.close_connection = True
        else:
            self.answer(status, headers, data)

    def answer(self, status: int, headers: dict[str, str], data: bytes, announced: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if announced is None else announced))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)
            self.close_connection = announced is not None
