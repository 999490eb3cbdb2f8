//! The five special tokens.

/// Fills the rows of a padded batch.
pub(super) const PAD: &str = "[PAD]";
/// Stands for a word that the vocabulary cannot spell.
pub(super) const UNKNOWN: &str = "[UNK]";
/// Begins every row.
pub(super) const CLASS: &str = "[CLS]";
/// Ends every text.
pub(super) const SEPARATOR: &str = "[SEP]";
/// Stands for a word that the model should predict.
pub(super) const MASK: &str = "[MASK]";

/// All five, in the order of their usual ids.
pub(super) const SPECIAL_TOKENS: [&str; 5] = [PAD, UNKNOWN, CLASS, SEPARATOR, MASK];
