//! Tiny models with odd sizes, known values, and answers that can be compared.

use std::sync::{Mutex, MutexGuard, PoisonError};

use oxbert::config::Labels;
use oxbert::encoder::ForwardOptions;
use oxbert::inputs::{Arguments, Inputs, Rows};
use oxbert::models::Model;
use oxbert::outputs::{DiscriminatorOutput, MaskedLMOutput, ModelOutput, TokenClassificationOutput};
use oxbert::{Activation, ElectraConfig, Pretrained};
use tch::{Device, Kind, Tensor};

/// The largest difference between two float32 results that are the same number in mathematics.
pub const TOLERANCE: f64 = 1e-5;

/// E is not H, and no two sizes are equal, so that no swapped dimension and no constant can hide.
pub fn odd() -> ElectraConfig {
    ElectraConfig {
        vocab_size: 61,
        embedding_size: 12,
        hidden_size: 35,
        num_hidden_layers: 3,
        num_attention_heads: 5,
        intermediate_size: 23,
        hidden_act: Activation::Relu,
        max_position_embeddings: 19,
        type_vocab_size: 4,
        initializer_range: 0.05,
        layer_norm_eps: 1e-3,
        classifier_dropout: Some(0.3),
        labels: Labels::numbered(3),
        ..ElectraConfig::default()
    }
}

/// E is H, one layer, one head.
pub fn plain() -> ElectraConfig {
    ElectraConfig {
        embedding_size: 6,
        hidden_size: 6,
        num_hidden_layers: 1,
        num_attention_heads: 1,
        hidden_act: Activation::Gelu,
        ..odd()
    }
}

/// libtorch has one random generator for the whole process: whoever draws from it holds this lock, so that a test of
/// seeds is not disturbed.
pub fn random_numbers() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As `Pretrained::from_config` leaves it.
pub fn fresh<M: Model<Config = ElectraConfig>>(config: &ElectraConfig, seed: i64) -> Pretrained<M> {
    let _random = random_numbers();
    Pretrained::from_config(config, Some(seed), Device::Cpu).unwrap()
}

/// With values that are the same on every machine and of a size that lets every part matter, biases included.
pub fn model<M: Model<Config = ElectraConfig>>(config: &ElectraConfig) -> Pretrained<M> {
    let model = fresh(config, 0);
    fill(model.parameters());
    model
}

pub fn fill(parameters: Vec<(String, Tensor)>) {
    let _no_grad = tch::no_grad_guard();
    for (number, (name, mut parameter)) in parameters.into_iter().enumerate() {
        let waves = waves(&parameter.size(), number as f64);
        let is_norm = parameter.dim() == 1 && name.ends_with("weight");
        parameter.copy_(&if is_norm { waves * 0.2 + 1.0 } else { waves * 0.4 });
    }
}

/// Numbers between -1 and 1 without a pattern: every row and column is another.
pub fn waves(shape: &[i64], phase: f64) -> Tensor {
    let count = shape.iter().product::<i64>();
    let place = Tensor::arange(count, (Kind::Double, Device::Cpu));
    ((place.square() * 0.137 + &place * 0.71 + phase).sin()).reshape(shape).to_kind(Kind::Float)
}

/// Rows of ids of these lengths, none of them 0.
pub fn ids(lengths: &[usize]) -> Vec<Vec<i64>> {
    lengths
        .iter()
        .enumerate()
        .map(|(row, &length)| (0..length).map(|column| cell(row, column, 60) + 1).collect())
        .collect()
}

/// Token types under such rows.
pub fn types(lengths: &[usize]) -> Vec<Vec<i64>> {
    lengths.iter().enumerate().map(|(row, &length)| (0..length).map(|column| cell(row, column, 4)).collect()).collect()
}

fn cell(row: usize, column: usize, limit: usize) -> i64 {
    ((row * 17 + column * 7 + row * column) % limit) as i64
}

