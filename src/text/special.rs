//! The five special tokens: what they are for, and how they are usually spelled.

/// Fills the rows of a padded batch.
const PAD: &str = "[PAD]";
/// Stands for a word that the vocabulary cannot spell.
const UNKNOWN: &str = "[UNK]";
/// Begins every row.
const CLASS: &str = "[CLS]";
/// Ends every text.
const SEPARATOR: &str = "[SEP]";
/// Stands for a word that the model should predict.
const MASK: &str = "[MASK]";

/// The usual spellings, in the order of their usual ids.
pub(super) const SPECIAL_TOKENS: [&str; 5] = [PAD, UNKNOWN, CLASS, SEPARATOR, MASK];

/// What files and arguments call the five, in the same order.
pub(super) const ROLES: [&str; 5] = ["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"];

/// The place of the padding in these lists.
pub(super) const PAD_ROLE: usize = 0;

/// The place of the unknown token in these lists.
pub(super) const UNKNOWN_ROLE: usize = 1;
