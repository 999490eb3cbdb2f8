//! Predict the word at each `[MASK]` with a DistilBERT, which learns a dozen sentences by heart first.
//!
//! The package bundles no trained DistilBERT, so without `--model` the example trains a small one, from scratch and in
//! seconds. The small model knows these sentences and no others: pass `--model` a folder with a real checkpoint.
//!
//! ```text
//! cargo run --release --example distilbert_masked_lm
//! cargo run --release --example distilbert_masked_lm -- --model FOLDER "The capital of France is [MASK]."
//! ```

mod support;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use oxbert::Pretrained;
use oxbert::distilbert::{DistilBertConfig, DistilBertModelMaskedLM};
use oxbert::inputs::{Arguments, IGNORED, Inputs};
use oxbert::models::Model;
use oxbert::text::{Batch, ElectraTokenizer, EncodeOptions};
use oxbert::weights::Strictness;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use support::Training;

const SENTENCES: [&str; 12] = [
    "The compiler reads the source file.",
    "The parser checks the input.",
    "The server sends a response.",
    "The client opens a connection.",
    "The browser loads the page.",
    "The user types the password.",
    "The printer prints the report.",
    "The program stores the data on the disk.",
    "A small function returns a value.",
    "A good test finds the error.",
    "The window shows the text.",
    "The library starts a thread.",
];

#[derive(Parser)]
#[command(about = "Fills [MASK] with a DistilBERT")]
struct Options {
    /// A folder with config.json, weights and vocab.txt; without it a small model is trained
    #[arg(long)]
    model: Option<PathBuf>,
    /// How many candidates to print for each mask
    #[arg(long, default_value_t = 3)]
    top: i64,
    /// Texts with at least one [MASK] each
    #[arg(default_values = [
        "The compiler reads the [MASK] file.",
        "The [MASK] loads the page.",
        "The program [MASK] the data on the [MASK].",
    ])]
    texts: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let tokenizer = ElectraTokenizer::from_pretrained(support::model_folder(options.model.as_ref())?)?;
    let model: DistilBertModelMaskedLM = match &options.model {
        Some(folder) => Pretrained::from_folder(folder, Device::Cpu, Strictness::Everything)?.model,
        None => train(&tokenizer)?,
    };

    let _no_grad = tch::no_grad_guard();
    for text in &options.texts {
        let encoding = tokenizer.encode(text, None, &EncodeOptions::default())?;
        let ids = Tensor::from_slice(encoding.ids()).unsqueeze(0);
        // [1, S, V] -> [S, V]
        let scores = model.forward_t(Some(&ids), None, None, false)?.prediction_scores.squeeze_dim(0);
        println!("{text}");

        let mut filled = encoding.ids().to_vec();
        for place in (0..encoding.len()).filter(|&place| encoding.ids()[place] == tokenizer.mask_token_id()) {
            let probabilities = scores.get(place as i64).softmax(-1, Kind::Double);
            let top = options.top.clamp(1, probabilities.size()[0]);
            let (probabilities, tokens) = probabilities.topk(top, -1, true, true);
            let tokens = Vec::<i64>::try_from(tokens)?;
            filled[place] = tokens[0];
            for (probability, token) in Vec::<f64>::try_from(probabilities)?.into_iter().zip(tokens) {
                println!("    {:5.1}%  {}", 100.0 * probability, tokenizer.id_to_token(token).unwrap_or("?"));
            }
        }
        println!("  = {}\n", tokenizer.decode(&filled, true, true)?);
    }
    Ok(())
}

/// Train a small model on the sentences, each once per token with that token masked.
fn train(tokenizer: &ElectraTokenizer) -> Result<DistilBertModelMaskedLM, Box<dyn Error>> {
    tch::manual_seed(1);
    let config = DistilBertConfig {
        // Dropout keeps a model from learning by heart.
        dropout: 0.0,
        attention_dropout: 0.0,
        ..support::small_config(tokenizer)
    };
    let variables = VarStore::new(Device::Cpu);
    let model = DistilBertModelMaskedLM::new(variables.root(), &config)?;

    let (mut batch, mut labels) = (Batch::default(), Vec::new());
    for sentence in SENTENCES {
        let encoding = tokenizer.encode(sentence, None, &EncodeOptions::default())?;
        for (place, _) in encoding.special_tokens_mask().enumerate().filter(|(_, is_special)| !is_special) {
            let mut masked = encoding.ids().to_vec();
            let mut label = vec![IGNORED; masked.len()];
            label[place] = std::mem::replace(&mut masked[place], tokenizer.mask_token_id());
            batch.ids.push(masked);
            batch.type_ids.push(encoding.type_ids().collect());
            labels.push(label);
        }
    }
    let inputs = Inputs::new(Arguments::from(&batch).with_labels(labels), &model.limits())?;

    println!("Training a small model on {} sentences with one gap each:", batch.len());
    let training = Training { steps: 80, learning_rate: 3e-3, print_every: 20 };
    support::train(&model, &variables, &inputs, |output| output.loss, &training)?;
    println!();
    Ok(model)
}
