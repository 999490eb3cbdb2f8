//! Label the tokens of a text, or the entities in it.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::entities::{Aggregation, Entity, Piece, Speller, merge, words};
use super::task::{TextModel, Work, numbers, text_pipeline};
use super::windows::{overlap, window_options};
use crate::any_model::{Run, frozen};
use crate::error::{Error, Result};
use crate::heads::TokenClassificationHead;
use crate::inputs::Inputs;
use crate::interrupt;
use crate::nn::ForwardOptions;
use crate::outputs::TokenClassificationOutput;
use crate::pretrained::FrozenOptions;
use crate::text::{ElectraTokenizer, Encoding, Pair, Source, TextRow, Truncation};
use crate::weights::Strictness;

/// A token and its likeliest label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelledToken {
    /// The label, as the configuration's `id2label` spells it.
    #[serde(rename = "entity")]
    pub label: String,
    /// The label's probability.
    pub score: f64,
    /// The token's index among the text's tokens, counted from `[CLS]` = 0.
    pub index: usize,
    /// The token as the vocabulary spells it. An `[UNK]` is spelled as in the text.
    pub word: String,
    /// The index of the token's first character in the text.
    #[serde(rename = "start")]
    pub begin: usize,
    /// One past the token's last character in the text.
    pub end: usize,
}

/// Which labels are left out, how long texts are cut, and how words are joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenClassificationOptions {
    /// The labels that are left out: as the configuration spells them for tokens, without `B-` or `I-` for entities.
    pub ignore_labels: Vec<String>,
    /// The number of tokens that two successive windows of a long text share. `None` means a quarter of a window.
    pub stride: Option<usize>,
    /// The characters between the words of a text that is given as words. Spans count in the words joined by them.
    pub delimiter: String,
}

impl Default for TokenClassificationOptions {
    /// Leave out `O`, and join words by spaces.
    fn default() -> Self {
        Self { ignore_labels: vec!["O".to_string()], stride: None, delimiter: " ".to_string() }
    }
}

/// Label tokens or entities with a token classifier of either family. Threads can share a pipeline, and a clone shares
/// the model.
///
/// A text with more tokens than the model has positions is cut into overlapping windows, whose results are merged.
#[derive(Debug, Clone)]
pub struct TokenClassification {
    model: TextModel<dyn Run<TokenClassificationOutput> + Sync>,
    labels: Arc<[String]>,
}

text_pipeline!(TokenClassification, model);

impl TokenClassification {
    /// Load the pipeline in float32 from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`TokenClassification::from_folder_with`].
    pub fn from_folder(folder: impl AsRef<Path>, device: Device) -> Result<Self> {
        Self::from_folder_with(folder, device, FrozenOptions::default())
    }

    /// Load the pipeline in any precision from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`frozen`], [`ElectraTokenizer::from_pretrained`] and [`TokenClassification::from_model`].
    pub fn from_folder_with(
        folder: impl AsRef<Path>,
        device: Device,
        options: impl Into<FrozenOptions>,
    ) -> Result<Self> {
        let model = frozen::<TokenClassificationHead>(&folder, device, Strictness::default(), options)?;
        Self::from_model(model, ElectraTokenizer::from_pretrained(folder)?)
    }

    /// Build the pipeline from a token classifier and a tokenizer.
    ///
    /// # Errors
    /// [`Error::UntrainedHead`] if the model's head was not loaded; [`Error::Input`] if the vocabulary is larger than
    /// the model's.
    pub fn from_model(
        model: Box<dyn Run<TokenClassificationOutput> + Sync>,
        tokenizer: ElectraTokenizer,
    ) -> Result<Self> {
        let labels = model.config().shared().labels.names().into();
        Ok(Self { model: TextModel::new("token-classification", model, tokenizer)?, labels })
    }

    /// Return the labels, in the order of their ids.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Return the tokens of every text with their labels, without `[CLS]` and `[SEP]`.
    ///
    /// In a text of several windows, the label of a token is that of the window in which it stands farther from the end.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no text, or if `stride` leaves no new token for a window.
    pub fn tokens<Row: TextRow>(
        &self,
        texts: &[Row],
        options: &TokenClassificationOptions,
    ) -> Result<Vec<Vec<LabelledToken>>> {
        let label = |speller: &Speller, place: Place| {
            let name = &self.labels[place.piece.label];
            if options.ignore_labels.contains(name) {
                return None;
            }
            let Place { index, column, encoding, piece } = place;
            let (begin, end) = speller.span(encoding, column);
            let word = speller.token(encoding, column).to_string();
            Some(LabelledToken { label: name.clone(), score: piece.score, index, word, begin, end })
        };
        self.each_token(texts, Scope::Text, options, label)
    }

