//! Which words may stand at `[MASK]`?

use std::path::Path;

use tch::Device;

use super::{check_vocabulary, encode, numbers};
use crate::electra::ElectraForMaskedLM;
use crate::error::{Error, Result};
use crate::inputs::{Arguments, Inputs};
use crate::models::Model;
use crate::pretrained::Pretrained;
use crate::text::{Batch, ElectraTokenizer, Encoding};
use crate::weights::Strictness;

/// A token that may stand at a mask.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Its probability there, over the whole vocabulary.
    pub score: f64,
    /// Its id.
    pub token: i64,
    /// As the vocabulary spells it.
    pub token_str: String,
    /// The whole text with this token at this mask; other masks stay.
    pub sequence: String,
}

/// One mask of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskedToken {
    /// Its place among the text's tokens, `[CLS]` being 0.
    pub index: usize,
    /// Its first character in the text.
    pub begin: usize,
    /// One past its last character in the text.
    pub end: usize,
    /// The likeliest first.
    pub candidates: Vec<Candidate>,
}

/// Fills `[MASK]` with a generator.
#[derive(Debug)]
pub struct FillMask {
    model: Pretrained<ElectraForMaskedLM>,
    tokenizer: ElectraTokenizer,
}

impl FillMask {
    /// From a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// Those of [`Pretrained::from_folder`] and [`ElectraTokenizer::from_pretrained`], and of [`FillMask::new`].
    pub fn from_folder(folder: impl AsRef<Path>, device: Device) -> Result<Self> {
        let model = Pretrained::from_folder(&folder, device, Strictness::default())?;
        Self::new(model, ElectraTokenizer::from_pretrained(folder)?)
    }

    /// From a model and a tokenizer.
    ///
    /// # Errors
    /// [`Error::UntrainedHead`] where the model's head was not loaded; [`Error::Input`] where the vocabulary is larger
    /// than the model's.
    pub fn new(model: Pretrained<ElectraForMaskedLM>, tokenizer: ElectraTokenizer) -> Result<Self> {
        model.check_trained("fill-mask")?;
        check_vocabulary(&tokenizer, model.config.vocab_size)?;
        Ok(Self { model, tokenizer })
    }

    /// The `top_k` likeliest tokens at every mask of every text.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no text, a text without a mask, or `top_k` is 0; [`Error::TooLong`].
    pub fn predict(&self, texts: &[&str], top_k: usize) -> Result<Vec<Vec<MaskedToken>>> {
        let _no_grad = tch::no_grad_guard();
        if top_k == 0 {
            return Err(Error::input("top_k", "expected at least 1, got 0"));
        }
        let encodings = encode(&self.tokenizer, texts)?;
        let mask = self.tokenizer.mask_token_id();
        let mut positions = Vec::new();
        for (row, encoding) in encodings.iter().enumerate() {
            let before = positions.len();
            positions.extend(
                (0..encoding.len()).filter(|&column| encoding.ids()[column] == mask).map(|column| (row, column)),
            );
            if positions.len() == before {
                return Err(Error::input(
                    "texts",
                    format!("expected a [MASK] in every text, got none in {:?}", texts[row]),
                ));
            }
        }
        let batch: Batch = encodings.iter().collect();
        let inputs = Inputs::new(Arguments::from_batch(&batch), &self.model.model.limits())?;
        let scores = self.model.model.scores_at(&inputs, &positions, false)?.f_softmax(-1, None)?;
        // A model may have more rows than the vocabulary has tokens.
        let scores = scores.f_narrow(-1, 0, self.tokenizer.id_limit())?;
        let top_k = top_k.min(self.tokenizer.id_limit() as usize);
        let (scores, tokens) = scores.f_topk(top_k as i64, -1, true, true)?;
        let (scores, tokens) = (numbers(&scores)?, numbers(&tokens)?);
        let mut answers: Vec<Vec<MaskedToken>> = texts.iter().map(|_| Vec::new()).collect();
        for (place, (row, column)) in positions.into_iter().enumerate() {
            let best = place * top_k..(place + 1) * top_k;
            let candidates = scores[best.clone()]
                .iter()
                .zip(&tokens[best])
                .map(|(&score, &token)| self.candidate(&encodings[row], column, score, token as i64))
                .collect::<Result<_>>()?;
            let (begin, end) = encodings[row].offset(column);
            answers[row].push(MaskedToken { index: column, begin, end, candidates });
        }
        Ok(answers)
    }

    fn candidate(&self, encoding: &Encoding, column: usize, score: f64, token: i64) -> Result<Candidate> {
        let mut ids = encoding.ids().to_vec();
        ids[column] = token;
        // [CLS] and [SEP] stand at the ends; a [MASK] that was not asked for must stay, so nothing is skipped by kind.
        let sequence = self.tokenizer.decode(&ids[1..ids.len() - 1], false, true)?;
        let token_str = self.tokenizer.id_to_token(token).unwrap_or_default().to_string();
        Ok(Candidate { score, token, token_str, sequence })
    }
}
