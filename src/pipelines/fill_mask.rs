//! Predict the words at `[MASK]`.

use std::collections::HashSet;
use std::path::Path;

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::task::{TextModel, Work, numbers, text_pipeline};
use crate::any_model::{ScoreTokens, masked_lm};
use crate::electra::ElectraForMaskedLM;
use crate::error::{Error, Result, excerpt};
use crate::inputs::Inputs;
use crate::pretrained::{Frozen, FrozenOptions, Pretrained};
use crate::text::{ElectraTokenizer, EncodeOptions, Encoding, Truncation};

/// A token that is predicted for a mask.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// The token's probability at the mask, over the whole vocabulary.
    pub score: f64,
    /// The token's id.
    pub token: i64,
    /// The token as the vocabulary spells it.
    pub token_str: String,
    /// The whole text with this token in place of the mask. Other masks stay.
    pub sequence: String,
}

/// One mask of a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaskedToken {
    /// The mask's index among the text's tokens, counted from `[CLS]` = 0.
    pub index: usize,
    /// The index of the mask's first character in the text.
    #[serde(rename = "start")]
    pub begin: usize,
    /// One past the mask's last character in the text.
    pub end: usize,
    /// Candidates by falling probability.
    pub candidates: Vec<Candidate>,
}

/// The candidates that [`FillMask::fill`] returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillMaskOptions {
    /// The largest number of candidates per mask.
    pub top_k: usize,
    /// The ids of the only tokens that are candidates; [`FillMask::targets`] returns the ids of words. None means all tokens.
    pub targets: Option<Vec<i64>>,
}

impl Default for FillMaskOptions {
    fn default() -> Self {
        Self { top_k: 5, targets: None }
    }
}

/// The token that stands for a word among the candidates of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The token's id.
    pub id: i64,
    /// Whether the token is the word. If the vocabulary lacks the word, the token is the first piece of it.
    pub is_exact: bool,
}

/// Fill `[MASK]` with a masked LM of either family. Threads can share a pipeline, and a clone shares the model.
#[derive(Debug, Clone)]
pub struct FillMask(TextModel<dyn ScoreTokens + Sync>);

text_pipeline!(FillMask, 0);

impl FillMask {
    /// Load the pipeline in float32 from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`FillMask::from_folder_with`].
    pub fn from_folder(folder: impl AsRef<Path>, device: Device) -> Result<Self> {
        Self::from_folder_with(folder, device, FrozenOptions::default())
    }

    /// Load the pipeline in any precision from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`masked_lm`], [`ElectraTokenizer::from_pretrained`] and [`FillMask::from_model`].
    pub fn from_folder_with(
        folder: impl AsRef<Path>,
        device: Device,
        options: impl Into<FrozenOptions>,
    ) -> Result<Self> {
        let model = masked_lm(&folder, device, options)?;
        Self::from_model(model, ElectraTokenizer::from_pretrained(folder)?)
    }

    /// Build the pipeline from an ELECTRA generator and a tokenizer.
    ///
    /// # Errors
    /// The errors of [`FillMask::from_model`].
    pub fn new(model: Pretrained<ElectraForMaskedLM>, tokenizer: ElectraTokenizer) -> Result<Self> {
        Self::from_model(Box::new(Frozen::new(model)?), tokenizer)
    }

    /// Build the pipeline from a masked LM and a tokenizer.
    ///
    /// # Errors
    /// [`Error::UntrainedHead`] if the model's head was not loaded; [`Error::Input`] if the vocabulary is larger than
    /// the model's.
    pub fn from_model(model: Box<dyn ScoreTokens + Sync>, tokenizer: ElectraTokenizer) -> Result<Self> {
        TextModel::new("fill-mask", model, tokenizer).map(Self)
    }

    /// Return the `top_k` most probable tokens at every mask of every text.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no text, if a text has no mask, or if `top_k` is 0; [`Error::TooLong`] if a text
    /// has more tokens than the model has positions.
    pub fn predict(&self, texts: &[&str], top_k: usize) -> Result<Vec<Vec<MaskedToken>>> {
        self.run(texts, &FillMaskOptions { top_k, targets: None }, Spelling::Kept)
    }

