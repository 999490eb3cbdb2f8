//! Predict the word at each `[MASK]` in rust_bert's way: a variable store, a model, weights, a tokenizer, a forward pass.
//!
//! ```text
//! cargo run --release --example electra_masked_lm
//! cargo run --release --example electra_masked_lm -- --model FOLDER "The [MASK] is empty."
//! ```

#[path = "support/folder.rs"]
mod folder;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use oxbert::Config;
use oxbert::electra::{ElectraConfig, ElectraForMaskedLM};
use oxbert::resources::ModelFolder;
use oxbert::text::{ElectraTokenizer, EncodeOptions};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

#[derive(Parser)]
#[command(about = "Fills [MASK] with an ELECTRA generator")]
struct Arguments {
    /// A folder with config.json, weights and vocab.txt
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-generator"))]
    model: PathBuf,
    /// How many candidates to print for each mask
    #[arg(long, default_value_t = 5)]
    top: i64,
    /// Texts with at least one [MASK] each
    #[arg(default_values = [
        "The function returns a [MASK] value.",
        "This file [MASK] the following options.",
    ])]
    texts: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    folder::check(&arguments.model)?;
    let folder = ModelFolder::open(&arguments.model)?;
    let config = ElectraConfig::from_file(folder.config()?)?;
    let variables = VarStore::new(Device::Cpu);
    let model = ElectraForMaskedLM::new(variables.root(), &config)?;
    oxbert::load::<ElectraForMaskedLM>(&variables, folder.weights()?)?;
    let tokenizer = ElectraTokenizer::from_pretrained(&arguments.model)?;

    let _no_grad = tch::no_grad_guard();
    for text in &arguments.texts {
        let encoding = tokenizer.encode(text, None, &EncodeOptions::default())?;
        let ids = Tensor::from_slice(encoding.ids()).unsqueeze(0);
        let output = model.forward_t(Some(&ids), None, None, None, None, false)?;
        // [1, S, V] -> [S, V]
        let probabilities = output.prediction_scores.softmax(-1, Kind::Float).squeeze_dim(0);
        println!("{text}");

        let mut filled = encoding.ids().to_vec();
        let masks = (0..encoding.len()).filter(|&place| encoding.ids()[place] == tokenizer.mask_token_id());
        for place in masks {
            let here = probabilities.get(place as i64);
            filled[place] = here.argmax(-1, false).int64_value(&[]);
            let (scores, candidates) = here.topk(arguments.top.clamp(1, config.vocab_size), -1, true, true);
            let candidates = Vec::<i64>::try_from(candidates)?;
            for (score, token) in Vec::<f64>::try_from(scores.to_kind(Kind::Double))?.into_iter().zip(candidates) {
                println!("    {:5.1}%  {}", 100.0 * score, tokenizer.id_to_token(token).unwrap_or("?"));
            }
        }
        println!("  = {}\n", tokenizer.decode(&filled, true, true)?);
    }
    Ok(())
}
