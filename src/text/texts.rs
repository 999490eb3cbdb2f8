//! Texts -> a batch, in one call.

use super::batch::Batch;
use super::encode::{Pair, Source};
use super::options::EncodeOptions;
use super::tokenizer::WordPieceTokenizer;
use crate::error::Result;

/// A row of a batch before it is tokenised: a text, or a pair of texts.
pub trait TextRow {
    /// Return the text, and the second text of a pair.
    fn sources(&self) -> Pair<'_>;
}

impl TextRow for str {
    fn sources(&self) -> Pair<'_> {
        (Source::Text(self), None)
    }
}

impl TextRow for String {
    fn sources(&self) -> Pair<'_> {
        (Source::Text(self), None)
    }
}

impl<First: AsRef<str>, Second: AsRef<str>> TextRow for (First, Second) {
    fn sources(&self) -> Pair<'_> {
        (Source::Text(self.0.as_ref()), Some(Source::Text(self.1.as_ref())))
    }
}

impl TextRow for Pair<'_> {
    fn sources(&self) -> Pair<'_> {
        self.clone()
    }
}

impl<Row: TextRow + ?Sized> TextRow for &Row {
    fn sources(&self) -> Pair<'_> {
        (**self).sources()
    }
}

impl Batch {
    /// Tokenise texts, or pairs of texts, on all cores. Nothing is truncated, and no padding is added.
    ///
    /// ```
    /// use oxbert::text::{Batch, ElectraTokenizer, EncodeOptions, TokenizerOptions, Truncation};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("vocab.txt");
    /// # std::fs::write(&path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\nsat\n").unwrap();
    /// let tokenizer = ElectraTokenizer::from_vocab_file(path, &TokenizerOptions::default())?;
    /// let batch = Batch::from_texts(&tokenizer, &["The cat sat", "the cat"])?;
    /// assert_eq!(batch.ids, [vec![2, 5, 6, 7, 3], vec![2, 5, 6, 3]]);
    /// let pairs = Batch::from_texts(&tokenizer, &[("the cat", "sat")])?;
    /// assert_eq!(pairs.type_ids, [[0, 0, 0, 0, 1, 1]]);
    /// let short = EncodeOptions::truncated(Truncation::LongestFirst, 4);
    /// assert_eq!(Batch::from_texts_with(&tokenizer, &["the cat sat"], &short)?.lengths(), [4]);
    /// # Ok::<(), oxbert::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`WordPieceTokenizer::encode`], for the first row with one.
    pub fn from_texts<Row: TextRow>(tokenizer: &WordPieceTokenizer, texts: &[Row]) -> Result<Self> {
        Self::from_texts_with(tokenizer, texts, &EncodeOptions::default())
    }

    /// Tokenise texts as [`Batch::from_texts`] does, with the options of [`WordPieceTokenizer::encode_rows`]. If
    /// `options.overflow` is set, the further rows of a text follow its first.
    ///
    /// # Errors
    /// The errors of [`WordPieceTokenizer::encode_rows`], for the first row with one.
    pub fn from_texts_with<Row: TextRow>(
        tokenizer: &WordPieceTokenizer,
        texts: &[Row],
        options: &EncodeOptions,
    ) -> Result<Self> {
        let pairs: Vec<Pair> = texts.iter().map(TextRow::sources).collect();
        Ok(tokenizer.encode_pairs(&pairs, options)?.into_iter().flatten().collect())
    }
}
