//! Find the answer to a question in a text with a DistilBERT, which predicts its first and its last token.
//!
//! The package bundles no trained DistilBERT, so without `--model` the example trains a small one, from scratch and in
//! seconds, on facts made from a template. The small model answers questions about such facts and no others: pass `--model`
//! a folder with a real checkpoint, for instance one that was fine-tuned on `SQuAD`.
//!
//! ```text
//! cargo run --release --example distilbert_question_answering
//! cargo run --release --example distilbert_question_answering -- --model FOLDER \
//!     --context "Amy lives in Amsterdam, and her brother in Rome." "Where does Amy live?" "Who lives in Rome?"
//! ```

mod support;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use oxbert::Pretrained;
use oxbert::distilbert::DistilBertForQuestionAnswering;
use oxbert::inputs::{Arguments, Inputs};
use oxbert::models::Model;
use oxbert::text::{Batch, ElectraTokenizer, EncodeOptions, Encoding};
use oxbert::weights::Strictness;
use tch::nn::VarStore;
use tch::{Device, Tensor};

use support::Training;

const NAMES: [&str; 6] = ["Amy", "Ben", "Carla", "David", "Emma", "Frank"];
const CITIES: [&str; 6] = ["Amsterdam", "Boston", "Rome", "New York", "Berlin", "São Paulo"];
const WORK: [&str; 6] =
    ["a teacher", "a driver", "the manager of a school", "an engineer", "a writer", "a police officer"];
/// The largest number of tokens in an answer.
const LONGEST: usize = 12;

#[derive(Parser)]
#[command(about = "Answers questions about a text with a DistilBERT")]
struct Options {
    /// A folder with config.json, weights and vocab.txt; without it a small model is trained
    #[arg(long)]
    model: Option<PathBuf>,
    /// The text that contains the answers
    #[arg(long, default_value = "Amy lives in New York and works as an engineer.")]
    context: String,
    /// Questions about the context
    #[arg(default_values = ["Where does Amy live?", "What is the work of Amy?", "Who lives in New York?"])]
    questions: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let tokenizer = ElectraTokenizer::from_pretrained(support::model_folder(options.model.as_ref())?)?;
    let model: DistilBertForQuestionAnswering = match &options.model {
        Some(folder) => Pretrained::from_folder(folder, Device::Cpu, Strictness::Everything)?.model,
        None => train(&tokenizer)?,
    };
    println!("{}", options.context);
    for question in &options.questions {
        println!("    {question} {}", answer(&model, &tokenizer, question, &options.context)?);
    }
    Ok(())
}

/// Return the part of the context that answers the question best.
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
    // Only tokens of the context, and no end before its start.
    let places = tokens_of_context(&encoding);
    let spans = places.iter().flat_map(|&first| {
        places.iter().filter(move |&&last| (first..first + LONGEST).contains(&last)).map(move |&last| (first, last))
    });
    let best = spans.max_by(|one, other| (starts[one.0] + ends[one.1]).total_cmp(&(starts[other.0] + ends[other.1])));
    let (first, last) = best.ok_or("the context has no tokens")?;
    Ok(slice(context, encoding.offset(first).0, encoding.offset(last).1))
}

/// Return the positions of the tokens of the second text.
fn tokens_of_context(encoding: &Encoding) -> Vec<usize> {
    encoding.text(1).collect()
}

/// Return the characters from `begin` to `end`. Offsets count characters, not bytes.
fn slice(text: &str, begin: usize, end: usize) -> &str {
    let byte = |character: usize| text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte);
    &text[byte(begin)..byte(end)]
}

/// A context, a question, and the first and the end character of the answer.
struct Fact {
    context: String,
    question: String,
    answer: (usize, usize),
}

/// Train a small model on most of the facts, and print how many questions about the others it answers correctly.
fn train(tokenizer: &ElectraTokenizer) -> Result<DistilBertForQuestionAnswering, Box<dyn Error>> {
    tch::manual_seed(1);
    let variables = VarStore::new(Device::Cpu);
    let model = DistilBertForQuestionAnswering::new(variables.root(), &support::small_config(tokenizer))?;

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
    let batch: Batch = encodings.iter().collect();
    let spans = (Tensor::from_slice(&starts), Tensor::from_slice(&ends));
    let inputs = Inputs::new(Arguments::from(&batch).with_labels(spans), &model.limits())?;

    println!("Training a small model on {} answers:", seen.len());
    let training = Training { steps: 120, learning_rate: 2e-3, print_every: 40 };
    support::train(&model, &variables, &inputs, |output| output.loss, &training)?;
    let mut right = 0;
    for fact in &unseen {
        let expected = slice(&fact.context, fact.answer.0, fact.answer.1);
        right += usize::from(answer(&model, tokenizer, &fact.question, &fact.context)? == expected);
    }
    println!("The model answers {right} of {} questions about unseen facts correctly.\n", unseen.len());
    Ok(model)
}

/// Fill the template with names, cities and work. Return the facts to train on and the held-out ones.
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
