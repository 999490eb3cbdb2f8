//! Sampling of the tokens that replace the chosen ones, from the generator's logits.

use tch::{Kind, Tensor};

use crate::error::{Error, Result};

/// The algorithm that draws tokens from the generator's distribution. Both draw from the same distribution.
#[derive(Debug)]
pub enum Sampling<'a> {
    /// Invert the cumulative distribution, with one uniform number per token, `[N]`.
    Inverse(&'a [f32]),
    /// Take the largest of `logits + g`, `g = -ln(-ln(u + 1e-9) + 1e-9)`, as the original does, with one uniform number
    /// per word of the vocabulary and token, `[N, V]`.
    Gumbel(&'a Tensor),
}

/// The number that is subtracted from the logit of a disallowed token.
const DISALLOWED: f64 = 1000.0;

/// Draw a token for each of N rows of logits `[N, V]`: `[N]` int64, without a gradient.
///
/// Logits are divided by `temperature`. If `disallowed` `[N]` is given, these tokens are not drawn.
///
/// Source: `sample_from_softmax` of google-research/electra (`pretrain/pretrain_helpers.py`).
///
/// # Errors
/// [`Error::Input`] if the temperature is below 1e-30, by which float32 cannot divide, or is not finite;
/// [`Error::Shape`] if `logits` is not `[N, V]` or there is not one uniform number per row; [`Error::Torch`] if other
/// shapes do not fit.
pub fn sample(logits: &Tensor, sampling: &Sampling, temperature: f64, disallowed: Option<&Tensor>) -> Result<Tensor> {
    check_temperature(temperature)?;
    let [rows, _] = logits.size()[..] else {
        let got = format!("{:?}", logits.size());
        return Err(Error::Shape { what: "logits".into(), expected: "[N, V]".into(), got });
    };
    let _no_grad = tch::no_grad_guard();
    let mut scores = logits.f_detach()?.f_to_kind(Kind::Float)?;
    if (temperature - 1.0).abs() > f64::EPSILON {
        scores = scores.f_div_scalar(temperature)?;
    }
    if let Some(originals) = disallowed {
        let cost = Tensor::f_full([rows, 1], -DISALLOWED, (Kind::Float, logits.device()))?;
        scores = scores.f_scatter_add(1, &originals.f_unsqueeze(1)?, &cost)?;
    }
    match sampling {
        Sampling::Gumbel(uniforms) => {
            const TINY: f64 = 1e-9;
            let noise = uniforms.f_add_scalar(TINY)?.f_log()?.f_neg()?.f_add_scalar(TINY)?.f_log()?.f_neg()?;
            Ok(scores.f_add(&noise)?.f_argmax(1, false)?)
        }
        Sampling::Inverse(uniforms) => {
            if uniforms.len() as i64 != rows {
                let (expected, got) = (format!("[N = {rows}]"), format!("[{}]", uniforms.len()));
                return Err(Error::Shape { what: "uniforms".into(), expected, got });
            }
            let uniforms = Tensor::f_from_slice(uniforms)?.f_to_device(logits.device())?.f_unsqueeze(1)?;
            draw(&scores.f_softmax(-1, Kind::Float)?, &uniforms)
        }
    }
}

/// Draw a word for each row of weights `[N, V]`, with uniform numbers `[N, 1]`: `[N]`. A word without weight is never
/// drawn.
///
/// First a block of words is drawn, then one of its words. The cumulative sums of all words are as many numbers as the
/// weights themselves, which takes longer than all the rest.
fn draw(weights: &Tensor, uniforms: &Tensor) -> Result<Tensor> {
    const BLOCK: i64 = 256;
    let words = weights.size()[1];
    let whole = words / BLOCK * BLOCK;
    let mut sums =
        weights.f_narrow(1, 0, whole)?.f_unflatten(1, [whole / BLOCK, BLOCK])?.f_sum_dim_intlist(2, false, None)?;
    if whole < words {
        let rest = weights.f_narrow(1, whole, words - whole)?.f_sum_dim_intlist(1, true, None)?;
        sums = Tensor::f_cat(&[sums, rest], 1)?;
    }
    let (block, inside) = invert(&sums, uniforms)?;
    let first = block.f_mul_scalar(BLOCK)?;
    let columns = first.f_add(&Tensor::f_arange(BLOCK, (Kind::Int64, weights.device()))?)?;
    // The last block may be shorter.
    let own = weights.f_gather(1, &columns.f_clamp_max(words - 1)?, false)?.f_mul(&columns.f_lt(words)?)?;
    let (place, _) = invert(&own, &inside)?;
    // Numbers that are not finite lead anywhere.
    Ok(first.f_add(&place)?.f_squeeze_dim(1)?.f_clamp_max(words - 1)?)
}

/// Return the column of weights `[N, V]` in which each share `[N, 1]` of a row's sum ends, and the share of that
/// column's own weight that is before the end: `[N, 1]` each.
fn invert(weights: &Tensor, shares: &Tensor) -> Result<(Tensor, Tensor)> {
    /// Less than all: otherwise rounding would lead to a column behind the last one that has a weight.
    const MOST: f64 = 1.0 - 1e-12;
    let bounds = weights.f_cumsum(-1, Kind::Double)?;
    let last = weights.size()[1] - 1;
    let ends = shares.f_to_kind(Kind::Double)?.f_clamp(0.0, MOST)?.f_mul(&bounds.f_narrow(1, last, 1)?)?;
    let column = ends.f_searchsorted(&bounds, false, true, "right", None::<&Tensor>)?.f_clamp_max(last)?;
    let (weight, bound) = (weights.f_gather(1, &column, false)?, bounds.f_gather(1, &column, false)?);
    let before = bound.f_sub(&weight)?;
    Ok((column, ends.f_sub(&before)?.f_div(&weight)?))
}

/// Check that logits can be divided by the temperature.
pub(super) fn check_temperature(temperature: f64) -> Result<()> {
    // 1e-30 leaves logits of 1e8 finite in float32.
    if (1e-30..f64::INFINITY).contains(&temperature) {
        return Ok(());
    }
    Err(Error::input("temperature", format!("expected a number above 1e-30, got {temperature}")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::super::random::{Random, Use};
    use super::*;

    const ROWS: usize = 20_000;

    fn uniforms(count: usize) -> Vec<f32> {
        Random { seed: 3, step: 0, example: 0 }.uniforms(Use::Samples).take(count).collect()
    }

    /// Return the share of draws of each word, from the same logits.
    fn shares(sampling: &Sampling, temperature: f64, disallowed: Option<&Tensor>) -> Vec<f64> {
        let logits = Tensor::from_slice(&[0.0_f32, 1.0, -1.0, 2.0]).expand([ROWS as i64, 4], false);
        let drawn = sample(&logits, sampling, temperature, disallowed).unwrap();
        (0..4).map(|word| drawn.eq(word).sum(Kind::Int64).int64_value(&[]) as f64 / ROWS as f64).collect()
    }

    fn softmax(logits: [f64; 4]) -> Vec<f64> {
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        logits.iter().map(|logit| logit.exp() / sum).collect()
    }

    fn assert_near(shares: &[f64], expected: &[f64]) {
        for (share, expected) in shares.iter().zip(expected) {
            assert!((share - expected).abs() < 6.0 * (0.25 / ROWS as f64).sqrt(), "{shares:?} {expected:?}");
        }
    }

    #[test]
    fn both_algorithms_draw_from_the_softmax() {
        let expected = softmax([0.0, 1.0, -1.0, 2.0]);
        assert_near(&shares(&Sampling::Inverse(&uniforms(ROWS)), 1.0, None), &expected);
        let noise = Tensor::from_slice(&uniforms(4 * ROWS)).view([ROWS as i64, 4]);
        assert_near(&shares(&Sampling::Gumbel(&noise), 1.0, None), &expected);
        assert_near(&shares(&Sampling::Inverse(&uniforms(ROWS)), 2.0, None), &softmax([0.0, 0.5, -0.5, 1.0]));
        let last = Tensor::full([ROWS as i64], 3, (Kind::Int64, tch::Device::Cpu));
        let without = softmax([0.0, 1.0, -1.0, -1000.0]);
        assert_near(&shares(&Sampling::Inverse(&uniforms(ROWS)), 1.0, Some(&last)), &without);
        assert_near(&shares(&Sampling::Gumbel(&noise), 1.0, Some(&last)), &without);
    }

    #[test]
    fn a_word_is_drawn_where_the_cumulative_distribution_passes_the_number() {
        for words in [1, 2, 255, 256, 257, 1000] {
            let logits = Tensor::randn([2000, words], tch::kind::FLOAT_CPU) * 3.0;
            // Some words without a probability.
            let logits = logits.masked_fill(&Tensor::rand([2000, words], tch::kind::FLOAT_CPU).lt(0.2), -1000.0);
            let uniforms = uniforms(2000);
            let drawn = sample(&logits, &Sampling::Inverse(&uniforms), 1.0, None).unwrap().unsqueeze(1);
            let probabilities = logits.to_kind(Kind::Double).softmax(-1, None);
            let after = probabilities.cumsum(-1, None).gather(1, &drawn, false);
            let own = probabilities.gather(1, &drawn, false);
            assert_eq!(own.le(0.0).any(), Tensor::from(false));
            let uniforms = Tensor::from_slice(&uniforms).unsqueeze(1);
            assert!(bool::try_from(uniforms.lt_tensor(&(&after + 1e-6)).all()).unwrap());
            assert!(bool::try_from(uniforms.ge_tensor(&(&after - &own - 1e-6)).all()).unwrap());
            let broken = Tensor::full([2, words], f64::NAN, tch::kind::FLOAT_CPU);
            let drawn = sample(&broken, &Sampling::Inverse(&[0.1, 0.9]), 1.0, None).unwrap();
            assert!(i64::try_from(drawn.max()).unwrap() < words);
        }
    }

    #[test]
    fn the_ends_of_the_interval_give_likely_words() {
        let logits = Tensor::from_slice(&[0.0_f32, -200.0, 0.0, -200.0]).view([1, 4]).repeat([2, 1]);
        let drawn = sample(&logits, &Sampling::Inverse(&[0.0, 1.0 - f32::EPSILON / 2.0]), 1.0, None).unwrap();
        assert_eq!(Vec::<i64>::try_from(drawn).unwrap(), [0, 2]);
        assert!(sample(&logits, &Sampling::Inverse(&[0.5]), 1.0, None).is_err());
        assert!(sample(&logits.get(0), &Sampling::Inverse(&[0.5]), 1.0, None).is_err());
        for temperature in [0.0, -1.0, 1e-40, f64::INFINITY, f64::NAN] {
            assert!(sample(&logits, &Sampling::Inverse(&[0.5, 0.5]), temperature, None).is_err());
        }
    }
}
