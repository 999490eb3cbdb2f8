//! Question answering by a start, an end that depends on the start, and whether there is an answer.

use tch::{Kind, Reduction, Tensor};

use super::Head;
use super::losses::cross_entropy;
use crate::error::Result;
use crate::inputs::{IGNORED, Inputs, Targets, Task};
use crate::nn::{Activation, Linear, Parameters, Pooling};
use crate::outputs::{JointQuestionAnsweringOutput, Spans};

/// The number of starts that a beam has, and of ends for each of them.
pub const BEAM: usize = 20;
/// The width of the two hidden layers.
const WIDTH: i64 = 512;
/// Added to the logit of a token that cannot begin or end an answer.
const MASKED: f64 = -1000.0;
/// The share of the answerability in the loss.
const ANSWERABILITY: f64 = 0.5;

/// A start, an end given the start, and an answerability, from the hidden states x of a row:
///
/// - `s_i = w_s · x_i + b_s`: the logit of a start;
/// - `e_ij = w_e · gelu(W_e [x_i, x_j] + c_e) + b_e`: the logit of an end j, given the start i;
/// - `a = w_a · gelu(W_a [x_0, Σ softmax(s)_i x_i] + c_a) + b_a`: above 0 if there seems to be no answer.
///
/// If a row has tokens of type 1, only these and the first token can begin and end an answer. In training the end is
/// predicted given the right start.
///
/// Source: google-research/electra, `finetune/qa/qa_tasks.py`, with `joint_prediction`, `answerable_classifier` and
/// `answerable_uses_start_logits`.
#[derive(Debug)]
pub struct JointQuestionAnsweringHead {
    start: Linear,
    end: Scorer,
    answerability: Scorer,
}

/// `w · gelu(W x + c) + b`.
#[derive(Debug)]
struct Scorer {
    dense: Linear,
    output: Linear,
}

impl Scorer {
    fn new(parameters: &Parameters, inputs: i64) -> Result<Self> {
        Ok(Self {
            dense: Linear::new(&parameters.at("dense"), inputs, WIDTH)?,
            output: Linear::new(&parameters.at("out_proj"), WIDTH, 1)?,
        })
    }

    /// Map `[..., inputs]` to `[...]`.
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let inner = self.dense.activate(Activation::Gelu, &self.dense.forward(input)?)?;
        Ok(self.output.forward(&inner)?.f_squeeze_dim(-1)?)
    }
}

