//! Tests of downloads: the result is the complete file or an error, with faults of the server and the network.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use oxbert::resources::{DownloadOptions, RemoteResource, Resource, ResourceProvider, download_resource};
use oxbert::{Error, Result};
use tempfile::TempDir;

use crate::server::{Script, Server, answer, head, header, rest};

/// Return a file that is long enough to arrive in several pieces.
pub fn content() -> Vec<u8> {
    (0..300_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

pub fn quick() -> DownloadOptions {
    DownloadOptions {
        stall_timeout: Duration::from_secs(1),
        backoff: Duration::from_millis(10),
        progress_bar: false,
        ..DownloadOptions::default()
    }
}

/// A server and an empty cache.
pub struct Setting {
    pub server: Server,
    pub cache: TempDir,
}

impl Setting {
    pub fn new(scripts: Vec<Script>) -> Self {
        Self { server: Server::new(scripts), cache: tempfile::tempdir().unwrap() }
    }

    pub fn resource(&self) -> RemoteResource {
        RemoteResource::new(self.server.url("a/file.bin"), "some/model").with_cache_dir(self.cache.path())
    }

    pub fn fetch(&self) -> Result<PathBuf> {
        self.resource().get_local_path_with(&quick(), &|_, _| Ok(()))
    }

    /// Return the reason of the failure and the number of requests.
    fn refused(&self) -> (String, usize) {
        match self.fetch().unwrap_err() {
            Error::Download { url, reason } => {
                assert_eq!(url, self.resource().url);
                (reason, self.server.requests().len())
            }
            other => panic!("{other:?}"),
        }
    }

    /// Return the names of the files in the folder of the file.
    pub fn files(&self) -> Vec<String> {
        let path = self.resource().cached_path().unwrap();
        let entries = fs::read_dir(path.parent().unwrap()).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Return the requested ranges.
    fn ranges(&self) -> Vec<Option<String>> {
        self.server.requests().iter().map(|request| header(request, "Range").map(str::to_string)).collect()
    }

    fn assert_fetched(&self, expected: &[u8]) {
        let path = self.fetch().unwrap();
        assert!(fs::read(&path).unwrap() == expected, "other bytes than the server has");
        assert_eq!(self.files(), ["file.bin"]);
    }
}

pub const ETAG: &str = "ETag: \"one\"\r\n";

/// Return an answer that breaks after some bytes.
pub fn cut(headers: &str, file: &[u8], after: usize) -> Script {
    head("200 OK", &format!("{headers}Content-Length: {}\r\n", file.len())).then(&file[..after])
}

#[test]
fn a_file_is_downloaded_once() {
    let file = content();
    let setting = Setting::new(vec![answer("200 OK", ETAG, &file)]);
    setting.assert_fetched(&file);
    let path = setting.resource().cached_path().unwrap();
    assert!(path.starts_with(setting.cache.path().join("some/model")) && path.ends_with("file.bin"));
    let requests = setting.server.requests();
    assert!(requests[0].starts_with("GET /a/file.bin HTTP/1.1\r\n"), "{}", requests[0]);
    assert_eq!(header(&requests[0], "Accept-Encoding"), Some("identity"));
    assert_eq!(header(&requests[0], "Range"), None);
    assert!(header(&requests[0], "User-Agent").unwrap().starts_with("oxbert/"));
    // The server would not answer a second request.
    let resource = Resource::from(setting.resource());
    let boxed: Box<dyn ResourceProvider> = Box::new(setting.resource());
    assert_eq!(setting.resource().get_local_path().unwrap(), path);
    assert_eq!(download_resource(&resource).unwrap(), path);
    assert_eq!(download_resource(&boxed).unwrap(), path);
    assert_eq!(download_resource(&*boxed).unwrap(), path);
    assert_eq!(setting.server.requests().len(), 1);
}

#[test]
fn an_empty_file_is_downloaded() {
    let setting = Setting::new(vec![answer("200 OK", ETAG, b"")]);
    setting.assert_fetched(b"");
}

#[test]
fn broken_downloads_resume() {
    let file = content();
    let middle = rest("\"one\"", &file, 100_000);
    // The second answer breaks too, and the third sends the rest.
    let shorter = head(
        "206 Partial Content",
        &format!("{ETAG}Content-Range: bytes 100000-299999/300000\r\nContent-Length: 200000\r\n"),
    )
    .then(&file[100_000..250_000]);
    let setting = Setting::new(vec![cut(ETAG, &file, 100_000), shorter, rest("\"one\"", &file, 250_000)]);
    setting.assert_fetched(&file);
    let expected = [None, Some("bytes=100000-".to_string()), Some("bytes=250000-".to_string())];
    assert_eq!(setting.ranges(), expected);
    assert_eq!(header(&setting.server.requests()[1], "If-Range"), Some("\"one\""));
    // A server may send less than the requested range.
    let limited = answer("206 Partial Content", &format!("{ETAG}Content-Range: bytes 7-9/300000\r\n"), &file[7..10]);
    let setting = Setting::new(vec![cut(ETAG, &file, 7), limited, rest("\"one\"", &file, 10)]);
    setting.assert_fetched(&file);
    // The first answer has chunks and no length.
    let chunked = head("200 OK", &format!("{ETAG}Transfer-Encoding: chunked\r\n"));
    let half = chunked.clone().then(b"186a0\r\n").then(&file[..100_000]);
    let setting = Setting::new(vec![half, middle]);
    setting.assert_fetched(&file);
    let whole = chunked.then(b"3\r\nabc\r\n0\r\n\r\n");
    Setting::new(vec![whole]).assert_fetched(b"abc");
}

#[test]
fn the_part_of_an_earlier_call_is_resumed() {
    let file = content();
    let first = Setting::new(vec![cut(ETAG, &file, 100_000); 3]);
    // The part in the cache is moved to the url of the second server.
    let once = DownloadOptions { tries: 1, ..quick() };
    let error = first.resource().get_local_path_with(&once, &|_, _| Ok(())).unwrap_err();
    assert!(error.to_string().contains("the connection broke"), "{error}");
    assert_eq!(first.files(), ["file.bin.part", "file.bin.part.json"]);
    let second = Setting::new(vec![rest("\"one\"", &file, 100_000)]);
    let (from, to) = (first.resource().cached_path().unwrap(), second.resource().cached_path().unwrap());
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    for ending in ["part", "part.json"] {
        let beside = |path: &Path| path.with_extension(format!("bin.{ending}"));
        fs::rename(beside(&from), beside(&to)).unwrap();
    }
    second.assert_fetched(&file);
    assert_eq!(second.ranges(), [Some("bytes=100000-".to_string())]);
}

#[test]
fn without_a_strong_etag_downloads_restart() {
    let file = content();
    for headers in ["", "ETag: W/\"one\"\r\n"] {
        let setting = Setting::new(vec![cut(headers, &file, 100_000), answer("200 OK", headers, &file)]);
        setting.assert_fetched(&file);
        assert_eq!(setting.ranges(), [None, None]);
        let setting = Setting::new(vec![cut(headers, &file, 100_000); 3]);
        assert_eq!(setting.refused().1, 3);
        assert!(setting.files().is_empty());
    }
}

#[test]
fn a_new_version_replaces_the_part() {
    let (old, new) = (content(), content().into_iter().rev().collect::<Vec<_>>());
    let whole = answer("200 OK", "ETag: \"two\"\r\n", &new);
    let broken = cut(ETAG, &old, 100_000);
    let setting = Setting::new(vec![broken.clone(), whole.clone()]);
    setting.assert_fetched(&new);
    // A server without support for If-Range.
    let setting = Setting::new(vec![broken.clone(), rest("\"two\"", &new, 100_000), whole.clone()]);
    setting.assert_fetched(&new);
    assert_eq!(setting.ranges(), [None, Some("bytes=100000-".to_string()), None]);
    // The new version is shorter than the part.
    let gone = answer("416 Range Not Satisfiable", "Content-Range: bytes */5\r\n", b"");
    let setting = Setting::new(vec![broken, gone, whole]);
    setting.assert_fetched(&new);
}

#[test]
fn wrong_ranges_are_not_used() {
    let file = content();
    let wrong = [
        ("Content-Range: bytes 99999-299999/300000\r\n", 200_001),
        ("Content-Range: bytes 100000-299999/400000\r\n", 200_000),
        ("Content-Range: bytes 100000-299999/300000\r\n", 150_000),
        ("Content-Range: bytes 299999-100000/300000\r\n", 200_000),
        ("Content-Range: nonsense\r\n", 200_000),
        ("", 200_000),
    ];
    for (headers, length) in wrong {
        let part = answer("206 Partial Content", &format!("{ETAG}{headers}"), &file[300_000 - length..]);
        let setting = Setting::new(vec![cut(ETAG, &file, 100_000), part, answer("200 OK", ETAG, &file)]);
        setting.assert_fetched(&file);
        assert_eq!(setting.ranges(), [None, Some("bytes=100000-".to_string()), None], "{headers}");
    }
}

#[test]
fn a_wrong_length_is_an_error() {
    let file = content();
    // The same bytes each time, without progress.
    let setting = Setting::new(vec![cut(ETAG, &file, 100_000), cut(ETAG, &file, 100_000), cut(ETAG, &file, 100_000)]);
    let (reason, requests) = setting.refused();
    assert!(reason.starts_with("the connection broke") && reason.ends_with("(attempt 3 of 3)"), "{reason}");
    assert_eq!(requests, 3);
    assert_eq!(setting.files(), ["file.bin.part", "file.bin.part.json"]);
    // More bytes than announced.
    let more = head(
        "206 Partial Content",
        &format!("{ETAG}Content-Range: bytes 299999-299999/300000\r\nTransfer-Encoding: chunked\r\n"),
    )
    .then(b"5\r\nabcde\r\n0\r\n\r\n");
    let setting = Setting::new(vec![cut(ETAG, &file, 299_999), more]);
    assert_eq!(setting.refused(), ("got 300004 bytes, expected 300000, the length of the file".to_string(), 2));
    assert!(setting.files().is_empty());
}

#[test]
fn answers_that_cannot_be_checked_are_refused() {
    let cases = [
        (head("200 OK", ETAG).then(b"abc"), "the server does not say how long the file is"),
        (answer("200 OK", "Content-Encoding: gzip\r\n", b"abc"), "the server compresses the file (gzip)"),
        (rest("\"one\"", b"abc", 1), "the server sends a part of the file, expected the whole file"),
        (answer("204 No Content", "", b""), "the server answers with status 204"),
    ];
    for (script, expected) in cases {
        let setting = Setting::new(vec![script]);
        let (reason, requests) = setting.refused();
        assert!(reason.starts_with(expected), "{reason}");
        assert_eq!(requests, 1);
        assert!(setting.files().is_empty());
    }
}

#[test]
fn permanent_errors_are_not_retried() {
    let refuses = "the server refuses with status";
    let cases = [
        ("404 Not Found", "the server has no such file (status 404)"),
        ("410 Gone", "the server has no such file (status 410)"),
        ("401 Unauthorized", refuses),
        ("403 Forbidden", refuses),
        ("418 I'm a teapot", "the server answers with status 418"),
    ];
    for (status, expected) in cases {
        let setting = Setting::new(vec![answer(status, "", b"<html>")]);
        let (reason, requests) = setting.refused();
        assert!(reason.starts_with(expected), "{reason}");
        assert_eq!(requests, 1);
        assert!(setting.files().is_empty());
    }
    let nobody = Setting::new(Vec::new());
    thread::sleep(Duration::from_millis(50));
    assert!(nobody.refused().0.contains("refused"));
}

#[test]
fn temporary_errors_are_retried() {
    let busy = |status: &str| answer(status, "Retry-After: 0\r\n", b"");
    let setting = Setting::new(vec![
        busy("500 Internal Server Error"),
        busy("429 Too Many Requests"),
        answer("200 OK", "", b"abc"),
    ]);
    setting.assert_fetched(b"abc");
    let setting = Setting::new(vec![answer("503 Service Unavailable", "", b""); 3]);
    let expected = "the server answers with status 503, expected 200 (attempt 3 of 3)";
    assert_eq!(setting.refused(), (expected.to_string(), 3));
    // Connections that close without an answer.
    let setting = Setting::new(vec![Script::silent(), answer("200 OK", "", b"abc")]);
    setting.assert_fetched(b"abc");
    // Retry-After is obeyed.
    let setting = Setting::new(vec![answer("503 Busy", "Retry-After: 1\r\n", b""), answer("200 OK", "", b"abc")]);
    let start = Instant::now();
    setting.assert_fetched(b"abc");
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn slow_downloads_continue_and_stalled_ones_resume() {
    let slowly = (0..6).fold(head("200 OK", "Content-Length: 6\r\n"), |script, _| script.later(250, b"x"));
    Setting::new(vec![slowly]).assert_fetched(b"xxxxxx");
    let stalled = head("200 OK", &format!("{ETAG}Content-Length: 8\r\n")).then(b"xxxx").later(1300, b"xxxx");
    let setting = Setting::new(vec![stalled, rest("\"one\"", b"xxxxyyyy", 4)]);
    // The server still sends the first answer when the second request comes.
    setting.assert_fetched(b"xxxxyyyy");
    let once = DownloadOptions { tries: 1, ..quick() };
    for script in [head("200 OK", "Content-Length: 8\r\n").later(2000, b"x"), Script::silent().later(2000, b"x")] {
        let setting = Setting::new(vec![script]);
        let start = Instant::now();
        let error = setting.resource().get_local_path_with(&once, &|_, _| Ok(())).unwrap_err();
        assert!(error.to_string().contains("nothing arrived for 1 s"), "{error}");
        assert!(start.elapsed() < Duration::from_millis(1900));
    }
}

#[test]
fn redirects_are_followed() {
    let file = content();
    let store = Server::new(vec![cut(ETAG, &file, 100_000), rest("\"one\"", &file, 100_000)]);
    let elsewhere = answer("302 Found", &format!("Location: {}\r\n", store.url("blob?signature=1")), b"over there");
    let here = answer("307 Temporary Redirect", "Location: /b/other\r\n", b"");
    let setting = Setting::new(vec![here, elsewhere.clone(), elsewhere]);
    setting.assert_fetched(&file);
    assert!(setting.server.requests()[1].starts_with("GET /b/other "));
    let conditions: Vec<_> =
        store.requests().iter().map(|request| header(request, "If-Range").map(str::to_string)).collect();
    assert_eq!(conditions, [None, Some("\"one\"".to_string())]);
    let circle = Setting::new(vec![answer("302 Found", "Location: /a/file.bin\r\n", b""); 20]);
    assert_eq!(circle.refused(), ("too many redirects".to_string(), 11));
}

#[test]
fn interrupted_downloads_resume() {
    let file = content();
    let slow = cut(ETAG, &file, 100_000).later(500, &file[100_000..]);
    let setting = Setting::new(vec![slow, rest("\"one\"", &file, 100_000)]);
    let seen = Cell::new((0, None));
    let error = setting
        .resource()
        .get_local_path_with(&quick(), &|done, total| {
            seen.set((done, total));
            if done > 0 { Err(Error::input("it", "enough")) } else { Ok(()) }
        })
        .unwrap_err();
    assert_eq!((error.to_string(), seen.get()), ("it: enough".to_string(), (100_000, Some(300_000))));
    assert_eq!(setting.files(), ["file.bin.part", "file.bin.part.json"]);
    let path = setting.resource().get_local_path_with(&quick(), &|done, total| {
        seen.set((done, total));
        Ok(())
    });
    assert!(fs::read(path.unwrap()).unwrap() == file);
    assert_eq!(seen.get(), (300_000, Some(300_000)));
    assert_eq!(setting.ranges(), [None, Some("bytes=100000-".to_string())]);
}

#[test]
fn waiting_can_be_interrupted() {
    let (closed, is_closed) = std::sync::mpsc::channel();
    let busy = answer("503 Busy", "Retry-After: 60\r\n", b"").until_closed(closed.clone());
    let stuck = head("200 OK", "Content-Length: 9\r\n").then(b"abc").until_closed(closed.clone());
    for script in [Script::silent().until_closed(closed), stuck, busy] {
        let setting = Setting::new(vec![script]);
        let (start, calls) = (Instant::now(), Cell::new(0));
        let options = DownloadOptions { stall_timeout: Duration::from_secs(30), ..quick() };
        let error = setting.resource().get_local_path_with(&options, &|_, _| {
            calls.set(calls.get() + 1);
            if calls.get() == 3 { Err(Error::input("it", "enough")) } else { Ok(()) }
        });
        assert!(matches!(error, Err(Error::Input { .. })), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(2));
        assert!(setting.files().is_empty());
        is_closed.recv_timeout(Duration::from_secs(5)).expect("the connection stays open");
    }
}

#[test]
fn bad_urls_and_paths_send_no_request() {
    let setting = Setting::new(Vec::new());
    let out = [
        RemoteResource::new(setting.server.url("file"), "../out"),
        RemoteResource::new(setting.server.url("file"), "/out"),
        RemoteResource::new(setting.server.url("a/.."), "x"),
        RemoteResource::new(setting.server.url(""), "x"),
        RemoteResource::new("file:///etc/passwd", "x"),
    ];
    for resource in out {
        let resource = resource.with_cache_dir(setting.cache.path().join("cache"));
        assert!(matches!(resource.get_local_path(), Err(Error::Input { .. })), "{resource:?}");
    }
    assert_eq!(fs::read_dir(setting.cache.path()).unwrap().count(), 0);
    // A file is in the place of the cache.
    fs::write(setting.cache.path().join("some"), "").unwrap();
    assert!(matches!(setting.fetch(), Err(Error::Io { action: "make the folder", .. })));
}
