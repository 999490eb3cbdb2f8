//! Combining marks in canonical order, where it matters.
//!
//! Canonical decomposition sorts the marks that follow a character. Nearly all marks are accents, which are dropped
//! afterwards, and the few that stay (see `Fate::Unsettled` in `normalize`) nearly always stand alone. Only a run of marks
//! that holds one of these is put in order, here.

use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

use super::characters::is_dropped;
use super::progress::{Position, Progress};
use crate::error::Result;

/// Decomposes a run of combining marks and visits the parts in canonical order, each with its place. Returns the position
/// behind the run.
///
/// The run is the one around the character at `at`, which must be the first of the run with a mark that stays. The run's
/// head, the character before the marks, is visited only if it stands at `at`: otherwise the caller has already taken it.
///
/// Canonical order is by combining class, and by the order of the text within a class. Places are those of `tokenizers`:
/// of the parts that begin the decomposition of a character, the n-th in canonical order has the place of the n-th
/// character of the run, whichever character it came from; every other part has the place of the part before it. A
/// token of such marks can therefore end before it begins.
#[cold]
pub(super) fn settle(
    section: &str,
    at: Position,
    character: char,
    progress: &mut Progress<'_>,
    mut visit: impl FnMut(char, usize),
) -> Result<Position> {
    let begin = find_head(section, at, character, progress)?;
    let mut position = begin;
    let mut places = Vec::new();
    let mut parts = Vec::new();
    for character in section[begin.byte..].chars() {
        if position.byte > begin.byte && is_starter(character) {
            break;
        }
        progress.pass(character.len_utf8())?;
        if !is_dropped(character) {
            places.push(position.character);
            let mut is_first = true;
            decompose_canonical(character, |part| {
                let class = canonical_combining_class(part);
                parts.push(Part { character: part, class, is_first: std::mem::take(&mut is_first) });
            });
        }
        position = position.behind(character);
    }
    // A stable sort: within a class the order of the text stays.
    parts.sort_by_key(|part| part.class);
    let mut characters = places.into_iter();
    let mut place = begin.character;
    for Part { character, class, is_first } in parts {
        if is_first {
            place = characters.next().unwrap_or(place);
        }
        if class > 0 || begin.byte == at.byte {
            visit(character, place);
        }
    }
    Ok(position)
}

/// One character of a canonical decomposition.
#[derive(Debug)]
struct Part {
    character: char,
    /// The combining class, above 0 for marks.
    class: u8,
    /// Whether the decomposition begins with it.
    is_first: bool,
}

/// Finds the head of the run that the character at `at` is in: the last starter up to there, or the begin of the stretch
/// if there is no starter.
fn find_head(section: &str, at: Position, character: char, progress: &mut Progress<'_>) -> Result<Position> {
    let mut begin = at;
    let mut before = section[..at.byte].chars();
    let mut reached = is_starter(character);
    while !reached && let Some(character) = before.next_back() {
        progress.pass(character.len_utf8())?;
        begin = Position { byte: begin.byte - character.len_utf8(), character: begin.character - 1 };
        reached = is_starter(character);
    }
    Ok(begin)
}

/// Whether the canonical decomposition of a character begins with one that is no combining mark. If not, it has only marks.
fn is_starter(character: char) -> bool {
    let mut class = None;
    decompose_canonical(character, |part| {
        class.get_or_insert_with(|| canonical_combining_class(part));
    });
    class == Some(0) && !is_dropped(character)
}
