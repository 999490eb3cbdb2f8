//! The layers of a frozen encoder on kernels: from tensors to slices and back.

use tch::Tensor;

use super::embeddings::PackedEmbeddings;
use crate::config::EncoderConfig;
use crate::encoder::{Encoded, EncoderNames, LayerNames};
use crate::error::Result;
use crate::inputs::{Inputs, Limits, Task};
use crate::kernels::{Call, Choice, Layer, Layers, Matrix, Shape};
use crate::nn::{ForwardOptions, Layout, Linear, Parameters, norms, values, values_mut, zeros};

/// Embeddings, a projection if E is not H, and layers whose weights are packed for kernels.
#[derive(Debug)]
pub(super) struct PackedEncoder {
    embeddings: PackedEmbeddings,
    projection: Option<Linear>,
    layers: Layers,
}

impl PackedEncoder {
    /// Pack the parameters one matrix after another.
    pub(super) fn new(
        parameters: &Parameters,
        config: &EncoderConfig,
        names: &EncoderNames,
        choice: Choice,
    ) -> Result<Self> {
        let (width, hidden) = (config.embeddings.width, config.hidden_size);
        let embeddings = PackedEmbeddings::new(&parameters.at(names.embeddings), &config.embeddings, choice)?;
        let projection =
            (width != hidden).then(|| Linear::new(&parameters.at(names.projection), width, hidden)).transpose()?;
        let stack = parameters.at(names.layers);
        let all = (0..config.num_hidden_layers)
            .map(|number| layer(&stack.at(&number.to_string()), config, &names.layer, choice))
            .collect::<Result<_>>()?;
        let shape = Shape {
            hidden: hidden as usize,
            inner: config.intermediate_size as usize,
            heads: config.num_attention_heads as usize,
        };
        let layers = Layers { choice, shape, function: config.activation.function(), all };
        Ok(Self { embeddings, projection, layers })
    }

    pub(super) fn words(&self) -> &Tensor {
        self.embeddings.words()
    }

    pub(super) fn positions(&self) -> &Tensor {
        self.embeddings.positions()
    }

    pub(super) fn limits(&self, task: Task) -> Limits {
        self.embeddings.limits(task)
    }

    pub(super) fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<Encoded> {
        let embeddings = self.embeddings.forward(inputs)?;
        let input = match &self.projection {
            Some(projection) => projection.forward(&embeddings)?,
            None => embeddings,
        };
        let layout = &inputs.layout;
        let count = self.layers.all.len();
        let mut hidden = zeros(&input.size())?;
        // The last layer's hidden states are the output.
        let wanted = if options.output_hidden_states { count } else { 0 };
        let mut states = (0..wanted).map(|_| zeros(&input.size())).collect::<Result<Vec<_>>>()?;
        let heads = self.layers.shape.heads as i64;
        let squares = layout.groups().iter().map(|group| group.rows * heads * group.length * group.length).sum();
        let wanted = if options.output_attentions { count } else { 0 };
        let mut probabilities = (0..wanted).map(|_| zeros(&[squares])).collect::<Result<Vec<_>>>()?;
        let lengths: Vec<usize> = layout.groups().iter().flat_map(|group| rows_of(group.rows, group.length)).collect();
        self.layers.run(Call {
            input: values(&input)?,
            lengths: &lengths,
            direction: options.direction,
            threads: tch::get_num_threads() as usize,
            output: values_mut(&mut hidden)?,
            states: states.iter_mut().map(values_mut).collect::<Result<_>>()?,
            probabilities: probabilities.iter_mut().map(values_mut).collect::<Result<_>>()?,
        })?;
        let all = [input].iter().chain(&states).map(|state| layout.unpack(state)).collect::<Result<Vec<_>>>()?;
        let attentions =
            probabilities.iter().map(|packed| unpack_attentions(layout, packed, heads)).collect::<Result<Vec<_>>>()?;
        Ok(Encoded {
            hidden,
            all_hidden_states: options.output_hidden_states.then_some(all),
            all_attentions: options.output_attentions.then_some(attentions),
        })
    }
}

fn rows_of(rows: i64, length: i64) -> impl Iterator<Item = usize> {
    std::iter::repeat_n(length as usize, rows as usize)
}

/// Unpack the attention probabilities of a layer into `[B, A, S, S]`.
fn unpack_attentions(layout: &Layout, packed: &Tensor, heads: i64) -> Result<Tensor> {
    let mut begin = 0;
    let mut groups = Vec::with_capacity(layout.groups().len());
    for group in layout.groups() {
        let shape = [group.rows, heads, group.length, group.length];
        let count = shape.iter().product();
        groups.push(packed.f_narrow(0, begin, count)?.f_view(shape)?);
        begin += count;
    }
    layout.unpack_attentions(&groups, heads)
}

/// Pack the parameters of one layer.
fn layer(parameters: &Parameters, config: &EncoderConfig, names: &LayerNames, choice: Choice) -> Result<Layer> {
    let (hidden, inner) = (config.hidden_size, config.intermediate_size);
    let attention = names.attention;
    let projections = [attention.query, attention.key, attention.value];
    let norm = |name: &str| norms(&parameters.at(name), hidden, config.layer_norm_eps);
    let pack = |choice: Choice, names: &[&str], inputs: i64, outputs: i64| -> Result<Matrix> {
        let mut matrix = Matrix::zeros(choice, names.len() * outputs as usize, inputs as usize)?;
        for (number, name) in names.iter().enumerate() {
            let part = parameters.at(name);
            let (weight, bias) = (part.tensor("weight", &[outputs, inputs])?, part.tensor("bias", &[outputs])?);
            matrix.set(number * outputs as usize, values(&weight)?, values(&bias)?)?;
        }
        Ok(matrix)
    };
    Ok(Layer {
        projections: pack(choice.projections(), &projections, hidden, hidden)?,
        attention_output: pack(choice, &[attention.output], hidden, hidden)?,
        attention_norm: norm(names.attention_norm)?,
        intermediate: pack(choice, &[names.intermediate], hidden, inner)?,
        output: pack(choice, &[names.output], inner, hidden)?,
        output_norm: norm(names.output_norm)?,
    })
}
