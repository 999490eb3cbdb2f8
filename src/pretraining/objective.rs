//! One step: rows of ids -> the losses of both networks.

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

/// How much each loss counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// 1 in the original.
    pub masked_lm: f64,
    /// 50 in the original.
    pub replaced: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { masked_lm: 1.0, replaced: 50.0 }
    }
}

/// What is computed at every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// Which tokens are chosen.
    pub masking: Masking,
    /// What the losses count.
    pub weights: Weights,
    /// Logits are divided by it before tokens are drawn.
    pub temperature: f64,
    /// Whether the original token may not be drawn.
    pub disallow_correct: bool,
}

/// Over how many tokens the losses are means. For a part of a batch (one of several processes, or of several parts that are
/// added up) they are those of the whole batch, so that the parts' losses add up to its loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Chosen tokens.
    pub chosen: usize,
    /// All tokens, `[CLS]` and `[SEP]` included.
    pub tokens: usize,
    /// Those that might have been chosen: what Electric's generator is trained on.
    pub candidates: usize,
}

/// The examples of a step and what is drawn for them.
#[derive(Debug)]
pub struct Step<'a> {
    /// The rows, B of them, without padding.
    pub rows: &'a [Vec<i64>],
    /// How many tokens of each row are of its first text; the others have type 1.
    pub first_segments: &'a [usize],
    /// For each row, where its random numbers come from.
    pub random: &'a [Random],
    /// Those of the whole batch; none: of these rows.
    pub totals: Option<Totals>,
    /// Whether dropout is applied.
    pub train: bool,
    /// Whether the discriminator takes part, where there is one.
    pub discriminate: bool,
    /// Uniform numbers `[N, V]` for the original's way to draw tokens; none: by the rows' own numbers, one a token.
    pub gumbel: Option<&'a Tensor>,
}

/// What a step gives. N are the chosen tokens, row by row.
#[derive(Debug)]
pub struct StepOutput {
    /// What is minimised, a scalar: the weighted sum of the two.
    pub loss: Tensor,
    /// The mean cross entropy of the generator over chosen tokens, a scalar; none without a generator, and without a graph
    /// of two towers, which are not trained by it.
    pub masked_lm_loss: Option<Tensor>,
    /// Electric's instead: over all tokens that might have been chosen, a scalar.
    pub cloze_loss: Option<Tensor>,
    /// The mean binary cross entropy of the discriminator over all tokens, a scalar; none without one.
    pub replaced_loss: Option<Tensor>,
    /// What the losses are means over.
    pub totals: Totals,
    /// Every row as a masked LM sees it, with what was chosen. Two towers see the rows as they are.
    pub masked: Vec<Masked>,
    /// The likeliest tokens by the generator, `[N]` int64; none without one.
    pub predictions: Option<Tensor>,
    /// What was put in the place of the chosen tokens, `[N]`; empty where only a masked LM is trained.
    pub samples: Vec<i64>,
    /// Every row as the discriminator saw it, and whether each token was replaced; empty without one.
    pub corrupted: Vec<(Vec<i64>, Vec<bool>)>,
    /// The discriminator's logits, `[B, S]`, zeros at padded positions, without a graph. Electric's have the generator's
    /// log-probability of each token and the log-odds of being chosen added.
    pub logits: Option<Tensor>,
}

/// What the generator says: log-probabilities of all words, float32, without a graph.
#[derive(Default)]
struct Generated {
    /// At the chosen tokens, `[N, V]`.
    chosen: Option<Tensor>,
    /// At all tokens, `[T, V]`: of two towers only.
    all: Option<Tensor>,
}

impl Objective {
    /// What the losses of these rows are means over.
    #[must_use]
    pub fn totals(&self, rows: &[Vec<i64>]) -> Totals {
        Totals {
            chosen: rows.iter().map(|row| self.masking.chosen(row)).sum(),
            tokens: rows.iter().map(Vec::len).sum(),
            candidates: rows.iter().map(|row| self.masking.candidates(row).len()).sum(),
        }
    }

