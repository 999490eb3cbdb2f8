//! The steps that all pipelines share: texts -> encodings -> batches -> inputs -> model -> answers, in the order of the
//! texts.

use std::sync::Arc;

use tch::Tensor;

use crate::any_model::AnyModel;
use crate::config::AnyConfig;
use crate::error::{Error, Result};
use crate::inputs::{Inputs, Limits};
use crate::interrupt;
use crate::memory::room;
use crate::pretrained::check_trained;
use crate::text::{Batch, ElectraTokenizer, EncodeOptions, Encoding, TextRow, Truncation};

/// The largest number of tokens in a batch, unless a pipeline is given another. Larger batches are no faster on a CPU and
/// need more memory.
pub const BATCH_TOKENS: usize = 2048;

/// What all pipelines have.
pub trait TextPipeline: Sized {
    /// Return the tokenizer.
    fn tokenizer(&self) -> &ElectraTokenizer;

    /// Return the model's configuration.
    fn config(&self) -> AnyConfig;

    /// Return the precision of the model's parameters.
    fn precision(&self) -> &'static str;

    /// Return the inputs that the model can take, and its device.
    fn limits(&self) -> Limits;

    /// Return the pipeline with another largest number of tokens in a batch than [`BATCH_TOKENS`]. A longer text is a
    /// batch alone.
    #[must_use]
    fn with_batch_tokens(self, tokens: usize) -> Self;
}

/// Implement [`TextPipeline`] for a structure with a [`TextModel`] in a field.
macro_rules! text_pipeline {
    ($pipeline:ty, $($field:tt).+) => {
        impl $crate::pipelines::TextPipeline for $pipeline {
            fn tokenizer(&self) -> &$crate::text::ElectraTokenizer {
                &self.$($field).+.tokenizer
            }

            fn config(&self) -> $crate::config::AnyConfig {
                self.$($field).+.model.config()
            }

            fn precision(&self) -> &'static str {
                self.$($field).+.model.precision()
            }

            fn limits(&self) -> $crate::inputs::Limits {
                self.$($field).+.model.limits()
            }

            fn with_batch_tokens(mut self, tokens: usize) -> Self {
                self.$($field).+.batch_tokens = tokens;
                self
            }
        }
    };
}
pub(super) use text_pipeline;

/// A model with its tokenizer. A clone shares both.
#[derive(Debug)]
pub(super) struct TextModel<M: ?Sized> {
    pub(super) tokenizer: ElectraTokenizer,
    pub(super) model: Arc<M>,
    pub(super) batch_tokens: usize,
}

impl<M: ?Sized> Clone for TextModel<M> {
    fn clone(&self) -> Self {
        Self { tokenizer: self.tokenizer.clone(), model: Arc::clone(&self.model), batch_tokens: self.batch_tokens }
    }
}

impl<M: AnyModel + ?Sized> TextModel<M> {
    /// Combine a model and a tokenizer for a task.
    ///
    /// # Errors
    /// [`Error::UntrainedHead`] if the model has parameters that no file has filled; [`Error::Input`] if the vocabulary
    /// is larger than the model's.
    pub(super) fn new(task: &str, model: Box<M>, tokenizer: ElectraTokenizer) -> Result<Self> {
        check_trained(model.untrained(), task)?;
        let (limit, vocab_size) = (tokenizer.id_limit(), model.limits().vocab_size);
        if limit > vocab_size {
            let reason = format!("expected at most the model's {vocab_size} ids, got {limit}");
            return Err(Error::input("the vocabulary", reason));
        }
        Ok(Self { tokenizer, model: model.into(), batch_tokens: BATCH_TOKENS })
    }

    /// Tokenise texts or pairs of texts without truncation.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no text; the errors of [`interrupt::go_on`].
    pub(super) fn encode<Row: TextRow>(&self, texts: &[Row]) -> Result<Vec<Encoding>> {
        self.encode_with(texts, Truncation::None)
    }

    /// Tokenise texts or pairs of texts. With a truncation, a row has at most as many tokens as the tokenizer and the
    /// model allow.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no text; the errors of [`ElectraTokenizer::encode_pairs`].
    pub(super) fn encode_with<Row: TextRow>(&self, texts: &[Row], truncation: Truncation) -> Result<Vec<Encoding>> {
        self.encode_within(texts, truncation, usize::MAX)
    }

