//! Rows of ids for a model, the output of this room.

use super::encoding::Encoding;

/// Ragged rows without padding: row `b` holds exactly the tokens of text `b`.
///
/// Both fields have one row per text, and their rows have the same lengths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Token ids.
    pub ids: Vec<Vec<i64>>,
    /// 0 for the tokens of the first text of a pair, 1 for those of the second.
    pub type_ids: Vec<Vec<i64>>,
}

impl Batch {
    /// Return the number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Return whether the batch holds no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Return the number of tokens of each row.
    #[must_use]
    pub fn lengths(&self) -> Vec<usize> {
        self.ids.iter().map(Vec::len).collect()
    }
}

impl FromIterator<Encoding> for Batch {
    fn from_iter<Encodings: IntoIterator<Item = Encoding>>(encodings: Encodings) -> Self {
        let (ids, type_ids) =
            encodings.into_iter().map(|encoding| (encoding.ids().to_vec(), encoding.type_ids().collect())).unzip();
        Self { ids, type_ids }
    }
}

impl<'encoding> FromIterator<&'encoding Encoding> for Batch {
    fn from_iter<Encodings: IntoIterator<Item = &'encoding Encoding>>(encodings: Encodings) -> Self {
        let row = |encoding: &Encoding| (encoding.ids().to_vec(), encoding.type_ids().collect());
        let (ids, type_ids) = encodings.into_iter().map(row).unzip();
        Self { ids, type_ids }
    }
}
