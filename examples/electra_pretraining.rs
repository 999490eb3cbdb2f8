//! Pre-train from Rust: mask tokens, sample replacements from a generator, detect them, with one optimizer of tch for both.
//!
//! A small generator and a small discriminator learn from the lines of a text, oxbert's README unless `--text` names another.
//! The example shows the single step. Use `oxbert pretrain` for runs that resume, evaluate, export and use several
//! processes.
//!
//! ```text
//! cargo run --release --example electra_pretraining
//! cargo run --release --example electra_pretraining -- --text corpus.txt --steps 2000
//! ```

#[path = "support/folder.rs"]
mod folder;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use oxbert::ElectraConfig;
use oxbert::pretraining::{GeneratorConfig, Masking, Networks, Objective, Random, Sharing, SpecialIds, Step, Weights};
use oxbert::text::{ElectraTokenizer, EncodeOptions, Truncation};
use tch::Device;
use tch::nn::{AdamW, OptimizerConfig};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
/// The number of tokens in the longest row, and of rows in a batch.
const LENGTH: usize = 64;
const BATCH: usize = 16;

#[derive(Parser)]
#[command(about = "Pre-trains a small ELECTRA")]
struct Options {
    /// A folder with the vocabulary, vocab.txt
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-generator"))]
    model: PathBuf,
    /// A text with one sentence or paragraph per line
    #[arg(long, default_value = README)]
    text: PathBuf,
    /// How many times to update the parameters
    #[arg(long, default_value_t = 60)]
    steps: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    folder::check(&options.model)?;
    let tokenizer = ElectraTokenizer::from_pretrained(&options.model)?;
    let text = std::fs::read_to_string(&options.text)
        .map_err(|error| format!("cannot read {}: {error}", options.text.display()))?;
    let lines: Vec<_> =
        text.lines().filter(|line| line.split_whitespace().count() > 3).map(|line| (line, None)).collect();
    if lines.is_empty() {
        return Err(format!("{} has no line of more than three words", options.text.display()).into());
    }
    let encode =
        EncodeOptions { truncation: Truncation::LongestFirst, max_length: Some(LENGTH), ..EncodeOptions::default() };
    let rows: Vec<Vec<i64>> =
        tokenizer.encode_batch(&lines, &encode)?.into_iter().map(|encoding| encoding.ids().to_vec()).collect();

    let sizes = ElectraConfig {
        vocab_size: tokenizer.id_limit(),
        max_position_embeddings: LENGTH as i64,
        embedding_size: 64,
        num_hidden_layers: 2,
        ..ElectraConfig::default()
    };
    let generator = ElectraConfig { hidden_size: 64, num_attention_heads: 1, intermediate_size: 256, ..sizes.clone() };
    let discriminator = ElectraConfig { hidden_size: 128, num_attention_heads: 2, intermediate_size: 512, ..sizes };
    let networks = Networks::new(
        Some(GeneratorConfig::MaskedLM(&generator)),
        Some(&discriminator),
        Sharing::Embeddings,
        Some(0),
        Device::Cpu,
    )?;
    let special = SpecialIds {
        class: tokenizer.cls_token_id(),
        separator: tokenizer.sep_token_id(),
        mask: tokenizer.mask_token_id(),
    };
    let masking = Masking { share: 0.15, maximum: LENGTH / 6, replaced: 0.85, with_replacement: false, special };
    let objective = Objective { masking, weights: Weights::default(), temperature: 1.0, disallow_correct: false };

    println!("{} rows of {}", rows.len(), options.text.display());
    let mut optimizer = AdamW::default().build(networks.variables(), 1e-3)?;
    for step in 0..options.steps {
        let batch: Vec<Vec<i64>> = (0..BATCH).map(|place| rows[(step * BATCH + place) % rows.len()].clone()).collect();
        // The random numbers are a function of these three.
        let random: Vec<_> = (0..BATCH as u64).map(|example| Random { seed: 0, step: step as u64, example }).collect();
        let output = objective.step(
            &networks,
            &Step {
                first_segments: &batch.iter().map(Vec::len).collect::<Vec<_>>(),
                rows: &batch,
                random: &random,
                totals: None,
                train: true,
                discriminate: true,
                gumbel: None,
            },
        )?;
        optimizer.backward_step_clip_norm(&output.loss, 1.0);
        if step % 20 == 0 || step + 1 == options.steps {
            let number = |loss: Option<tch::Tensor>| loss.map_or(f64::NAN, |loss| loss.double_value(&[]));
            let (masked, replaced) = (number(output.masked_lm_loss), number(output.replaced_loss));
            println!("step {:4}: masked LM {masked:.3} nats, replaced tokens {replaced:.3} nats", step + 1);
        }
    }
    Ok(())
}