    /// Call `read` with each token of every text and its label, and return what is not `None`.
    ///
    /// # Errors
    /// Those of [`TokenClassification::tokens`].
    pub(super) fn each_token<Row: TextRow, T>(
        &self,
        texts: &[Row],
        scope: Scope,
        options: &TokenClassificationOptions,
        read: impl Fn(&Speller, Place) -> Option<T>,
    ) -> Result<Vec<Vec<T>>> {
        let read = |speller: &Speller, windows: Windows| {
            let mut tokens = Vec::new();
            for (window, pieces) in windows.own_pieces() {
                interrupt::go_on()?;
                for piece in pieces {
                    let column = piece.columns.start;
                    let index = window.skipped + column;
                    tokens.extend(read(speller, Place { piece, encoding: window.encoding, column, index }));
                }
            }
            Ok(tokens)
        };
        self.predict(texts, Labels::OfTokens(scope), options, read)
    }

    /// Return the entities of every text.
    ///
    /// In a text of several windows, of two entities that overlap the longer one stays, or of equally long ones that with
    /// the higher score.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no text, or if `stride` leaves no new token for a window.
    pub fn entities<Row: TextRow>(
        &self,
        texts: &[Row],
        aggregation: Aggregation,
        options: &TokenClassificationOptions,
    ) -> Result<Vec<Vec<Entity>>> {
        let read = |speller: &Speller, windows: Windows| {
            let mut entities = Vec::new();
            for window in windows.iter() {
                interrupt::go_on()?;
                let groups = speller.group(window.encoding, window.pieces, aggregation != Aggregation::Simple);
                entities.extend(groups.into_iter().filter(|entity| !options.ignore_labels.contains(&entity.label)));
            }
            if windows.encodings.len() > 1 { merge(entities) } else { Ok(entities) }
        };
        self.predict(texts, Labels::OfEntities(aggregation), options, read)
    }

    /// Cut texts into windows, label their tokens, and call `read` with the windows of each text.
    fn predict<Row: TextRow, T>(
        &self,
        texts: &[Row],
        wanted: Labels,
        options: &TokenClassificationOptions,
        read: impl Fn(&Speller, Windows) -> Result<Vec<T>>,
    ) -> Result<Vec<Vec<T>>> {
        if texts.is_empty() {
            return Err(Error::input("texts", "expected at least one text, got none"));
        }
        let tokenizer = &self.model.tokenizer;
        let length = self.model.longest_row();
        let capacity = length.saturating_sub(tokenizer.num_special_tokens_to_add(false));
        let stride = overlap("stride", options.stride, capacity / 4, capacity)?;
        let pairs: Vec<Pair> = texts.iter().map(TextRow::sources).collect();
        if pairs.iter().any(|pair| pair.1.is_some()) {
            return Err(Error::input("texts", "expected single texts, got a pair of texts"));
        }
        let rows = tokenizer.encode_pairs(&pairs, &window_options(Truncation::OnlyFirst, length, stride))?;
        let counts: Vec<usize> = rows.iter().map(Vec::len).collect();
        let encodings: Vec<Encoding> = rows.into_iter().flatten().collect();
        let pieces = self.model.answer(&encodings, &Labelling { pipeline: self, wanted })?;
        let (mut encodings, mut pieces) = (encodings.as_slice(), pieces.as_slice());
        let mut answers = Vec::with_capacity(texts.len());
        for ((source, _), count) in pairs.iter().zip(counts) {
            let windows = Windows { encodings: &encodings[..count], pieces: &pieces[..count], stride };
            let (text, words) = joined(source, &options.delimiter);
            answers.push(read(&Speller::new(tokenizer, &self.labels, &text, &words), windows)?);
            (encodings, pieces) = (&encodings[count..], &pieces[count..]);
        }
        Ok(answers)
    }
}

/// Return a text, and if it is given as words, the character at which each of them starts.
fn joined<'a>(source: &Source<'a>, delimiter: &str) -> (Cow<'a, str>, Vec<usize>) {
    match source {
        Source::Text(text) => ((*text).into(), Vec::new()),
        Source::Words(words) => {
            let between = delimiter.chars().count();
            let start = |place: &mut usize, word: &&str| {
                let start = *place;
                *place += word.chars().count() + between;
                Some(start)
            };
            (words.join(delimiter).into(), words.iter().scan(0, start).collect())
        }
    }
}

/// The tokens that are labelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those of the text.
    Text,
    /// Also the special tokens before and after it.
    Row,
}

/// What is labelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Labels {
    OfTokens(Scope),
    OfEntities(Aggregation),
}

/// A token of a text with its label.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub piece: &'a Piece,
    /// The window in which the token was labelled, and its place there.
    pub encoding: &'a Encoding,
    pub column: usize,
    /// The token's index among all tokens of the text, counted from `[CLS]` = 0.
    pub index: usize,
}

/// The windows of a text, and the labelled pieces of each.
#[derive(Clone, Copy)]
struct Windows<'a> {
    encodings: &'a [Encoding],
    pieces: &'a [Vec<Piece>],
    stride: usize,
}

/// A window of a text.
struct Window<'a> {
    encoding: &'a Encoding,
    pieces: &'a [Piece],
    /// The number of tokens of the text before the window.
    skipped: usize,
}

