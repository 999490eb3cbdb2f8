//! Find the answer to a question in a text.

use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::answers::{Answer, QuestionAnsweringOptions, Spans, best_joint_spans, best_spans, merge};
use super::spans::Characters;
use super::task::{TextModel, Work, numbers, text_pipeline};
use super::windows::{overlap, window_options};
use crate::any_model::{Run, frozen_answerer};
use crate::error::{Error, Result, excerpt};
use crate::heads::BEAM;
use crate::inputs::{Inputs, Task};
use crate::interrupt;
use crate::nn::ForwardOptions;
use crate::outputs::AnswerOutput;
use crate::pretrained::FrozenOptions;
use crate::text::{ElectraTokenizer, EncodeOptions, Encoding, Side, Source, Truncation};
use crate::weights::Strictness;

/// Answer questions about texts with a model of either family. Threads can share a pipeline, and a clone shares the model.
///
/// A context of any length is read: it is cut into overlapping windows, each of which follows the question.
#[derive(Debug, Clone)]
pub struct QuestionAnswering(TextModel<dyn Run<AnswerOutput> + Sync>);

text_pipeline!(QuestionAnswering, 0);

impl QuestionAnswering {
    /// Load the pipeline in float32 from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`QuestionAnswering::from_folder_with`].
    pub fn from_folder(folder: impl AsRef<Path>, device: Device) -> Result<Self> {
        Self::from_folder_with(folder, device, FrozenOptions::default())
    }

    /// Load the pipeline in any precision from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`frozen_answerer`], [`ElectraTokenizer::from_pretrained`] and [`QuestionAnswering::from_model`].
    pub fn from_folder_with(
        folder: impl AsRef<Path>,
        device: Device,
        options: impl Into<FrozenOptions>,
    ) -> Result<Self> {
        let model = frozen_answerer(&folder, device, Strictness::default(), options)?;
        Self::from_model(model, ElectraTokenizer::from_pretrained(folder)?)
    }

    /// Build the pipeline from a model for question answering and a tokenizer.
    ///
    /// # Errors
    /// [`Error::UntrainedHead`] if the model's head was not loaded; [`Error::Input`] if the vocabulary is larger than
    /// the model's.
    pub fn from_model(model: Box<dyn Run<AnswerOutput> + Sync>, tokenizer: ElectraTokenizer) -> Result<Self> {
        TextModel::new("question-answering", model, tokenizer).map(Self)
    }

    /// Return the answers to each question, the likeliest first. An item is a question and its context.
    ///
    /// A model whose ends depend on starts gives the probability of each answer itself, and that there is none. Otherwise the
    /// scores of starts and ends are softmaxes over the tokens of the context in a window, and over `[CLS]`, which
    /// stands for no answer. Answers of the same text, whatever its case, are one: in a window their scores are added,
    /// and of several windows the highest counts. There is at least one answer: if the context has no token, that is the
    /// empty one, with the score 0 unless `handle_impossible_answer` is set.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no question, if a question or a context is empty, if an option is 0, if
    /// `max_seq_len` is more than the model or its tokenizer takes, or if it leaves no room for the context or for
    /// `doc_stride`.
    ///
    /// # Source
    /// transformers v4.57 `pipelines/question_answering.py`, `QuestionAnsweringPipeline`.
    pub fn predict(&self, questions: &[(&str, &str)], options: &QuestionAnsweringOptions) -> Result<Vec<Vec<Answer>>> {
        let length = self.check(questions, options)?;
        let rows = interrupt::map_on_workers(questions, |pair| self.windows(*pair, length, options))?;
        let counts: Vec<usize> = rows.iter().map(Vec::len).collect();
        let encodings: Vec<Encoding> = rows.into_iter().flatten().collect();
        let spans = self.0.answer(&encodings, &Answering { pipeline: self, options })?;
        let mut spans = spans.as_slice();
        let mut answers = Vec::with_capacity(questions.len());
        for ((_, context), count) in questions.iter().zip(counts) {
            let (windows, rest) = spans.split_at(count);
            answers.push(merge(context, windows, options)?);
            spans = rest;
        }
        Ok(answers)
    }

    /// Return the longest row that both the model and its tokenizer take, in tokens.
    pub(super) fn longest_row(&self) -> usize {
        self.0.longest_row()
    }

    /// Check questions and options, and return the length of a row.
    fn check(&self, questions: &[(&str, &str)], options: &QuestionAnsweringOptions) -> Result<usize> {
        if questions.is_empty() {
            return Err(Error::input("questions", "expected at least one question, got none"));
        }
        for (question, context) in questions {
            if question.is_empty() {
                return Err(Error::input("question", "expected a text, got an empty one"));
            }
            if context.is_empty() {
                let reason = format!("expected a text, got an empty one for the question {}", excerpt(question));
                return Err(Error::input("context", reason));
            }
        }
        let QuestionAnsweringOptions { top_k, max_question_len, max_answer_len, .. } = *options;
        for (name, value) in
            [("top_k", top_k), ("max_question_len", max_question_len), ("max_answer_len", max_answer_len)]
        {
            if value == 0 {
                return Err(Error::input(name, "expected at least 1, got 0"));
            }
        }
        let (longest, default) = (self.0.longest_row(), 384);
        match options.max_seq_len {
            None => Ok(longest.min(default)),
            Some(length) if length <= longest => Ok(length),
            Some(length) => {
                let reason = format!("expected at most the {longest} tokens that the model takes, got {length}");
                Err(Error::input("max_seq_len", reason))
            }
        }
    }

