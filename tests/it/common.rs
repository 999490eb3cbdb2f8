//! Tiny models with odd sizes, known values, and answers that can be compared.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use oxbert::config::Labels;
use oxbert::encoder::{Direction, ForwardOptions};
use oxbert::inputs::{Arguments, Inputs, Limits, Rows, Task};
use oxbert::models::Model;
use oxbert::nn::Parameters;
use oxbert::outputs::{
    DiscriminatorOutput, MaskedLMOutput, ModelOutput, MultipleChoiceOutput, QuestionAnsweringOutput,
    SequenceClassificationOutput, TokenClassificationOutput,
};
use oxbert::weights::{Strictness, WeightFormat};
use oxbert::{Activation, Config, DistilBertConfig, ElectraConfig, Pretrained};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// The largest accepted difference between two float32 results that are mathematically equal.
pub const TOLERANCE: f64 = 1e-5;

/// The options of a forward pass in training.
pub const TRAIN: ForwardOptions =
    ForwardOptions { train: true, output_hidden_states: false, output_attentions: false, direction: Direction::Both };

pub const FORMATS: [WeightFormat; 2] = [WeightFormat::Ot, WeightFormat::Safetensors];

/// A family's configurations for tests.
pub trait Tiny: Config + Default + PartialEq {
    /// Return a configuration without two equal sizes (in ELECTRA, E is not H), to expose swapped dimensions and
    /// constants.
    fn odd() -> Self;
    /// Return a configuration with E = H, one layer and one head.
    fn plain() -> Self;
    fn labelled(self, labels: usize) -> Self;
    fn untied(self) -> Self;
}

impl Tiny for ElectraConfig {
    fn odd() -> Self {
        Self {
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
            ..Self::default()
        }
    }

    fn plain() -> Self {
        Self {
            embedding_size: 6,
            hidden_size: 6,
            num_hidden_layers: 1,
            num_attention_heads: 1,
            hidden_act: Activation::Gelu,
            ..odd()
        }
    }

    fn labelled(self, labels: usize) -> Self {
        Self { labels: Labels::numbered(labels), ..self }
    }

    fn untied(self) -> Self {
        Self { tie_word_embeddings: false, ..self }
    }
}

impl Tiny for DistilBertConfig {
    fn odd() -> Self {
        Self {
            vocab_size: 61,
            dim: 35,
            n_layers: 3,
            n_heads: 5,
            hidden_dim: 23,
            activation: Activation::Relu,
            max_position_embeddings: 19,
            initializer_range: 0.05,
            labels: Labels::numbered(3),
            ..Self::default()
        }
    }

    fn plain() -> Self {
        Self { dim: 6, n_layers: 1, n_heads: 1, activation: Activation::Gelu, ..odd() }
    }

    fn labelled(self, labels: usize) -> Self {
        Self { labels: Labels::numbered(labels), ..self }
    }

    fn untied(self) -> Self {
        Self { tie_word_embeddings: false, ..self }
    }
}

pub fn odd<C: Tiny>() -> C {
    C::odd()
}

pub fn plain<C: Tiny>() -> C {
    C::plain()
}

/// Return the odd configuration for a model, with as many labels as the model can have.
pub fn odd_for<M: Model<Config: Tiny>>() -> M::Config {
    suited::<M>(odd())
}

/// Return the odd and the plain configuration for a model.
pub fn both<M: Model<Config: Tiny>>() -> [M::Config; 2] {
    [suited::<M>(odd()), suited::<M>(plain())]
}

fn suited<M: Model<Config: Tiny>>(config: M::Config) -> M::Config {
    if M::name().ends_with("QuestionAnswering") { config.labelled(2) } else { config }
}

/// Call `law::<M>()` with each model of both families.
macro_rules! for_every_model {
    ($law:ident) => {
        $crate::common::for_every_model!($law: oxbert::electra::{
            ElectraModel, ElectraForMaskedLM, ElectraDiscriminator, ElectraForTokenClassification,
            ElectraForSequenceClassification, ElectraForLinearClassification, ElectraForQuestionAnswering,
            ElectraForMultipleChoice
        });
        $crate::common::for_every_model!($law: oxbert::distilbert::{
            DistilBertModel, DistilBertForMaskedLM, DistilBertForTokenClassification,
            DistilBertForSequenceClassification, DistilBertForLinearClassification, DistilBertForQuestionAnswering,
            DistilBertForMultipleChoice
        });
    };
    ($law:ident: oxbert::$family:ident::{$($model:ident),*}) => {
        $($law::<oxbert::$family::$model>();)*
    };
}
pub(crate) use for_every_model;

