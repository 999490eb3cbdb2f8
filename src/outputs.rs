//! What models return, each once.
//!
//! Everything is unpacked: `[B, S, ...]`, zeros at padded positions. `loss` is a scalar, there where labels were given.
//! Where they were asked for, `all_hidden_states` are n + 1 tensors `[B, S, H]`, what went into the first layer and what
//! came out of each, and `all_attentions` are n tensors `[B, A, S, S]`, the probabilities after dropout. Multiple choice
//! has B · C in place of B there.

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
    /// Of a model without a head.
    ModelOutput {
        /// The hidden states of the last layer, `[B, S, H]`.
        hidden_state: Tensor,
    }
);
output!(
    /// Of a masked LM.
    MaskedLMOutput {
        /// Cross entropy over labelled tokens.
        loss: Option<Tensor>,
        /// Logits over the vocabulary, `[B, S, V]`.
        prediction_scores: Tensor,
    }
);
output!(
    /// Of a discriminator.
    DiscriminatorOutput {
        /// Binary cross entropy over kept tokens.
        loss: Option<Tensor>,
        /// Above 0 where a token looks replaced, `[B, S]`.
        logits: Tensor,
        /// The probability that a token was replaced, `[B, S]`: the sigmoid of the logits.
        probabilities: Tensor,
    }
);
output!(
    /// Of a token classifier.
    TokenClassificationOutput {
        /// Cross entropy over labelled tokens.
        loss: Option<Tensor>,
        /// `[B, S, L]`.
        logits: Tensor,
    }
);
output!(
    /// Of a text classifier.
    SequenceClassificationOutput {
        /// By the configuration's `problem_type`.
        loss: Option<Tensor>,
        /// `[B, L]`.
        logits: Tensor,
    }
);
output!(
    /// Of a model that answers questions.
    QuestionAnsweringOutput {
        /// The mean of two cross entropies over kept tokens.
        loss: Option<Tensor>,
        /// Where an answer begins, `[B, S]`.
        start_logits: Tensor,
        /// Where an answer ends, `[B, S]`.
        end_logits: Tensor,
    }
);
output!(
    /// Of a model that chooses.
    MultipleChoiceOutput {
        /// Cross entropy over the choices.
        loss: Option<Tensor>,
        /// `[B, C]`.
        logits: Tensor,
    }
);
