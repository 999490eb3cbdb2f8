//! One training step: rows of ids -> the losses of both networks.

use tch::{Kind, Reduction, Tensor};

use super::masking::{Masked, Masking};
use super::networks::{Generator, Networks};
use super::random::{Random, Use};
use super::sampling::{Sampling, check_temperature, sample};
use super::towers::TwoTowers;
use crate::electra::{ElectraDiscriminator, ElectraForMaskedLM};
use crate::error::{Error, Result};
use crate::inputs::{Arguments, IGNORED, Inputs, Limits, Rows, Tokens};
use crate::models::Model;
use crate::nn::Noise;

/// The weights of the losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// The weight of the generator's loss; 1 in the original.
    pub masked_lm: f64,
    /// The weight of the discriminator's loss; 50 in the original.
    pub replaced: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { masked_lm: 1.0, replaced: 50.0 }
    }
}

/// The options of the pre-training objective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// The choice of tokens.
    pub masking: Masking,
    /// The weights of the losses.
    pub weights: Weights,
    /// The number by which logits are divided before tokens are drawn.
    pub temperature: f64,
    /// Whether the original token is never drawn.
    pub disallow_correct: bool,
}

/// The numbers of tokens over which the losses are means. For a part of a batch (on one of several processes, or one of
/// several parts whose gradients are accumulated) use those of the whole batch: then the losses of the parts add up to
/// the loss of the batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// The chosen tokens.
    pub chosen: usize,
    /// All tokens, `[CLS]` and `[SEP]` included.
    pub tokens: usize,
    /// The tokens that may be chosen, on which Electric's generator is trained.
    pub candidates: usize,
}

/// The examples of a step, and the sources of their random numbers.
#[derive(Debug)]
pub struct Step<'a> {
    /// B rows of ids, without padding.
    pub rows: &'a [Vec<i64>],
    /// The length of the first segment of each row, in tokens; the other tokens have type 1.
    pub first_segments: &'a [usize],
    /// The source of the random numbers of each row.
    pub random: &'a [Random],
    /// The totals of the whole batch; None means those of these rows.
    pub totals: Option<Totals>,
    /// Whether dropout is applied.
    pub train: bool,
    /// Whether the discriminator takes part, if there is one.
    pub discriminate: bool,
    /// Uniform numbers `[N, V]` for [`Sampling::Gumbel`], the original's algorithm; None means [`Sampling::Inverse`]
    /// with the rows' own numbers.
    pub gumbel: Option<&'a Tensor>,
}

/// The result of a step. N is the number of chosen tokens, in the order of the rows.
#[derive(Debug)]
pub struct StepOutput {
    /// The loss to minimise, a scalar: the weighted sum of the two losses.
    pub loss: Tensor,
    /// The generator's mean cross entropy over the chosen tokens, a scalar; None without a generator. Two towers are
    /// not trained by it, so theirs has no graph.
    pub masked_lm_loss: Option<Tensor>,
    /// The mean cross entropy of two towers over all tokens that may be chosen, a scalar; None for other generators.
    pub cloze_loss: Option<Tensor>,
    /// The discriminator's mean binary cross entropy over all tokens, a scalar; None without a discriminator.
    pub replaced_loss: Option<Tensor>,
    /// The numbers of tokens over which the losses are means.
    pub totals: Totals,
    /// The masked rows, which a masked LM sees, with the chosen tokens. Two towers see unmasked rows.
    pub masked: Vec<Masked>,
    /// The generator's most probable tokens, `[N]` int64; None without a generator.
    pub predictions: Option<Tensor>,
    /// The tokens that replaced the chosen ones, `[N]`; empty if only a masked LM is trained.
    pub samples: Vec<i64>,
    /// The rows that the discriminator saw, and for each token whether it was replaced; empty without a discriminator.
    pub corrupted: Vec<(Vec<i64>, Vec<bool>)>,
    /// The discriminator's logits, `[B, S]`, zero at padded positions, without a graph; None without a discriminator.
    /// With two towers, the generator's log-probability of each token and the log-odds of being chosen are added.
    pub logits: Option<Tensor>,
}

/// The generator's log-probabilities of all words, float32, without a graph.
#[derive(Default)]
struct Generated {
    /// At the chosen tokens, `[N, V]`.
    chosen: Option<Tensor>,
    /// At all tokens, `[T, V]`; for two towers only.
    all: Option<Tensor>,
}