/// Lock libtorch's random generator, which the whole process shares. Every test that draws numbers holds the lock, so
/// that tests of seeds are not disturbed.
pub fn random_numbers() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Return a newly initialised model.
pub fn fresh<M: Model>(config: &M::Config, seed: i64) -> Pretrained<M> {
    let _random = random_numbers();
    Pretrained::from_config(config, Some(seed), Device::Cpu).unwrap()
}

/// Return a model with values that are the same on every machine, and large enough that every parameter matters.
pub fn model<M: Model>(config: &M::Config) -> Pretrained<M> {
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

/// Build a part of a model on new parameters, fill them with known values, and return both.
pub fn built<T>(build: impl FnOnce(&Parameters) -> oxbert::Result<T>) -> (T, VarStore) {
    let variables = VarStore::new(Device::Cpu);
    let parameters = Parameters::random(&variables.root(), ElectraConfig::default().initial());
    let part = {
        let _random = random_numbers();
        build(&parameters).unwrap()
    };
    let mut tensors = variables.variables();
    fill(parameters.names().into_iter().map(|name| (name.clone(), tensors.remove(&name).unwrap())).collect());
    (part, variables)
}

/// Return numbers between -1 and 1 without a pattern: all rows and columns differ.
pub fn waves(shape: &[i64], phase: f64) -> Tensor {
    let count = shape.iter().product::<i64>();
    let place = Tensor::arange(count, (Kind::Double, Device::Cpu));
    ((place.square() * 0.137 + &place * 0.71 + phase).sin()).reshape(shape).to_kind(Kind::Float)
}

/// Return rows of nonzero ids with these lengths.
pub fn ids(lengths: &[usize]) -> Vec<Vec<i64>> {
    lengths
        .iter()
        .enumerate()
        .map(|(row, &length)| (0..length).map(|column| cell(row, column, 60) + 1).collect())
        .collect()
}

/// Return token types for rows with these lengths.
pub fn types(lengths: &[usize]) -> Vec<Vec<i64>> {
    lengths.iter().enumerate().map(|(row, &length)| (0..length).map(|column| cell(row, column, 4)).collect()).collect()
}

fn cell(row: usize, column: usize, limit: usize) -> i64 {
    ((row * 17 + column * 7 + row * column) % limit) as i64
}

/// Return `[B, S]` with `padding` after the end of each row.
pub fn padded(rows: &[Vec<i64>], padding: i64) -> Tensor {
    let width = rows.iter().map(Vec::len).max().unwrap();
    let values: Vec<i64> =
        rows.iter().flat_map(|row| (0..width).map(|column| row.get(column).copied().unwrap_or(padding))).collect();
    Tensor::from_slice(&values).view([rows.len() as i64, width as i64])
}

/// Return the mask `[B, S]` of padded rows: 1 at tokens, 0 after them.
pub fn mask(lengths: &[usize]) -> Tensor {
    padded(&lengths.iter().map(|&length| vec![1; length]).collect::<Vec<_>>(), 0)
}

/// Return a tensor `[B, S]` of int64.
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

/// The output of a forward pass with any head.
pub trait Answer {
    /// Whether the output is per token, `[B, S, ...]`, or per text, `[B, ...]`.
    const BY_TOKEN: bool;
    /// Return the hidden states or logits; for question answering, two logits per token.
    fn main(&self) -> Tensor;
    fn loss(&self) -> Option<&Tensor>;
    fn states(&self) -> Option<&[Tensor]>;
    fn attentions(&self) -> Option<&[Tensor]>;
}

macro_rules! answer {
    ($output:ty, $by_token:literal, $($main:ident)+ $(; $loss:ident)?) => {
        impl Answer for $output {
            const BY_TOKEN: bool = $by_token;
            fn main(&self) -> Tensor {
                match [$(&self.$main),+].as_slice() {
                    [only] => only.shallow_clone(),
                    several => Tensor::stack(several, -1),
                }
            }
            fn loss(&self) -> Option<&Tensor> {
                None::<&Tensor>$(.or(self.$loss.as_ref()))?
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
answer!(ModelOutput, true, hidden_state);
answer!(MaskedLMOutput, true, prediction_scores; loss);
answer!(DiscriminatorOutput, true, logits; loss);
answer!(TokenClassificationOutput, true, logits; loss);
answer!(SequenceClassificationOutput, false, logits; loss);
answer!(QuestionAnsweringOutput, true, start_logits end_logits; loss);
answer!(MultipleChoiceOutput, false, logits; loss);

/// Load the model that a folder holds.
pub fn from_folder<M: Model>(folder: &Path) -> oxbert::Result<Pretrained<M>> {
    Pretrained::from_folder(folder, Device::Cpu, Strictness::Everything)
}

/// Return the inputs of a model. If the model takes choices and the arguments have none, every row is the only choice
/// of a question.
pub fn inputs(mut arguments: Arguments, limits: &Limits) -> Inputs {
    if limits.task == Task::Choices {
        let alone = |ids: Rows| if ids.choices().is_some() { ids } else { ids.in_choices("input_ids", 1).unwrap() };
        arguments.input_ids = arguments.input_ids.map(alone);
        arguments.inputs_embeds = arguments.inputs_embeds.map(|embeddings| embeddings.unsqueeze(1));
    }
    Inputs::new(arguments, limits).unwrap()
}

/// Run a model on its [`inputs`].
pub fn run<M: Model>(model: &Pretrained<M>, arguments: Arguments, options: ForwardOptions) -> M::Output {
    model.model.forward(&inputs(arguments, &model.model.limits()), options).unwrap()
}

/// Return hidden states or logits, without dropout and without a graph.
pub fn answer<M: Model<Output: Answer>>(model: &Pretrained<M>, arguments: Arguments) -> Tensor {
    let _no_grad = tch::no_grad_guard();
    run(model, arguments, ForwardOptions::default()).main()
}

/// Return the part of an answer for one row, and if the answer is per token, for the tokens at these columns.
pub fn of_row<M: Model<Output: Answer>>(answer: &Tensor, row: usize, columns: &[usize]) -> Tensor {
    let answer = answer.narrow(0, row as i64, 1);
    if !M::Output::BY_TOKEN {
        return answer;
    }
    let columns: Vec<i64> = columns.iter().map(|&column| column as i64).collect();
    answer.index_select(1, &Tensor::from_slice(&columns))
}

/// Return all values of a tensor, row-major.
pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.detach().to_kind(Kind::Double).reshape([-1])).unwrap()
}

/// Compute `x Wᵀ + b` with the parameters under `name`.
pub fn linear(input: &Tensor, parameter: &dyn Fn(&str) -> Tensor, name: &str) -> Tensor {
    input.matmul(&parameter(&format!("{name}.weight")).transpose(0, 1)) + parameter(&format!("{name}.bias"))
}

/// Compute a layer norm step by step with the parameters under `name`.
pub fn normalised(input: &Tensor, parameter: &dyn Fn(&str) -> Tensor, name: &str, eps: f64) -> Tensor {
    let inner = input.to_kind(Kind::Double);
    let centred = &inner - inner.mean_dim(-1, true, Kind::Double);
    let scale = (centred.square().mean_dim(-1, true, Kind::Double) + eps).rsqrt();
    let scaled = centred * scale * parameter(&format!("{name}.weight")) + parameter(&format!("{name}.bias"));
    scaled.to_kind(Kind::Float)
}

/// Return the largest difference of two tensors; NaN if either holds a NaN.
pub fn difference(one: &Tensor, other: &Tensor) -> f64 {
    assert_eq!(one.size(), other.size());
    (one - other).abs().max().double_value(&[])
}

#[track_caller]
pub fn assert_close(one: &Tensor, other: &Tensor) {
    let difference = difference(one, other);
    let largest = if other.numel() == 0 { 0.0 } else { other.abs().max().double_value(&[]) };
    assert!(difference <= TOLERANCE * largest.max(1.0), "differ by {difference}");
}

/// Check that names, shapes and values are the same, bit for bit, in any order.
#[track_caller]
pub fn assert_same(one: &[(String, Tensor)], other: &[(String, Tensor)]) {
    let by_name = |parameters: &[(String, Tensor)]| {
        let mut parameters = copies(parameters);
        parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
        parameters
    };
    let (one, other) = (by_name(one), by_name(other));
    let names = |parameters: &[(String, Tensor)]| parameters.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    for ((name, one), (_, other)) in one.iter().zip(&other) {
        assert!(one.equal(other), "{name} differs");
    }
}

/// Return copies that later changes of the parameters do not affect.
pub fn copies(parameters: &[(String, Tensor)]) -> Vec<(String, Tensor)> {
    parameters.iter().map(|(name, parameter)| (name.clone(), parameter.detach().copy())).collect()
}
