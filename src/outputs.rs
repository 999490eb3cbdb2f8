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
output!(
    /// The output of a model for multiple choice.
    MultipleChoiceOutput {
        /// The cross entropy over the choices.
        loss: Option<Tensor>,
        /// Logits `[B, C]`.
        logits: Tensor,
    }
);