impl Objective {
    /// Return the numbers of tokens over which the losses of these rows are means.
    #[must_use]
    pub fn totals(&self, rows: &[Vec<i64>]) -> Totals {
        Totals {
            chosen: rows.iter().map(|row| self.masking.chosen(row)).sum(),
            tokens: rows.iter().map(Vec::len).sum(),
            candidates: rows.iter().map(|row| self.masking.candidates(row).len()).sum(),
        }
    }

    /// Check that these networks can be trained with this objective.
    ///
    /// # Errors
    /// [`Error::Input`] if an option of the masking, the temperature or a weight is out of range, or if the share of
    /// chosen tokens is 0 or 1 for two towers.
    pub fn check(&self, networks: &Networks) -> Result<()> {
        self.masking.check(networks.vocab_size())?;
        check_temperature(self.temperature)?;
        for (what, weight) in [("masked_lm_weight", self.weights.masked_lm), ("replaced_weight", self.weights.replaced)]
        {
            if !(0.0..f64::INFINITY).contains(&weight) {
                return Err(Error::input(what, format!("expected a number of at least 0, got {weight}")));
            }
        }
        let share = self.masking.share;
        if matches!(networks.generator(), Some(Generator::TwoTowers(_))) && (share <= 0.0 || share >= 1.0) {
            let reason = format!("expected a share above 0 and below 1 for two towers, got {share}");
            return Err(Error::input("mask_probability", reason));
        }
        Ok(())
    }

    /// Compute the losses of a step, with their graph unless the caller has turned gradients off.
    ///
    /// # Errors
    /// [`Error::Input`] if no network takes part, if no row has a token to choose, if `totals` are smaller than those
    /// of these rows, or if a row for two towers does not begin and end with special tokens; [`Error::OutOfRange`] if
    /// an id is not in the vocabulary; [`Error::Shape`] if the arguments do not fit one another; those of
    /// [`Objective::check`] and [`Inputs::new`]; [`Error::Torch`] if libtorch refuses.
    pub fn step(&self, networks: &Networks, step: &Step) -> Result<StepOutput> {
        self.check(networks)?;
        let discriminator = networks.discriminator().filter(|_| step.discriminate);
        if networks.generator().is_none() && discriminator.is_none() {
            return Err(Error::input("discriminate", "expected true, since there is no generator, got false"));
        }
        for (what, length) in [("first_segments", step.first_segments.len()), ("random", step.random.len())] {
            if length != step.rows.len() {
                return Err(Error::Shape {
                    what: what.into(),
                    expected: format!("[B = {}]", step.rows.len()),
                    got: format!("[{length}]"),
                });
            }
        }
        check_ids(step.rows, networks.vocab_size())?;
        let masked: Vec<Masked> =
            step.rows.iter().zip(step.random).map(|(row, &random)| self.masking.mask(row, random)).collect();
        let own = self.totals(step.rows);
        let totals = step.totals.unwrap_or(own);
        if totals.chosen == 0 {
            return Err(Error::input("rows", "expected tokens that can be masked, got only special tokens"));
        }
        if totals.chosen < own.chosen || totals.tokens < own.tokens || totals.candidates < own.candidates {
            let reason = format!("expected at least those of these rows, {own:?}, got {totals:?}");
            return Err(Error::input("totals", reason));
        }
        let originals: Vec<i64> = masked.iter().flat_map(|row| row.originals.iter().copied()).collect();
        let mut output = StepOutput {
            loss: Tensor::f_zeros([], (Kind::Float, networks.device()))?,
            masked_lm_loss: None,
            cloze_loss: None,
            replaced_loss: None,
            totals,
            masked,
            predictions: None,
            samples: vec![],
            corrupted: vec![],
            logits: None,
        };
        let generated = match networks.generator() {
            None => Generated::default(),
            Some(Generator::MaskedLM(model)) => fill(model, step, &originals, &mut output)?,
            Some(Generator::TwoTowers(towers)) => self.cloze(towers, step, &originals, &mut output)?,
        };
        if let Some(discriminator) = discriminator {
            let words = networks.vocab_size();
            output.samples = self.draw(step, generated.chosen, words, &originals, &output)?;
            self.discriminate(discriminator, step, generated.all, &mut output)?;
        }
        if let Some(loss) = output.cloze_loss.as_ref().or(output.masked_lm_loss.as_ref()) {
            output.loss = output.loss.f_add(&loss.f_mul_scalar(self.weights.masked_lm)?)?;
        }
        if let Some(loss) = &output.replaced_loss {
            output.loss = output.loss.f_add(&loss.f_mul_scalar(self.weights.replaced)?)?;
        }
        Ok(output)
    }

