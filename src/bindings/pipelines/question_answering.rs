//! `oxbert._native._QuestionAnswering`.

use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict};

use super::base::{PyPipeline, answers, at_least_one, load};
use super::source::Asked;
use crate::any_model::{Run, frozen_answerer};
use crate::bindings::door::{answer, argument_readers, integer, optional_count, truth};
use crate::bindings::text::texts::strings;
use crate::outputs::AnswerOutput;
use crate::pipelines::{QuestionAnswering, QuestionAnsweringOptions};
use crate::weights::Strictness;

argument_readers! {
    batch_tokens: Option<usize> = at_least_one;
    questions: Vec<String> = strings;
    contexts: Vec<String> = strings;
    top_k: usize = |what, value| integer(what, value, 1..=usize::MAX);
    max_seq_len: Option<usize> = at_least_one;
    doc_stride: Option<usize> = optional_count;
    max_question_len: usize = |what, value| integer(what, value, 1..=usize::MAX);
    max_answer_len: usize = |what, value| integer(what, value, 1..=usize::MAX);
    handle_impossible_answer: bool = truth;
    align_to_words: bool = truth;
}

/// Answer questions about texts, for `oxbert.pipeline("question-answering")`.
#[pyclass(name = "_QuestionAnswering", module = "oxbert._native", extends = PyPipeline, frozen)]
pub(crate) struct PyQuestionAnswering {
    inner: QuestionAnswering,
}

#[pymethods]
impl PyQuestionAnswering {
    /// Load from a folder or take a loaded model, as `FillMask.from_pretrained` does.
    #[staticmethod]
    #[pyo3(signature = (
        folder,
        *,
        tokenizer = None,
        device = None,
        precision = None,
        emulate = false,
        batch_tokens = None,
        **hub
    ))]
    fn from_pretrained<'py>(
        folder: &Bound<'py, PyAny>,
        tokenizer: Option<&Bound<'py, PyAny>>,
        device: Option<&Bound<'py, PyAny>>,
        precision: Option<&str>,
        emulate: bool,
        #[pyo3(from_py_with = batch_tokens)] batch_tokens: Option<usize>,
        hub: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Py<Self>> {
        let asked = Asked { folder, tokenizer, device, precision, emulate, batch_tokens, hub };
        load(
            &asked,
            "ForQuestionAnswering",
            |parts| {
                let model: Box<dyn Run<AnswerOutput> + Sync> = parts.model.build(
                    |path, device, options| frozen_answerer(path, device, Strictness::default(), options),
                    |it| Box::new(it),
                )?;
                QuestionAnswering::from_model(model, parts.tokenizer()?)
            },
            |inner| Self { inner },
        )
    }

    /// Return the answers to every question in its context, as `oxbert.pipeline("question-answering")` does.
    #[pyo3(signature = (
        questions,
        contexts,
        *,
        top_k,
        max_seq_len,
        doc_stride,
        max_question_len,
        max_answer_len,
        handle_impossible_answer,
        align_to_words
    ))]
    #[expect(clippy::too_many_arguments, reason = "the options of transformers")]
    fn _answer<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = questions)] questions: Vec<String>,
        #[pyo3(from_py_with = contexts)] contexts: Vec<String>,
        #[pyo3(from_py_with = top_k)] top_k: usize,
        #[pyo3(from_py_with = max_seq_len)] max_seq_len: Option<usize>,
        #[pyo3(from_py_with = doc_stride)] doc_stride: Option<usize>,
        #[pyo3(from_py_with = max_question_len)] max_question_len: usize,
        #[pyo3(from_py_with = max_answer_len)] max_answer_len: usize,
        #[pyo3(from_py_with = handle_impossible_answer)] handle_impossible_answer: bool,
        #[pyo3(from_py_with = align_to_words)] align_to_words: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = QuestionAnsweringOptions {
            top_k,
            max_seq_len,
            doc_stride,
            max_question_len,
            max_answer_len,
            handle_impossible_answer,
            align_to_words,
        };
        let pairs: Vec<(&str, &str)> =
            questions.iter().zip(&contexts).map(|(question, context)| (question.as_str(), context.as_str())).collect();
        answer(py, &answers(py, 0, || self.inner.predict(&pairs, &options))?)
    }
}
