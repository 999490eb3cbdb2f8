//! Which words may stand at `[MASK]`? A DistilBERT learns a dozen sentences by heart, then fills their gaps.
//!
//! No trained DistilBERT comes with the package, so without `--model` a small one is taught here, from nothing and in
//! seconds: it knows these sentences and no others. Give `--model` a folder with a real checkpoint for real answers.
//!
//! ```text
//! cargo run --release --example distilbert_masked_lm
//! cargo run --release --example distilbert_masked_lm -- --model FOLDER "The capital of France is [MASK]."
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Parser;
use oxbert::Pretrained;
use oxbert::distilbert::{DistilBertConfig, DistilBertModelMaskedLM};
use oxbert::encoder::ForwardOptions;
use oxbert::inputs::{Arguments, GivenTargets, IGNORED, Inputs, Labels, Rows};
use oxbert::models::Model;
use oxbert::text::{Batch, ElectraTokenizer, EncodeOptions};
use oxbert::weights::Strictness;
use tch::nn::{AdamW, OptimizerConfig, VarStore};
use tch::{Device, Kind, Tensor};

/// Where the vocabulary is that the small model learns with.
const BUNDLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-generator");
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
    /// A folder with config.json, weights and vocab.txt; without it a small model is taught
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
    let folder = options.model.as_deref().unwrap_or(Path::new(BUNDLED));
    if !folder.is_dir() {
        return Err(format!("there is no model folder {}; name one with --model", folder.display()).into());
    }
    let tokenizer = ElectraTokenizer::from_pretrained(folder)?;
    let model: DistilBertModelMaskedLM = match &options.model {
        Some(folder) => Pretrained::from_folder(folder, Device::Cpu, Strictness::Everything)?.model,
        None => taught(&tokenizer)?,
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

/// A small model that has learned the sentences: each of their tokens in turn was masked, and had to be told.
fn taught(tokenizer: &ElectraTokenizer) -> Result<DistilBertModelMaskedLM, Box<dyn Error>> {
    const STEPS: usize = 80;
    tch::manual_seed(1);
    let config = DistilBertConfig {
        vocab_size: tokenizer.id_limit(),
        max_position_embeddings: 64,
        dim: 64,
        n_layers: 2,
        n_heads: 2,
        hidden_dim: 128,
        // To know something by heart is what dropout is against.
        dropout: 0.0,
        attention_dropout: 0.0,
        ..DistilBertConfig::default()
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
    let targets = GivenTargets { labels: Some(Labels::Rows(Rows::ragged(&labels))), ..GivenTargets::default() };
    let inputs = Inputs::new(Arguments { targets, ..Arguments::from_batch(&batch) }, &model.limits())?;

    println!("Teaching a small model {} sentences with one gap each:", batch.len());
    let mut optimizer = AdamW::default().build(&variables, 3e-3)?;
    for step in 1..=STEPS {
        let output = model.forward(&inputs, ForwardOptions { train: true, ..ForwardOptions::default() })?;
        let loss = output.loss.ok_or("labels were given, so there is a loss")?;
        optimizer.backward_step(&loss);
        if step == 1 || step % 20 == 0 {
            println!("    step {step:2}: loss {:.3}", loss.double_value(&[]));
        }
    }
    println!();
    Ok(model)
}
