//! Turn sentences into vectors, the mean of the hidden states over the tokens of each, and print the cosine similarity of
//! each pair of sentences.
//!
//! ```text
//! cargo run --release --example feature_extraction
//! cargo run --release --example feature_extraction -- --model FOLDER "Open a file." "Read a file." "Draw a line."
//! ```

#[path = "support/folder.rs"]
mod folder;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use oxbert::pipelines::{FeatureExtraction, TokenPooling};
use oxbert::text::Truncation;
use tch::{Device, Kind};

#[derive(Parser)]
#[command(about = "Prints how similar sentences are by the vectors of an encoder")]
struct Arguments {
    /// A folder with config.json, weights and vocab.txt
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-discriminator"))]
    model: PathBuf,
    /// Sentences to compare
    #[arg(default_values = [
        "Raise an error if the file does not exist.",
        "An exception is raised when the file cannot be found.",
        "Return the eigenvalues of a square matrix.",
        "Compute the eigenvectors of a symmetric matrix.",
        "Sort the items of the list in place.",
        "The elements of the list are sorted.",
    ])]
    texts: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    folder::check(&arguments.model)?;
    let features = FeatureExtraction::from_folder(&arguments.model, Device::Cpu)?;
    let texts: Vec<&str> = arguments.texts.iter().map(String::as_str).collect();
    // [B, H]
    let vectors = features.vectors(&texts, TokenPooling::Mean, false, Truncation::LongestFirst)?;
    // The part that all sentences share distinguishes none.
    let vectors = &vectors - vectors.mean_dim(0, true, Kind::Float);
    let vectors = &vectors / vectors.norm_scalaropt_dim(2, [1], true);
    let cosines = vectors.matmul(&vectors.transpose(0, 1));
    for (row, text) in texts.iter().enumerate() {
        let cosines = Vec::<f32>::try_from(cosines.get(row as i64))?;
        let cosines: Vec<String> = cosines.iter().map(|cosine| format!("{cosine:6.2}")).collect();
        println!("{}  {text}", cosines.join("  "));
    }
    Ok(())
}
