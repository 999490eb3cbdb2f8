//! Fine-tune a loaded discriminator: its encoder, under a new head, learns to tell two topics apart. The optimizer is tch's.
//!
//! ```text
//! cargo run --release --example electra_sequence_classification
//! cargo run --release --example electra_sequence_classification -- --model FOLDER --output FOLDER
//! ```

#[path = "support/folder.rs"]
mod folder;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use oxbert::Pretrained;
use oxbert::config::Labels;
use oxbert::electra::ElectraForSequenceClassification;
use oxbert::inputs::Arguments;
use oxbert::text::{Batch, ElectraTokenizer};
use oxbert::weights::{Strictness, WeightFormat};
use tch::Device;
use tch::nn::{Adam, OptimizerConfig};

/// Texts to learn from: about files, about the network.
const SEEN: [[&str; 12]; 2] = [
    [
        "Open the file for reading.",
        "The directory contains two files.",
        "Write the buffer to disk.",
        "Return the path of the temporary directory.",
        "Rename the file if it exists.",
        "The name of the file ends with a suffix.",
        "Close the file when all lines are read.",
        "Remove the folder and the files in it.",
        "Read a line of the text file.",
        "Create the directory if it is missing.",
        "The disk is full and nothing is written.",
        "Copy the file to another path.",
    ],
    [
        "Connect the socket to the server.",
        "The client sends a request.",
        "Wait for a response from the host.",
        "Return the address of the remote host.",
        "Close the connection after a timeout.",
        "The server listens on a port.",
        "Send the message to the client.",
        "The url has a host and a port.",
        "Receive the header of the response.",
        "Open a connection to the address.",
        "The proxy refuses the request.",
        "The socket is not connected.",
    ],
];
/// Texts on which the accuracy is measured.
const UNSEEN: [[&str; 6]; 2] = [
    [
        "Return the size of the file.",
        "List the names in a directory.",
        "The path does not exist.",
        "Delete the temporary files.",
        "Append a line to the file on disk.",
        "The folder is read only.",
    ],
    [
        "The request has a timeout.",
        "Bind the socket to a port.",
        "The host does not respond.",
        "The client closes the connection.",
        "Return the url of the server.",
        "The response has no header.",
    ],
];

#[derive(Parser)]
#[command(about = "Trains a text classifier on the encoder of an ELECTRA discriminator")]
struct Options {
    /// A folder with config.json, weights and vocab.txt
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-discriminator"))]
    model: PathBuf,
    /// How many times to see every text
    #[arg(long, default_value_t = 8)]
    epochs: usize,
    /// The learning rate
    #[arg(long, default_value_t = 1e-3)]
    learning_rate: f64,
    /// A folder for the trained classifier
    #[arg(long)]
    output: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    folder::check(&options.model)?;
    tch::manual_seed(1);
    let tokenizer = ElectraTokenizer::from_pretrained(&options.model)?;
    // The encoder is the discriminator's; `Strictness::Backbone` lets the classifier's head keep its random values.
    let mut classifier: Pretrained<ElectraForSequenceClassification> =
        Pretrained::from_folder(&options.model, Device::Cpu, Strictness::Backbone)?;
    match classifier.untrained() {
        [] => println!("Every parameter is loaded."),
        names => println!("Newly initialised: {}.", names.join(", ")),
    }
    classifier.config.labels = Labels::new(vec!["files".into(), "network".into()])?;

    let (texts, labels) = alternating(SEEN);
    let mut optimizer = Adam::default().build(classifier.var_store(), options.learning_rate)?;
    println!("epoch 0: {:3.0} % of the unseen texts are right", accuracy(&classifier, &tokenizer)?);
    for epoch in 1..=options.epochs {
        let mut losses = 0.0;
        for (texts, labels) in texts.chunks(8).zip(labels.chunks(8)) {
            let arguments = Arguments::from(Batch::from_texts(&tokenizer, texts)?).with_labels(labels);
            let loss = classifier.model.forward_with(arguments, true)?.loss.ok_or("labels give a loss")?;
            optimizer.backward_step_clip_norm(&loss, 1.0);
            losses += loss.double_value(&[]) * texts.len() as f64;
        }
        let (loss, accuracy) = (losses / texts.len() as f64, accuracy(&classifier, &tokenizer)?);
        println!("epoch {epoch}: {accuracy:3.0} % of the unseen texts are right, loss {loss:.3}");
    }
    // The store of tch does not say that the head was trained.
    classifier.mark_trained();
    if let Some(folder) = options.output {
        classifier.save(&folder, WeightFormat::Safetensors)?;
        tokenizer.save_pretrained(folder)?;
    }
    Ok(())
}

/// Return the texts of both labels in turn, and their labels.
fn alternating<const N: usize>(texts: [[&str; N]; 2]) -> (Vec<&str>, Vec<i64>) {
    let [files, network] = texts;
    files.into_iter().zip(network).flat_map(|(file, network)| [(file, 0), (network, 1)]).unzip()
}

/// Return the percentage of unseen texts that get the right label.
fn accuracy(
    classifier: &Pretrained<ElectraForSequenceClassification>,
    tokenizer: &ElectraTokenizer,
) -> Result<f64, Box<dyn Error>> {
    let (texts, labels) = alternating(UNSEEN);
    // [B, L] -> [B]
    let answers = classifier.predict(&Batch::from_texts(tokenizer, &texts)?)?.logits.argmax(-1, false);
    let right = Vec::<i64>::try_from(answers)?.iter().zip(&labels).filter(|(answer, label)| answer == label).count();
    Ok(100.0 * right as f64 / labels.len() as f64)
}