impl<'a> Windows<'a> {
    fn iter(self) -> impl Iterator<Item = Window<'a>> {
        // All windows but the last have as many tokens as the first.
        let step = self.encodings.first().map_or(0, |first| first.text(0).len()).saturating_sub(self.stride);
        let window = move |(number, (encoding, pieces)): (usize, (&'a Encoding, &'a Vec<Piece>))| Window {
            encoding,
            pieces,
            skipped: number * step,
        };
        self.encodings.iter().zip(self.pieces).enumerate().map(window)
    }

    /// Iterate over the windows with the pieces, one for each token, that belong to no other window: the tokens that two
    /// windows share are divided in the middle.
    fn own_pieces(self) -> impl Iterator<Item = (Window<'a>, &'a [Piece])> {
        let last = self.encodings.len() - 1;
        self.iter().enumerate().map(move |(number, window)| {
            let text = window.encoding.text(0);
            let begin = if number == 0 { 0 } else { text.start + self.stride / 2 };
            let end = if number == last { window.encoding.len() } else { text.end - (self.stride - self.stride / 2) };
            let before = |column: usize| window.pieces.partition_point(|piece| piece.columns.start < column);
            let own = &window.pieces[before(begin)..before(end)];
            (window, own)
        })
    }
}

/// One call of the pipeline. The result of a window has for each token a label and its score, which for words are those
/// of the first token.
struct Labelling<'a> {
    pipeline: &'a TokenClassification,
    wanted: Labels,
}

impl Labelling<'_> {
    /// Return the labelled ranges of a window.
    fn ranges(&self, encoding: &Encoding) -> Vec<Range<usize>> {
        let tokens = |columns: Range<usize>| columns.map(|column| column..column + 1).collect();
        match self.wanted {
            Labels::OfTokens(Scope::Row) => tokens(0..encoding.len()),
            Labels::OfTokens(Scope::Text) | Labels::OfEntities(Aggregation::Simple) => tokens(encoding.text(0)),
            Labels::OfEntities(_) => words(encoding, self.pipeline.model.tokenizer.unk_token_id()),
        }
    }
}

impl Work for Labelling<'_> {
    type Answer = Vec<Piece>;

    fn cost(&self, encoding: &Encoding) -> usize {
        /// The scores of a token for this many labels take as much memory as a token inside the encoder.
        const SCORES_PER_TOKEN: usize = 2048;
        encoding.len() * (1 + self.pipeline.labels.len() / SCORES_PER_TOKEN)
    }

    fn size(&self, encoding: &Encoding) -> usize {
        2 * encoding.len()
    }

    fn run(&self, batch: &[&Encoding], inputs: &Inputs, results: &mut Vec<f64>) -> Result<()> {
        let output = self.pipeline.model.model.forward(inputs, ForwardOptions::default())?;
        let scores = output.logits.f_softmax(-1, Kind::Double)?;
        let (best, labels) = scores.f_max_dim(-1, false)?;
        let best = numbers(&Tensor::f_stack(&[labels.f_to_kind(Kind::Double)?, best], -1)?)?;
        let is_averaged = self.wanted == Labels::OfEntities(Aggregation::Average);
        let averaged = if is_averaged { numbers(&scores)? } else { Vec::new() };
        let (columns, count) = (inputs.layout.columns() as usize, self.pipeline.labels.len());
        for (row, encoding) in batch.iter().enumerate() {
            let start = results.len();
            results.extend(&best[row * columns * 2..][..encoding.len() * 2]);
            let results = &mut results[start..];
            for word in self.ranges(encoding).into_iter().filter(|word| word.len() > 1) {
                let chosen = match self.wanted {
                    Labels::OfEntities(Aggregation::Max) => {
                        // The first of several with the highest score.
                        let better = |best: usize, column: usize| {
                            if results[2 * column + 1] > results[2 * best + 1] { column } else { best }
                        };
                        let column = word.clone().reduce(better).unwrap_or(word.start);
                        (results[2 * column], results[2 * column + 1])
                    }
                    Labels::OfEntities(Aggregation::Average) => {
                        let tokens = &averaged[(row * columns + word.start) * count..][..word.len() * count];
                        average(tokens, count)
                    }
                    _ => continue,
                };
                (results[2 * word.start], results[2 * word.start + 1]) = chosen;
            }
        }
        Ok(())
    }

    fn answer(&self, encoding: &Encoding, result: &[f64]) -> Result<Vec<Piece>> {
        let piece = |columns: Range<usize>| {
            let (label, score) = (result[2 * columns.start] as usize, result[2 * columns.start + 1]);
            Piece { label, score, columns }
        };
        Ok(self.ranges(encoding).into_iter().map(piece).collect())
    }
}

/// Return the label with the highest mean score over the tokens of a word, and that score. `scores` has `count` for each
/// token.
fn average(scores: &[f64], count: usize) -> (f64, f64) {
    let tokens = (scores.len() / count) as f64;
    let mean = |label: usize| scores[label..].iter().step_by(count).sum::<f64>() / tokens;
    let means = (0..count).map(|label| (label, mean(label)));
    let (label, score) = means.reduce(|best, one| if one.1 > best.1 { one } else { best }).unwrap_or_default();
    (label as f64, score)
}
