"""Test local resources, and remote resources of a local server."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import oxbert
from oxbert.errors import DownloadError, DtypeError, InputError, MissingFileError

from .processes import run, start

CONTENT = bytes(range(256)) * 4000
LARGE = b"x" * 11_000_000
FETCH = "import oxbert, sys; print('got', oxbert.RemoteResource(*sys.argv[1:]).get_local_path())"


class Handler(BaseHTTPRequestHandler):
    """Serve `/file` with ranges; stop in the middle of `/slow/file`; redirect `/away` to the url in the query."""

    def do_GET(self) -> None:
        self.server.seen.append(self.headers.get("Range"))  # type: ignore[attr-defined]
        path, _, query = self.path.partition("?")
        if path == "/away":
            self.send_response(302)
            self.send_header("Location", query)
            self.end_headers()
        elif path.endswith("/file"):
            content = LARGE if path == "/large/file" else CONTENT
            start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
            self.send_response(206 if start else 200)
            self.send_header("ETag", '"one"')
            self.send_header("Content-Length", str(len(content) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            stop = len(content) // 2 if path == "/slow/file" and not start else len(content)
            self.wfile.write(content[start:stop])
            self.wfile.flush()
            if stop < len(content):
                self.server.ending.wait()  # type: ignore[attr-defined]
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.ending = [], threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.ending.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()
    thread.join()


def url(server: ThreadingHTTPServer, path: str, scheme: str = "http") -> str:
    return f"{scheme}://localhost:{server.server_port}/{path}"


def seen(server: ThreadingHTTPServer) -> list[str | None]:
    return server.seen  # type: ignore[attr-defined, no-any-return]


def test_local_resources_hold_a_path(tmp_path: Path) -> None:
    resource = oxbert.LocalResource(tmp_path / "a file")
    assert resource.local_path == tmp_path / "a file"
    assert repr(resource) == f"LocalResource({str(tmp_path / 'a file')!r})"
    for again in [
        pickle.loads(pickle.dumps(resource)),
        copy.deepcopy(resource),
        oxbert.LocalResource(f"{tmp_path}/a file"),
    ]:
        assert again == resource and hash(again) == hash(resource)
    assert resource != oxbert.LocalResource(tmp_path) and resource != "a file"
    with pytest.raises(MissingFileError):
        resource.get_local_path()
    (tmp_path / "a file").write_text("")
    assert resource.get_local_path() == oxbert.download_resource(resource) == tmp_path / "a file"


def test_remote_resources_hold_a_url_and_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = oxbert.RemoteResource("https://host/a/file.ot?b")
    assert (plain.url, plain.cache_subdir, plain.cache_dir) == ("https://host/a/file.ot?b", "", None)
    own = oxbert.RemoteResource("https://host/it's", "model/x", cache_dir=tmp_path)
    assert (own.cache_subdir, own.cache_dir) == ("model/x", tmp_path)
    assert repr(plain) == "RemoteResource('https://host/a/file.ot?b', '')"
    assert eval(repr(own), {"RemoteResource": oxbert.RemoteResource}) == own
    for resource in [plain, own]:
        for again in [pickle.loads(pickle.dumps(resource)), copy.copy(resource)]:
            assert again == resource and hash(again) == hash(resource) and repr(again) == repr(resource)
    assert plain != own != oxbert.RemoteResource("https://host/it's", "model/x")
    monkeypatch.setenv("RUSTBERT_CACHE", str(tmp_path / "one"))
    assert plain.cached_path().parent.parent == tmp_path / "one" and plain.cached_path().name == "file.ot"
    monkeypatch.delenv("RUSTBERT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "two"))
    assert plain.cached_path().is_relative_to(tmp_path / "two" / ".rustbert")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "three"))
    assert plain.cached_path().is_relative_to(tmp_path / "three" / ".cache" / ".rustbert")
    assert own.cached_path().parent.parent == tmp_path / "model" / "x"


def test_resources_of_known_models_are_complete(tmp_path: Path) -> None:
    for family, names in [
        ("Electra", ["BASE_DISCRIMINATOR", "BASE_GENERATOR"]),
        ("DistilBert", ["DISTILUSE_BASE_MULTILINGUAL_CASED", "DISTIL_BERT", "DISTIL_BERT_SQUAD", "DISTIL_BERT_SST2"]),
    ]:
        for kind, file in [("Model", "rust_model.ot"), ("Config", "config.json"), ("Vocab", "vocab.txt")]:
            known = getattr(oxbert, f"{family}{kind}Resources")
            assert [name for name in dir(known) if name.isupper()] == names
            for name in names:
                pair = getattr(known, name)
                resource = oxbert.RemoteResource.from_pretrained(pair, cache_dir=tmp_path)
                assert (resource.cache_subdir, resource.url) == pair and resource.cached_path().name == file
                assert pair[0].endswith(kind.lower())
            with pytest.raises(TypeError):
                known()
    generator = (
        "electra-base-generator/model",
        "https://huggingface.co/google/electra-base-generator/resolve/main/rust_model.ot",
    )
    assert generator == oxbert.ElectraModelResources.BASE_GENERATOR
    with pytest.raises(TypeError):
        oxbert.RemoteResource.from_pretrained(generator[1])  # type: ignore[arg-type]


def test_a_file_is_downloaded_once(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    resource = oxbert.RemoteResource(url(server, "file"), "model", cache_dir=tmp_path)
    path = resource.get_local_path()
    assert path == resource.cached_path() and path.read_bytes() == CONTENT
    assert oxbert.download_resource(resource) == path and len(seen(server)) == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]
    path.unlink()
    assert resource.get_local_path() == path and len(seen(server)) == 2


def test_failed_downloads_and_bad_arguments_raise_typed_errors(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="no such file") as caught:
        oxbert.RemoteResource(url(server, "none"), cache_dir=tmp_path).get_local_path()
    assert isinstance(caught.value, OSError)
    assert caught.value.url == url(server, "none")  # type: ignore[attr-defined]
    assert caught.value.reason == "the server has no such file (status 404)"  # type: ignore[attr-defined]
    for address, subfolder in [("file", None), (url(server, "file"), "../out"), (url(server, ""), "x")]:
        with pytest.raises(InputError, match="expected"):
            oxbert.RemoteResource(address, subfolder, cache_dir=tmp_path / "cache").get_local_path()
    with pytest.raises(DtypeError, match="expected a LocalResource or a RemoteResource, got str"):
        oxbert.download_resource("file")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists() and not (tmp_path / "cache").exists()


def test_other_threads_run_and_wait_for_the_same_file(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    resource = oxbert.RemoteResource(url(server, "slow/file"), cache_dir=tmp_path)
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(resource.get_local_path())) for _ in range(4)]
    for thread in threads:
        thread.start()
    # The server is a thread of this process, so it can only answer if downloads release the GIL.
    deadline = time.monotonic() + 10
    while not seen(server) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    assert not paths
    server.ending.set()  # type: ignore[attr-defined]
    for thread in threads:
        thread.join()
    assert len(paths) == 4 and paths[0].read_bytes() == CONTENT
    assert seen(server) == [None, f"bytes={len(CONTENT) // 2}-"]


def test_ctrl_c_ends_a_download_and_the_next_resumes(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    resource = oxbert.RemoteResource(url(server, "slow/file"), "x", cache_dir=tmp_path)
    part = resource.cached_path().with_name("file.part")
    environment = os.environ | {"RUSTBERT_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", FETCH, resource.url, "x"]
    with start(command, env=environment, stderr=subprocess.PIPE) as child:
        deadline = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size == len(CONTENT) // 2):
            assert time.monotonic() < deadline and child.poll() is None
            time.sleep(0.01)
        begin = time.monotonic()
        child.send_signal(signal.SIGINT)
        _, report = child.communicate(timeout=10)
    assert time.monotonic() - begin < 2
    assert report.rstrip().endswith(b"KeyboardInterrupt"), report
    assert resource.get_local_path().read_bytes() == CONTENT
    assert seen(server) == [None, f"bytes={len(CONTENT) // 2}-"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_untrusted_certificates_and_plain_redirects_are_refused(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate],
        check=True,
    )  # fmt: skip
    secure = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    secure.seen = []  # type: ignore[attr-defined]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    thread = threading.Thread(target=secure.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def fetch(path: str, trusted: bool = True) -> str:
        environment = os.environ | {"RUSTBERT_CACHE": str(tmp_path / "cache")}
        environment.pop("SSL_CERT_FILE", None)
        if trusted:
            environment["SSL_CERT_FILE"] = str(certificate)
        command = [sys.executable, "-c", FETCH, url(secure, path, "https"), "x"]
        done = run(command, env=environment)
        return done.stdout + done.stderr

    try:
        report = fetch("file", trusted=False)
        assert "DownloadError" in report and "certificate" in report and not seen(secure), report
        report = fetch("file")
        assert report.startswith("got "), report
        report = fetch(f"away?{url(secure, 'else/file', 'https')}")
        assert report.startswith("got "), report
        report = fetch(f"away?{url(server, 'file')}")
        assert "the server redirects from https to http" in report and not seen(server), report
    finally:
        secure.shutdown()
        secure.server_close()
        thread.join()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_progress_bar_is_shown_on_terminals_only(terminal: bool, server: ThreadingHTTPServer, tmp_path: Path) -> None:
    ours, theirs = os.openpty() if terminal else os.pipe()
    environment = os.environ | {"RUSTBERT_CACHE": str(tmp_path), "TERM": "xterm"}
    command = [sys.executable, "-c", FETCH, url(server, "large/file"), "x"]
    run(command, env=environment, stderr=theirs, check=True)
    os.set_blocking(ours, False)
    try:
        shown = os.read(ours, 1 << 16)
    except BlockingIOError:
        shown = b""
    finally:
        os.close(ours)
        os.close(theirs)
    assert (b"file [" in shown and b"10.49 MiB" in shown) if terminal else not shown, shown
