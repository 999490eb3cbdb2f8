//! The canonical order of combining marks.
//!
//! Canonical decomposition sorts the marks that follow a character. Nearly all marks are accents, which are dropped
//! afterwards, and the few that stay (see `Fate::Unordered` in `normalize`) nearly always stand alone. Only a run of
//! marks that contains one of these has to be sorted, and this file does it.

use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

use super::characters::is_dropped;
use super::progress::{Position, Progress};
use crate::error::Result;

/// Decompose a run of combining marks and visit the parts in canonical order, each with its place. Return the position
/// behind the run.
///
/// The run is the one around the character at `at`, which must be the first of the run with a mark that stays. The head
/// of the run, the character before the marks, is visited only if it is the one at `at`: otherwise it was visited
/// before.
///
/// Canonical order is by combining class, and by the order of the text within a class. Places are those of
/// `tokenizers`: of the parts that come first in the decomposition of a character, the n-th in canonical order has the
/// place of the n-th character of the run, whichever character it came from; every other part has the place of the part
/// before it. A token of such marks can therefore end before it starts.
#[cold]
pub(super) fn sort_run(
    section: &str,
    at: Position,
    character: char,
    progress: &mut Progress,
    mut visit: impl FnMut(char, usize),
) -> Result<Position> {
    let start = find_head(section, at, character, progress)?;
    let mut position = start;
    let mut parts = Vec::new();
    for character in section[start.byte..].chars() {
        if position.byte > start.byte && is_starter(character) {
            break;
        }
        progress.pass(character.len_utf8())?;
        if !is_dropped(character) {
            let mut is_first = true;
            decompose_canonical(character, |part| {
                let class = canonical_combining_class(part);
                parts.push(Part { character: part, class, is_first: std::mem::take(&mut is_first) });
            });
        }
        position = position.behind(character);
    }
    // The sort must be stable, to keep the order of the text within a class.
    parts.sort_by_key(|part| part.class);
    // Read again rather than remembered: a run may be as long as the text.
    let mut places =
        (start.character..).zip(section[start.byte..].chars()).filter(|&(_, character)| !is_dropped(character));
    let mut place = start.character;
    for Part { character, class, is_first } in parts {
        if is_first {
            place = places.next().map_or(place, |(place, _)| place);
        }
        if class > 0 || start.byte == at.byte {
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
    /// Whether the part comes first in the decomposition of its character.
    is_first: bool,
}

/// Find the start of the run around the character at `at`: its head, the last starter up to `at`, or the start of the
/// section if there is no starter.
fn find_head(section: &str, at: Position, character: char, progress: &mut Progress) -> Result<Position> {
    let mut start = at;
    let mut before = section[..at.byte].chars();
    let mut reached = is_starter(character);
    while !reached && let Some(character) = before.next_back() {
        progress.pass(character.len_utf8())?;
        start = Position { byte: start.byte - character.len_utf8(), character: start.character - 1 };
        reached = is_starter(character);
    }
    Ok(start)
}

/// Return whether the canonical decomposition of a character starts with a part that is not a combining mark. If not,
/// all parts are marks.
fn is_starter(character: char) -> bool {
    let mut class = None;
    decompose_canonical(character, |part| {
        class.get_or_insert_with(|| canonical_combining_class(part));
    });
    class == Some(0) && !is_dropped(character)
}
