//! Tests that one of several threads and processes downloads a file, and the others wait.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use oxbert::resources::{DownloadOptions, RemoteResource, ResourceProvider};

use crate::remote::{ETAG, Setting, content, cut, quick};
use crate::server::answer;

#[test]
fn one_of_several_threads_downloads() {
    let file = content();
    let setting = Setting::new(vec![cut(ETAG, &file, 100_000).later(300, &file[100_000..])]);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(fs::read(setting.fetch().unwrap()).unwrap() == file));
        }
    });
    assert_eq!(setting.server.requests().len(), 1);
    assert_eq!(setting.files(), ["file.bin"]);
}

/// Run in the child processes of the tests below; do nothing as a test.
#[test]
fn child() {
    if let Ok(url) = std::env::var("OXBERT_TEST_URL") {
        println!("got {}", RemoteResource::new(url, "x").get_local_path().unwrap().display());
    }
}

fn process(url: &str, cache: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "remote_shared::child", "--nocapture"])
        .env("OXBERT_TEST_URL", url)
        .env("RUSTBERT_CACHE", cache)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Return the path that the process prints.
fn got(child: Child) -> PathBuf {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, rest) = text.split_once("got ").unwrap();
    rest.lines().next().unwrap().into()
}

#[test]
fn one_of_several_processes_downloads() {
    let file = content();
    let setting = Setting::new(vec![cut(ETAG, &file, 100_000).later(2000, &file[100_000..])]);
    let url = setting.server.url("file.bin");
    let children: Vec<_> = (0..3).map(|_| process(&url, setting.cache.path())).collect();
    for child in children {
        let path = got(child);
        assert!(path.starts_with(setting.cache.path().join("x")) && fs::read(&path).unwrap() == file);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
    assert_eq!(setting.server.requests().len(), 1);
}

#[test]
fn a_killed_process_releases_the_lock() {
    let file = content();
    let setting = Setting::new(vec![cut(ETAG, &file, 100_000).later(500, b""), answer("200 OK", ETAG, &file)]);
    let url = setting.server.url("file.bin");
    let mut child = process(&url, setting.cache.path());
    let path = RemoteResource::new(&url, "x").with_cache_dir(setting.cache.path()).cached_path().unwrap();
    let part = path.with_extension("bin.part");
    let deadline = Instant::now() + Duration::from_secs(15);
    while !fs::metadata(&part).is_ok_and(|part| part.len() == 100_000) {
        assert!(Instant::now() < deadline, "the other process does not come to it");
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(part.exists());
    // The server still sends its first answer for a moment.
    let options = DownloadOptions { stall_timeout: Duration::from_secs(10), ..quick() };
    let resource = RemoteResource::new(&url, "x").with_cache_dir(setting.cache.path());
    assert!(fs::read(resource.get_local_path_with(&options, &|_, _| Ok(())).unwrap()).unwrap() == file);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}
