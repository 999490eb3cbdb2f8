//! Train the small DistilBERT that the DistilBERT examples run without `--model`: the package bundles none.

mod folder;

use std::error::Error;
use std::path::{Path, PathBuf};

use oxbert::distilbert::DistilBertConfig;
use oxbert::encoder::ForwardOptions;
use oxbert::inputs::Inputs;
use oxbert::models::Model;
use oxbert::text::ElectraTokenizer;
use tch::Tensor;
use tch::nn::{AdamW, OptimizerConfig, VarStore};

/// The folder whose vocabulary the small model uses.
const BUNDLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-generator");

/// Return the folder of `--model`, or the bundled one if there is none.
///
/// # Errors
/// If the folder does not exist.
pub fn model_folder(model: Option<&PathBuf>) -> Result<&Path, Box<dyn Error>> {
    let folder = model.map_or(Path::new(BUNDLED), PathBuf::as_path);
    folder::check(folder)?;
    Ok(folder)
}

/// Return the configuration of the small model: two layers of 64 numbers, texts of up to 64 tokens.
pub fn small_config(tokenizer: &ElectraTokenizer) -> DistilBertConfig {
    DistilBertConfig {
        vocab_size: tokenizer.id_limit(),
        max_position_embeddings: 64,
        dim: 64,
        n_layers: 2,
        n_heads: 2,
        hidden_dim: 128,
        ..DistilBertConfig::default()
    }
}

/// How long to train, how fast, and how often to print the loss.
pub struct Training {
    pub steps: usize,
    pub learning_rate: f64,
    /// Print the loss of step 1 and of every multiple of this.
    pub print_every: usize,
}

/// Train `model`, whose parameters are in `variables`, on one batch with labels.
///
/// `loss_of` takes the loss out of the model's output.
///
/// # Errors
/// If the forward pass fails, or the output has no loss.
pub fn train<M: Model>(
    model: &M,
    variables: &VarStore,
    inputs: &Inputs,
    loss_of: impl Fn(M::Output) -> Option<Tensor>,
    training: &Training,
) -> Result<(), Box<dyn Error>> {
    let width = training.steps.to_string().len();
    let mut optimizer = AdamW::default().build(variables, training.learning_rate)?;
    for step in 1..=training.steps {
        let output = model.forward(inputs, ForwardOptions { train: true, ..ForwardOptions::default() })?;
        let loss = loss_of(output).ok_or("the inputs have labels, so the output should have a loss")?;
        optimizer.backward_step(&loss);
        if step == 1 || step % training.print_every == 0 {
            println!("    step {step:width$}: loss {:.3}", loss.double_value(&[]));
        }
    }
    Ok(())
}
