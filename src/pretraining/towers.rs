//! Electric's generator: two encoders that read from the left and from the right, and predict every token at once.

use tch::Tensor;

use crate::config::ElectraConfig;
use crate::encoder::{Direction, Encoder, ForwardOptions};
use crate::error::{Error, Result};
use crate::heads::{Decoder, Transform};
use crate::inputs::{Inputs, Layout, Limits, Task};
use crate::models::Family;
use crate::models::electra::Electra;
use crate::nn::{LayerNorm, Linear, Parameters};

/// A cloze model: it predicts each token from the tokens before and after it.
///
/// One encoder reads from left to right, the other from right to left. The logits of a token come from the first
/// encoder's state at the previous position and the second encoder's state at the next position, so neither has seen
/// the token. The row wraps around before its first token and after its last, as in the original for rows without
/// padding: these tokens are `[CLS]` and `[SEP]`, whose predictions are not trained.
///
/// Source: Clark et al. 2020, "Pre-Training Transformers as Energy-Based Cloze Models", section 2.3;
/// `TwoTowerClozeTransformer` in `run_pretraining.py` of google-research/electra.
#[derive(Debug)]
pub struct TwoTowers {
    left_to_right: Encoder,
    right_to_left: Encoder,
    transform: Transform,
    decoder: Decoder,
}

impl TwoTowers {
    /// Take the parameters `generator_ltr.*` and `generator_rtl.*`, each an encoder of `config`, and
    /// `cloze_predictions.*`. The decoder is tied to the word embeddings of the first encoder. If `shared` embeddings
    /// are given, both encoders use them.
    ///
    /// # Errors
    /// [`Error::Config`] if the configuration contradicts itself or does not tie the word embeddings; otherwise those
    /// of [`Parameters::tensor`].
    pub(super) fn new(parameters: &Parameters, shared: Option<&Parameters>, config: &ElectraConfig) -> Result<Self> {
        config.check()?;
        if !config.tie_word_embeddings {
            return Err(Error::config("tie_word_embeddings", "expected true for a generator of two towers, got false"));
        }
        let tower = |name: &str| {
            let own = parameters.at(name);
            let own = match shared {
                Some(embeddings) => own.sharing("embeddings", embeddings),
                None => own,
            };
            Encoder::new(&own, &config.encoder(), &Electra::ENCODER)
        };
        let (left_to_right, right_to_left) = (tower("generator_ltr")?, tower("generator_rtl")?);
        let (head, width) = (parameters.at("cloze_predictions"), config.embedding_size);
        let dense = Linear::new(&head.at("dense"), 2 * config.hidden_size, width)?;
        let norm = LayerNorm::new(&head.at("LayerNorm"), width, config.layer_norm_eps)?;
        let transform = Transform::new(dense, config.hidden_act, norm);
        let decoder = Decoder::new(&head, left_to_right.words(), true)?;
        Ok(Self { left_to_right, right_to_left, transform, decoder })
    }

    /// Return the limits of the inputs.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.left_to_right.limits(Task::Encoding)
    }

    /// Return the logits of every token, packed `[T, V]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    pub fn logits(&self, inputs: &Inputs, train: bool) -> Result<Tensor> {
        let read = |tower: &Encoder, direction, from| -> Result<Tensor> {
            let options = ForwardOptions { train, direction, ..ForwardOptions::default() };
            let hidden = tower.forward(inputs, options)?.hidden;
            Ok(hidden.f_index_select(0, &neighbours(&inputs.layout, from)?.f_to_device(hidden.device())?)?)
        };
        let before = read(&self.left_to_right, Direction::LeftToRight, -1)?;
        let behind = read(&self.right_to_left, Direction::RightToLeft, 1)?;
        self.decoder.forward(&self.transform.forward(&Tensor::f_cat(&[before, behind], -1)?)?)
    }
}

/// Return for every packed token the packed index of the token `offset` positions further in the same row, which wraps
/// around: `[T]` int64.
fn neighbours(layout: &Layout, offset: i64) -> Result<Tensor> {
    let row = |start: i64, length: i64| (0..length).map(move |place| start + (place + offset).rem_euclid(length));
    let places: Vec<i64> = layout
        .groups()
        .iter()
        .flat_map(|group| {
            (0..group.rows).flat_map(move |number| row(group.start + number * group.length, group.length))
        })
        .collect();
    Ok(Tensor::f_from_slice(&places)?)
}
