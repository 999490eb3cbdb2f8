//! Normalisation, character by character, with the place of every result in the original text.
//!
//! oxbert uses the vocabulary of `rust_tokenizers` but not its `BertTokenizer`, which has tables of its own for white
//! space, control characters, accents and punctuation, decomposes each character without putting combining marks in
//! canonical order, and leaves U+2028 inside a word: its ids and offsets differ from those that the models were trained
//! with. Its word-piece step cannot be called alone. So a text is normalised here as `tokenizers` does it
//! (`normalizers/bert.rs`, `pre_tokenizers/bert.rs`), split in `words` and spelled in `wordpiece`.
//!
//! `tokenizers` makes a new text in each step: drop control characters and set Chinese characters apart; decompose
//! canonically; drop non-spacing marks; lower-case; split at white space and around punctuation. Here one character
//! after the other goes through all steps, and no text is made. This works because every step but one looks at one
//! character only. The exception is the canonical order of combining marks, but nearly all marks are dropped
//! afterwards, so that their order does not matter; see [`Fate::Unordered`] for the others.
//!
//! The Unicode tables are those of the crates that `tokenizers` itself uses, because newer tables would give other
//! tokens: `unicode_categories` 0.1 (Unicode 8) for control characters, marks and punctuation, and
//! `unicode-normalization-alignments` 0.1 (Unicode 9) for canonical decomposition. For white space and lower case both
//! use the standard library.

use std::sync::atomic::{AtomicU32, Ordering};

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

use super::characters::{Kind, find_kind, is_chinese, is_dropped};
use super::marks;
use super::options::TokenizerOptions;
use super::progress::{Position, Progress};
use crate::error::Result;

/// A receiver of a normalised text, character by character.
pub(super) trait Sink {
    /// Take the next character, which stands for the character with the number `place` of the original text.
    fn put(&mut self, character: char, kind: Kind, place: usize);
}

/// The result of normalising a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing: a control character or an accent that is stripped.
    Nothing,
    /// One character.
    One(char, Kind),
    /// One Chinese character, which is a word of its own if the options ask for that.
    Chinese(char),
    /// Several characters, in the order of decomposition.
    Several,
    /// Parts among which is a combining mark that stays and must be put in canonical order with the marks around it.
    /// Few characters have one: a mark that is spacing (musical stems) or younger than the table of marks.
    Unordered,
}

/// A cache of fates as numbers, see [`Fate::pack`]; 0 means not computed yet. There is one table per combination of
/// `strips` and `lowers`.
///
/// A fate is computed when its character first occurs: looking a character up in all the Unicode tables takes hundreds
/// of times longer than the rest of its processing, and filling the whole table would take longer than most texts. A
/// fate depends on the character and the table only, so two threads may compute the same one, and no thread ever waits
/// (a process may be forked at any moment). The operating system allocates only the pages that are used.
static FATES: [[AtomicU32; FATES_KEPT]; 4] = [const { [const { AtomicU32::new(0) }; FATES_KEPT] }; 4];

/// The number of characters in the first two planes. Beyond them are rare Chinese characters, whose fates take less
/// time to compute.
const FATES_KEPT: usize = 0x2_0000;

impl Fate {
    const NOTHING: u32 = 1;
    const LETTER: u32 = 2;
    const PUNCTUATION: u32 = 3;
    const SPACE: u32 = 4;
    const CHINESE: u32 = 5;
    const SEVERAL: u32 = 6;
    const UNORDERED: u32 = 7;
    /// The bits of the character, below the tag.
    const SHIFT: u32 = 24;

    /// Pack the fate into a number: the tag in the upper bits, the character in the lower 24.
    fn pack(self) -> u32 {
        let (tag, character) = match self {
            Self::Nothing => (Self::NOTHING, '\0'),
            Self::One(character, Kind::Letter) => (Self::LETTER, character),
            Self::One(character, Kind::Punctuation) => (Self::PUNCTUATION, character),
            Self::One(character, Kind::Space) => (Self::SPACE, character),
            Self::Chinese(character) => (Self::CHINESE, character),
            Self::Several => (Self::SEVERAL, '\0'),
            Self::Unordered => (Self::UNORDERED, '\0'),
        };
        tag << Self::SHIFT | u32::from(character)
    }

    /// Unpack a number of [`Self::pack`]. `None` if the number is 0.
    #[inline]
    fn unpack(packed: u32) -> Option<Self> {
        let character = char::from_u32(packed & ((1 << Self::SHIFT) - 1))?;
        Some(match packed >> Self::SHIFT {
            Self::LETTER => Self::One(character, Kind::Letter),
            Self::PUNCTUATION => Self::One(character, Kind::Punctuation),
            Self::SPACE => Self::One(character, Kind::Space),
            Self::CHINESE => Self::Chinese(character),
            Self::NOTHING => Self::Nothing,
            Self::SEVERAL => Self::Several,
            Self::UNORDERED => Self::Unordered,
            _ => return None,
        })
    }
}

