//! Rank labels that the caller names with a classifier for natural language inference, which is asked whether a text entails
//! "This example is LABEL."
//!
//! The package bundles no such classifier, so without `--model` the example trains a small one, from scratch and in seconds,
//! on sentences made from a template. It knows the topics of the template and no others: pass `--model` a folder with a real
//! checkpoint, and then any labels.
//!
//! ```text
//! cargo run --release --example zero_shot_classification
//! cargo run --release --example zero_shot_classification -- --model FOLDER --labels sport,politics "They won the match."
//! ```

mod support;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use oxbert::config::Labels;
use oxbert::distilbert::{DistilBertConfig, DistilBertModelClassifier};
use oxbert::inputs::{Arguments, Inputs};
use oxbert::models::Model;
use oxbert::pipelines::{TextClassification, ZeroShotClassification, ZeroShotOptions};
use oxbert::text::{Batch, ElectraTokenizer};
use oxbert::{Frozen, Pretrained};
use tch::Device;

use support::Training;

const TOPICS: [(&str, [&str; 4]); 4] = [
    ("network", ["server", "client", "request", "packet"]),
    ("time", ["date", "hour", "minute", "calendar"]),
    ("files", ["file", "directory", "disk", "archive"]),
    ("mathematics", ["matrix", "vector", "integral", "equation"]),
];

#[derive(Parser)]
#[command(about = "Ranks any labels for texts")]
struct Options {
    /// A folder with config.json, weights and vocab.txt; without it a small model is trained
    #[arg(long)]
    model: Option<PathBuf>,
    /// The labels, with commas between them
    #[arg(long, value_delimiter = ',', default_value = "network,time,files,mathematics")]
    labels: Vec<String>,
    /// Texts to label
    #[arg(default_values = ["There is a packet in the server.", "The hour comes after the minute."])]
    texts: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let pipeline = if let Some(folder) = &options.model {
        ZeroShotClassification::from_folder_with(folder, Device::Cpu, oxbert::engine::Precision::Float32)?
    } else {
        train(ElectraTokenizer::from_pretrained(support::model_folder(None)?)?)?
    };
    let texts: Vec<&str> = options.texts.iter().map(String::as_str).collect();
    let labels: Vec<&str> = options.labels.iter().map(String::as_str).collect();
    for ranked in pipeline.predict(&texts, &labels, &ZeroShotOptions::default())? {
        println!("{}", ranked.sequence);
        for (label, score) in ranked.labels.iter().zip(&ranked.scores) {
            println!("    {:5.1}%  {label}", 100.0 * score);
        }
    }
    Ok(())
}

/// Train a small model on most pairs of words, and print for how many of the other sentences the right topic comes first.
fn train(tokenizer: ElectraTokenizer) -> Result<ZeroShotClassification, Box<dyn Error>> {
    let labels = Labels::new(vec!["contradiction".into(), "entailment".into()])?;
    let config = DistilBertConfig { labels, ..support::small_config(&tokenizer) };
    let mut classifier = Pretrained::<DistilBertModelClassifier>::from_config(&config, Some(1), Device::Cpu)?;

    let (seen, unseen) = sentences();
    let (mut pairs, mut entailed) = (Vec::new(), Vec::new());
    for (text, topic) in &seen {
        for (other, _) in TOPICS {
            pairs.push((text.as_str(), format!("This example is {other}.")));
            entailed.push(i64::from(*topic == other));
        }
    }
    let arguments = Arguments::from(Batch::from_texts(&tokenizer, &pairs)?).with_labels(entailed);
    let inputs = Inputs::new(arguments, &classifier.model.limits())?;
    println!("Training a small model on {} pairs of sentences:", pairs.len());
    let training = Training { steps: 200, learning_rate: 2e-3, print_every: 50 };
    support::train(&classifier.model, classifier.var_store(), &inputs, |output| output.loss, &training)?;
    classifier.mark_trained();

    let frozen = Box::new(Frozen::new(classifier)?);
    let pipeline = ZeroShotClassification::new(TextClassification::from_model(frozen, tokenizer)?)?;
    let texts: Vec<&str> = unseen.iter().map(|(text, _)| text.as_str()).collect();
    let answers = pipeline.predict(&texts, &TOPICS.map(|(topic, _)| topic), &ZeroShotOptions::default())?;
    let right = answers.iter().zip(&unseen).filter(|(ranked, (_, topic))| ranked.labels[0] == *topic).count();
    println!("The right topic comes first for {right} of {} other sentences.\n", unseen.len());
    Ok(pipeline)
}

/// A sentence and its topic.
type Sentence = (String, &'static str);

/// Fill a template with two words of a topic. Return the sentences to train on and the held-out ones.
fn sentences() -> (Vec<Sentence>, Vec<Sentence>) {
    let (mut seen, mut unseen) = (Vec::new(), Vec::new());
    for (topic, words) in TOPICS {
        for (row, one) in words.iter().enumerate() {
            for (column, other) in words.iter().enumerate().filter(|&(column, _)| column != row) {
                let part = if (row + column) % 4 == 0 { &mut unseen } else { &mut seen };
                part.push((format!("The {one} comes after the {other}."), topic));
                part.push((format!("There is a {one} in the {other}."), topic));
            }
        }
    }
    (seen, unseen)
}
