//! The outputs of all models.
//!
//! Tensors are unpacked, `[B, S, ...]`, with zeros at padded positions. `loss` is a scalar, and `None` if no labels
//! were given. If they were requested, `all_hidden_states` are n + 1 tensors `[B, S, H]`, the input of the first layer
//! and the output of each layer, and `all_attentions` are n tensors `[B, A, S, S]`, the probabilities after dropout.
//! For multiple choice they have B · C in place of B.

use tch::Tensor;

/// An output that can carry the states and attentions of every layer.
pub trait LayerOutputs {
    /// Attach the unpacked hidden states, n + 1 tensors `[B, S, H]`, and the attention probabilities, n tensors
    /// `[B, A, S, S]`, if they were requested.
    fn attach_layers(&mut self, hidden_states: Option<Vec<Tensor>>, attentions: Option<Vec<Tensor>>);
}

/// Declare an output: its own fields, then those that every output has.
macro_rules! output {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug)]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
            /// n + 1 tensors `[B, S, H]`.
            pub all_hidden_states: Option<Vec<Tensor>>,
            /// n tensors `[B, A, S, S]`.
            pub all_attentions: Option<Vec<Tensor>>,
        }

        impl $name {
            /// Build the output without the states and attentions of the layers.
            #[must_use]
            pub fn new($($field: $type),*) -> Self {
                Self { $($field,)* all_hidden_states: None, all_attentions: None }
            }
        }

        impl LayerOutputs for $name {
            fn attach_layers(&mut self, hidden_states: Option<Vec<Tensor>>, attentions: Option<Vec<Tensor>>) {
                (self.all_hidden_states, self.all_attentions) = (hidden_states, attentions);
            }
        }
    };
}

output!(
    /// The output of a model without a head.
    ModelOutput {
        /// The hidden states of the last layer, `[B, S, H]`.
        hidden_state: Tensor,
    }
);
output!(
    /// The output of a masked LM.
    MaskedLMOutput {
        /// The cross entropy over labelled tokens.
        loss: Option<Tensor>,
        /// Logits over the vocabulary, `[B, S, V]`.
        prediction_scores: Tensor,
    }
);
output!(
    /// The output of a discriminator.
    DiscriminatorOutput {
        /// The binary cross entropy over kept tokens.
        loss: Option<Tensor>,
        /// Logits `[B, S]`, above 0 for tokens that look replaced.
        logits: Tensor,
        /// The probability that a token was replaced, `[B, S]`: the sigmoid of the logits.
        probabilities: Tensor,
    }
);
output!(
    /// The output of a token classifier.
    TokenClassificationOutput {
        /// The cross entropy over labelled tokens.
        loss: Option<Tensor>,
        /// Logits `[B, S, L]`.
        logits: Tensor,
    }
);
output!(
    /// The output of a text classifier.
    SequenceClassificationOutput {
        /// The loss for the configuration's `problem_type`.
        loss: Option<Tensor>,
        /// Logits `[B, L]`.
        logits: Tensor,
    }
);
output!(
    /// The output of a model for question answering.
    QuestionAnsweringOutput {
        /// The mean of two cross entropies over kept tokens.
        loss: Option<Tensor>,
        /// Logits of the first token of the answer, `[B, S]`.
        start_logits: Tensor,
        /// Logits of the last token of the answer, `[B, S]`.
        end_logits: Tensor,
    }
);
/// The likeliest spans of each row: K = 20 starts, and 20 ends for each of them, the likeliest first. A row of fewer tokens
/// has log-probabilities of -∞ in the remaining places.
#[derive(Debug)]
pub struct Spans {
    /// Log-probabilities of starts, `[B, K]`.
    pub start_scores: Tensor,
    /// Their columns, int64 `[B, K]`.
    pub starts: Tensor,
    /// Log-probabilities of ends given each start, `[B, K, K]`.
    pub end_scores: Tensor,
    /// Their columns, int64 `[B, K, K]`.
    pub ends: Tensor,
}

output!(
    /// The output of a model for question answering whose ends depend on starts.
    JointQuestionAnsweringOutput {
        /// The mean of two cross entropies over kept tokens, and half the binary cross entropy of the answerability if that
        /// is a target.
        loss: Option<Tensor>,
        /// The likeliest spans. None in training, where ends are only predicted given the right start.
        spans: Option<Spans>,
        /// Logits `[B]`, above 0 if a row seems to have no answer.
        answerability_logits: Tensor,
    }
);
/// The output of a model for question answering of either kind.
#[derive(Debug)]
pub enum AnswerOutput {
    /// Starts and ends are scored apart.
    Independent(QuestionAnsweringOutput),
    /// Ends depend on starts.
    Joint(JointQuestionAnsweringOutput),
}

impl From<QuestionAnsweringOutput> for AnswerOutput {
    fn from(output: QuestionAnsweringOutput) -> Self {
        Self::Independent(output)
    }
}

impl From<JointQuestionAnsweringOutput> for AnswerOutput {
    fn from(output: JointQuestionAnsweringOutput) -> Self {
        Self::Joint(output)
    }
}

output!(
    /// The output of a model for multiple choice.
    MultipleChoiceOutput {
        /// The cross entropy over the choices.
        loss: Option<Tensor>,
        /// Logits `[B, C]`.
        logits: Tensor,
    }
);