/// Normalises characters in the way that the options of a tokenizer ask for.
#[derive(Clone, Copy)]
pub(super) struct Normalizer {
    strips: bool,
    lowers: bool,
    /// Whether each Chinese character is a word of its own.
    chinese: bool,
    fates: &'static [AtomicU32; FATES_KEPT],
}

impl Normalizer {
    /// Build the normaliser for the options of a tokenizer.
    pub fn new(options: &TokenizerOptions) -> Self {
        Self::of(options.strips_accents(), options.do_lower_case, options.tokenize_chinese_chars)
    }

    fn of(strips: bool, lowers: bool, chinese: bool) -> Self {
        Self { strips, lowers, chinese, fates: &FATES[usize::from(strips) + 2 * usize::from(lowers)] }
    }

    /// Return whether the normaliser lower-cases.
    pub fn lowers(&self) -> bool {
        self.lowers
    }

    /// Normalise the character at `at`, with the whole run of combining marks around it if one of them stays. Return
    /// the position behind the characters that were taken.
    #[inline]
    pub fn step(&self, section: &str, at: Position, sink: &mut impl Sink, progress: &mut Progress) -> Result<Position> {
        let Some(character) = section.get(at.byte..).and_then(|rest| rest.chars().next()) else {
            return Ok(Position { byte: section.len(), ..at });
        };
        progress.pass(character.len_utf8())?;
        match self.fate(character) {
            Fate::Nothing => {}
            Fate::One(character, kind) => sink.put(character, kind, at.character),
            Fate::Chinese(character) if self.chinese => {
                sink.put(' ', Kind::Space, at.character);
                sink.put(character, Kind::Letter, at.character);
                sink.put(' ', Kind::Space, at.character);
            }
            Fate::Chinese(character) => sink.put(character, Kind::Letter, at.character),
            Fate::Several => self.expand(character, |part| sink.put(part, kind(part), at.character)),
            Fate::Unordered => {
                return marks::sort_run(section, at, character, progress, |part, place| {
                    self.put_part(part, place, sink);
                });
            }
        }
        Ok(at.behind(character))
    }

    /// Return the fate of a character, from the cache if it is there.
    #[inline]
    fn fate(&self, character: char) -> Fate {
        let cell = self.fates.get(character as usize);
        let cached = cell.and_then(|cell| Fate::unpack(cell.load(Ordering::Relaxed)));
        cached.unwrap_or_else(|| {
            let fate = self.compute_fate(character);
            if let Some(cell) = cell {
                cell.store(fate.pack(), Ordering::Relaxed);
            }
            fate
        })
    }

    /// Compute the fate of a character from the Unicode tables.
    #[cold]
    fn compute_fate(&self, character: char) -> Fate {
        if is_dropped(character) {
            return Fate::Nothing;
        }
        if character.is_whitespace() {
            return Fate::One(' ', Kind::Space);
        }
        let mut unordered = false;
        if self.strips {
            decompose_canonical(character, |part| {
                unordered |= canonical_combining_class(part) != 0 && !part.is_mark_nonspacing();
            });
        }
        if unordered {
            return Fate::Unordered;
        }
        let mut fate = Fate::Nothing;
        self.expand(character, |part| {
            fate = match fate {
                Fate::Nothing if is_chinese(character) => Fate::Chinese(part),
                Fate::Nothing => Fate::One(part, find_kind(part)),
                _ => Fate::Several,
            };
        });
        fate
    }

    /// Decompose a character that is not dropped, strip its accents and lower-case it, as far as the options ask for
    /// that.
    ///
    /// A Hangul syllable decomposes into its Jamo, which is what the multilingual vocabularies contain. Lower-casing
    /// looks at one character at a time, so a capital sigma at the end of a word becomes an ordinary sigma.
    fn expand(&self, character: char, mut put: impl FnMut(char)) {
        if self.strips {
            decompose_canonical(character, |part| {
                // Jamo are no marks and have no case. Looking that up would take most of the time for Korean.
                let is_jamo = matches!(part, '\u{1100}'..='\u{11FF}');
                if is_jamo {
                    put(part);
                } else if !part.is_mark_nonspacing() {
                    self.lower(part, &mut put);
                }
            });
        } else {
            self.lower(character, put);
        }
    }

    /// Lower-case a character if the options ask for it.
    fn lower(&self, part: char, put: impl FnMut(char)) {
        if self.lowers { part.to_lowercase().for_each(put) } else { std::iter::once(part).for_each(put) }
    }

    /// Give a part of a decomposition to `sink`, unless the part is an accent.
    fn put_part(&self, part: char, place: usize, sink: &mut impl Sink) {
        if !part.is_mark_nonspacing() {
            self.lower(part, |part| sink.put(part, kind(part), place));
        }
    }
}

/// Return the kind of a normalised character, from the cache if it is there.
pub(super) fn kind(character: char) -> Kind {
    match Normalizer::of(false, false, false).fate(character) {
        Fate::One(_, kind) => kind,
        _ => Kind::Letter,
    }
}