    /// Run two towers on unmasked rows: no tower sees the token that it predicts.
    fn cloze(&self, towers: &TwoTowers, step: &Step, originals: &[i64], output: &mut StepOutput) -> Result<Generated> {
        let rows: Vec<&[i64]> = step.rows.iter().map(Vec::as_slice).collect();
        let inputs = packed(&rows, step, &towers.limits(), Use::InGenerator)?;
        // Tokens that are not trained keep the target that the loss ignores.
        let mut targets = vec![IGNORED; inputs.layout.tokens() as usize];
        for (number, row) in rows.iter().enumerate() {
            for column in self.masking.candidates(row) {
                if column == 0 || column + 1 == row.len() {
                    let reason = format!("expected [CLS] first and [SEP] last for two towers, got {row:?}");
                    return Err(Error::input("rows", reason));
                }
                let place = inputs.layout.place(number, column).and_then(|place| targets.get_mut(place as usize));
                if let Some(target) = place {
                    *target = row[column];
                }
            }
        }
        let log_p = towers.logits(&inputs, step.train)?.f_log_softmax(-1, Kind::Float)?;
        output.cloze_loss = Some(mean_loss(&log_p, &targets, output.totals.candidates)?);
        let log_p = log_p.f_detach()?;
        let index: Vec<i64> =
            places(&output.masked).into_iter().filter_map(|(row, column)| inputs.layout.place(row, column)).collect();
        let chosen = log_p.f_index_select(0, &Tensor::f_from_slice(&index)?.f_to_device(log_p.device())?)?;
        output.masked_lm_loss = Some(mean_loss(&chosen, originals, output.totals.chosen)?);
        output.predictions = Some(chosen.f_argmax(1, false)?);
        Ok(Generated { chosen: Some(chosen), all: Some(log_p) })
    }

    /// Run the discriminator on the rows with the drawn tokens. `cloze`: the log-probabilities of two towers, `[T, V]`.
    fn discriminate(
        &self,
        discriminator: &ElectraDiscriminator,
        step: &Step,
        cloze: Option<Tensor>,
        output: &mut StepOutput,
    ) -> Result<()> {
        let mut samples = output.samples.as_slice();
        for (row, masked) in step.rows.iter().zip(&output.masked) {
            let (own, rest) = samples.split_at(masked.positions.len().min(samples.len()));
            let (ids, differs) = masked.corrupted(row, own);
            // Electric tells noise from data: a drawn token is noise even if it equals the original.
            let found = if cloze.is_some() { masked.chosen() } else { differs };
            output.corrupted.push((ids, found));
            samples = rest;
        }
        let rows: Vec<&[i64]> = output.corrupted.iter().map(|(ids, _)| ids.as_slice()).collect();
        let inputs = packed(&rows, step, &discriminator.limits(), Use::InDiscriminator)?;
        // Done before the discriminator runs, so that `[T, V]` is freed by then.
        let log_q = match (cloze, &inputs.tokens) {
            (Some(log_p), Tokens::Ids(ids)) => Some(log_p.f_gather(1, &ids.f_unsqueeze(1)?, false)?.f_squeeze_dim(1)?),
            _ => None,
        };
        let mut logits = discriminator.packed_logits(&inputs, step.train)?.f_to_kind(Kind::Float)?;
        if let Some(log_q) = log_q {
            let share = self.masking.share;
            logits = logits.f_add(&log_q)?.f_add_scalar((share / (1.0 - share)).ln())?;
        }
        // In the order of the packed tokens.
        let mut labels = vec![0.0_f32; output.corrupted.iter().map(|(ids, _)| ids.len()).sum()];
        for (row, (_, replaced)) in output.corrupted.iter().enumerate() {
            for (column, _) in replaced.iter().enumerate().filter(|(_, replaced)| **replaced) {
                let place = inputs.layout.place(row, column).and_then(|place| labels.get_mut(place as usize));
                if let Some(label) = place {
                    *label = 1.0;
                }
            }
        }
        let labels = Tensor::f_from_slice(&labels)?.f_to_device(logits.device())?;
        let sum = logits.f_binary_cross_entropy_with_logits::<Tensor>(&labels, None, None, Reduction::Sum)?;
        output.replaced_loss = Some(sum.f_div_scalar(output.totals.tokens.max(1) as f64)?);
        output.logits = Some(inputs.layout.unpack(&logits.f_detach()?)?);
        Ok(())
    }

