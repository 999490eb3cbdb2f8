//! One request on its own thread, so that the caller can report progress or stop while the request waits.

use std::io::{ErrorKind, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy, Timeout};

use super::DownloadOptions;
use crate::error::{Error, Result};

/// The time between two calls of `waiting`.
pub(super) const TICK: Duration = Duration::from_millis(100);

const BUFFER_BYTES: usize = 64 << 10;

/// The most buffers between the network and the disk.
const BUFFERS: usize = 16;

/// The longest wait that a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The messages of a request, in this order; `Bytes` any number of times.
pub(super) enum Message {
    Answer(Answer),
    Bytes(Vec<u8>),
    End,
}

/// A server's answer before the content.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The `ETag`, if it is a strong one.
    pub(super) etag: Option<String>,
    /// The number of bytes in this answer.
    pub(super) length: Option<u64>,
    /// Whether the end of the content can be distinguished from a broken connection.
    pub(super) has_end: bool,
    pub(super) range: Option<ContentRange>,
    /// The compression of the content, which the request forbids.
    pub(super) encoding: Option<String>,
    pub(super) retry_after: Option<Duration>,
}

/// The place of an answer in the file: the first and the last byte and the length of the file, as in `bytes 5-9/10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) total: Option<u64>,
}

/// Why a request did not complete the file.
#[derive(Debug)]
pub(super) enum Failure {
    /// The reason, if a further attempt may succeed, and the pause that the server asked for.
    Passing(String, Option<Duration>),
    /// The reason, if no further attempt can succeed.
    Lasting(String),
    /// An error that is not of the network.
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// A running request. Dropping it ends the request.
pub(super) struct Request {
    agent: Agent,
    messages: Receiver<Result<Message, ureq::Error>>,
    options: DownloadOptions,
}

impl Request {
    /// Request a file, or the bytes from `start` on if the version of the file is still `etag`.
    pub(super) fn start(url: &str, rest: Option<(u64, String)>, options: &DownloadOptions) -> Result<Self> {
        let agent = agent(url, options)?;
        let (sender, messages) = sync_channel(BUFFERS);
        let (theirs, url) = (agent.clone(), url.to_string());
        let work = move || {
            if let Err(error) = run(&theirs, &url, rest, &sender) {
                // The receiver may have been dropped.
                let _ = sender.send(Err(error));
            }
        };
        let spawned = thread::Builder::new().name("oxbert-download".into()).spawn(work);
        spawned.map_err(Error::io("start a thread for", "a download"))?;
        Ok(Self { agent, messages, options: options.clone() })
    }

    /// Return the next message. Until it arrives, call `waiting` every [`TICK`]; its error ends the wait.
    pub(super) fn next(&self, waiting: &dyn Fn() -> Result<()>) -> Result<Message, Failure> {
        loop {
            match self.messages.recv_timeout(TICK) {
                Ok(Ok(message)) => return Ok(message),
                Ok(Err(error)) => return Err(self.failure(error)),
                Err(RecvTimeoutError::Timeout) => waiting()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::Lasting("the request ended without an answer".into()));
                }
            }
        }
    }

    fn failure(&self, error: ureq::Error) -> Failure {
        let seconds = |time: Duration| time.as_secs_f64();
        match error {
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                Failure::Passing(format!("no connection after {} s", seconds(self.options.connect_timeout)), None)
            }
            ureq::Error::Timeout(_) => {
                Failure::Passing(format!("nothing arrived for {} s", seconds(self.options.stall_timeout)), None)
            }
            ureq::Error::HostNotFound => Failure::Lasting("the host is unknown, or there is no network".into()),
            // The message of this error repeats the url, which may contain a signature.
            ureq::Error::RequireHttpsOnly(_) => Failure::Lasting("the server redirects from https to http".into()),
            ureq::Error::Io(error) => match error.kind() {
                // ureq reports an untrusted certificate as invalid data.
                ErrorKind::ConnectionRefused | ErrorKind::InvalidData | ErrorKind::InvalidInput => {
                    Failure::Lasting(error.to_string())
                }
                _ => Failure::Passing(format!("the connection broke: {error}"), None),
            },
            ureq::Error::ConnectionFailed => Failure::Passing("the connection failed".into(), None),
            error => Failure::Lasting(error.to_string()),
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // A thread that is reading ends at once; one that resolves the host or connects ends after a timeout.
        self.agent.clone().shutdown();
    }
}

