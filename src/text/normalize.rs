//! What becomes of each character before words are spelled, with the way back to the characters that were given.
//!
//! This is why oxbert takes the vocabulary of `rust_tokenizers` and not its `BertTokenizer`. That one has tables of its own
//! for white space, control characters, accents and punctuation, decomposes each character without putting combining
//! marks in canonical order, and leaves U+2028 inside a word; its ids and offsets then differ from those that the models
//! were trained with. Its word-piece step cannot be called alone, so the text is normalised here, as `tokenizers` does it
//! (`normalizers/bert.rs`, `pre_tokenizers/bert.rs`), cut in `words` and spelled in `wordpiece`.
//!
//! There, each step makes a new text: what cannot be seen is dropped and Chinese characters are set apart; canonical
//! decomposition; non-spacing marks are dropped; lower case; words end at white space and around punctuation. Here, all of
//! it happens to one character after the other, and no text is made. That is possible because each step but one looks at
//! one character only. The exception is the canonical order of combining marks, and nearly all of those are dropped
//! afterwards, so that their order does not matter; see [`Fate::Unsettled`] for the rest.
//!
//! The Unicode tables are those of the crates that `tokenizers` itself uses, old as they are, because a newer table
//! would give other tokens: `unicode_categories` 0.1 (Unicode 8) for control characters, marks and punctuation,
//! `unicode-normalization-alignments` 0.1 (Unicode 9) for canonical decomposition. White space and lower case are the standard
//! library's in both.

use std::sync::atomic::{AtomicU32, Ordering};

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

use super::characters::{Kind, find_kind, is_chinese, is_dropped};
use super::marks;
use super::options::TokenizerOptions;
use super::progress::{Position, Progress};
use crate::error::Result;

/// Takes a normalised text, character by character.
pub(super) trait Sink {
    /// The next character, which stands for the character number `place` of the original text.
    fn put(&mut self, character: char, kind: Kind, place: usize);
}

/// What becomes of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing is left: it cannot be seen, or is an accent to be stripped.
    Nothing,
    /// One character.
    One(char, Kind),
    /// One Chinese character, which is a word of its own if the options say so.
    Chinese(char),
    /// Several characters, in the order of decomposition.
    Several,
    /// A combining mark that stays is in it, and has to be put in canonical order with the marks around. There are few:
    /// those that are spacing (musical stems), or younger than the table of marks.
    Unsettled,
}

/// Fates as numbers, see [`Fate::pack`]; 0 where one is not known yet. One table for each way to normalise.
///
/// A character's fate is found when it first comes, because looking it up in all the Unicode tables takes hundreds of times
/// longer than all else that happens to it, and filling the whole table would take longer than most texts. Fates do
/// not depend on anything else, so it does no harm when two threads find the same one, and no thread ever waits (a process
/// may be forked at any moment). The operating system gives memory only to those parts that are used.
static FATES: [[AtomicU32; FATES_KEPT]; 4] = [const { [const { AtomicU32::new(0) }; FATES_KEPT] }; 4];

/// The characters of the first two planes. Beyond are rare Chinese ones, whose fates are found faster.
const FATES_KEPT: usize = 0x2_0000;

impl Fate {
    const NOTHING: u32 = 1;
    const LETTER: u32 = 2;
    const PUNCTUATION: u32 = 3;
    const SPACE: u32 = 4;
    const CHINESE: u32 = 5;
    const SEVERAL: u32 = 6;
    const UNSETTLED: u32 = 7;
    /// A number has the character in its lower bits.
    const SHIFT: u32 = 24;

    fn pack(self) -> u32 {
        let (tag, character) = match self {
            Self::Nothing => (Self::NOTHING, '\0'),
            Self::One(character, Kind::Letter) => (Self::LETTER, character),
            Self::One(character, Kind::Punctuation) => (Self::PUNCTUATION, character),
            Self::One(character, Kind::Space) => (Self::SPACE, character),
            Self::Chinese(character) => (Self::CHINESE, character),
            Self::Several => (Self::SEVERAL, '\0'),
            Self::Unsettled => (Self::UNSETTLED, '\0'),
        };
        tag << Self::SHIFT | u32::from(character)
    }

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
            Self::UNSETTLED => Self::Unsettled,
            _ => return None,
        })
    }
}

/// A way to normalise.
#[derive(Clone, Copy)]
pub(super) struct Normalizer {
    strips: bool,
    lowers: bool,
    /// Whether each Chinese character is a word.
    chinese: bool,
    fates: &'static [AtomicU32; FATES_KEPT],
}

impl Normalizer {
    pub fn new(options: &TokenizerOptions) -> Self {
        Self::of(options.strips_accents(), options.do_lower_case, options.tokenize_chinese_chars)
    }

    fn of(strips: bool, lowers: bool, chinese: bool) -> Self {
        Self { strips, lowers, chinese, fates: &FATES[usize::from(strips) + 2 * usize::from(lowers)] }
    }

    /// Whether it makes lower case.
    pub fn lowers(&self) -> bool {
        self.lowers
    }

    /// Normalises the character at `at`, and all combining marks behind it where one must stay. Returns what lies behind.
    #[inline]
    pub fn step(
        &self,
        section: &str,
        at: Position,
        sink: &mut impl Sink,
        progress: &mut Progress<'_>,
    ) -> Result<Position> {
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
            Fate::Unsettled => {
                return marks::settle(section, at, character, progress, |part, place| self.put_part(part, place, sink));
            }
        }
        Ok(at.behind(character))
    }

    #[inline]
    fn fate(&self, character: char) -> Fate {
        let cell = self.fates.get(character as usize);
        let known = cell.and_then(|cell| Fate::unpack(cell.load(Ordering::Relaxed)));
        known.unwrap_or_else(|| {
            let fate = self.find_fate(character);
            if let Some(cell) = cell {
                cell.store(fate.pack(), Ordering::Relaxed);
            }
            fate
        })
    }

    #[cold]
    fn find_fate(&self, character: char) -> Fate {
        if is_dropped(character) {
            return Fate::Nothing;
        }
        if character.is_whitespace() {
            return Fate::One(' ', Kind::Space);
        }
        let mut unsettled = false;
        if self.strips {
            decompose_canonical(character, |part| {
                unsettled |= canonical_combining_class(part) != 0 && !part.is_mark_nonspacing();
            });
        }
        if unsettled {
            return Fate::Unsettled;
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

    /// A character that is not dropped, decomposed, without its accents, in lower case.
    ///
    /// Hangul falls apart into its Jamo here, which is what the multilingual vocabularies hold. Lower case goes by one
    /// character at a time: a final sigma becomes an ordinary one.
    fn expand(&self, character: char, mut put: impl FnMut(char)) {
        if self.strips {
            decompose_canonical(character, |part| {
                // Not a mark and without case, but looking that up would take most of the time for Korean.
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

    /// Lower case, if the options ask for it.
    fn lower(&self, part: char, put: impl FnMut(char)) {
        if self.lowers { part.to_lowercase().for_each(put) } else { std::iter::once(part).for_each(put) }
    }

    /// Puts a part of a decomposition, unless it is an accent.
    fn put_part(&self, part: char, place: usize, sink: &mut impl Sink) {
        if !part.is_mark_nonspacing() {
            self.lower(part, |part| sink.put(part, kind(part), place));
        }
    }
}

/// What a normalised character does to the words.
pub(super) fn kind(character: char) -> Kind {
    match Normalizer::of(false, false, false).fate(character) {
        Fate::One(_, kind) => kind,
        _ => Kind::Letter,
    }
}
