//! A file on the network: fetched when it is first asked for, then kept.
//!
//! `address` says where a file is kept, `download` brings it there with as many tries as it takes, `request` is one
//! try, `part` what has arrived of a file so far.

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

/// A file on the network, which is downloaded when its path is first asked for. From then on the file in the cache is
/// used, without a request.
///
/// The cache is the folder in the environment variable `RUSTBERT_CACHE`, or else `.rustbert` in the user's cache folder
/// (`$XDG_CACHE_HOME`, or `~/.cache`), as rust_bert's is. In there a file has the path `cache_subdir/<hash of the
/// url>/<its name in the url>`. To fetch it anew, delete it.
///
/// A download that is interrupted goes on where it stopped, in the next call or the next process, if the server can do
/// so (`ETag` and ranges). Its bytes stand in a file beside the final one, which gets its name when it is complete and
/// on the disk. Of several processes that want a file one downloads it and the others wait.
///
/// Proxies are found in `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`. Servers are trusted by Mozilla's list
/// of authorities, or by the file in `SSL_CERT_FILE`. A redirect from https to http is refused.
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
    /// Another cache than the usual one.
    pub cache_dir: Option<PathBuf>,
}

impl RemoteResource {
    /// Return a file and its folder in the cache. Nothing is downloaded yet.
    pub fn new(url: impl Into<String>, cache_subdir: impl Into<String>) -> Self {
        Self { url: url.into(), cache_subdir: cache_subdir.into(), cache_dir: None }
    }

    /// One of the files that rust_bert names, such as
    /// [`ElectraModelResources::BASE_GENERATOR`](super::ElectraModelResources::BASE_GENERATOR): the folder in the
    /// cache, and the url. Nothing is downloaded yet.
    #[must_use]
    pub fn from_pretrained((name, url): (&str, &str)) -> Self {
        Self::new(url, name)
    }

    /// With a cache of its own.
    #[must_use]
    pub fn with_cache_dir(mut self, cache_dir: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(cache_dir.into());
        self
    }

    /// Return the path of the file after its download.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the url is not valid or names no file, if `cache_subdir` leads out of
    /// the cache, or if there is no cache.
    pub fn cached_path(&self) -> Result<PathBuf> {
        address::cached_path(self)
    }

    /// Return the path as [`ResourceProvider::get_local_path`] does, with these options and a function that is told the
    /// progress.
    ///
    /// `progress` gets the bytes that are there and, once the server has said it, how many there will be. It is called
    /// about ten times a second, also while nothing arrives. Its error ends the download, and is what this function
    /// returns; what has arrived stays for the next time.
    ///
    /// # Errors
    /// Those of [`RemoteResource::cached_path`]; [`Error::Download`](crate::Error::Download) if server or network fail;
    /// [`Error::Io`](crate::Error::Io) if the file cannot be written; those of `progress`.
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

/// How patient a download is, and whether it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadOptions {
    /// How long finding a host, and then connecting to it, may each take. 10 seconds.
    pub connect_timeout: Duration,
    /// How long nothing may arrive. 30 seconds.
    pub stall_timeout: Duration,
    /// How often in a row a request may fail, without a further byte of the file, in ways that may pass: a connection
    /// that breaks or stalls, a server that is busy (status 408, 429) or broken (5xx). 3.
    pub tries: u32,
    /// The pause before the second try; each further one is twice as long. A server that says how long (`Retry-After`)
    /// is heard, up to a minute. Half a second.
    pub backoff: Duration,
    /// Whether to show a bar on standard error, if that is a terminal and the file is larger than 10 MB. True.
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