    /// Refuses what no networks could be trained towards, or not these.
    ///
    /// # Errors
    /// [`Error::Input`].
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
            let reason =
                format!("expected a share between 0 and 1, whose odds are a number, for two towers, got {share}");
            return Err(Error::input("mask_probability", reason));
        }
        Ok(())
    }

    /// Computes the losses of a step, with their graph unless the caller has turned it off.
    ///
    /// # Errors
    /// [`Error::Input`] where no network takes part, where nothing can be chosen in any row, where `totals` are less than
    /// these rows have, and for two towers where a row does not begin and end with special tokens; [`Error::Shape`] where
    /// the arguments do not fit one another; those of [`Objective::check`] and [`Inputs::new`]; [`Error::Torch`] where
    /// libtorch refuses.
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
            return Err(Error::input("rows", "expected tokens that can be masked, got special ones only"));
        }
        if totals.chosen < own.chosen || totals.tokens < own.tokens || totals.candidates < own.candidates {
            let reason = format!("expected those of a batch of which these rows are a part, {own:?}, got {totals:?}");
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

    /// Runs two towers on rows as they are: no tower sees the token that it guesses.
    fn cloze(&self, towers: &TwoTowers, step: &Step, originals: &[i64], output: &mut StepOutput) -> Result<Generated> {
        let rows: Vec<&[i64]> = step.rows.iter().map(Vec::as_slice).collect();
        let inputs = packed(&rows, step, &towers.limits(), Use::InGenerator)?;
        // What is not trained has a target that does not count.
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

    /// Runs the discriminator on rows with the drawn tokens. `cloze` are the log-probabilities of two towers, `[T, V]`.
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
            // Electric tells noise from data: also a token that happens to be the original one is noise.
            let found = if cloze.is_some() { masked.chosen() } else { differs };
            output.corrupted.push((ids, found));
            samples = rest;
        }
        let rows: Vec<&[i64]> = output.corrupted.iter().map(|(ids, _)| ids.as_slice()).collect();
        let inputs = packed(&rows, step, &discriminator.limits(), Use::InDiscriminator)?;
        // Before the discriminator runs, so that the table of all words is gone by then.
        let log_q = match (cloze, &inputs.tokens) {
            (Some(log_p), Tokens::Ids(ids)) => Some(log_p.f_gather(1, &ids.f_unsqueeze(1)?, false)?.f_squeeze_dim(1)?),
            _ => None,
        };
        let mut logits = discriminator.packed_logits(&inputs, step.train)?.f_to_kind(Kind::Float)?;
        if let Some(log_q) = log_q {
            let share = self.masking.share;
            logits = logits.f_add(&log_q)?.f_add_scalar((share / (1.0 - share)).ln())?;
        }
        // In the order in which the tokens are packed.
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

    /// Draws what is put in the place of the chosen tokens, from log-probabilities `[N, V]`, or from all words alike.
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

/// Refuses ids without a word: where a token is masked, no network sees what stood there.
fn check_ids(rows: &[Vec<i64>], limit: i64) -> Result<()> {
    for (row, ids) in rows.iter().enumerate() {
        if let Some(column) = ids.iter().position(|id| !(0..limit).contains(id)) {
            let position = vec![row, column];
            return Err(Error::OutOfRange { what: "rows".into(), value: ids[column], position, limit });
        }
    }
    Ok(())
}

/// Where each chosen token stands, `(row, column)`.
fn places(masked: &[Masked]) -> Vec<(usize, usize)> {
    let of_row = |(row, masked): (usize, &Masked)| masked.positions.iter().map(move |&column| (row, column)).collect();
    masked.iter().enumerate().flat_map::<Vec<_>, _>(of_row).collect()
}

/// Of the summed loss of log-probabilities `[N, V]` for ids `[N]`, the share that one of `count` tokens has.
fn mean_loss(log_p: &Tensor, ids: &[i64], count: usize) -> Result<Tensor> {
    let targets = Tensor::f_from_slice(ids)?.f_to_device(log_p.device())?;
    let sum = log_p.f_nll_loss::<Tensor>(&targets, None, Reduction::Sum, IGNORED)?;
    Ok(sum.f_div_scalar(count.max(1) as f64)?)
}

/// Runs a masked LM on masked rows.
fn fill(model: &ElectraForMaskedLM, step: &Step, originals: &[i64], output: &mut StepOutput) -> Result<Generated> {
    let rows: Vec<&[i64]> = output.masked.iter().map(|row| row.ids.as_slice()).collect();
    let inputs = packed(&rows, step, &model.limits(), Use::InGenerator)?;
    let log_p = model.scores_at(&inputs, &places(&output.masked), step.train)?.f_log_softmax(-1, Kind::Float)?;
    output.masked_lm_loss = Some(mean_loss(&log_p, originals, output.totals.chosen)?);
    let log_p = log_p.f_detach()?;
    output.predictions = Some(log_p.f_argmax(1, false)?);
    Ok(Generated { chosen: Some(log_p), all: None })
}

/// What a network takes: the rows, and the random numbers of their dropout.
fn packed(rows: &[&[i64]], step: &Step, limits: &Limits, purpose: Use) -> Result<Inputs> {
    let types = |(row, &first): (&&[i64], &usize)| (0..row.len()).map(|place| i64::from(place >= first)).collect();
    let types: Vec<Vec<i64>> = rows.iter().zip(step.first_segments).map(types).collect();
    let arguments = Arguments {
        input_ids: Some(Rows::ragged(rows)),
        token_type_ids: Some(Rows::ragged(&types)),
        ..Arguments::default()
    };
    let mut inputs = Inputs::new(arguments, limits)?;
    inputs.layout.set_noise(Noise::new(step.random.iter().map(|random| random.own_key(purpose)).collect()));
    Ok(inputs)
}
