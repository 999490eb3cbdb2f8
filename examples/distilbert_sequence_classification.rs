//! Label reviews as positive or negative with a DistilBERT, which learns from other labelled reviews first.
//!
//! The package bundles no trained DistilBERT, so without `--model` the example trains a small one, from scratch and in
//! seconds, on reviews made from a few templates. The small model knows the templates' words and no others: pass `--model`
//! a folder with a real checkpoint, for instance one that was fine-tuned on SST-2.
//!
//! ```text
//! cargo run --release --example distilbert_sequence_classification
//! cargo run --release --example distilbert_sequence_classification -- --model FOLDER "A film worth seeing."
//! ```

mod support;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use oxbert::Pretrained;
use oxbert::config::Labels as LabelNames;
use oxbert::distilbert::{DistilBertConfig, DistilBertModelClassifier};
use oxbert::inputs::{Arguments, Inputs};
use oxbert::models::Model;
use oxbert::text::{Batch, ElectraTokenizer};
use oxbert::weights::Strictness;
use tch::nn::VarStore;
use tch::{Device, Kind};

use support::Training;

const THINGS: [&str; 6] = ["library", "manual", "printer", "browser", "keyboard", "tutorial"];
/// The words of each label: negative, positive.
const WORDS: [[&str; 6]; 2] = [
    ["bad", "slow", "broken", "wrong", "poor", "hard to use"],
    ["good", "fast", "clear", "great", "useful", "easy to use"],
];

#[derive(Parser)]
#[command(about = "Labels texts with a DistilBERT")]
struct Options {
    /// A folder with config.json, weights and vocab.txt; without it a small model is trained
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
    let tokenizer = ElectraTokenizer::from_pretrained(support::model_folder(options.model.as_ref())?)?;
    let (model, names) = match &options.model {
        Some(folder) => {
            let pretrained: Pretrained<DistilBertModelClassifier> =
                Pretrained::from_folder(folder, Device::Cpu, Strictness::Everything)?;
            (pretrained.model, pretrained.config.labels)
        }
        None => train(&tokenizer)?,
    };
    let texts: Vec<&str> = options.texts.iter().map(String::as_str).collect();
    for (text, (label, probability)) in texts.iter().zip(classify(&model, &tokenizer, &texts)?) {
        println!("{:5.1}%  {:10} {text}", 100.0 * probability, names.names()[label]);
    }
    Ok(())
}

/// Return the most probable label of each text and its probability.
fn classify(
    model: &DistilBertModelClassifier,
    tokenizer: &ElectraTokenizer,
    texts: &[&str],
) -> Result<Vec<(usize, f64)>, Box<dyn Error>> {
    let _no_grad = tch::no_grad_guard();
    // [B, L]
    let logits = model.forward_with(Batch::from_texts(tokenizer, texts)?, false)?.logits;
    let (probabilities, labels) = logits.softmax(-1, Kind::Double).max_dim(-1, false);
    let labels = Vec::<i64>::try_from(labels)?;
    Ok(labels.into_iter().map(|label| label as usize).zip(Vec::<f64>::try_from(probabilities)?).collect())
}

/// Train a small model on three quarters of the reviews, and print how many of the others it labels correctly.
fn train(tokenizer: &ElectraTokenizer) -> Result<(DistilBertModelClassifier, LabelNames), Box<dyn Error>> {
    tch::manual_seed(1);
    let names = LabelNames::new(vec!["negative".into(), "positive".into()])?;
    let config = DistilBertConfig { labels: names.clone(), ..support::small_config(tokenizer) };
    let variables = VarStore::new(Device::Cpu);
    let model = DistilBertModelClassifier::new(variables.root(), &config)?;

    let (reviews, unseen) = reviews();
    let texts: Vec<&str> = reviews.iter().map(|(text, _)| text.as_str()).collect();
    // One class per text.
    let labels: Vec<i64> = reviews.iter().map(|&(_, label)| label).collect();
    let arguments = Arguments::from(Batch::from_texts(tokenizer, &texts)?).with_labels(labels);
    let inputs = Inputs::new(arguments, &model.limits())?;

    println!("Training a small model on {} reviews:", reviews.len());
    let training = Training { steps: 60, learning_rate: 1e-3, print_every: 20 };
    support::train(&model, &variables, &inputs, |output| output.loss, &training)?;
    let texts: Vec<&str> = unseen.iter().map(|(text, _)| text.as_str()).collect();
    let answers = classify(&model, tokenizer, &texts)?;
    let right = answers.iter().zip(&unseen).filter(|((answer, _), (_, label))| *answer as i64 == *label).count();
    println!("The model labels {right} of {} unseen reviews correctly.\n", unseen.len());
    Ok((model, names))
}

/// Fill the templates with things and words. Return the reviews to train on and the held-out ones.
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