    /// Encode a question with each window of its context.
    fn windows(
        &self,
        (question, context): (&str, &str),
        length: usize,
        options: &QuestionAnsweringOptions,
    ) -> Result<Vec<Encoding>> {
        /// The default of `doc_stride`.
        const STRIDE: usize = 128;
        let tokenizer = &self.0.tokenizer;
        let truncated = EncodeOptions {
            add_special_tokens: false,
            truncation_side: Some(Side::Right),
            ..EncodeOptions::truncated(Truncation::OnlyFirst, options.max_question_len)
        };
        let tokens = tokenizer.encode(question, None, &truncated)?;
        let (mut question, mut size) = (question, tokens.len());
        if size == options.max_question_len {
            let whole = EncodeOptions { add_special_tokens: false, ..EncodeOptions::default() };
            let all = question;
            let (start, end) = tokens.offsets().max_by_key(|(_, end)| *end).unwrap_or_default();
            // A character of several tokens is left out if not all of them fit.
            for end in [end, start] {
                question = Characters::new(all).slice(0, end);
                size = tokenizer.encode(question, None, &whole)?.len();
                if size <= options.max_question_len {
                    break;
                }
            }
        }
        let added = tokenizer.num_special_tokens_to_add(true);
        let capacity = length.saturating_sub(added + size);
        if capacity == 0 {
            let needed = format!("{size} tokens of the question, {added} special tokens and the context");
            let reason =
                format!("expected room for {needed}, got {length}; lower max_question_len or raise max_seq_len");
            return Err(Error::input("max_seq_len", reason));
        }
        let stride = overlap("doc_stride", options.doc_stride, STRIDE.min(length / 2), capacity)?;
        let pair = (Source::Text(question), Some(Source::Text(context)));
        tokenizer.encode_rows(&pair, &window_options(Truncation::OnlySecond, length, stride))
    }
}

/// One call of the pipeline. The result of a window has the logits of starts, then those of ends; or the fields of the
/// likeliest spans one after another, and the logit of no answer.
struct Answering<'a> {
    pipeline: &'a QuestionAnswering,
    options: &'a QuestionAnsweringOptions,
}

impl Answering<'_> {
    /// Return how many numbers the result of a window has, if ends depend on starts.
    fn joint_size(&self) -> Option<usize> {
        let is_joint = self.pipeline.0.model.limits().task == Task::Spans { answerability: true };
        is_joint.then_some(2 * BEAM + 2 * BEAM * BEAM + 1)
    }
}

impl Work for Answering<'_> {
    type Answer = Spans;

    fn cost(&self, encoding: &Encoding) -> usize {
        encoding.len()
    }

    fn size(&self, encoding: &Encoding) -> usize {
        self.joint_size().unwrap_or(2 * encoding.len())
    }

    fn run(&self, batch: &[&Encoding], inputs: &Inputs, results: &mut Vec<f64>) -> Result<()> {
        let output = self.pipeline.0.model.forward(inputs, ForwardOptions::default())?;
        let output = match output {
            AnswerOutput::Independent(output) => output,
            AnswerOutput::Joint(output) => {
                let message = "a model in evaluation mode has no spans".to_string();
                let spans = output.spans.ok_or(Error::Internal { message })?;
                let tensors = [&spans.start_scores, &spans.starts, &spans.end_scores, &spans.ends];
                let flat = tensors.map(|tensor| Ok(tensor.f_flatten(1, -1)?.f_to_kind(Kind::Double)?));
                let mut flat = flat.into_iter().collect::<Result<Vec<_>>>()?;
                flat.push(output.answerability_logits.f_unsqueeze(1)?.f_to_kind(Kind::Double)?);
                results.extend(numbers(&Tensor::f_cat(&flat, 1)?)?);
                return Ok(());
            }
        };
        let columns = inputs.layout.columns() as usize;
        let both = numbers(&Tensor::f_stack(&[output.start_logits, output.end_logits], 1)?)?;
        for (encoding, rows) in batch.iter().zip(both.chunks(2 * columns)) {
            let (starts, ends) = rows.split_at(columns);
            results.extend(starts[..encoding.len()].iter().chain(&ends[..encoding.len()]));
        }
        Ok(())
    }

    fn answer(&self, encoding: &Encoding, result: &[f64]) -> Result<Spans> {
        if self.joint_size().is_some() {
            return best_joint_spans(encoding, result, self.options);
        }
        let class = self.pipeline.0.tokenizer.cls_token_id();
        best_spans(encoding, result.split_at(encoding.len()), class, self.options)
    }
}