impl JointQuestionAnsweringHead {
    /// Take `start.*` `[1, H]`, and `end.*` and `answerability.*`: `dense` `[512, 2 H]` and `out_proj` `[1, 512]` each.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, hidden_size: i64) -> Result<Self> {
        Ok(Self {
            start: Linear::new(&parameters.at("start"), hidden_size, 1)?,
            end: Scorer::new(&parameters.at("end"), 2 * hidden_size)?,
            answerability: Scorer::new(&parameters.at("answerability"), 2 * hidden_size)?,
        })
    }

    /// Return the likeliest starts of each row, and the likeliest ends for each of them.
    ///
    /// A row is answered alone, so that memory does not grow with the batch, and a row has the same results in any batch.
    fn beam(&self, hidden: &Tensor, starts: &Tensor, mask: &Tensor, inputs: &Inputs) -> Result<Spans> {
        let (layout, beam) = (&inputs.layout, BEAM as i64);
        let nothing = |shape: &[i64], kind| Tensor::f_full(shape, f64::NEG_INFINITY, (kind, hidden.device()));
        let mut rows: Vec<Option<[Tensor; 4]>> = (0..layout.rows()).map(|_| None).collect();
        let mut begin = 0;
        for (row, kept) in layout.packed_rows() {
            let length = kept.len() as i64;
            if length == 0 {
                continue;
            }
            let own = |packed: &Tensor| packed.f_narrow(0, begin, length);
            let (states, mask) = (own(hidden)?, own(mask)?);
            let columns = Tensor::f_from_slice(kept)?.f_to_device(hidden.device())?;
            let size = length.min(beam);
            let (start_scores, places) = own(starts)?.f_log_softmax(0, Kind::Float)?.f_topk(size, 0, true, true)?;
            let first = states.f_index_select(0, &places)?.f_unsqueeze(1)?.f_expand([size, length, -1], false)?;
            let pairs = Tensor::f_cat(&[first, states.f_unsqueeze(0)?.f_expand([size, length, -1], false)?], 2)?;
            let ends = self.end.forward(&pairs)?.f_add(&mask)?;
            let (end_scores, ends) = ends.f_log_softmax(1, Kind::Float)?.f_topk(size, 1, true, true)?;
            // A short row has fewer candidates.
            let rest = beam - size;
            let in_columns = |places: &Tensor| columns.f_take(places);
            if let Some(found) = rows.get_mut(row) {
                *found = Some([
                    start_scores.f_pad([0, rest], "constant", f64::NEG_INFINITY)?,
                    in_columns(&places)?.f_pad([0, rest], "constant", None)?,
                    end_scores.f_pad([0, rest, 0, rest], "constant", f64::NEG_INFINITY)?,
                    in_columns(&ends)?.f_pad([0, rest, 0, rest], "constant", None)?,
                ]);
            }
            begin += length;
        }
        let (scores, places) = (Kind::Float, Kind::Int64);
        let stacked = |field: usize, shape: &[i64], kind: Kind| -> Result<Tensor> {
            let empty =
                if kind == places { Tensor::f_zeros(shape, (kind, hidden.device()))? } else { nothing(shape, kind)? };
            let tensors: Vec<&Tensor> = rows.iter().map(|row| row.as_ref().map_or(&empty, |row| &row[field])).collect();
            Ok(Tensor::f_stack(&tensors, 0)?)
        };
        Ok(Spans {
            start_scores: stacked(0, &[beam], scores)?,
            starts: stacked(1, &[beam], places)?,
            end_scores: stacked(2, &[beam, beam], scores)?,
            ends: stacked(3, &[beam, beam], places)?,
        })
    }

    /// Return the loss: the mean of the cross entropies of starts and of ends given the right start, and half the binary
    /// cross entropy of the answerability if it is known.
    fn loss(&self, hidden: &Tensor, scores: &Scores<'_>, inputs: &Inputs) -> Result<Option<Tensor>> {
        let Some(Targets::Spans { start, end, is_impossible }) = &inputs.targets else { return Ok(None) };
        let layout = &inputs.layout;
        let columns = layout.columns();
        // A start outside of the row is that of no token: its hidden state is 0.
        let is_inside = start.f_ne(IGNORED)?;
        let right = start.f_clamp(0, columns - 1)?.f_unsqueeze(1)?;
        let is_start = Tensor::f_zeros([layout.rows(), columns], (hidden.kind(), hidden.device()))?.f_scatter(
            1,
            &right,
            &is_inside.f_to_kind(hidden.kind())?.f_unsqueeze(1)?,
        )?;
        let first = Self::sum(hidden, &is_start, inputs)?;
        let pairs = Tensor::f_cat(&[Self::spread(&first, inputs)?, hidden.f_alias()?], 1)?;
        let ends = layout.unpack_with(&self.end.forward(&pairs)?.f_add(scores.mask)?, f64::NEG_INFINITY)?;
        let spans = cross_entropy(scores.starts, start)?.f_add(&cross_entropy(&ends, end)?)?.f_div_scalar(2.0)?;
        let Some(flags) = is_impossible else { return Ok(Some(spans)) };
        let flags = flags.f_to_kind(scores.answerability.kind())?;
        let logits = scores.answerability;
        let answerability = logits.f_binary_cross_entropy_with_logits::<Tensor>(&flags, None, None, Reduction::Mean)?;
        Ok(Some(spans.f_add(&answerability.f_mul_scalar(ANSWERABILITY)?)?))
    }

    /// Return the sums of the hidden states of each row, weighted by `[B, S]`: `[B, H]`.
    fn sum(hidden: &Tensor, weights: &Tensor, inputs: &Inputs) -> Result<Tensor> {
        let weights = inputs.layout.pack(weights)?.f_unsqueeze(1)?.f_to_kind(hidden.kind())?;
        Ok(inputs.layout.unpack(&hidden.f_mul(&weights)?)?.f_sum_dim_intlist(1_i64, false, None)?)
    }

    /// Repeat the vector of each row for its tokens, `[B, H]` to `[T, H]`.
    fn spread(rows: &Tensor, inputs: &Inputs) -> Result<Tensor> {
        let shape = [inputs.layout.rows(), inputs.layout.columns(), rows.size()[1]];
        inputs.layout.pack(&rows.f_unsqueeze(1)?.f_expand(shape, false)?)
    }

    /// Return what is added to the logits of tokens, `[T]`: [`MASKED`] for those that cannot begin or end an answer.
    fn mask(hidden: &Tensor, inputs: &Inputs) -> Result<Tensor> {
        let options = (Kind::Float, hidden.device());
        let Some(types) = &inputs.token_type_ids else {
            return Ok(Tensor::f_zeros([inputs.layout.tokens()], options)?);
        };
        let is_second = inputs.layout.unpack(&types.f_eq(1)?.f_to_kind(Kind::Float)?)?;
        let has_second = is_second.f_amax([1_i64], true)?;
        let mut first = vec![0_i64; inputs.layout.rows() as usize];
        for (row, kept) in inputs.layout.packed_rows() {
            if let (Some(place), Some(column)) = (first.get_mut(row), kept.first()) {
                *place = *column;
            }
        }
        let first = Tensor::f_from_slice(&first)?.f_to_device(hidden.device())?.f_unsqueeze(1)?;
        let ones = Tensor::f_ones([inputs.layout.rows(), 1], options)?;
        let is_place = is_second.f_scatter(1, &first, &ones)?.f_maximum(&has_second.f_neg()?.f_add_scalar(1.0)?)?;
        inputs.layout.pack(&is_place.f_neg()?.f_add_scalar(1.0)?.f_mul_scalar(MASKED)?)
    }
}