/// `[B, S]`, with `padding` after the end of each row.
pub fn padded(rows: &[Vec<i64>], padding: i64) -> Tensor {
    let width = rows.iter().map(Vec::len).max().unwrap();
    let values: Vec<i64> =
        rows.iter().flat_map(|row| (0..width).map(|column| row.get(column).copied().unwrap_or(padding))).collect();
    Tensor::from_slice(&values).view([rows.len() as i64, width as i64])
}

/// 1 under the tokens of each row, 0 after them.
pub fn mask(lengths: &[usize]) -> Tensor {
    padded(&lengths.iter().map(|&length| vec![1; length]).collect::<Vec<_>>(), 0)
}

/// `[B, S]` of integers.
pub fn matrix<const B: usize, const S: usize>(rows: [[i64; S]; B]) -> Tensor {
    Tensor::from_slice(&rows.concat()).view([B as i64, S as i64])
}

#[allow(clippy::unnecessary_wraps, reason = "the fields of `Arguments` are options")]
pub fn ragged(rows: &[Vec<i64>]) -> Option<Rows> {
    Some(Rows::ragged(rows))
}

#[allow(clippy::unnecessary_wraps, reason = "the fields of `Arguments` are options")]
pub fn tensor(what: &str, tensor: &Tensor) -> Option<Rows> {
    Some(Rows::from_tensor(what, tensor).unwrap())
}

/// What a forward pass returns, whatever the head.
pub trait Answer {
    /// Hidden states or logits.
    fn main(&self) -> &Tensor;
    fn states(&self) -> Option<&[Tensor]>;
    fn attentions(&self) -> Option<&[Tensor]>;
}

macro_rules! answer {
    ($output:ty, $main:ident) => {
        impl Answer for $output {
            fn main(&self) -> &Tensor {
                &self.$main
            }
            fn states(&self) -> Option<&[Tensor]> {
                self.all_hidden_states.as_deref()
            }
            fn attentions(&self) -> Option<&[Tensor]> {
                self.all_attentions.as_deref()
            }
        }
    };
}
answer!(ModelOutput, hidden_state);
answer!(MaskedLMOutput, prediction_scores);
answer!(DiscriminatorOutput, logits);
answer!(TokenClassificationOutput, logits);

pub fn run<M: Model>(model: &Pretrained<M>, arguments: Arguments, options: ForwardOptions) -> M::Output {
    let inputs = Inputs::new(arguments, &model.model.limits()).unwrap();
    model.model.forward(&inputs, options).unwrap()
}

/// Hidden states or logits, without dropout and without a graph.
pub fn answer<M: Model<Output: Answer>>(model: &Pretrained<M>, arguments: Arguments) -> Tensor {
    let _no_grad = tch::no_grad_guard();
    run(model, arguments, ForwardOptions::default()).main().shallow_clone()
}

/// The largest difference of two tensors; NaN where either holds one.
pub fn difference(one: &Tensor, other: &Tensor) -> f64 {
    assert_eq!(one.size(), other.size());
    (one - other).abs().max().double_value(&[])
}

#[track_caller]
pub fn assert_close(one: &Tensor, other: &Tensor) {
    let difference = difference(one, other);
    assert!(difference <= TOLERANCE, "differ by {difference}");
}

/// The same names, shapes and values, bit for bit.
#[track_caller]
pub fn assert_same(one: &[(String, Tensor)], other: &[(String, Tensor)]) {
    let names = |parameters: &[(String, Tensor)]| parameters.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    for ((name, one), (_, other)) in one.iter().zip(other) {
        assert!(one.equal(other), "{name} differs");
    }
}

/// Copies, which later changes of the parameters do not reach.
pub fn copies(parameters: &[(String, Tensor)]) -> Vec<(String, Tensor)> {
    parameters.iter().map(|(name, parameter)| (name.clone(), parameter.detach().copy())).collect()
}
