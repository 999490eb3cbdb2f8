//! Repeat requests until a file is complete.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::DownloadOptions;
use super::part::Part;
use super::request::{Answer, ContentRange, Failure, Message, Request, TICK};
use crate::error::{Error, Result};

/// Download a file to `target`, unless another process completes it first.
pub(super) fn download(
    url: &str,
    target: &Path,
    options: &DownloadOptions,
    progress: &dyn Fn(u64, Option<u64>) -> Result<()>,
) -> Result<()> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
    }
    let Some(part) = Part::claim(target, &|| progress(0, None))? else { return Ok(()) };
    let mut download = Download { url, options, progress, part, reported: Cell::new(Instant::now()) };
    download.run()?;
    download.part.finish(target)
}

struct Download<'a> {
    url: &'a str,
    options: &'a DownloadOptions,
    progress: &'a dyn Fn(u64, Option<u64>) -> Result<()>,
    part: Part,
    reported: Cell<Instant>,
}

impl Download<'_> {
    fn run(&mut self) -> Result<()> {
        let (mut failures, mut furthest) = (0, self.part.length());
        // An earlier download may have received all bytes and failed before the rename.
        while !self.part.is_complete() {
            let failure = match self.attempt() {
                Ok(()) => break,
                Err(failure) => failure,
            };
            // If keeping the part fails too, the failure of the request is reported first.
            let kept = self.part.keep();
            let (reason, wait) = match failure {
                Failure::Passing(reason, wait) => (reason, wait),
                Failure::Lasting(reason) => return Err(self.error(reason)),
                Failure::Other(error) => return Err(error),
            };
            kept?;
            if self.part.length() > furthest {
                (failures, furthest) = (0, self.part.length());
            }
            failures += 1;
            if failures >= self.options.tries {
                return Err(self.error(format!("{reason} (attempt {failures} of {})", self.options.tries.max(1))));
            }
            let doubled = 2_u32.saturating_pow(failures - 1);
            self.pause(wait.unwrap_or_else(|| self.options.backoff.saturating_mul(doubled)))?;
        }
        self.report()
    }

    fn attempt(&mut self) -> Result<(), Failure> {
        let rest = self.part.rest();
        let request = Request::start(self.url, rest.clone(), self.options)?;
        loop {
            match request.next(&|| self.report())? {
                Message::Answer(answer) => self.accept(answer, rest.as_ref())?,
                Message::Bytes(bytes) => self.append(&bytes)?,
                Message::End => break,
            }
            if self.reported.get().elapsed() >= TICK {
                self.report()?;
            }
        }
        let got = self.part.length();
        match self.part.total() {
            Some(total) if got < total => {
                Err(Failure::Passing(format!("the answer ends after {got} of {total} bytes"), None))
            }
            _ => Ok(()),
        }
    }

    /// Prepare for the content of an answer. The error is the reason why the content cannot be used.
    fn accept(&mut self, answer: Answer, rest: Option<&(u64, String)>) -> Result<(), Failure> {
        let status = answer.status;
        match status {
            200 | 206 => {}
            416 if rest.is_some() => {
                self.part.discard()?;
                let reason = "the file on the server is shorter than the part already received (status 416)";
                return Err(Failure::Passing(reason.into(), None));
            }
            408 | 429 | 500..=599 => {
                let reason = format!("the server answers with status {status}, expected 200");
                return Err(Failure::Passing(reason, answer.retry_after));
            }
            401 | 403 => {
                let reason = "the file is private, its terms are not accepted, or it does not exist";
                return Err(Failure::Lasting(format!("the server refuses with status {status}: {reason}")));
            }
            404 | 410 => return Err(Failure::Lasting(format!("the server has no such file (status {status})"))),
            _ => return Err(Failure::Lasting(format!("the server answers with status {status}, expected 200"))),
        }
        if let Some(encoding) = answer.encoding {
            let reason = format!("the server compresses the file ({encoding}), expected the file itself");
            return Err(Failure::Lasting(reason));
        }
        if !answer.has_end {
            let reason = "the server does not say how long the file is, so a truncated file could not be detected";
            return Err(Failure::Lasting(reason.into()));
        }
        match (status, rest) {
            (200, _) => Ok(self.part.begin(answer.etag, answer.length)?),
            (_, Some((start, etag))) => self.continues(&answer, *start, etag),
            (_, None) => Err(Failure::Lasting("the server sends a part of the file, expected the whole file".into())),
        }
    }

    /// Check that an answer continues the part; otherwise discard the part, since its bytes may be of another version.
    fn continues(&mut self, answer: &Answer, start: u64, etag: &str) -> Result<(), Failure> {
        let wrong = match answer.range {
            _ if answer.etag.as_deref().is_some_and(|now| now != etag) => {
                "the file has changed on the server".to_string()
            }
            None => "the server sends a part of the file, but not the place of the part (Content-Range)".to_string(),
            Some(ContentRange { first, .. }) if first != start => {
                format!("the server sends the bytes from {first} on, expected from {start} on")
            }
            Some(ContentRange { first, last, .. })
                if answer.length.is_some_and(|length| length != last - first + 1) =>
            {
                let length = answer.length.unwrap_or_default();
                format!("the server announces {length} bytes, expected as many as from byte {first} to {last}")
            }
            Some(ContentRange { total: Some(total), .. })
                if self.part.total().is_some_and(|before| before != total) =>
            {
                let before = self.part.total().unwrap_or_default();
                format!("the server announces a file of {total} bytes, expected {before} bytes as before")
            }
            Some(range) => {
                self.part.expect(range.total);
                return Ok(());
            }
        };
        self.part.discard()?;
        Err(Failure::Passing(wrong, None))
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let length = self.part.length() + bytes.len() as u64;
        match self.part.total() {
            Some(total) if length > total => {
                self.part.discard()?;
                Err(Failure::Lasting(format!("got {length} bytes, expected {total}, the length of the file")))
            }
            _ => Ok(self.part.append(bytes)?),
        }
    }

    fn report(&self) -> Result<()> {
        self.reported.set(Instant::now());
        (self.progress)(self.part.length(), self.part.total())
    }

    fn pause(&self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()) {
            self.report()?;
            std::thread::sleep(left.min(TICK));
        }
        Ok(())
    }

    fn error(&self, reason: String) -> Error {
        Error::Download { url: self.url.to_string(), reason }
    }
}