/// The scores that the loss needs.
struct Scores<'a> {
    /// The logits of starts `[B, S]`, -∞ at padded positions.
    starts: &'a Tensor,
    /// The mask of tokens `[T]`.
    mask: &'a Tensor,
    /// The logits of no answer `[B]`.
    answerability: &'a Tensor,
}

impl Head for JointQuestionAnsweringHead {
    type Output = JointQuestionAnsweringOutput;
    const NAME: &'static str = "ForJointQuestionAnswering";
    const TARGETS: &'static [&'static str] = &["start_positions", "end_positions", "is_impossible"];

    fn task(&self) -> Task {
        Task::Spans { answerability: true }
    }

    fn answer(&self, hidden: &Tensor, inputs: &Inputs, train: bool) -> Result<JointQuestionAnsweringOutput> {
        let layout = &inputs.layout;
        let mask = Self::mask(hidden, inputs)?;
        let packed = self.start.forward(hidden)?.f_squeeze_dim(-1)?.f_add(&mask)?;
        let starts = layout.unpack_with(&packed, f64::NEG_INFINITY)?;
        let likely = Self::sum(hidden, &starts.f_softmax(1, Kind::Float)?, inputs)?;
        let both = Tensor::f_cat(&[layout.pool(hidden, Pooling::First)?, likely], 1)?;
        let answerability = self.answerability.forward(&both)?;
        let scores = Scores { starts: &starts, mask: &mask, answerability: &answerability };
        let loss = self.loss(hidden, &scores, inputs)?;
        let spans = if train { None } else { Some(self.beam(hidden, &packed, &mask, inputs)?) };
        Ok(JointQuestionAnsweringOutput::new(loss, spans, answerability))
    }
}
