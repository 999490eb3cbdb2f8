//! The hidden states of texts, or one vector for each text.

use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::task::{TextModel, text_pipeline};
use crate::any_model::{Run, frozen_or_bert};
use crate::error::{Error, Result};
use crate::heads::NoHead;
use crate::memory::room;
use crate::nn::{ForwardOptions, values, values_mut};
use crate::outputs::ModelOutput;
use crate::pretrained::FrozenOptions;
use crate::text::{ElectraTokenizer, Encoding, Truncation};
use crate::weights::Strictness;

/// A way in which the hidden states of a text become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenPooling {
    /// The hidden state of the first token, `[CLS]`.
    Cls,
    /// The largest value over the tokens, for each component.
    Max,
    /// The mean over the tokens.
    Mean,
    /// The sum over the tokens, divided by the square root of their number.
    MeanSqrtLen,
    /// The mean over the tokens, the first with weight 1, the second with weight 2 and so on.
    WeightedMean,
    /// The hidden state of the last token, `[SEP]`.
    LastToken,
}

impl TokenPooling {
    /// Every pooling with its name, in the order in which sentence-transformers concatenates them.
    pub const ALL: [(&'static str, Self); 6] = [
        ("cls", Self::Cls),
        ("max", Self::Max),
        ("mean", Self::Mean),
        ("mean_sqrt_len", Self::MeanSqrtLen),
        ("weightedmean", Self::WeightedMean),
        ("lasttoken", Self::LastToken),
    ];

    /// Return the pooling of a name; None for an unknown name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|&(known, _)| known == name).map(|(_, pooling)| pooling)
    }

    /// Pool hidden states `[S, H]`, given as rows, into `[H]`. The first `skipped` tokens are left out.
    fn pool(self, states: &[f32], skipped: usize, out: &mut [f32]) {
        let hidden = out.len();
        let kept = || states.chunks_exact(hidden).enumerate().skip(skipped);
        match self {
            Self::Cls => kept().take(1).for_each(|(_, row)| out.copy_from_slice(row)),
            Self::LastToken => kept().last().into_iter().for_each(|(_, row)| out.copy_from_slice(row)),
            Self::Max => {
                out.fill(f32::NEG_INFINITY);
                kept().for_each(|(_, row)| out.iter_mut().zip(row).for_each(|(most, one)| *most = most.max(*one)));
            }
            Self::Mean | Self::MeanSqrtLen | Self::WeightedMean => {
                let mut sums = vec![0.0_f64; hidden];
                let mut total = 0.0;
                for (place, row) in kept() {
                    let weight = if self == Self::WeightedMean { (place + 1) as f64 } else { 1.0 };
                    total += weight;
                    sums.iter_mut().zip(row).for_each(|(sum, one)| *sum += weight * f64::from(*one));
                }
                let divisor = if self == Self::MeanSqrtLen { total.sqrt() } else { total };
                out.iter_mut().zip(sums).for_each(|(one, sum)| *one = (sum / divisor.max(1e-9)) as f32);
            }
        }
    }
}

/// Divide a vector by its length, unless it is zero.
pub(super) fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|&one| f64::from(one) * f64::from(one)).sum::<f64>().sqrt().max(1e-12);
    for one in vector {
        *one = (f64::from(*one) / length) as f32;
    }
}

/// Return the hidden states of texts, or one vector for each text, with the encoder of either family. Threads can share a
/// pipeline, and a clone shares the model.
#[derive(Debug, Clone)]
pub struct FeatureExtraction(pub(super) TextModel<dyn Run<ModelOutput> + Sync>);

text_pipeline!(FeatureExtraction, 0);

impl FeatureExtraction {
    /// Load the pipeline in float32 from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`FeatureExtraction::from_folder_with`].
    pub fn from_folder(folder: impl AsRef<Path>, device: Device) -> Result<Self> {
        Self::from_folder_with(folder, device, FrozenOptions::default())
    }

