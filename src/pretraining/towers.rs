//! Electric's generator: two networks that read from the left and from the right, and a guess for every token at once.

use tch::Tensor;

use crate::config::ElectraConfig;
use crate::encoder::{Direction, Encoder, ForwardOptions};
use crate::error::{Error, Result};
use crate::heads::{Decoder, Transform};
use crate::inputs::{Inputs, Layout, Limits, Task};
use crate::models::Family;
use crate::models::electra::Electra;
use crate::nn::{LayerNorm, Linear, Parameters};

/// A cloze model: what stands at each place, by what stands before and behind it.
///
/// One encoder reads from left to right and one from right to left. A token's logits come from the state of the first one
/// place before it and of the second one place behind it, so that neither has seen the token itself. Before the first
/// token and behind the last the row goes round, as it does in the original where a row has no padding: these two are
/// `[CLS]` and `[SEP]`, whose guesses are not trained.
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
    /// Takes `generator_ltr.*` and `generator_rtl.*`, each an encoder of `config`, and `cloze_predictions.*`. The decoder is
    /// tied to the word embeddings of the first. `shared` are embeddings that are there already, for both.
    ///
    /// # Errors
    /// [`Error::Config`] where the decoder is to have a table of its own; else as [`Parameters::tensor`].
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

    /// What they can take.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.left_to_right.limits(Task::Encoding)
    }

    /// The logits of every token, packed `[T, V]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where libtorch refuses.
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

/// The place of the token `offset` places on in the same row, going round, for every packed token: `[T]` int64.
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