fn run(
    agent: &Agent,
    url: &str,
    rest: Option<(u64, String)>,
    messages: &SyncSender<Result<Message, ureq::Error>>,
) -> Result<(), ureq::Error> {
    // A range of compressed content would not be a range of the file.
    let mut request = agent.get(url).header(header::ACCEPT_ENCODING, "identity");
    if let Some((start, etag)) = rest {
        request = request.header(header::RANGE, format!("bytes={start}-")).header(header::IF_RANGE, etag);
    }
    let (parts, body) = request.call()?.into_parts();
    let mut wanted = messages.send(Ok(Message::Answer(answer(parts.status.as_u16(), &parts.headers)))).is_ok();
    let mut reader = body.into_reader();
    while wanted {
        let mut buffer = vec![0; BUFFER_BYTES];
        let read = reader.read(&mut buffer)?;
        buffer.truncate(read);
        let message = if read == 0 { Message::End } else { Message::Bytes(buffer) };
        wanted = messages.send(Ok(message)).is_ok() && read > 0;
    }
    Ok(())
}

fn answer(status: u16, headers: &HeaderMap) -> Answer {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let chunked = headers.contains_key(header::TRANSFER_ENCODING);
    let length = text(header::CONTENT_LENGTH).filter(|_| !chunked).and_then(|value| value.parse().ok());
    Answer {
        status,
        etag: text(header::ETAG).filter(|etag| etag.starts_with('"')).map(str::to_string),
        length,
        has_end: chunked || length.is_some(),
        range: text(header::CONTENT_RANGE).and_then(content_range),
        encoding: text(header::CONTENT_ENCODING).filter(|&encoding| encoding != "identity").map(str::to_string),
        retry_after: text(header::RETRY_AFTER)
            .and_then(|value| value.parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT)),
    }
}

fn content_range(text: &str) -> Option<ContentRange> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    let range = ContentRange { first: first.parse().ok()?, last: last.parse().ok()?, total };
    let possible = range.first <= range.last && total.is_none_or(|total| range.last < total);
    possible.then_some(range)
}

fn agent(url: &str, options: &DownloadOptions) -> Result<Agent> {
    let uri: Uri = url.parse().map_err(|_| Error::input("url", format!("expected a url, got {url:?}")))?;
    let stalled = Some(options.stall_timeout);
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .https_only(uri.scheme_str() == Some("https"))
        .proxy(if is_this_machine(&uri) { None } else { Proxy::try_from_env() })
        .tls_config(TlsConfig::builder().root_certs(authorities()?).build())
        .user_agent(concat!("oxbert/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_per_read(stalled)
        .timeout_per_write(stalled);
    Ok(config.build().new_agent())
}

/// Return whether a url names this machine, which a proxy cannot reach.
fn is_this_machine(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// Return the trusted certificates: those in `SSL_CERT_FILE`, which OpenSSL reads too, otherwise Mozilla's list.
fn authorities() -> Result<RootCerts> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) else {
        return Ok(RootCerts::WebPki);
    };
    let text = std::fs::read(&path).map_err(Error::io("read the certificates in", &path))?;
    Ok(parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(headers: &[(HeaderName, &str)]) -> Answer {
        answer(200, &headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
    }

    #[test]
    fn headers_are_parsed() {
        let range = |first, last, total| Some(ContentRange { first, last, total });
        let ranges = [
            ("bytes 5-9/10", range(5, 9, Some(10))),
            ("bytes 0-0/*", range(0, 0, None)),
            ("bytes 5-10/10", None),
            ("bytes 9-5/10", None),
            ("bytes -5/10", None),
            ("bytes */10", None),
            ("items 5-9/10", None),
            ("bytes 5-99999999999999999999/*", None),
        ];
        for (text, expected) in ranges {
            assert_eq!(heard(&[(header::CONTENT_RANGE, text)]).range, expected, "{text}");
        }
        let etag = |text| heard(&[(header::ETAG, text)]).etag;
        assert_eq!((etag("\"a\""), etag("W/\"a\"")), (Some("\"a\"".to_string()), None));
        let wait = |text| heard(&[(header::RETRY_AFTER, text)]).retry_after;
        let waits = [wait("7"), wait("86400"), wait("Wed, 21 Oct 2015 07:28:00 GMT")];
        assert_eq!(waits, [Some(Duration::from_secs(7)), Some(LONGEST_WAIT), None]);
        // Chunks take precedence over a length.
        let both = heard(&[(header::CONTENT_LENGTH, "5"), (header::TRANSFER_ENCODING, "chunked")]);
        assert_eq!((both.length, both.has_end), (None, true));
        assert!(!heard(&[]).has_end);
    }

    #[test]
    fn https_forbids_http_and_localhost_uses_no_proxy() {
        let agent = |url: &str| agent(url, &DownloadOptions::default()).unwrap();
        assert!(agent("https://host/file").config().https_only());
        assert!(!agent("http://host/file").config().https_only());
        for host in ["localhost", "127.0.0.1:80", "127.9.9.9", "[::1]:8080"] {
            let url = format!("http://{host}/file");
            assert!(is_this_machine(&url.parse().unwrap()) && agent(&url).config().proxy().is_none(), "{host}");
        }
        for host in ["localhost.example.org", "128.0.0.1", "[::2]"] {
            assert!(!is_this_machine(&format!("http://{host}/file").parse().unwrap()), "{host}");
        }
    }
}
