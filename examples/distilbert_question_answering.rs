//! Where in a text is the answer to a question? A DistilBERT points at its first and at its last token.
//!
//! No trained DistilBERT comes with the package, so without `--model` a small one is taught here, from nothing and in
//! seconds, on facts that are made from a template: it answers questions about such facts and no others. Give `--model` a
//! folder with a real checkpoint, such as one that was fine-tuned on `SQuAD`, for real answers.
//!
//! ```text
//! cargo run --release --example distilbert_question_answering
//! cargo run --release --example distilbert_question_answering -- --model FOLDER \
//!     --context "Amy lives in Amsterdam, and her brother in Rome." "Where does Amy live?" "Who lives in Rome?"
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Parser;
use oxbert::Pretrained;
use oxbert::distilbert::{DistilBertConfig, DistilBertForQuestionAnswering};
use oxbert::encoder::ForwardOptions;
use oxbert::inputs::{Arguments, GivenTargets, Inputs};
use oxbert::models::Model;
use oxbert::text::{Batch, ElectraTokenizer, EncodeOptions, Encoding};
use oxbert::weights::Strictness;
use tch::nn::{AdamW, OptimizerConfig, VarStore};
use tch::{Device, Tensor};

/// Where the vocabulary is that the small model learns with.
const BUNDLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-generator");
const NAMES: [&str; 6] = ["Amy", "Ben", "Carla", "David", "Emma", "Frank"];
const CITIES: [&str; 6] = ["Amsterdam", "Boston", "Rome", "New York", "Berlin", "São Paulo"];
const WORK: [&str; 6] =
    ["a teacher", "a driver", "the manager of a school", "an engineer", "a writer", "a police officer"];
/// An answer has no more tokens than this.
const LONGEST: usize = 12;

#[derive(Parser)]
#[command(about = "Answers questions about a text with a DistilBERT")]
struct Options {
    /// A folder with config.json, weights and vocab.txt; without it a small model is taught
    #[arg(long)]
    model: Option<PathBuf>,
    /// The text in which the answers stand
    #[arg(long, default_value = "Amy lives in New York and works as an engineer.")]
    context: String,
    /// Questions about it
    #[arg(default_values = ["Where does Amy live?", "What is the work of Amy?", "Who lives in New York?"])]
    questions: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let folder = options.model.as_deref().unwrap_or(Path::new(BUNDLED));
    if !folder.is_dir() {
        return Err(format!("there is no model folder {}; name one with --model", folder.display()).into());
    }
    let tokenizer = ElectraTokenizer::from_pretrained(folder)?;
    let model: DistilBertForQuestionAnswering = match &options.model {
        Some(folder) => Pretrained::from_folder(folder, Device::Cpu, Strictness::Everything)?.model,
        None => taught(&tokenizer)?,
    };
    println!("{}", options.context);
    for question in &options.questions {
        println!("    {question} {}", answer(&model, &tokenizer, question, &options.context)?);
    }
    Ok(())
}

/// The part of the context that answers the question best.
fn answer<'text>(
    model: &DistilBertForQuestionAnswering,
    tokenizer: &ElectraTokenizer,
    question: &str,
    context: &'text str,
) -> Result<&'text str, Box<dyn Error>> {
    let _no_grad = tch::no_grad_guard();
    let encoding = tokenizer.encode(question, Some(context), &EncodeOptions::default())?;
    let ids = Tensor::from_slice(encoding.ids()).unsqueeze(0);
    let output = model.forward_t(Some(&ids), None, None, false)?;
    let scores = |logits: &Tensor| Vec::<f32>::try_from(logits.squeeze_dim(0));
    let (starts, ends) = (scores(&output.start_logits)?, scores(&output.end_logits)?);
    // No token of the question, and no end before its start.
    let places = tokens_of_context(&encoding);
    let spans = places.iter().flat_map(|&first| {
        places.iter().filter(move |&&last| (first..first + LONGEST).contains(&last)).map(move |&last| (first, last))
    });
    let best = spans.max_by(|one, other| (starts[one.0] + ends[one.1]).total_cmp(&(starts[other.0] + ends[other.1])));
    let (first, last) = best.ok_or("there is nothing in the context")?;
    Ok(slice(context, encoding.offset(first).0, encoding.offset(last).1))
}

