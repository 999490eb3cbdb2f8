//! Resize the vocabulary or the positions of a model, or replace its word embeddings.

use tch::{Kind, Tensor};

use super::Pretrained;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::models::Model;
use crate::nn::precision;

impl<M: Model> Pretrained<M> {
    /// Resize the vocabulary, and the decoder of a masked LM with it. A smaller size drops the last rows. New rows are
    /// drawn around the mean of the old rows if `mean` is true, otherwise as initial values. Gradients become zeros;
    /// create the optimizer again afterwards.
    ///
    /// Source: `PreTrainedModel.resize_token_embeddings` of transformers 5.23.
    ///
    /// # Errors
    /// [`Error::Config`] if the size is too small; [`Error::Torch`] if there is no memory. Nothing has changed then.
    pub fn resize_vocabulary(&mut self, size: i64, mean: bool) -> Result<()> {
        let mut config = self.config.clone();
        config.set_vocab_size(size);
        config.check()?;
        let words = self.word_embeddings()?;
        let deviation = config.shared().initializer_range;
        let mut changes = vec![Change::new(resized(&words, size, mean, deviation)?, words)?];
        if let Some((weight, bias)) = self.decoder() {
            let is_tied = config.shared().tie_word_embeddings;
            changes.push(Change::new(resized_bias(&bias, size, mean && !is_tied)?, bias)?);
            if !is_tied {
                changes.push(Change::new(resized(&weight, size, mean, deviation)?, weight)?);
            }
        }
        for change in changes {
            change.apply()?;
        }
        self.config = config;
        Ok(())
    }

    /// Change the number of positions, the length of the longest text. A smaller number drops the last positions; new
    /// positions have the values of a fresh model. Gradients become zeros; create the optimizer again afterwards.
    ///
    /// # Errors
    /// [`Error::Config`] if the size is too small; [`Error::Torch`] if there is no memory. Nothing has changed then.
    pub fn resize_positions(&mut self, size: i64) -> Result<()> {
        let mut config = self.config.clone();
        config.set_positions(size);
        config.check()?;
        let old = self.position_embeddings();
        let values = {
            let _no_grad = tch::no_grad_guard();
            let mut values = Tensor::f_zeros([size, old.size()[1]], (old.f_kind()?, old.device()))?;
            config.initial().fill("position_embeddings.weight", &mut values)?;
            let kept = old.size()[0].min(size);
            values.f_narrow(0, 0, kept)?.f_copy_(&old.f_narrow(0, 0, kept)?)?;
            values
        };
        Change::new(values, old)?.apply()?;
        self.config = config;
        Ok(())
    }

    /// Replace the word embeddings by `rows`, `[V, E]`, and resize the vocabulary if V differs.
    ///
    /// # Errors
    /// [`Error::Shape`] if E differs; [`Error::Dtype`] if `rows` are not floating point; the errors of
    /// [`Pretrained::resize_vocabulary`].
    pub fn set_word_embeddings(&mut self, rows: &Tensor) -> Result<()> {
        let mut words = self.word_embeddings()?;
        let (shape, width) = (rows.size(), words.size()[1]);
        let kind = rows.f_kind()?;
        if !precision::is_float(kind) {
            let (what, expected) = ("the word embeddings".into(), "a float dtype".into());
            return Err(Error::Dtype { what, expected, got: precision::describe_kind(kind).into() });
        }
        match shape[..] {
            [size, columns] if columns == width => {
                if size != words.size()[0] {
                    self.resize_vocabulary(size, true)?;
                }
                let _no_grad = tch::no_grad_guard();
                Ok(words.f_copy_(rows)?)
            }
            _ => Err(Error::Shape {
                what: "the word embeddings".into(),
                expected: format!("[V, E = {width}]"),
                got: format!("{shape:?}"),
            }),
        }
    }
}

/// New values for a parameter that stays the same tensor. Their memory is allocated before anything changes.
struct Change {
    parameter: Tensor,
    values: Tensor,
    /// Zeros with the new shape, if the parameter has a gradient.
    gradient: Option<Tensor>,
}

impl Change {
    fn new(values: Tensor, parameter: Tensor) -> Result<Self> {
        let gradient = parameter.f_grad()?.defined().then(|| values.f_zeros_like()).transpose()?;
        Ok(Self { parameter, values, gradient })
    }

    /// Put the new values in place.
    fn apply(mut self) -> Result<()> {
        let _no_grad = tch::no_grad_guard();
        let mut old = self.parameter.f_grad()?;
        // A graph that is alive keeps the node that accumulates this parameter's gradient, and with it the old shape,
        // which every later graph would share. libtorch gives up the node when the dtype changes.
        let other = if self.values.f_kind()? == Kind::Double { Kind::Float } else { Kind::Double };
        self.parameter.f_set_data(&Tensor::f_empty([0], (other, self.values.device()))?)?;
        self.parameter.f_set_data(&self.values)?;
        if let Some(gradient) = self.gradient {
            old.f_set_data(&gradient)?;
        }
        Ok(())
    }
}

/// Return a table with `size` rows: the old rows as far as they fit, then new rows.
fn resized(old: &Tensor, size: i64, mean: bool, deviation: f64) -> Result<Tensor> {
    /// The covariance of the new rows as a share of the old rows' covariance.
    const SHARE: f64 = 1e-9;
    let _no_grad = tch::no_grad_guard();
    let (rows, width) = (old.size()[0], old.size()[1]);
    if size <= rows {
        // Copy, since a view would keep the memory of all rows.
        return Ok(Tensor::f_cat(&[old.f_narrow(0, 0, size)?], 0)?);
    }
    let shape = [size - rows, width];
    let new = if mean {
        let all = old.f_to_kind(Kind::Float)?;
        let centre = all.f_mean_dim(0_i64, true, None)?;
        let centred = all.f_sub(&centre)?;
        let covariance = centred.f_transpose(0, 1)?.f_matmul(&centred)?.f_mul_scalar(SHARE / rows as f64)?;
        let (root, failed) = covariance.f_linalg_cholesky_ex(false, false)?;
        if failed.f_int64_value(&[])? == 0 {
            let draws = Tensor::f_randn(shape, (Kind::Float, old.device()))?;
            draws.f_matmul(&root.f_transpose(0, 1)?)?.f_add(&centre)?
        } else {
            // With fewer old rows than columns, the covariance is singular.
            centre.f_expand(shape, false)?
        }
    } else {
        Tensor::f_zeros(shape, (Kind::Float, old.device()))?.f_normal_(0.0, deviation)?
    };
    Ok(Tensor::f_cat(&[old, &new.f_to_kind(old.kind())?], 0)?)
}

/// Return a decoder's bias with `size` values: the old values as far as they fit, then zeros, or the mean of the old
/// values.
fn resized_bias(old: &Tensor, size: i64, mean: bool) -> Result<Tensor> {
    let _no_grad = tch::no_grad_guard();
    let length = old.size()[0].min(size);
    let new = if mean { old.f_mean(None)? } else { old.f_mean(None)?.f_zeros_like()? };
    Ok(Tensor::f_cat(&[old.f_narrow(0, 0, length)?, new.f_expand([size - length], false)?], 0)?)
}
