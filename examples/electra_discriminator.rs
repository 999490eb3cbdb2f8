//! Detect replaced tokens in texts with the pipeline: it takes a model folder and texts, and returns probabilities.
//!
//! ```text
//! cargo run --release --example electra_discriminator
//! cargo run --release --example electra_discriminator -- --model FOLDER "The compiler eats the source file."
//! ```

#[path = "support/folder.rs"]
mod folder;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use oxbert::pipelines::ReplacedTokenDetection;
use tch::Device;

#[derive(Parser)]
#[command(about = "Marks the tokens that an ELECTRA discriminator detects as replaced")]
struct Arguments {
    /// A folder with config.json, weights and vocab.txt
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-discriminator"))]
    model: PathBuf,
    /// The smallest probability at which a token is marked
    #[arg(long, default_value_t = 0.5)]
    threshold: f64,
    /// Texts to search
    #[arg(default_values = [
        "The function returns the number of bytes written to the file.",
        "The function returns the number of bananas written to the file.",
    ])]
    texts: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    folder::check(&arguments.model)?;
    let pipeline = ReplacedTokenDetection::from_folder(&arguments.model, Device::Cpu)?;
    let texts: Vec<&str> = arguments.texts.iter().map(String::as_str).collect();
    for (text, tokens) in texts.iter().zip(pipeline.predict(&texts)?) {
        println!("{text}");
        for token in tokens {
            let mark = if token.probability >= arguments.threshold { "  <- replaced?" } else { "" };
            println!("    {:5.1}%  {}{mark}", 100.0 * token.probability, token.token);
        }
        println!();
    }
    Ok(())
}
