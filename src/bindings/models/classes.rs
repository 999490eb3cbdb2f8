//! The classes of models, one thin class for each family and head.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use tch::Kind;

use super::arguments::seed;
use super::base::{PyModel, copy_of};
use super::pretrained::{Given, LoadOptions, from_pretrained, loading_info};
use super::surface::signature;
use crate::bindings::config::{PyConfig, expect_config};
use crate::bindings::door::enter;
use crate::nn::precision;
use crate::pretrained::describe;

model_class!(
    /// Run ELECTRA's encoder, without a head.
    ///
    /// A call returns `last_hidden_state` [B, S, H] float32. See `Model` for the arguments.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraModel(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], output_hidden_states=True)
    ///     >>> output.last_hidden_state.shape, len(output.hidden_states)
    ///     ((2, 3, 8), 2)
    PyElectraModel,
    "ElectraModel",
    crate::electra::ElectraModel
);
model_class!(
    /// Run ELECTRA's discriminator: predict for each token whether it was replaced.
    ///
    /// A call returns `logits` [B, S] float32, above 0 if a token looks replaced, and `probabilities`, the sigmoid of
    /// the logits. See `Model` for the arguments.
    ///
    /// `labels` are [B, S], 1 = replaced: integers, booleans or floats from 0 to 1. The loss is the binary cross
    /// entropy over kept tokens.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForPreTraining(config, seed=0)
    ///     >>> model([[1, 2, 3], [4, 5]]).probabilities.shape
    ///     (2, 3)
    ///     >>> model(torch.tensor([[1, 2, 3]]), labels=torch.tensor([[0, 1, 0]])).loss.shape
    ///     torch.Size([])
    PyElectraForPreTraining,
    "ElectraForPreTraining",
    crate::electra::ElectraDiscriminator
);
model_class!(
    /// Run ELECTRA's generator, a masked LM: predict the token at each position.
    ///
    /// A call returns `logits` [B, S, V] float32. See `Model` for the arguments.
    ///
    /// `labels` are [B, S] integer, below V. The loss is the cross entropy over the labels that are not -100.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForMaskedLM(config, seed=0)
    ///     >>> output = model(np.array([[1, 2, 3]]), labels=[[-100, 7, -100]])
    ///     >>> output.logits.shape, output.loss.shape
    ///     ((1, 3, 10), ())
    PyElectraForMaskedLM,
    "ElectraForMaskedLM",
    crate::electra::ElectraForMaskedLM
);
model_class!(
    /// Classify each token with ELECTRA.
    ///
    /// A call returns `logits` [B, S, L] float32; the names of the labels are the configuration's `id2label`. See
    /// `Model` for the arguments.
    ///
    /// `labels` are [B, S] integer, below L. The loss is the cross entropy over the labels that are not -100.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForTokenClassification(config, seed=0)
    ///     >>> logits = model(torch.tensor([[1, 2, 3]])).logits
    ///     >>> logits.shape
    ///     torch.Size([1, 3, 2])
    PyElectraForTokenClassification,
    "ElectraForTokenClassification",
    crate::electra::ElectraForTokenClassification
);
model_class!(
    /// Classify texts with ELECTRA, from the first kept token of each.
    ///
    /// A call returns `logits` [B, L] float32; the names of the labels are the configuration's `id2label`. See `Model`
    /// for the arguments.
    ///
    /// The configuration's `problem_type` decides about `labels` and the loss:
    ///
    /// - `single_label_classification`: [B] integer, below L; cross entropy over the labels that are not -100.
    /// - `multi_label_classification`: [B, L] floats from 0 to 1; binary cross entropy.
    /// - `regression`: [B], or [B, L] if there are several labels; mean squared error.
    ///
    /// If `problem_type` is None, the first labels decide, and the result is written into the configuration: L = 1
    /// means regression, integers mean a single label, floats and booleans several labels.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForSequenceClassification(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], labels=[0, 1])
    ///     >>> output.logits.shape, output.loss.shape, model.config.problem_type
    ///     ((2, 2), (), 'single_label_classification')
    PyElectraForSequenceClassification,
    "ElectraForSequenceClassification",
    crate::electra::ElectraForSequenceClassification
);
model_class!(
    /// Answer questions with ELECTRA: predict the first and the last token of the answer.
    ///
    /// A call returns `start_logits` and `end_logits` [B, S] float32, for the first and the last token of the answer.
    /// See `Model` for the arguments.
    ///
    /// `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column is
    /// ignored. The loss is the mean of two cross entropies over kept tokens.
    ///
    /// Raises:
    ///     ConfigError: if `num_labels` is not 2.
    ///     InputError: if an answer begins or ends at a padded position.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForQuestionAnswering(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], start_positions=[1, 0], end_positions=[2, 0])
    ///     >>> output.start_logits.shape, output.loss.shape
    ///     ((2, 3), ())
    PyElectraForQuestionAnswering,
    "ElectraForQuestionAnswering",
    crate::electra::ElectraForQuestionAnswering
);
model_class!(
    /// Answer questions with ELECTRA: predict an answer as a whole, and whether there is one.
    ///
    /// The end of an answer depends on its start, as in google-research/electra. A call returns K = 20 starts of each
    /// row, the likeliest first, and 20 ends for each of them: `start_top_log_probs` [B, K] and `end_top_log_probs`
    /// [B, K, K] float32, with their columns `start_top_index` and `end_top_index` int64. A row of fewer tokens has -inf
    /// in the remaining places. `cls_logits` [B] float32 are above 0 if there seems to be no answer. In training mode only
    /// they are returned.
    ///
    /// If a row has tokens of type 1, only these and the first token can begin or end an answer.
    /// See `Model` for the arguments.
    ///
    /// `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column is ignored.
    /// The loss is the mean of the cross entropies of the start, and of the end given the right start. With `is_impossible`
    /// [B], 1 for a question without an answer, half the binary cross entropy of `cls_logits` is added.
    ///
    /// Raises:
    ///     InputError: if an answer begins or ends at a padded position, or `is_impossible` is neither 0 nor 1.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForJointQuestionAnswering(config, seed=0).eval()
    ///     >>> places = dict(start_positions=[1, 0], end_positions=[2, 0], is_impossible=[0, 1])
    ///     >>> output = model([[1, 2, 3], [4, 5]], **places)
    ///     >>> output.end_top_index.shape, output.cls_logits.shape, output.loss.shape
    ///     ((2, 20, 20), (2,), ())
    PyElectraForJointQuestionAnswering,
    "ElectraForJointQuestionAnswering",
    crate::electra::ElectraForJointQuestionAnswering
);
model_class!(
    /// Classify texts with ELECTRA by one linear layer on the first kept token, without a hidden layer.
    ///
    /// That is the head of google-research/electra; `ElectraForSequenceClassification` has that of transformers, with a
    /// hidden layer. Outputs, labels and losses are the same.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForLinearClassification(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], labels=[0, 1])
    ///     >>> output.logits.shape, output.loss.shape, model.config.problem_type
    ///     ((2, 2), (), 'single_label_classification')
    PyElectraForLinearClassification,
    "ElectraForLinearClassification",
    crate::electra::ElectraForLinearClassification
);
model_class!(
    /// Choose between texts with ELECTRA.
    ///
    /// Inputs are [B, C, S], C texts for each question: lists of C rows for each question, or arrays of three
    /// dimensions (`inputs_embeds`: four). A call returns `logits` [B, C] float32; hidden states and attentions have B
    /// * C rows. See `Model` for the arguments.
    ///
    /// `labels` are [B] integer, below C. The loss is the cross entropy over the labels that are not -100.
    ///
    /// The configuration's `summary_type` and the other keys that begin with `summary_` say how a text becomes one
    /// vector.
    ///
    /// Raises:
    ///     ConfigError: if `summary_type` is not `first`, `last`, `mean` or `cls_index`, or if `summary_proj_to_labels`
    ///         does not fit.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    ///     >>> model = oxbert.ElectraForMultipleChoice(config, seed=0)
    ///     >>> output = model([[[1, 2, 3], [1, 4]], [[5, 6], [5, 7, 8]]], labels=[0, 1])
    ///     >>> output.logits.shape, output.loss.shape
    ///     ((2, 2), ())
    PyElectraForMultipleChoice,
    "ElectraForMultipleChoice",
    crate::electra::ElectraForMultipleChoice
);
model_class!(
    /// Run DistilBERT's encoder, without a head.
    ///
    /// A call returns `last_hidden_state` [B, S, H] float32. See `Model` for the arguments.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertModel(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], output_attentions=True)
    ///     >>> output.last_hidden_state.shape, output.attentions[0].shape
    ///     ((2, 3, 8), (2, 2, 3, 3))
    PyDistilBertModel,
    "DistilBertModel",
    crate::distilbert::DistilBertModel
);
model_class!(
    /// Run DistilBERT as a masked LM: predict the token at each position.
    ///
    /// A call returns `logits` [B, S, V] float32. See `Model` for the arguments.
    ///
    /// `labels` are [B, S] integer, below V. The loss is the cross entropy over the labels that are not -100.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForMaskedLM(config, seed=0)
    ///     >>> output = model(np.array([[1, 2, 3]]), labels=[[-100, 7, -100]])
    ///     >>> output.logits.shape, output.loss.shape
    ///     ((1, 3, 10), ())
    PyDistilBertForMaskedLM,
    "DistilBertForMaskedLM",
    crate::distilbert::DistilBertForMaskedLM
);
model_class!(
    /// Classify texts with DistilBERT, from the first kept token of each.
    ///
    /// A call returns `logits` [B, L] float32; the names of the labels are the configuration's `id2label`. See `Model`
    /// for the arguments.
    ///
    /// The configuration's `problem_type` decides about `labels` and the loss:
    ///
    /// - `single_label_classification`: [B] integer, below L; cross entropy over the labels that are not -100.
    /// - `multi_label_classification`: [B, L] floats from 0 to 1; binary cross entropy.
    /// - `regression`: [B], or [B, L] if there are several labels; mean squared error.
    ///
    /// If `problem_type` is None, the first labels decide, and the result is written into the configuration: L = 1
    /// means regression, integers mean a single label, floats and booleans several labels.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForSequenceClassification(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], labels=[0, 1])
    ///     >>> output.logits.shape, output.loss.shape, model.config.problem_type
    ///     ((2, 2), (), 'single_label_classification')
    PyDistilBertForSequenceClassification,
    "DistilBertForSequenceClassification",
    crate::distilbert::DistilBertForSequenceClassification
);
model_class!(
    /// Answer questions with DistilBERT: predict the first and the last token of the answer.
    ///
    /// A call returns `start_logits` and `end_logits` [B, S] float32, for the first and the last token of the answer.
    /// See `Model` for the arguments.
    ///
    /// `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column is
    /// ignored. The loss is the mean of two cross entropies over kept tokens.
    ///
    /// Raises:
    ///     ConfigError: if `num_labels` is not 2.
    ///     InputError: if an answer begins or ends at a padded position.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForQuestionAnswering(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], start_positions=[1, 0], end_positions=[2, 0])
    ///     >>> output.start_logits.shape, output.loss.shape
    ///     ((2, 3), ())
    PyDistilBertForQuestionAnswering,
    "DistilBertForQuestionAnswering",
    crate::distilbert::DistilBertForQuestionAnswering
);
model_class!(
    /// Classify each token with DistilBERT.
    ///
    /// A call returns `logits` [B, S, L] float32; the names of the labels are the configuration's `id2label`. See
    /// `Model` for the arguments.
    ///
    /// `labels` are [B, S] integer, below L. The loss is the cross entropy over the labels that are not -100.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForTokenClassification(config, seed=0)
    ///     >>> logits = model(torch.tensor([[1, 2, 3]])).logits
    ///     >>> logits.shape
    ///     torch.Size([1, 3, 2])
    PyDistilBertForTokenClassification,
    "DistilBertForTokenClassification",
    crate::distilbert::DistilBertForTokenClassification
);
model_class!(
    /// Answer questions with DistilBERT: predict an answer as a whole, and whether there is one.
    ///
    /// The end of an answer depends on its start, as in google-research/electra. A call returns K = 20 starts of each
    /// row, the likeliest first, and 20 ends for each of them: `start_top_log_probs` [B, K] and `end_top_log_probs`
    /// [B, K, K] float32, with their columns `start_top_index` and `end_top_index` int64. A row of fewer tokens has -inf
    /// in the remaining places. `cls_logits` [B] float32 are above 0 if there seems to be no answer. In training mode only
    /// they are returned.
    ///
    /// DistilBERT has no token types, so that any token can begin or end an answer.
    /// See `Model` for the arguments.
    ///
    /// `start_positions` and `end_positions` are [B] integer, columns of the input; one past the last column is ignored.
    /// The loss is the mean of the cross entropies of the start, and of the end given the right start. With `is_impossible`
    /// [B], 1 for a question without an answer, half the binary cross entropy of `cls_logits` is added.
    ///
    /// Raises:
    ///     InputError: if an answer begins or ends at a padded position, or `is_impossible` is neither 0 nor 1.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForJointQuestionAnswering(config, seed=0).eval()
    ///     >>> places = dict(start_positions=[1, 0], end_positions=[2, 0], is_impossible=[0, 1])
    ///     >>> output = model([[1, 2, 3], [4, 5]], **places)
    ///     >>> output.end_top_index.shape, output.cls_logits.shape, output.loss.shape
    ///     ((2, 20, 20), (2,), ())
    PyDistilBertForJointQuestionAnswering,
    "DistilBertForJointQuestionAnswering",
    crate::distilbert::DistilBertForJointQuestionAnswering
);
model_class!(
    /// Classify texts with DistilBERT by one linear layer on the first kept token, without a hidden layer.
    ///
    /// That is the head of google-research/electra; `DistilBertForSequenceClassification` has that of transformers, with a
    /// hidden layer. Outputs, labels and losses are the same.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForLinearClassification(config, seed=0)
    ///     >>> output = model([[1, 2, 3], [4, 5]], labels=[0, 1])
    ///     >>> output.logits.shape, output.loss.shape, model.config.problem_type
    ///     ((2, 2), (), 'single_label_classification')
    PyDistilBertForLinearClassification,
    "DistilBertForLinearClassification",
    crate::distilbert::DistilBertForLinearClassification
);
model_class!(
    /// Choose between texts with DistilBERT.
    ///
    /// Inputs are [B, C, S], C texts for each question: lists of C rows for each question, or arrays of three
    /// dimensions (`inputs_embeds`: four). A call returns `logits` [B, C] float32; hidden states and attentions have B
    /// * C rows. See `Model` for the arguments.
    ///
    /// `labels` are [B] integer, below C. The loss is the cross entropy over the labels that are not -100.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=1, hidden_dim=4)
    ///     >>> model = oxbert.DistilBertForMultipleChoice(config, seed=0)
    ///     >>> output = model([[[1, 2, 3], [1, 4]], [[5, 6], [5, 7, 8]]], labels=[0, 1])
    ///     >>> output.logits.shape, output.loss.shape
    ///     ((2, 2), ())
    PyDistilBertForMultipleChoice,
    "DistilBertForMultipleChoice",
    crate::distilbert::DistilBertForMultipleChoice
);
