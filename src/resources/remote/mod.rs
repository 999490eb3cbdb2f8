//! A file on the network, which is downloaded at its first use and then kept.
//!
//! `address` finds the place in the cache, `download` sends requests until the file is complete, `request` sends one of
//! them, and `part` keeps the bytes received so far.

mod address;
mod bar;
mod download;
mod part;
mod request;

use std::path::PathBuf;
use std::time::Duration;

use super::ResourceProvider;
use crate::error::Result;
use bar::Bar;

/// A file on the network. The first call for the path downloads the file; later calls use the file in the cache without
/// a request.
///
/// The cache is the folder in the environment variable `RUSTBERT_CACHE`, otherwise `.rustbert` in the user's cache
/// folder (`$XDG_CACHE_HOME`, or `~/.cache`), as for rust_bert. The path of a file in the cache is `cache_subdir/<hash
/// of the url>/<its name in the url>`. Delete the file to download it again.
///
/// An interrupted download resumes in the next call or the next process, if the server supports that (`ETag` and
/// ranges). The bytes are written to a file beside the final one, which is renamed when it is complete and on the disk.
/// If several processes need a file, one downloads it and the others wait.
///
/// Proxies are read from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`. Servers are trusted by Mozilla's list
/// of authorities, or by the certificates in `SSL_CERT_FILE`. A redirect from https to http is refused.
///
/// ```
/// use oxbert::electra::ElectraVocabResources;
/// use oxbert::resources::RemoteResource;
///
/// let vocabulary = RemoteResource::from_pretrained(ElectraVocabResources::BASE_GENERATOR);
/// assert_eq!(vocabulary.cache_subdir, "electra-base-generator/vocab");
/// // `vocabulary.get_local_path()?` would download it.
/// assert!(vocabulary.cached_path()?.ends_with("vocab.txt"));
/// # Ok::<(), oxbert::Error>(())
/// ```
///
/// Source: `rust_bert::resources::RemoteResource`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteResource {
    /// The address of the file: `https://...` or `http://...`.
    pub url: String,
    /// The folder in the cache, e.g. `electra-base-generator/model`; empty for the cache itself.
    pub cache_subdir: String,
    /// The cache to use instead of the default one.
    pub cache_dir: Option<PathBuf>,
}

impl RemoteResource {
    /// Create a resource from a url and a folder in the cache, without a download.
    pub fn new(url: impl Into<String>, cache_subdir: impl Into<String>) -> Self {
        Self { url: url.into(), cache_subdir: cache_subdir.into(), cache_dir: None }
    }

    /// Create a resource from a pair of the folder in the cache and the url, such as
    /// [`ElectraModelResources::BASE_GENERATOR`](super::ElectraModelResources::BASE_GENERATOR), without a download.
    #[must_use]
    pub fn from_pretrained((name, url): (&str, &str)) -> Self {
        Self::new(url, name)
    }

    /// Return the same resource in another cache.
    #[must_use]
    pub fn with_cache_dir(mut self, cache_dir: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(cache_dir.into());
        self
    }

    /// Return the path that the file has after its download.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the url is not valid or does not end in a file name, if `cache_subdir`
    /// leads out of the cache, or if no folder for a cache is found.
    pub fn cached_path(&self) -> Result<PathBuf> {
        address::cached_path(self)
    }

    /// Return the path as [`ResourceProvider::get_local_path`] does, with these options and a function that reports the
    /// progress.
    ///
    /// `progress` gets the number of bytes received and the length of the file, if the server has sent it. The function
    /// is called about ten times a second, even if no bytes arrive. If `progress` returns an error, the download stops
    /// with that error, and the bytes received are kept for the next call.
    ///
    /// # Errors
    /// The errors of [`RemoteResource::cached_path`] and of `progress`; [`Error::Download`](crate::Error::Download) if
    /// the server or the network fails; [`Error::Io`](crate::Error::Io) if the file cannot be written.
    pub fn get_local_path_with(
        &self,
        options: &DownloadOptions,
        progress: &dyn Fn(u64, Option<u64>) -> Result<()>,
    ) -> Result<PathBuf> {
        let path = self.cached_path()?;
        if !path.is_file() {
            let bar = Bar::new(&path, options.progress_bar);
            let progress = |done, total| {
                bar.show(done, total);
                progress(done, total)
            };
            download::download(&self.url, &path, options, &progress)?;
        }
        Ok(path)
    }
}

impl ResourceProvider for RemoteResource {
    fn get_local_path(&self) -> Result<PathBuf> {
        self.get_local_path_with(&DownloadOptions::default(), &|_, _| Ok(()))
    }
}

/// The timeouts and attempts of a download, and whether to show a progress bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadOptions {
    /// The most time to resolve a host, and then to connect to it. 10 seconds each by default.
    pub connect_timeout: Duration,
    /// The most time without a byte from the server. 30 seconds by default.
    pub stall_timeout: Duration,
    /// The number of requests in a row that may fail without a further byte of the file, if a later one may succeed:
    /// the connection breaks or stalls, or the server is busy (status 408, 429) or fails (5xx). 3 by default.
    pub tries: u32,
    /// The pause before the second attempt; each further pause is twice as long. A pause that the server asks for
    /// (`Retry-After`) is used instead, up to a minute. Half a second by default.
    pub backoff: Duration,
    /// Whether to show a bar on standard error, if standard error is a terminal and the file is larger than 10 MB. True
    /// by default.
    pub progress_bar: bool,
}

impl Default for DownloadOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            tries: 3,
            backoff: Duration::from_millis(500),
            progress_bar: true,
        }
    }
}
