//! A url and the name of a folder -> the file's path, which is always inside the cache.

use std::env;
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use ring::digest::{SHA256, digest};
use ureq::http::Uri;

use super::RemoteResource;
use crate::error::{Error, Result};

/// The number of bytes of the url's hash in the path: enough that nobody can find two urls with equal hashes.
const HASH_BYTES: usize = 16;

/// Some file systems do not accept a longer name with the suffix of a part.
const LONGEST_NAME: usize = 200;

pub(super) fn cached_path(resource: &RemoteResource) -> Result<PathBuf> {
    let name = file_name(&resource.url)?;
    let folder = subfolder(&resource.cache_subdir)?;
    let cache = resource.cache_dir.clone().map_or_else(usual_cache, Ok)?;
    // Files of the same name from several urls may share a folder.
    Ok(cache.join(folder).join(hash(&resource.url)).join(name))
}

/// Return the last part of a url's path.
fn file_name(url: &str) -> Result<String> {
    let expected = "expected https:// or http://, a host, and a path that ends in the name of a file";
    // The url may contain a password, so the error does not repeat it.
    if url.split(['/', '?', '#']).nth(2).is_some_and(|host| host.contains('@')) {
        return Err(Error::input("url", "expected no user name and no password before the host"));
    }
    let wrong = || Error::input("url", format!("{expected}, got {url:?}"));
    let parsed: Uri = url.parse().map_err(|_| wrong())?;
    let known = matches!(parsed.scheme_str(), Some("http" | "https"));
    let name = parsed.path().rsplit('/').next().unwrap_or_default();
    let fits = !matches!(name, "" | "." | "..") && !name.contains(['\\', ':']) && name.len() <= LONGEST_NAME;
    if known && parsed.host().is_some_and(|host| !host.is_empty()) && fits {
        Ok(name.to_string())
    } else {
        Err(wrong())
    }
}

fn subfolder(name: &str) -> Result<&Path> {
    let path = Path::new(name);
    let below = path.components().all(|component| matches!(component, Component::Normal(_)));
    if below && !name.contains(['\\', ':', '\0']) {
        Ok(path)
    } else {
        let reason = format!("expected a folder in the cache such as \"electra-base-generator/model\", got {name:?}");
        Err(Error::input("cache_subdir", reason))
    }
}

fn hash(url: &str) -> String {
    digest(&SHA256, url.as_bytes()).as_ref().iter().take(HASH_BYTES).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn usual_cache() -> Result<PathBuf> {
    if let Some(chosen) = variable("RUSTBERT_CACHE") {
        return Ok(chosen);
    }
    let users = user_cache().ok_or_else(|| {
        Error::input(
            "cache_dir",
            "no home folder was found; pass `cache_dir` or set the environment variable RUSTBERT_CACHE",
        )
    })?;
    Ok(users.join(".rustbert"))
}

/// Return the system's folder for a user's caches.
fn user_cache() -> Option<PathBuf> {
    let home = || env::home_dir().filter(|home| !home.as_os_str().is_empty());
    if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        Some(home()?.join("Library/Caches"))
    } else {
        // The XDG Base Directory Specification says to ignore a relative path.
        variable("XDG_CACHE_HOME").filter(|path| path.is_absolute()).or_else(|| Some(home()?.join(".cache")))
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str, cache_subdir: &str) -> Result<PathBuf> {
        RemoteResource::new(url, cache_subdir).with_cache_dir("/cache").cached_path()
    }

    #[test]
    fn files_keep_their_name_in_a_folder_per_url() {
        let one = path("https://host/a/rust_model.ot?download=true#part", "electra/model").unwrap();
        let parts: Vec<_> = one.iter().map(|part| part.to_str().unwrap()).collect();
        assert_eq!((&parts[..4], parts.len(), parts[5]), (&["/", "cache", "electra", "model"][..], 6, "rust_model.ot"));
        assert_eq!(parts[4].len(), 2 * HASH_BYTES);
        // The hash must stay SHA-256, so that later versions find the same files.
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223");
        let others = ["https://host/b/rust_model.ot", "https://host/a/rust_model.ot?download=false"];
        for url in others {
            let other = path(url, "electra/model").unwrap();
            assert!(other != one && other.file_name() == one.file_name());
        }
        let root = path("http://host/x", "").unwrap();
        assert_eq!(root.iter().count(), 4);
    }

    #[test]
    fn paths_never_leave_the_cache() {
        let subfolders =
            ["..", "../x", "a/../../b", "/", "/etc", "a/..", "./a", "..\\x", "a\\b", "C:\\x", "C:x", "a\0b"];
        for subfolder in subfolders {
            let error = path("https://host/file", subfolder).unwrap_err().to_string();
            assert!(error.starts_with("cache_subdir: expected a folder in the cache"), "{error}");
        }
        let long = format!("https://host/{}", "x".repeat(LONGEST_NAME + 1));
        let urls = [
            "",
            "file",
            "/etc/passwd",
            "https://",
            "https:///file",
            "https://host",
            "https://host/",
            "https://host/a/..",
            "https://host/a/.",
            "https://host/..?x",
            "https://host/a\\b",
            "https://host/C:x",
            "https://host/a b",
            "ftp://host/file",
            "file:///etc/passwd",
            "https://host/a\nb",
            "https://höst/file",
            long.as_str(),
        ];
        for url in urls {
            let error = path(url, "x").unwrap_err().to_string();
            assert!(error.starts_with("url: expected https:// or http://"), "{url:?}: {error}");
        }
        // Nothing decodes a url, so these names are plain.
        for url in ["https://host/%2e%2e", "https://host/..%2Fx", "https://host/...", "https://host/a/../b"] {
            let path = path(url, "x").unwrap();
            assert!(path.components().all(|part| part != Component::ParentDir) && path.starts_with("/cache/x"));
        }
    }

    #[test]
    fn passwords_are_refused_and_not_shown() {
        for url in ["https://me:secret@host/file", "https://secret@host/file"] {
            let error = path(url, "x").unwrap_err().to_string();
            assert!(error.contains("password") && !error.contains("secret"), "{error}");
        }
        assert!(path("https://host/a@b", "x").is_ok());
    }
}