    /// Return the candidates at every mask of every text, in the form of transformers: the sequence of a text with one
    /// mask has no special tokens, and that of a text with several masks has all of them.
    ///
    /// # Errors
    /// The errors of [`FillMask::predict`]; [`Error::OutOfRange`] if a target is no id of the vocabulary.
    ///
    /// Source: transformers v5.24 `pipelines/fill_mask.py`, `FillMaskPipeline.postprocess`.
    pub fn fill(&self, texts: &[&str], options: &FillMaskOptions) -> Result<Vec<Vec<Vec<Candidate>>>> {
        let answers = self.run(texts, options, Spelling::Transformers)?;
        Ok(answers.into_iter().map(|masks| masks.into_iter().map(|mask| mask.candidates).collect()).collect())
    }

    /// Return the token that stands for each word among the candidates: the token that spells the word or, if there is
    /// none, the first token of the word. None for a word without tokens, such as a space.
    ///
    /// # Errors
    /// The errors of [`ElectraTokenizer::encode`].
    pub fn targets(&self, words: &[&str]) -> Result<Vec<Option<Target>>> {
        let tokenizer = &self.0.tokenizer;
        let first =
            EncodeOptions { add_special_tokens: false, ..EncodeOptions::truncated(Truncation::LongestFirst, 1) };
        let target = |word: &&str| {
            if let Some(id) = tokenizer.token_to_id(word) {
                return Ok(Some(Target { id, is_exact: true }));
            }
            let encoding = tokenizer.encode(word, None, &first)?;
            Ok(encoding.ids().first().map(|&id| Target { id, is_exact: false }))
        };
        words.iter().map(target).collect()
    }

    fn run(&self, texts: &[&str], options: &FillMaskOptions, spelling: Spelling) -> Result<Vec<Vec<MaskedToken>>> {
        if options.top_k == 0 {
            return Err(Error::input("top_k", "expected at least 1, got 0"));
        }
        let encodings = self.0.encode(texts)?;
        if let Some(row) = encodings.iter().position(|encoding| self.masks(encoding).next().is_none()) {
            let reason = format!("expected a [MASK] in every text, got none in {}", excerpt(texts[row]));
            return Err(Error::input("texts", reason));
        }
        let limit = self.0.tokenizer.id_limit();
        let targets = options.targets.as_deref().map(|targets| distinct(targets, limit)).transpose()?;
        self.answer(&encodings, options.top_k, targets, spelling)
    }

    /// Return the likeliest token at every mask of every text, which may have none.
    ///
    /// # Errors
    /// [`Error::TooLong`] if a text with a mask has more tokens than the model has positions.
    pub(super) fn likeliest(&self, texts: &[&str]) -> Result<Vec<Vec<MaskedToken>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let encodings = self.0.encode(texts)?;
        let has_mask = |row: &usize| self.masks(&encodings[*row]).next().is_some();
        let rows: Vec<usize> = (0..texts.len()).filter(has_mask).collect();
        let masked: Vec<Encoding> = rows.iter().map(|&row| encodings[row].clone()).collect();
        let answers = self.answer(&masked, 1, None, Spelling::Kept).map_err(|error| match error {
            Error::TooLong { what, row, length, maximum } => Error::TooLong { what, row: rows[row], length, maximum },
            other => other,
        })?;
        let mut all = vec![Vec::new(); texts.len()];
        for (row, answer) in rows.into_iter().zip(answers) {
            all[row] = answer;
        }
        Ok(all)
    }

    /// Return the candidates at the masks of texts that each have a mask.
    fn answer(
        &self,
        encodings: &[Encoding],
        top_k: usize,
        targets: Option<Vec<i64>>,
        spelling: Spelling,
    ) -> Result<Vec<Vec<MaskedToken>>> {
        /// The scores of a mask over a vocabulary of this size take as much memory as a token inside the encoder.
        const SCORES_PER_TOKEN: i64 = 2048;
        let limit = self.0.tokenizer.id_limit();
        let top_k = top_k.min(targets.as_ref().map_or(limit as usize, Vec::len));
        let mask_cost = (self.0.model.limits().vocab_size / SCORES_PER_TOKEN) as usize;
        self.0.answer(encodings, &Filling { pipeline: self, top_k, mask_cost, targets, spelling })
    }

    /// Iterate over the indices of the masks among the tokens of a text.
    fn masks<'a>(&self, encoding: &'a Encoding) -> impl Iterator<Item = usize> + 'a {
        let mask = self.0.tokenizer.mask_token_id();
        encoding.ids().iter().enumerate().filter(move |&(_, &id)| id == mask).map(|(column, _)| column)
    }

    fn candidate(
        &self,
        (encoding, column): (&Encoding, usize),
        score: f64,
        token: i64,
        form: Form,
    ) -> Result<Candidate> {
        let tokenizer = &self.0.tokenizer;
        let mut ids = encoding.ids().to_vec();
        ids[column] = token;
        let token_str = tokenizer.id_to_token(token).unwrap_or_default().to_string();
        let sequence = match form.spelling {
            // Cut off [CLS] and [SEP] by place: skipping all special tokens would drop the other masks too.
            Spelling::Kept => tokenizer.decode(&ids[encoding.text(0)], false, true)?,
            Spelling::Transformers => {
                ids.retain(|&id| id != tokenizer.pad_token_id());
                tokenizer.decode(&ids, form.is_single, tokenizer.options().clean_up_tokenization_spaces)?
            }
        };
        Ok(Candidate { score, token, token_str, sequence })
    }
}