    /// Tokenise texts or pairs of texts. With a truncation, a row has at most `length` tokens, and as many as the tokenizer
    /// and the model allow.
    ///
    /// # Errors
    /// The errors of [`TextModel::encode_with`]; [`Error::Input`] if `length` has no room for the special tokens.
    pub(super) fn encode_within<Row: TextRow>(
        &self,
        texts: &[Row],
        truncation: Truncation,
        length: usize,
    ) -> Result<Vec<Encoding>> {
        if texts.is_empty() {
            return Err(Error::input("texts", "expected at least one text, got none"));
        }
        let pairs: Vec<_> = texts.iter().map(TextRow::sources).collect();
        let options = EncodeOptions::truncated(truncation, length.min(self.longest_row()));
        let rows = self.tokenizer.encode_pairs(&pairs, &options)?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Run the model on the encodings in batches and return one answer for each, in their order.
    ///
    /// A batch has at most `batch_tokens` tokens as `work.cost` counts them, and encodings of similar lengths, so memory
    /// does not grow with the number of texts. Answers are only built when all batches have run: small allocations between
    /// those of batches would keep the memory of each batch from being used again.
    ///
    /// # Errors
    /// [`Error::TooLong`] if a text has more tokens than the model has positions; the errors of `work` and of
    /// [`interrupt::go_on`].
    pub(super) fn answer<W: Work>(&self, encodings: &[Encoding], work: &W) -> Result<Vec<W::Answer>> {
        // The caller chooses the size, by the number of texts and of candidates.
        let mut results: Vec<f64> = room("results", encodings.iter().map(|encoding| work.size(encoding)).sum())?;
        let mut starts = vec![0; encodings.len()];
        let run = |rows: &[usize], inputs: &Inputs| {
            let batch: Vec<&Encoding> = rows.iter().map(|&row| &encodings[row]).collect();
            let mut start = results.len();
            work.run(&batch, inputs, &mut results)?;
            for &row in rows {
                starts[row] = start;
                start += work.size(&encodings[row]);
            }
            if start != results.len() {
                return Err(Error::Internal { message: "a batch has more or fewer results than its texts".into() });
            }
            Ok(())
        };
        self.each_batch(encodings, |encoding| work.cost(encoding), run)?;
        let mut answers = Vec::with_capacity(encodings.len());
        for (encoding, start) in encodings.iter().zip(starts) {
            interrupt::go_on()?;
            answers.push(work.answer(encoding, &results[start..start + work.size(encoding)])?);
        }
        Ok(answers)
    }

    /// Call `run` with the rows and the inputs of each batch.
    ///
    /// # Errors
    /// [`Error::TooLong`] if a text has more tokens than the model has positions; the errors of `run` and of
    /// [`interrupt::go_on`].
    pub(super) fn each_batch(
        &self,
        encodings: &[Encoding],
        cost: impl Fn(&Encoding) -> usize,
        mut run: impl FnMut(&[usize], &Inputs) -> Result<()>,
    ) -> Result<()> {
        let limits = self.model.limits();
        let maximum = limits.max_position_embeddings as usize;
        if let Some((row, encoding)) = encodings.iter().enumerate().find(|(_, encoding)| encoding.len() > maximum) {
            return Err(Error::TooLong { what: "input_ids".into(), row, length: encoding.len(), maximum });
        }
        let mut order: Vec<usize> = (0..encodings.len()).collect();
        order.sort_by_key(|&row| encodings[row].len());
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            interrupt::go_on()?;
            let mut tokens = 0;
            let fits = |&&row: &&usize| {
                tokens += cost(&encodings[row]);
                tokens <= self.batch_tokens
            };
            // A text with more tokens than a batch becomes a batch alone.
            let count = rest.iter().take_while(fits).count().max(1);
            let (rows, after) = rest.split_at(count);
            let inputs = Inputs::new(rows.iter().map(|&row| &encodings[row]).collect::<Batch>(), &limits)?;
            run(rows, &inputs)?;
            rest = after;
        }
        Ok(())
    }
}

/// The part of a call that differs between pipelines.
pub(super) trait Work {
    /// The answer for one text.
    type Answer;

    /// Return how many tokens of a batch a text counts for.
    fn cost(&self, encoding: &Encoding) -> usize;

    /// Return how many numbers the result of a text has.
    fn size(&self, encoding: &Encoding) -> usize;

    /// Run the model on a batch, and append the result of each text.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses.
    fn run(&self, batch: &[&Encoding], inputs: &Inputs, results: &mut Vec<f64>) -> Result<()>;

    /// Build the answer for a text from its result.
    ///
    /// # Errors
    /// Those of the tokenizer.
    fn answer(&self, encoding: &Encoding, result: &[f64]) -> Result<Self::Answer>;
}

/// Return the values of a tensor on any device, row-major.
pub(super) fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(Vec::try_from(tensor.f_to_kind(tch::Kind::Double)?.f_reshape([-1])?.f_to_device(tch::Device::Cpu)?)?)
}
