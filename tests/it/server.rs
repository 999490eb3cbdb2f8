//! A server that answers by the script of a test, including faults.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The pieces that answer one request, each sent after a pause; then the connection is closed.
#[derive(Clone, Default)]
pub struct Script {
    pieces: Vec<(Duration, Vec<u8>)>,
    /// Gets a message when the client closes the connection, which stays open until then.
    closed: Option<Sender<()>>,
}

/// Return the head of an answer without its length.
pub fn head(status: &str, headers: &str) -> Script {
    let text =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n\r\n").replace("\r\n\r\n\r\n", "\r\n\r\n");
    Script::silent().then(text.as_bytes())
}

/// Return a whole answer. `headers` are lines that end in CR LF.
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Script {
    head(status, &format!("{headers}Content-Length: {}\r\n", body.len())).then(body)
}

/// Return the answer to a request for the bytes of a file from `first` on.
pub fn rest(etag: &str, file: &[u8], first: usize) -> Script {
    let range = format!("Content-Range: bytes {first}-{}/{}\r\n", file.len() - 1, file.len());
    answer("206 Partial Content", &format!("ETag: {etag}\r\n{range}"), &file[first..])
}

impl Script {
    /// Return a script that sends nothing.
    pub fn silent() -> Self {
        Self::default()
    }

    pub fn then(self, bytes: &[u8]) -> Self {
        self.later(0, bytes)
    }

    pub fn later(mut self, milliseconds: u64, bytes: &[u8]) -> Self {
        self.pieces.push((Duration::from_millis(milliseconds), bytes.to_vec()));
        self
    }

    pub fn until_closed(mut self, closed: Sender<()>) -> Self {
        self.closed = Some(closed);
        self
    }

    fn play(self, stream: &mut TcpStream) -> std::io::Result<()> {
        for (pause, bytes) in self.pieces {
            thread::sleep(pause);
            stream.write_all(&bytes)?;
        }
        if let Some(closed) = self.closed {
            // Clients send nothing more, so the end of the stream or an error means that the client has closed.
            let _ = stream.read(&mut [0]);
            let _ = closed.send(());
        }
        Ok(())
    }
}

/// Answers one request after another by its script, as many as there are scripts.
pub struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn new(scripts: Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&requests);
        thread::spawn(move || {
            for script in scripts {
                let (mut stream, _) = listener.accept().unwrap();
                received.lock().unwrap().push(request(&mut stream));
                // The client may have closed the connection, which is allowed.
                let _ = script.play(&mut stream);
            }
        });
        Self { port, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Return the heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn request(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// Return a header of a request.
pub fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}
