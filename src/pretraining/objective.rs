//! One step: rows of ids -> the losses of both networks.

use tch::{Kind, Reduction, Tensor};

use super::masking::{Masked, Masking};
use super::networks::Networks;
use super::random::{Random, Use};
use super::sampling::{Sampling, sample};
use crate::error::{Error, Result};
use crate::inputs::{Arguments, Inputs, Rows};
use crate::models::Model;

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
    /// Uniform numbers `[N, V]` for the original's way to draw tokens; none: by the rows' own numbers, one a token.
    pub gumbel: Option<&'a Tensor>,
}

/// What a step gives. N are the chosen tokens, row by row.
#[derive(Debug)]
pub struct StepOutput {
    /// What is minimised, a scalar: the weighted sum of the two.
    pub loss: Tensor,
    /// The mean cross entropy of the generator over chosen tokens, a scalar; none without a generator.
    pub masked_lm_loss: Option<Tensor>,
    /// The mean binary cross entropy of the discriminator over all tokens, a scalar; none without one.
    pub replaced_loss: Option<Tensor>,
    /// What the losses are means over.
    pub totals: Totals,
    /// Every row as the generator saw it, with what was chosen.
    pub masked: Vec<Masked>,
    /// The likeliest tokens by the generator, `[N]` int64; none without one.
    pub predictions: Option<Tensor>,
    /// What was put in the place of the chosen tokens, `[N]`; empty where only a masked LM is trained.
    pub samples: Vec<i64>,
    /// Every row as the discriminator saw it, and whether each token was replaced; empty without one.
    pub corrupted: Vec<(Vec<i64>, Vec<bool>)>,
    /// The discriminator's logits, `[B, S]`, zeros at padded positions, without a graph.
    pub logits: Option<Tensor>,
}

impl Objective {
    /// Computes the losses of a step, with their graph unless the caller has turned it off.
    ///
    /// # Errors
    /// [`Error::Input`] where a row has nothing that can be chosen in any row, or the arguments do not fit one another;
    /// those of [`Inputs::new`]; [`Error::Torch`] where libtorch refuses.
    pub fn step(&self, networks: &Networks, step: &Step) -> Result<StepOutput> {
        self.masking.check()?;
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
        let own = Totals {
            chosen: masked.iter().map(|row| row.positions.len()).sum(),
            tokens: step.rows.iter().map(Vec::len).sum(),
        };
        if own.chosen == 0 {
            return Err(Error::input("rows", "expected tokens that can be masked, got special ones only"));
        }
        let totals = step.totals.unwrap_or(own);
        let originals: Vec<i64> = masked.iter().flat_map(|row| row.originals.iter().copied()).collect();
        let mut output = StepOutput {
            loss: Tensor::f_zeros([], (Kind::Float, networks.device()))?,
            masked_lm_loss: None,
            replaced_loss: None,
            totals,
            masked,
            predictions: None,
            samples: vec![],
            corrupted: vec![],
            logits: None,
        };
        let logits = generate(networks, step, &originals, &mut output)?;
        if networks.discriminator.is_some() {
            output.samples = self.draw(step, logits.as_ref(), &originals, networks, &output.masked)?;
            discriminate(networks, step, &mut output)?;
        }
        if let Some(loss) = &output.masked_lm_loss {
            output.loss = output.loss.f_add(&loss.f_mul_scalar(self.weights.masked_lm)?)?;
        }
        if let Some(loss) = &output.replaced_loss {
            output.loss = output.loss.f_add(&loss.f_mul_scalar(self.weights.replaced)?)?;
        }
        Ok(output)
    }

    /// Draws what is put in the place of the chosen tokens.
    fn draw(
        &self,
        step: &Step,
        logits: Option<&Tensor>,
        originals: &[i64],
        networks: &Networks,
        masked: &[Masked],
    ) -> Result<Vec<i64>> {
        let device = networks.device();
        let alike;
        let logits = if let Some(logits) = logits {
            logits
        } else {
            alike = Tensor::f_zeros([originals.len() as i64, networks.vocab_size()], (Kind::Float, device))?;
            &alike
        };
        let uniforms: Vec<f32> = step
            .random
            .iter()
            .zip(masked)
            .flat_map(|(random, row)| random.uniforms(Use::Samples).take(row.positions.len()))
            .collect();
        let sampling = match step.gumbel {
            Some(noise) => {
                if noise.size() != logits.size() {
                    return Err(Error::Shape {
                        what: "gumbel".into(),
                        expected: format!("[N, V] = {:?}", logits.size()),
                        got: format!("{:?}", noise.size()),
                    });
                }
                Sampling::Gumbel(noise)
            }
            None => Sampling::Inverse(&uniforms),
        };
        let not = self.disallow_correct.then(|| Tensor::f_from_slice(originals)?.f_to_device(device)).transpose()?;
        let drawn = sample(logits, &sampling, self.temperature, not.as_ref())?;
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

/// Runs the generator. Returns its logits at the chosen tokens, `[N, V]` float32.
fn generate(networks: &Networks, step: &Step, originals: &[i64], output: &mut StepOutput) -> Result<Option<Tensor>> {
    let Some(generator) = &networks.generator else { return Ok(None) };
    let rows: Vec<&[i64]> = output.masked.iter().map(|row| row.ids.as_slice()).collect();
    let inputs = Inputs::new(arguments(&rows, step), &generator.limits())?;
    let place = |(row, masked): (usize, &Masked)| masked.positions.iter().map(move |&column| (row, column)).collect();
    let places: Vec<(usize, usize)> = output.masked.iter().enumerate().flat_map::<Vec<_>, _>(place).collect();
    let logits = generator.scores_at(&inputs, &places, step.train)?.f_to_kind(Kind::Float)?;
    let targets = Tensor::f_from_slice(originals)?.f_to_device(logits.device())?;
    let sum = logits.f_cross_entropy_loss::<Tensor>(&targets, None, Reduction::Sum, -100, 0.0)?;
    output.masked_lm_loss = Some(sum.f_div_scalar(output.totals.chosen.max(1) as f64)?);
    output.predictions = Some(logits.f_detach()?.f_argmax(1, false)?);
    Ok(Some(logits))
}

/// Runs the discriminator on rows with the drawn tokens.
fn discriminate(networks: &Networks, step: &Step, output: &mut StepOutput) -> Result<()> {
    let Some(discriminator) = &networks.discriminator else { return Ok(()) };
    let mut samples = output.samples.as_slice();
    for (row, masked) in step.rows.iter().zip(&output.masked) {
        let (own, rest) = samples.split_at(masked.positions.len().min(samples.len()));
        output.corrupted.push(masked.corrupted(row, own));
        samples = rest;
    }
    let rows: Vec<&[i64]> = output.corrupted.iter().map(|(ids, _)| ids.as_slice()).collect();
    let inputs = Inputs::new(arguments(&rows, step), &discriminator.limits())?;
    let logits = discriminator.packed_logits(&inputs, step.train)?.f_to_kind(Kind::Float)?;
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

fn arguments(rows: &[&[i64]], step: &Step) -> Arguments {
    let types = |(row, &first): (&&[i64], &usize)| (0..row.len()).map(|place| i64::from(place >= first)).collect();
    let types: Vec<Vec<i64>> = rows.iter().zip(step.first_segments).map(types).collect();
    Arguments {
        input_ids: Some(Rows::ragged(rows)),
        token_type_ids: Some(Rows::ragged(&types)),
        ..Arguments::default()
    }
}