/// The places of the tokens of the second text.
fn tokens_of_context(encoding: &Encoding) -> Vec<usize> {
    encoding.text(1).collect()
}

/// The characters from `begin` to `end`: offsets count characters, not bytes.
fn slice(text: &str, begin: usize, end: usize) -> &str {
    let byte = |character: usize| text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte);
    &text[byte(begin)..byte(end)]
}

/// A context with a question and the characters of the answer.
struct Fact {
    context: String,
    question: String,
    answer: (usize, usize),
}

/// A small model that has learned from most of the facts, and how it does on the others.
fn taught(tokenizer: &ElectraTokenizer) -> Result<DistilBertForQuestionAnswering, Box<dyn Error>> {
    const STEPS: usize = 120;
    tch::manual_seed(1);
    let config = DistilBertConfig {
        vocab_size: tokenizer.id_limit(),
        max_position_embeddings: 64,
        dim: 64,
        n_layers: 2,
        n_heads: 2,
        hidden_dim: 128,
        ..DistilBertConfig::default()
    };
    let variables = VarStore::new(Device::Cpu);
    let model = DistilBertForQuestionAnswering::new(variables.root(), &config)?;

    let (seen, unseen) = facts();
    let pairs: Vec<_> = seen.iter().map(|fact| (fact.question.as_str(), Some(fact.context.as_str()))).collect();
    let encodings = tokenizer.encode_batch(&pairs, &EncodeOptions::default())?;
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for (fact, encoding) in seen.iter().zip(&encodings) {
        let within = |&place: &usize| {
            let (begin, end) = encoding.offset(place);
            fact.answer.0 <= begin && end <= fact.answer.1
        };
        let answer: Vec<usize> = tokens_of_context(encoding).into_iter().filter(within).collect();
        starts.push(*answer.first().ok_or("an answer has a token")? as i64);
        ends.push(*answer.last().ok_or("an answer has a token")? as i64);
    }
    let targets = GivenTargets {
        labels: None,
        start_positions: Some(Tensor::from_slice(&starts)),
        end_positions: Some(Tensor::from_slice(&ends)),
    };
    let batch: Batch = encodings.iter().collect();
    let inputs = Inputs::new(Arguments { targets, ..Arguments::from_batch(&batch) }, &model.limits())?;

    println!("Teaching a small model {} answers:", seen.len());
    let mut optimizer = AdamW::default().build(&variables, 2e-3)?;
    for step in 1..=STEPS {
        let output = model.forward(&inputs, ForwardOptions { train: true, ..ForwardOptions::default() })?;
        let loss = output.loss.ok_or("positions were given, so there is a loss")?;
        optimizer.backward_step(&loss);
        if step == 1 || step % 40 == 0 {
            println!("    step {step:3}: loss {:.3}", loss.double_value(&[]));
        }
    }
    let mut right = 0;
    for fact in &unseen {
        let expected = slice(&fact.context, fact.answer.0, fact.answer.1);
        right += usize::from(answer(&model, tokenizer, &fact.question, &fact.context)? == expected);
    }
    println!("Of {} questions about facts that it has not seen it answers {right} rightly.\n", unseen.len());
    Ok(model)
}

/// Names, cities and work in a template: most combinations to learn from, and the others.
fn facts() -> (Vec<Fact>, Vec<Fact>) {
    let (mut seen, mut unseen) = (Vec::new(), Vec::new());
    for (number, name) in NAMES.iter().enumerate() {
        for (column, city) in CITIES.iter().enumerate() {
            let work = WORK[(number * 5 + column) % WORK.len()];
            let context = format!("{name} lives in {city} and works as {work}.");
            let part = if (number + column) % 5 == 3 { &mut unseen } else { &mut seen };
            for (question, answer) in [
                (format!("Where does {name} live?"), *city),
                (format!("What is the work of {name}?"), work),
                (format!("Who lives in {city}?"), name),
            ] {
                let bytes = context.find(answer).unwrap_or_default();
                let begin = context[..bytes].chars().count();
                let answer = (begin, begin + answer.chars().count());
                part.push(Fact { context: context.clone(), question, answer });
            }
        }
    }
    (seen, unseen)
}
