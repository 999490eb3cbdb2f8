//! Label every token (named entities, parts of speech): from a folder to a model to logits.
//!
//! The bundled model has no trained classifier, so its labels are random: the example prints a note about it and shows how
//! the pieces fit. Pass `--model` a folder with a fine-tuned classifier for real labels.
//!
//! ```text
//! cargo run --release --example electra_token_classification
//! cargo run --release --example electra_token_classification -- --model FOLDER "Ada Lovelace lived in London."
//! ```

#[path = "support/folder.rs"]
mod folder;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use oxbert::Pretrained;
use oxbert::electra::ElectraForTokenClassification;
use oxbert::text::{Batch, ElectraTokenizer, EncodeOptions};
use oxbert::weights::Strictness;
use tch::Device;

#[derive(Parser)]
#[command(about = "Labels every token with an ELECTRA token classifier")]
struct Arguments {
    /// A folder with config.json, weights and vocab.txt
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-discriminator"))]
    model: PathBuf,
    /// Texts to label
    #[arg(default_values = ["Ada Lovelace wrote the first program.", "Install the package in London."])]
    texts: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    folder::check(&arguments.model)?;
    // A missing head is initialised at random and listed, because fine-tuning starts so.
    let pretrained: Pretrained<ElectraForTokenClassification> =
        Pretrained::from_folder(&arguments.model, Device::Cpu, Strictness::Backbone)?;
    if !pretrained.untrained().is_empty() {
        println!("This model has no trained classifier: {} are random,", pretrained.untrained().join(" and "));
        println!("and so are the labels below. Pass --model a fine-tuned model.\n");
    }
    let tokenizer = ElectraTokenizer::from_pretrained(&arguments.model)?;

    let _no_grad = tch::no_grad_guard();
    let texts: Vec<_> = arguments.texts.iter().map(|text| (text.as_str(), None)).collect();
    let encodings = tokenizer.encode_batch(&texts, &EncodeOptions::default())?;
    let batch: Batch = encodings.iter().collect();
    // [B, S, L]
    let logits = pretrained.predict(&batch)?.logits;
    let labels = logits.argmax(-1, false);
    for (row, (text, encoding)) in arguments.texts.iter().zip(&encodings).enumerate() {
        println!("{text}");
        let tokens = encoding.tokens().into_iter().zip(encoding.special_tokens_mask()).enumerate();
        for (column, (token, _)) in tokens.filter(|(_, (_, is_special))| !is_special) {
            let label = labels.int64_value(&[row as i64, column as i64]) as usize;
            let scores = Vec::<f32>::try_from(logits.get(row as i64).get(column as i64))?;
            println!("    {token:15} {:10} {scores:+.2?}", pretrained.config.labels.names()[label]);
        }
        println!();
    }
    Ok(())
}
