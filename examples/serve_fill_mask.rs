//! Serve a fill-mask over HTTP with axum: one frozen model in an `Arc`, shared by all requests without a lock.
//!
//! ```text
//! cargo run --release --example serve_fill_mask
//! curl localhost:8080/fill -H 'content-type: application/json' -d '{"texts": ["Open the [MASK] for reading."]}'
//! cargo run --release --example serve_fill_mask -- --selftest 256     # a load test, without a client
//! ```

#[path = "support/folder.rs"]
mod folder;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use clap::Parser;
use oxbert::pipelines::{FillMask, MaskedToken};
use serde::Deserialize;
use tch::Device;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, spawn_blocking};

#[derive(Parser)]
#[command(about = "Serves a fill-mask over HTTP")]
struct Options {
    /// A folder with config.json, weights and vocab.txt
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-generator"))]
    model: PathBuf,
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1:8080")]
    address: String,
    /// Send this many requests at once to a server on a free port, compare the answers with the model's, and end
    #[arg(long, value_name = "REQUESTS")]
    selftest: Option<usize>,
}

/// The body of a request.
#[derive(Deserialize)]
struct Question {
    texts: Vec<String>,
    #[serde(default = "five")]
    top_k: usize,
}

fn five() -> usize {
    5
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    folder::check(&options.model)?;
    // One request to a core: libtorch should not start threads of its own for each.
    tch::set_num_threads(1);
    let pipeline = Arc::new(FillMask::from_folder(&options.model, Device::Cpu)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // As many models run at once as there are cores. Further requests wait in tokio's queue.
        .max_blocking_threads(available_parallelism()?.get())
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let Some(requests) = options.selftest else {
            let listener = TcpListener::bind(&options.address).await?;
            println!("POST http://{}/fill", listener.local_addr()?);
            return Ok(axum::serve(listener, router(pipeline)).await?);
        };
        selftest(pipeline, requests).await
    })
}

fn router(pipeline: Arc<FillMask>) -> Router {
    Router::new().route("/fill", post(fill)).with_state(pipeline)
}

type Answers = Vec<Vec<MaskedToken>>;

/// Answer a request. The model computes on a thread for blocking work, so that it never holds up other connections.
async fn fill(
    State(pipeline): State<Arc<FillMask>>,
    Json(question): Json<Question>,
) -> Result<Json<Answers>, (StatusCode, String)> {
    let answers = spawn_blocking(move || predict(&pipeline, &question)).await;
    match answers {
        Ok(Ok(answers)) => Ok(Json(answers)),
        Ok(Err(error @ (oxbert::Error::Input { .. } | oxbert::Error::TooLong { .. }))) => {
            Err((StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))
        }
        Ok(Err(error)) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

fn predict(pipeline: &FillMask, question: &Question) -> oxbert::Result<Answers> {
    let texts: Vec<&str> = question.texts.iter().map(String::as_str).collect();
    pipeline.predict(&texts, question.top_k)
}

/// Send many requests at once, check every answer, and print how many were answered in a second.
async fn selftest(pipeline: Arc<FillMask>, requests: usize) -> Result<(), Box<dyn Error>> {
    const VERBS: [&str; 4] = ["Open", "Read", "Close", "Remove"];
    const THINGS: [&str; 4] = ["file", "socket", "list", "value"];
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(axum::serve(listener, router(Arc::clone(&pipeline))).into_future());

    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for number in 0..requests {
        let (verb, thing) = (VERBS[number % 4], THINGS[number / 4 % 4]);
        let text = format!("{verb} the {thing} {number} of the [MASK] and return the [MASK].");
        clients.spawn(async move { (text.clone(), ask(address, &text).await) });
    }
    let answers = clients.join_all().await;
    let seconds = begin.elapsed().as_secs_f64();

    for (text, answer) in answers {
        let (status, body) = answer?;
        let direct = serde_json::to_string(&pipeline.predict(&[&text], five())?)?;
        if !status.ends_with("200 OK") || body != direct {
            return Err(format!("{text}: expected {direct}, got {status} {body}").into());
        }
    }
    let (status, body) = ask(address, "There is no mask.").await?;
    if !status.contains("422") || !body.contains("[MASK]") {
        return Err(format!("expected a refusal that names the mask, got {status} {body}").into());
    }
    server.abort();
    println!("{requests} requests at once, every answer equal to the model's own");
    println!("{:.0} requests a second", requests as f64 / seconds);
    Ok(())
}

/// Send one request over a connection of its own, and return the status line and the body of the answer.
async fn ask(address: std::net::SocketAddr, text: &str) -> Result<(String, String), std::io::Error> {
    let body = serde_json::json!({ "texts": [text] }).to_string();
    let request = format!(
        "POST /fill HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok((head.lines().next().unwrap_or_default().to_string(), body.to_string()))
}
