//! What a character is, by the Unicode tables of `tokenizers`.

use unicode_categories::UnicodeCategories;

/// What a normalised character does to the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Belongs to the word under way.
    Letter,
    /// Is a word of its own.
    Punctuation,
    /// Ends the word under way and belongs to none.
    Space,
}

/// What a normalised character does to the words.
pub(super) fn find_kind(character: char) -> Kind {
    if character.is_whitespace() {
        Kind::Space
    } else if is_punctuation(character) {
        Kind::Punctuation
    } else {
        Kind::Letter
    }
}

/// What cannot be seen.
pub(super) fn is_dropped(character: char) -> bool {
    matches!(character, '\0' | char::REPLACEMENT_CHARACTER) || is_control(character)
}

/// Control, format, private-use and surrogate characters; tab and line ends count as white space instead.
fn is_control(character: char) -> bool {
    !matches!(character, '\t' | '\n' | '\r') && character.is_other()
}

/// What BERT calls punctuation: every visible ASCII character that is no letter or digit, and Unicode's own category.
fn is_punctuation(character: char) -> bool {
    character.is_ascii_punctuation() || character.is_punctuation()
}

/// The blocks of Chinese characters, as `tokenizers` lists them. It leaves out U+2B820 to U+2B91F, which BERT's first
/// implementation had.
pub(super) fn is_chinese(character: char) -> bool {
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
