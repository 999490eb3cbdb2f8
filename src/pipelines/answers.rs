//! Logits of starts and ends -> the best spans of a window, and the answers of all windows.
//!
//! Source: transformers v4.57 `pipelines/question_answering.py`.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use serde::Serialize;

use super::spans::Characters;
use crate::error::Result;
use crate::heads::BEAM;
use crate::interrupt;
use crate::memory::room;
use crate::text::Encoding;

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The probability of the answer, given its window of the context.
    pub score: f64,
    /// The index of the answer's first character in the context.
    #[serde(rename = "start")]
    pub begin: usize,
    /// One past the answer's last character in the context.
    pub end: usize,
    /// The characters of the context from `begin` to `end`. Empty if the context has no answer.
    pub answer: String,
}

/// How answers are searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionAnsweringOptions {
    /// The largest number of answers to a question.
    pub top_k: usize,
    /// The longest row of a question and a window of its context, in tokens. `None` means 384, or as many as the model
    /// and its tokenizer take if that is less.
    pub max_seq_len: Option<usize>,
    /// The number of tokens that two successive windows of a context share. `None` means 128, or half of `max_seq_len`
    /// if that is less.
    pub doc_stride: Option<usize>,
    /// The longest question, in tokens. The rest of a longer question is left out.
    pub max_question_len: usize,
    /// The longest answer, in tokens.
    pub max_answer_len: usize,
    /// Whether the empty answer is one of the answers, with the probability that there is none: the smallest of all
    /// windows.
    pub handle_impossible_answer: bool,
    /// Whether an answer that begins or ends within a word is extended to the whole word.
    pub align_to_words: bool,
}

impl Default for QuestionAnsweringOptions {
    /// Return the defaults of transformers.
    fn default() -> Self {
        Self {
            top_k: 1,
            max_seq_len: None,
            doc_stride: None,
            max_question_len: 64,
            max_answer_len: 15,
            handle_impossible_answer: false,
            align_to_words: true,
        }
    }
}

/// The likeliest answers of a window.
#[derive(Debug)]
pub(super) struct Spans {
    /// The probability that the window has no answer: that both the start and the end are `[CLS]`.
    pub null: f64,
    /// Scores and characters of spans, by falling score.
    pub best: Vec<(f64, Range<usize>)>,
}

/// A span of tokens with its score.
type Span = (f64, Range<usize>);

/// Find the best spans of a window.
///
/// With the probabilities p of starts and q of ends, each a softmax over the tokens of the context and `[CLS]`, the score of
/// the tokens s to e is p(s) q(e), for s <= e < s + `max_answer_len`.
///
/// # Errors
/// [`crate::Error::Memory`] if there is no memory for `options.top_k` spans; the errors of [`interrupt::go_on`].
pub(super) fn best_spans(
    encoding: &Encoding,
    (starts, ends): (&[f64], &[f64]),
    class: i64,
    options: &QuestionAnsweringOptions,
) -> Result<Spans> {
    let context = encoding.text(1);
    // Other templates may have no `[CLS]`, or a text may come first that spells it.
    let has_class = encoding.ids().first() == Some(&class) && encoding.special_tokens_mask().next() == Some(true);
    let class = 0..usize::from(has_class);
    let softmax = |logits: &[f64]| {
        let kept = || class.clone().chain(context.clone());
        let largest = kept().map(|column| logits[column]).fold(f64::NEG_INFINITY, f64::max);
        let exponential = |column: usize| (logits[column] - largest).exp();
        let total: f64 = kept().map(exponential).sum();
        let probabilities: Vec<f64> = context.clone().map(|column| exponential(column) / total).collect();
        (class.clone().map(|column| exponential(column) / total).sum::<f64>(), probabilities)
    };
    let ((null_start, starts), (null_end, ends)) = (softmax(starts), softmax(ends));
    // Some spans may become one answer.
    let count = if options.align_to_words { options.top_k.saturating_mul(2).saturating_add(10) } else { options.top_k };
    let best = best_products(&starts, &ends, options.max_answer_len, count)?;
    let place = |(score, span): Span| {
        (score, characters(encoding, context.start + span.start..context.start + span.end, options.align_to_words))
    };
    Ok(Spans { null: null_start * null_end, best: best.into_iter().map(place).collect() })
}

/// Return the characters of some tokens of the context, extended to whole words if `align` is set.
fn characters(encoding: &Encoding, mut tokens: Range<usize>, align: bool) -> Range<usize> {
    let context = encoding.text(1);
    if align {
        let is_same =
            |one: usize, other: usize| encoding.word_id(one).is_some_and(|word| encoding.word_id(other) == Some(word));
        while tokens.start > context.start && is_same(tokens.start - 1, tokens.start) {
            tokens.start -= 1;
        }
        while tokens.end < context.end && is_same(tokens.end - 1, tokens.end) {
            tokens.end += 1;
        }
    }
    encoding.offset(tokens.start).0..encoding.offset(tokens.end - 1).1
}