    /// Load the pipeline in any precision from a folder with a configuration, weights and a vocabulary: of either
    /// family, or a BERT. A head in the weights is left out.
    ///
    /// # Errors
    /// The errors of [`frozen_or_bert`], [`ElectraTokenizer::from_pretrained`] and [`FeatureExtraction::from_model`].
    pub fn from_folder_with(
        folder: impl AsRef<Path>,
        device: Device,
        options: impl Into<FrozenOptions>,
    ) -> Result<Self> {
        let model = frozen_or_bert::<NoHead>(&folder, device, Strictness::default(), options)?;
        Self::from_model(model, ElectraTokenizer::from_pretrained(folder)?)
    }

    /// Build the pipeline from a model, of which it runs the encoder, and a tokenizer.
    ///
    /// # Errors
    /// [`Error::UntrainedHead`] if parameters were not loaded; [`Error::Input`] if the vocabulary is larger than the
    /// model's.
    pub fn from_model(model: Box<dyn Run<ModelOutput> + Sync>, tokenizer: ElectraTokenizer) -> Result<Self> {
        TextModel::new("feature-extraction", model, tokenizer).map(Self)
    }

    /// Return H, the width of the hidden states.
    #[must_use]
    pub fn hidden_size(&self) -> usize {
        self.0.model.config().encoder().hidden_size as usize
    }

    /// Return the hidden states of the last layer of every text, float32 `[S, H]` on the CPU, with S its own tokens.
    /// Tensors of one batch share their memory.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no text; [`Error::TooLong`] if a text has more tokens than the model has positions and
    /// is not to be truncated.
    pub fn tokens(&self, texts: &[&str], truncation: Truncation) -> Result<Vec<Tensor>> {
        let encodings = self.0.encode_with(texts, truncation)?;
        let mut states = Vec::with_capacity(encodings.len());
        states.resize_with(encodings.len(), || None);
        self.each_state(&encodings, |row, state| {
            states[row] = Some(state);
            Ok(())
        })?;
        let missing = || Error::Internal { message: "a text has no hidden states".into() };
        states.into_iter().map(|state| state.ok_or_else(missing)).collect()
    }

    /// Return one vector for each text, float32 `[N, H]` on the CPU, of length 1 if `normalized`.
    ///
    /// # Errors
    /// The errors of [`FeatureExtraction::tokens`].
    pub fn vectors(
        &self,
        texts: &[&str],
        pooling: TokenPooling,
        normalized: bool,
        truncation: Truncation,
    ) -> Result<Tensor> {
        let encodings = self.0.encode_with(texts, truncation)?;
        let mut vectors = self.pooled(&encodings, &[pooling], 0)?;
        let hidden = self.hidden_size();
        if normalized {
            values_mut(&mut vectors)?.chunks_exact_mut(hidden).for_each(normalize);
        }
        Ok(vectors)
    }

    /// Pool the hidden states of encodings, and concatenate what each pooling gives: float32 `[N, H * poolings]`.
    pub(super) fn pooled(&self, encodings: &[Encoding], poolings: &[TokenPooling], skipped: usize) -> Result<Tensor> {
        let hidden = self.hidden_size();
        let width = hidden * poolings.len();
        // The caller chooses the number of texts.
        drop(room::<f32>("vectors", encodings.len() * width)?);
        let mut vectors = Tensor::f_zeros([encodings.len() as i64, width as i64], (Kind::Float, Device::Cpu))?;
        let out = values_mut(&mut vectors)?;
        self.each_state(encodings, |row, state| {
            let place = row * width;
            for (pooling, out) in poolings.iter().zip(out[place..place + width].chunks_exact_mut(hidden)) {
                pooling.pool(values(&state)?, skipped, out);
            }
            Ok(())
        })?;
        Ok(vectors)
    }

    /// Call `take` with the row of each encoding and its hidden states, float32 `[S, H]` on the CPU.
    fn each_state(&self, encodings: &[Encoding], mut take: impl FnMut(usize, Tensor) -> Result<()>) -> Result<()> {
        self.0.each_batch(encodings, Encoding::len, |rows, inputs| {
            let output = self.0.model.encode(inputs, ForwardOptions::default())?;
            let states = output.hidden_state.f_to_kind(Kind::Float)?.f_to_device(Device::Cpu)?.f_contiguous()?;
            for (place, &row) in rows.iter().enumerate() {
                let own = states.f_select(0, place as i64)?.f_narrow(0, 0, encodings[row].len() as i64)?;
                take(row, own)?;
            }
            Ok(())
        })
    }
}