    /// Draw the tokens that replace the chosen ones, from log-probabilities `[N, V]`; None means from all words alike.
    fn draw(
        &self,
        step: &Step,
        log_p: Option<Tensor>,
        words: i64,
        originals: &[i64],
        output: &StepOutput,
    ) -> Result<Vec<i64>> {
        let device = output.loss.device();
        let alike = || Tensor::f_zeros([originals.len() as i64, words], (Kind::Float, device));
        let log_p = log_p.map_or_else(alike, Ok)?;
        let uniforms: Vec<f32> = step
            .random
            .iter()
            .zip(&output.masked)
            .flat_map(|(random, row)| random.uniforms(Use::Samples).take(row.positions.len()))
            .collect();
        let gumbel = step.gumbel.map(|noise| noise.f_to_device(device)).transpose()?;
        let sampling = match &gumbel {
            Some(noise) if noise.size() != log_p.size() => {
                return Err(Error::Shape {
                    what: "gumbel".into(),
                    expected: format!("[N, V] = {:?}", log_p.size()),
                    got: format!("{:?}", noise.size()),
                });
            }
            Some(noise) => Sampling::Gumbel(noise),
            None => Sampling::Inverse(&uniforms),
        };
        let not = self.disallow_correct.then(|| Tensor::f_from_slice(originals)?.f_to_device(device)).transpose()?;
        let drawn = sample(&log_p, &sampling, self.temperature, not.as_ref())?;
        Ok(Vec::<i64>::try_from(drawn.f_to_device(tch::Device::Cpu)?)?)
    }
}

/// Check that ids are in the vocabulary. The networks' own checks do not see the ids that are masked.
fn check_ids(rows: &[Vec<i64>], limit: i64) -> Result<()> {
    for (row, ids) in rows.iter().enumerate() {
        if let Some(column) = ids.iter().position(|id| !(0..limit).contains(id)) {
            let position = vec![row, column];
            return Err(Error::OutOfRange { what: "rows".into(), value: ids[column], position, limit });
        }
    }
    Ok(())
}

/// Return the row and the column of each chosen token.
fn places(masked: &[Masked]) -> Vec<(usize, usize)> {
    let of_row = |(row, masked): (usize, &Masked)| masked.positions.iter().map(move |&column| (row, column)).collect();
    masked.iter().enumerate().flat_map::<Vec<_>, _>(of_row).collect()
}

/// Return the summed loss of log-probabilities `[N, V]` for ids `[N]`, divided by the number `count`.
fn mean_loss(log_p: &Tensor, ids: &[i64], count: usize) -> Result<Tensor> {
    let targets = Tensor::f_from_slice(ids)?.f_to_device(log_p.device())?;
    let sum = log_p.f_nll_loss::<Tensor>(&targets, None, Reduction::Sum, IGNORED)?;
    Ok(sum.f_div_scalar(count.max(1) as f64)?)
}

/// Run a masked LM on the masked rows.
fn fill(model: &ElectraForMaskedLM, step: &Step, originals: &[i64], output: &mut StepOutput) -> Result<Generated> {
    let rows: Vec<&[i64]> = output.masked.iter().map(|row| row.ids.as_slice()).collect();
    let inputs = packed(&rows, step, &model.limits(), Use::InGenerator)?;
    let log_p = model.scores_at(&inputs, &places(&output.masked), step.train)?.f_log_softmax(-1, Kind::Float)?;
    output.masked_lm_loss = Some(mean_loss(&log_p, originals, output.totals.chosen)?);
    let log_p = log_p.f_detach()?;
    output.predictions = Some(log_p.f_argmax(1, false)?);
    Ok(Generated { chosen: Some(log_p), all: None })
}

/// Pack rows into the inputs of a network, with the random numbers of their dropout.
fn packed(rows: &[&[i64]], step: &Step, limits: &Limits, purpose: Use) -> Result<Inputs> {
    let types = |(row, &first): (&&[i64], &usize)| (0..row.len()).map(|place| i64::from(place >= first)).collect();
    let types: Vec<Vec<i64>> = rows.iter().zip(step.first_segments).map(types).collect();
    let arguments = Arguments {
        input_ids: Some(Rows::ragged(rows)),
        token_type_ids: Some(Rows::ragged(&types)),
        ..Arguments::default()
    };
    let mut inputs = Inputs::new(arguments, limits)?;
    inputs.set_noise(Noise::new(step.random.iter().map(|random| random.own_key(purpose)).collect()))?;
    Ok(inputs)
}
