//! Combining marks in canonical order, where it matters.
//!
//! Canonical decomposition sorts the marks that follow a character. Nearly all marks are accents, which are dropped
//! afterwards, and the few that stay (see `Fate::Unsettled` in `normalize`) nearly always stand alone. Only for a run of
//! marks that holds one of these is the order worked out, here.

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

use super::normalize::{Normalizer, Position, Progress, Sink, is_dropped};
use crate::error::Result;

/// Normalises a run of combining marks from the first that stays, in the character at `at`, to the end of the run.
///
/// Marks come out in canonical order: by their class, and in the order of the text within a class. The place of a mark
/// is found as in `tokenizers`: of those that are the first of a decomposition, the n-th in canonical order has the
/// place of the n-th character of the run, wherever it came from; the others have the place of the one before. A token
/// of such marks can then end before it begins.
///
/// A run can be as long as the text. It is gone through three times at most, and no more of it is kept than the sink
/// needs.
#[cold]
pub(super) fn settle<Into: Sink>(
    normalizer: &Normalizer,
    section: &str,
    at: Position,
    character: char,
    sink: &mut Into,
    progress: &mut Progress<'_>,
) -> Result<Position> {
    decompose_canonical(character, |part| {
        if canonical_combining_class(part) == 0 {
            normalizer.put_part(part, at.character, sink);
        }
    });
    let run = Run::around(section, at, character, progress)?;
    // How many marks of each class are the first of a decomposition.
    let mut firsts = [0_usize; 256];
    let mut staying: Vec<Mark> = Vec::new();
    let mut omitted = 0;
    run.walk(progress, |number, _, character| {
        // The first of the head is no mark.
        let mut first = usize::from(number > 0);
        decompose_canonical(character, |mark| {
            let class = canonical_combining_class(mark);
            if class == 0 {
                return;
            }
            firsts[usize::from(class)] += std::mem::take(&mut first);
            if !mark.is_mark_nonspacing() {
                staying.push(Mark { character: mark, class, turn: firsts[usize::from(class)] });
            }
        });
        if staying.len() / 2 > Into::LONGEST_WORD {
            staying.sort_by_key(|mark| mark.class);
            omitted += staying.len() - 2;
            staying.drain(1..staying.len() - 1);
        }
    })?;
    staying.sort_by_key(|mark| mark.class);
    // From here on, how many come before those of each class.
    let mut before = 0;
    for count in &mut firsts {
        before += std::mem::replace(count, before);
    }
    let mut staying = staying.into_iter().peekable();
    run.walk(progress, |number, place, _| {
        let turn = |mark: &Mark| firsts[usize::from(mark.class)] + mark.turn;
        while let Some(next) = staying.next_if(|mark| turn(mark) <= number) {
            normalizer.put_part(next.character, place, sink);
            sink.omit(std::mem::take(&mut omitted));
        }
    })
}

/// A mark that stays.
#[derive(Debug)]
struct Mark {
    character: char,
    /// Its combining class, above 0.
    class: u8,
    /// How many marks of the same class, up to this one, are the first of a decomposition.
    turn: usize,
}

/// A character and the combining marks that follow it: what canonical order may shuffle.
#[derive(Debug)]
struct Run<'text> {
    /// From the head, or where there is none from the begin of the stretch.
    text: &'text str,
    begin: Position,
}

impl<'text> Run<'text> {
    /// The run that the character at `at` is in.
    fn around(section: &'text str, at: Position, character: char, progress: &mut Progress<'_>) -> Result<Self> {
        let mut begin = at;
        let mut before = section[..at.byte].chars();
        let mut reached = is_starter(character);
        while !reached && let Some(character) = before.next_back() {
            progress.pass(character.len_utf8())?;
            begin = Position { byte: begin.byte - character.len_utf8(), character: begin.character - 1 };
            reached = is_starter(character);
        }
        Ok(Self { text: &section[begin.byte..], begin })
    }

    /// Visits the characters of the run, each with its number and place; the head's number is 0. Returns what lies behind.
    fn walk(&self, progress: &mut Progress<'_>, mut visit: impl FnMut(usize, usize, char)) -> Result<Position> {
        let mut number = 0;
        let mut position = self.begin;
        for character in self.text.chars() {
            let starter = is_starter(character);
            if starter && position.byte > self.begin.byte {
                break;
            }
            progress.pass(character.len_utf8())?;
            if !is_dropped(character) {
                number += usize::from(!starter);
                visit(number, position.character, character);
            }
            position = position.behind(character);
        }
        Ok(position)
    }
}

/// Whether the canonical decomposition of a character begins with one that is no combining mark. If not, it has only marks.
fn is_starter(character: char) -> bool {
    let mut class = None;
    decompose_canonical(character, |part| {
        class.get_or_insert_with(|| canonical_combining_class(part));
    });
    class == Some(0) && !is_dropped(character)
}
