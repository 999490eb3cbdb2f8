//! Classes of characters, by the Unicode tables that `tokenizers` uses.

use unicode_categories::UnicodeCategories;

/// The role of a normalised character in splitting a text into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Is part of a word.
    Letter,
    /// Is a word of its own.
    Punctuation,
    /// Separates words.
    Space,
}

/// Look up the kind of a normalised character in the Unicode tables.
pub(crate) fn find_kind(character: char) -> Kind {
    if character.is_whitespace() {
        Kind::Space
    } else if is_punctuation(character) {
        Kind::Punctuation
    } else {
        Kind::Letter
    }
}

/// Return whether normalising drops a character: U+0000, U+FFFD and control characters.
pub(super) fn is_dropped(character: char) -> bool {
    matches!(character, '\0' | char::REPLACEMENT_CHARACTER) || is_control(character)
}

/// Return whether a character is a control, format or private-use character. Tab and line ends count as white
/// space instead.
fn is_control(character: char) -> bool {
    !matches!(character, '\t' | '\n' | '\r') && character.is_other()
}

/// Return whether BERT counts a character as punctuation: every visible ASCII character that is no letter or digit, and
/// Unicode's category P.
fn is_punctuation(character: char) -> bool {
    character.is_ascii_punctuation() || character.is_punctuation()
}

/// Return whether a character is in the blocks of Chinese characters that `tokenizers` lists. Its list lacks U+2B820 to
/// U+2B91F, which BERT's first implementation had.
pub(crate) fn is_chinese(character: char) -> bool {
    matches!(
        u32::from(character),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0xF900..=0xFAFF
            | 0x2F800..=0x2FA1F
    )
}