/// The way the text with a candidate is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// The text alone, with its other masks.
    Kept,
    /// As transformers spells it.
    Transformers,
}

/// The form of the sequences of a text.
#[derive(Debug, Clone, Copy)]
struct Form {
    spelling: Spelling,
    /// Whether the text has one mask.
    is_single: bool,
}

/// Check ids, and return each once.
fn distinct(ids: &[i64], limit: i64) -> Result<Vec<i64>> {
    if ids.is_empty() {
        return Err(Error::input("targets", "expected at least one token, got none"));
    }
    if let Some(place) = ids.iter().position(|id| !(0..limit).contains(id)) {
        return Err(Error::OutOfRange { what: "targets".into(), value: ids[place], position: vec![place], limit });
    }
    let mut seen = HashSet::new();
    Ok(ids.iter().copied().filter(|&id| seen.insert(id)).collect())
}

/// One call of the pipeline. The result of a text has for each mask `top_k` scores, then their tokens.
struct Filling<'a> {
    pipeline: &'a FillMask,
    top_k: usize,
    /// Tokens of a batch that a mask counts for.
    mask_cost: usize,
    /// The ids of the candidates; None for all.
    targets: Option<Vec<i64>>,
    spelling: Spelling,
}

impl Work for Filling<'_> {
    type Answer = Vec<MaskedToken>;

    fn cost(&self, encoding: &Encoding) -> usize {
        encoding.len() + self.pipeline.masks(encoding).count() * self.mask_cost
    }

    fn size(&self, encoding: &Encoding) -> usize {
        self.pipeline.masks(encoding).count() * 2 * self.top_k
    }

    fn run(&self, batch: &[&Encoding], inputs: &Inputs, results: &mut Vec<f64>) -> Result<()> {
        let TextModel { model, tokenizer, .. } = &self.pipeline.0;
        let in_row = |(row, encoding)| self.pipeline.masks(encoding).map(move |column| (row, column));
        let positions: Vec<(usize, usize)> = batch.iter().copied().enumerate().flat_map(in_row).collect();
        let scores = model.scores_at(inputs, &positions)?.f_softmax(-1, None)?;
        // A model may have more rows than the vocabulary has tokens.
        let scores = match &self.targets {
            None => scores.f_narrow(-1, 0, tokenizer.id_limit())?,
            Some(targets) => {
                scores.f_index_select(-1, &Tensor::f_from_slice(targets)?.f_to_device(scores.device())?)?
            }
        };
        let (scores, tokens) = scores.f_topk(self.top_k as i64, -1, true, true)?;
        let both = [scores.f_to_kind(Kind::Double)?, tokens.f_to_kind(Kind::Double)?];
        results.extend(numbers(&Tensor::f_cat(&both, -1)?)?);
        Ok(())
    }

    fn answer(&self, encoding: &Encoding, result: &[f64]) -> Result<Vec<MaskedToken>> {
        let form = Form { spelling: self.spelling, is_single: self.pipeline.masks(encoding).nth(1).is_none() };
        let fill = |(index, best): (usize, &[f64])| {
            let (scores, tokens) = best.split_at(self.top_k);
            let (begin, end) = encoding.offset(index);
            let candidate = |(&score, &place): (&f64, &f64)| {
                let token = self.targets.as_ref().map_or(place as i64, |targets| targets[place as usize]);
                self.pipeline.candidate((encoding, index), score, token, form)
            };
            let candidates = scores.iter().zip(tokens).map(candidate).collect::<Result<_>>()?;
            Ok(MaskedToken { index, begin, end, candidates })
        };
        self.pipeline.masks(encoding).zip(result.chunks(2 * self.top_k)).map(fill).collect()
    }
}