/// Find the best spans of a window among those of a [`crate::heads::JointQuestionAnsweringHead`].
///
/// The score of a span is its probability p(s) p(e | s), times that of an answer at all. `result` has the log-probabilities
/// and the columns of starts, those of ends, and the logit of no answer.
///
/// # Errors
/// [`crate::Error::Memory`] if there is no memory for the spans.
pub(super) fn best_joint_spans(
    encoding: &Encoding,
    result: &[f64],
    options: &QuestionAnsweringOptions,
) -> Result<Spans> {
    let context = encoding.text(1);
    let (start_scores, rest) = result.split_at(BEAM);
    let (starts, rest) = rest.split_at(BEAM);
    let (end_scores, rest) = rest.split_at(BEAM * BEAM);
    let (ends, rest) = rest.split_at(BEAM * BEAM);
    let null = rest.first().map_or(0.0, |logit| 1.0 / (1.0 + (-logit).exp()));
    let mut best: Vec<Span> = room("answers", BEAM * BEAM)?;
    let of_starts = end_scores.chunks(BEAM).zip(ends.chunks(BEAM));
    for ((first, &start), (scores, ends)) in start_scores.iter().zip(starts).zip(of_starts) {
        for (last, &end) in scores.iter().zip(ends) {
            let (start, end, score) = (start as usize, end as usize, (first + last).exp() * (1.0 - null));
            let fits = context.contains(&start) && context.contains(&end) && start <= end;
            if fits && end - start < options.max_answer_len && (first + last).is_finite() {
                best.push((score, characters(encoding, start..end + 1, options.align_to_words)));
            }
        }
    }
    best.sort_by(|one, other| other.0.total_cmp(&one.0));
    best.truncate(options.top_k.saturating_mul(2).saturating_add(10));
    Ok(Spans { null, best })
}

/// Return the `count` largest products of a start and an end that is not before it, by falling product, with the spans.
fn best_products(starts: &[f64], ends: &[f64], longest: usize, count: usize) -> Result<Vec<Span>> {
    let order = |one: &Span, other: &Span| -> Ordering {
        let place = |span: &Span| (span.1.start, span.1.end);
        other.0.total_cmp(&one.0).then_with(|| place(one).cmp(&place(other)))
    };
    let longest = longest.min(ends.len());
    // Twice as many are collected before the worse half is dropped.
    let capacity = count.saturating_mul(2).min(starts.len().saturating_mul(longest));
    let mut best: Vec<Span> = room("answers", capacity)?;
    for (start, first) in starts.iter().enumerate() {
        interrupt::go_on_at(start)?;
        for (end, last) in ends.iter().enumerate().skip(start).take(longest) {
            if best.len() == capacity && best.len() > count {
                best.select_nth_unstable_by(count, order);
                best.truncate(count);
            }
            best.push((first * last, start..end + 1));
        }
    }
    best.sort_unstable_by(order);
    best.truncate(count);
    Ok(best)
}

/// Merge the spans of the windows of a context: spans of the same text, whatever their case, are one answer. Within a window
/// their scores are added; of several windows the highest counts, with its place.
///
/// # Errors
/// The errors of [`interrupt::go_on`].
pub(super) fn merge(context: &str, windows: &[Spans], options: &QuestionAnsweringOptions) -> Result<Vec<Answer>> {
    let mut answers: Vec<Answer> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut characters = Characters::new(context);
    for window in windows {
        interrupt::go_on()?;
        for answer in answers_of(&mut characters, window) {
            match places.entry(answer.answer.to_lowercase()) {
                Entry::Occupied(place) if answers[*place.get()].score < answer.score => answers[*place.get()] = answer,
                Entry::Occupied(_) => {}
                Entry::Vacant(place) => {
                    place.insert(answers.len());
                    answers.push(answer);
                }
            }
        }
    }
    let nothing = |score| Answer { score, begin: 0, end: 0, answer: String::new() };
    if options.handle_impossible_answer {
        answers.push(nothing(windows.iter().map(|window| window.null).fold(f64::INFINITY, f64::min)));
    } else if answers.is_empty() {
        answers.push(nothing(0.0));
    }
    answers.sort_by(|one, other| other.score.total_cmp(&one.score));
    answers.truncate(options.top_k);
    Ok(answers)
}

/// Return the answers of a window, each with the place of its best span.
fn answers_of(context: &mut Characters, window: &Spans) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (score, span) in &window.best {
        let answer = context.slice(span.start, span.end);
        match places.entry(answer.to_lowercase()) {
            Entry::Occupied(place) => answers[*place.get()].score += score,
            Entry::Vacant(place) => {
                place.insert(answers.len());
                answers.push(Answer { score: *score, begin: span.start, end: span.end, answer: answer.to_string() });
            }
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Compare with all products, sorted.
        #[test]
        fn the_best_products_are_found(
            (starts, ends) in (0_usize..9).prop_flat_map(|length| {
                // Small integers, so that products are often equal.
                let numbers = || prop::collection::vec((0_u8..4).prop_map(f64::from), length);
                (numbers(), numbers())
            }),
            longest in 1_usize..11,
            count in 1_usize..50,
        ) {
            let ends_of = |start: usize| start..ends.len().min(start + longest);
            let spans = (0..starts.len()).flat_map(|start| ends_of(start).map(move |end| (start, end)));
            let mut expected: Vec<Span> =
                spans.map(|(start, end)| (starts[start] * ends[end], start..end + 1)).collect();
            expected.sort_by(|one, other| other.0.total_cmp(&one.0));
            expected.truncate(count);
            prop_assert_eq!(best_products(&starts, &ends, longest, count).unwrap(), expected);
        }
    }

    #[test]
    fn more_answers_than_there_is_memory_for_are_no_more_than_there_are() {
        assert_eq!(best_products(&[0.5, 0.5], &[0.5, 0.5], usize::MAX, usize::MAX).unwrap().len(), 3);
    }
}
