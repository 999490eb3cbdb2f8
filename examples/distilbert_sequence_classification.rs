//! Is a review good or bad? A DistilBERT learns from labelled reviews, then judges some that it has never seen.
//!
//! No trained DistilBERT comes with the package, so without `--model` a small one is taught here, from nothing and in
//! seconds, on reviews that are made from a few templates: it knows their words and no others. Give `--model` a folder
//! with a real checkpoint, such as one that was fine-tuned on SST-2, for real judgements.
//!
//! ```text
//! cargo run --release --example distilbert_sequence_classification
//! cargo run --release --example distilbert_sequence_classification -- --model FOLDER "A film worth seeing."
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Parser;
use oxbert::Pretrained;
use oxbert::config::Labels as LabelNames;
use oxbert::distilbert::{DistilBertConfig, DistilBertModelClassifier};
use oxbert::encoder::ForwardOptions;
use oxbert::inputs::{Arguments, GivenTargets, Inputs, Labels};
use oxbert::models::Model;
use oxbert::text::{Batch, ElectraTokenizer, EncodeOptions};
use oxbert::weights::Strictness;
use tch::nn::{AdamW, OptimizerConfig, VarStore};
use tch::{Device, Kind, Tensor};

/// Where the vocabulary is that the small model learns with.
const BUNDLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-generator");
const THINGS: [&str; 6] = ["library", "manual", "printer", "browser", "keyboard", "tutorial"];
/// By label: negative, positive.
const WORDS: [[&str; 6]; 2] = [
    ["bad", "slow", "broken", "wrong", "poor", "hard to use"],
    ["good", "fast", "clear", "great", "useful", "easy to use"],
];

#[derive(Parser)]
#[command(about = "Labels texts with a DistilBERT")]
struct Options {
    /// A folder with config.json, weights and vocab.txt; without it a small model is taught
    #[arg(long)]
    model: Option<PathBuf>,
    /// Texts to label
    #[arg(default_values = [
        "The printer is fast, and the manual is clear.",
        "This keyboard is broken.",
        "I found the library easy to use.",
    ])]
    texts: Vec<String>,
}

/// A text and its label.
type Review = (String, i64);

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let folder = options.model.as_deref().unwrap_or(Path::new(BUNDLED));
    if !folder.is_dir() {
        return Err(format!("there is no model folder {}; name one with --model", folder.display()).into());
    }
    let tokenizer = ElectraTokenizer::from_pretrained(folder)?;
    let (model, names) = match &options.model {
        Some(folder) => {
            let pretrained: Pretrained<DistilBertModelClassifier> =
                Pretrained::from_folder(folder, Device::Cpu, Strictness::Everything)?;
            (pretrained.model, pretrained.config.labels)
        }
        None => taught(&tokenizer)?,
    };
    let texts: Vec<&str> = options.texts.iter().map(String::as_str).collect();
    for (text, (label, probability)) in texts.iter().zip(judged(&model, &tokenizer, &texts)?) {
        println!("{:5.1}%  {:10} {text}", 100.0 * probability, names.names()[label]);
    }
    Ok(())
}

/// The likeliest label of each text and its probability.
fn judged(
    model: &DistilBertModelClassifier,
    tokenizer: &ElectraTokenizer,
    texts: &[&str],
) -> Result<Vec<(usize, f64)>, Box<dyn Error>> {
    let _no_grad = tch::no_grad_guard();
    let inputs = Inputs::new(Arguments::from_batch(&batch(tokenizer, texts)?), &model.limits())?;
    // [B, L]
    let logits = model.forward(&inputs, ForwardOptions::default())?.logits;
    let (probabilities, labels) = logits.softmax(-1, Kind::Double).max_dim(-1, false);
    let labels = Vec::<i64>::try_from(labels)?;
    Ok(labels.into_iter().map(|label| label as usize).zip(Vec::<f64>::try_from(probabilities)?).collect())
}

fn batch(tokenizer: &ElectraTokenizer, texts: &[&str]) -> oxbert::Result<Batch> {
    let texts: Vec<_> = texts.iter().map(|&text| (text, None)).collect();
    Ok(tokenizer.encode_batch(&texts, &EncodeOptions::default())?.into_iter().collect())
}

/// A small model that has learned from three quarters of the reviews, and how it does on the others.
fn taught(tokenizer: &ElectraTokenizer) -> Result<(DistilBertModelClassifier, LabelNames), Box<dyn Error>> {
    const STEPS: usize = 60;
    tch::manual_seed(1);
    let names = LabelNames::new(vec!["negative".into(), "positive".into()])?;
    let config = DistilBertConfig {
        vocab_size: tokenizer.id_limit(),
        max_position_embeddings: 64,
        dim: 64,
        n_layers: 2,
        n_heads: 2,
        hidden_dim: 128,
        labels: names.clone(),
        ..DistilBertConfig::default()
    };
    let variables = VarStore::new(Device::Cpu);
    let model = DistilBertModelClassifier::new(variables.root(), &config)?;

    let (reviews, unseen) = reviews();
    let texts: Vec<&str> = reviews.iter().map(|(text, _)| text.as_str()).collect();
    let labels = Tensor::from_slice(&reviews.iter().map(|&(_, label)| label).collect::<Vec<_>>());
    // [B] whole numbers: classes.
    let targets = GivenTargets { labels: Some(Labels::Tensor(labels)), ..GivenTargets::default() };
    let arguments = Arguments { targets, ..Arguments::from_batch(&batch(tokenizer, &texts)?) };
    let inputs = Inputs::new(arguments, &model.limits())?;

    println!("Teaching a small model {} reviews:", reviews.len());
    let mut optimizer = AdamW::default().build(&variables, 1e-3)?;
    for step in 1..=STEPS {
        let output = model.forward(&inputs, ForwardOptions { train: true, ..ForwardOptions::default() })?;
        let loss = output.loss.ok_or("labels were given, so there is a loss")?;
        optimizer.backward_step(&loss);
        if step == 1 || step % 20 == 0 {
            println!("    step {step:2}: loss {:.3}", loss.double_value(&[]));
        }
    }
    let texts: Vec<&str> = unseen.iter().map(|(text, _)| text.as_str()).collect();
    let answers = judged(&model, tokenizer, &texts)?;
    let right = answers.iter().zip(&unseen).filter(|((answer, _), (_, label))| *answer as i64 == *label).count();
    println!("Of {} reviews that it has not seen it judges {right} rightly.\n", unseen.len());
    Ok((model, names))
}

/// Things and words in a few templates: most combinations to learn from, and the others.
fn reviews() -> (Vec<Review>, Vec<Review>) {
    let (mut seen, mut unseen) = (Vec::new(), Vec::new());
    for (label, words) in WORDS.iter().enumerate() {
        for (row, word) in words.iter().enumerate() {
            for (column, thing) in THINGS.iter().enumerate() {
                let texts = [
                    format!("The {thing} is {word}."),
                    format!("I found this {thing} very {word}."),
                    format!("What a day: my {thing} was {word}!"),
                ];
                let part = if (row + column) % 4 == 0 { &mut unseen } else { &mut seen };
                part.extend(texts.map(|text| (text, label as i64)));
            }
        }
    }
    (seen, unseen)
}
