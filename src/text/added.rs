//! Added tokens, beside the word pieces: the five special tokens and those that a user added. They are cut out of a
//! text before it is normalised or split into words.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, FindIter, MatchKind};

use super::vocabulary::Vocabulary;
use crate::error::{Error, Result};
use crate::interrupt;

/// A token that is searched for in the text itself.
///
/// Source: `AddedToken` of `tokenizers`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "they are the keys of tokenizer.json")]
pub struct AddedToken {
    /// The string to search for.
    pub content: String,
    /// Whether the token matches whole words only, not part of a longer word.
    pub single_word: bool,
    /// Whether a match includes the white space on its left.
    pub lstrip: bool,
    /// Whether a match includes the white space on its right.
    pub rstrip: bool,
    /// Whether the normalised token is searched for in the normalised text, rather than `content` in the raw text.
    pub normalized: bool,
    /// Whether decoding may skip the token.
    pub special: bool,
}

impl AddedToken {
    /// Build an ordinary token, which is searched for in the normalised text.
    #[must_use]
    pub fn ordinary(content: impl Into<String>) -> Self {
        let content = content.into();
        Self { content, single_word: false, lstrip: false, rstrip: false, normalized: true, special: false }
    }

    /// Build a special token, which is searched for in the raw text and which decoding may skip.
    #[must_use]
    pub fn special(content: impl Into<String>) -> Self {
        Self { normalized: false, special: true, ..Self::ordinary(content) }
    }
}

/// Normalises the spelling of a token as texts are normalised.
pub(super) type Normalize<'a> = &'a dyn Fn(&str) -> Result<String>;

/// All added tokens by id, and the automata that find them.
#[derive(Debug, Clone)]
pub(super) struct AddedTokens {
    tokens: BTreeMap<i64, AddedToken>,
    ids: HashMap<String, i64>,
    /// The contents that decoding may skip. A content that was special once stays special.
    special: HashSet<String>,
    /// The normalised spelling of the tokens that are searched for in the normalised text.
    normalized_contents: HashMap<i64, String>,
    /// Finds the tokens that are searched for in the raw text.
    raw: Finder,
    /// Finds the others in the normalised text. `None` if there is no such token.
    normalized: Option<Finder>,
}

/// A search for several patterns at once: leftmost match first, the longest of those that begin at the same place.
#[derive(Debug, Clone)]
struct Finder {
    automaton: AhoCorasick,
    ids: Vec<i64>,
}

/// A range of bytes, with the id of the added token if the range is one.
pub(super) type Section = (Option<i64>, Range<usize>);

impl AddedTokens {
    /// Build a table without tokens.
    pub fn new() -> Result<Self> {
        Ok(Self {
            tokens: BTreeMap::new(),
            ids: HashMap::new(),
            special: HashSet::new(),
            normalized_contents: HashMap::new(),
            raw: Finder::new(Vec::new())?,
            normalized: None,
        })
    }

    /// Insert a token with the id that a file gives it. The token can be found only after the next [`Self::add`].
    ///
    /// Return the reason as an error if the id belongs to another token: such a token would give wrong ids.
    pub fn insert_with_id(&mut self, id: i64, token: AddedToken, vocabulary: &Vocabulary) -> Result<(), String> {
        let content = &token.content;
        let taken = self.tokens.get(&id).map(|known| known.content.as_str()).or_else(|| vocabulary.token(id));
        if let Some(taken) = taken.filter(|taken| taken != content) {
            return Err(format!("the added token {content:?} has the id {id}, which belongs to {taken:?}"));
        }
        let own = self.id(content).or_else(|| vocabulary.id(content));
        if let Some(own) = own.filter(|&own| own != id) {
            return Err(format!("the added token {content:?} has the id {id}, but {own} elsewhere"));
        }
        self.insert(id, token);
        Ok(())
    }

    fn insert(&mut self, id: i64, token: AddedToken) {
        if token.special {
            self.special.insert(token.content.clone());
        }
        self.ids.insert(token.content.clone(), id);
        self.tokens.insert(id, token);
    }

    /// Add tokens. A token of the vocabulary keeps its id, the others get the next free ids. Return the number of
    /// tokens that are new or have new properties.
    pub fn add(&mut self, tokens: &[AddedToken], vocabulary: &Vocabulary, normalize: Normalize) -> Result<usize> {
        let mut new = 0;
        for token in tokens {
            interrupt::go_on()?;
            let known = self.id(&token.content);
            let is_unchanged = known.and_then(|id| self.token(id)) == Some(token);
            if token.content.is_empty() || is_unchanged {
                continue;
            }
            let id = known.or_else(|| vocabulary.id(&token.content)).unwrap_or_else(|| self.limit(vocabulary));
            if id >= i64::from(u32::MAX) {
                let reason = format!("no id is left for the added token {:?}: ids end at 2^32 - 2", token.content);
                return Err(Error::Tokenizer { reason });
            }
            self.insert(id, token.clone());
            new += 1;
        }
        self.build_finders(normalize)?;
        Ok(new)
    }

    /// Build the automata for the present tokens.
    fn build_finders(&mut self, normalize: Normalize) -> Result<()> {
        let (mut raw, mut normalized) = (Vec::new(), Vec::new());
        self.normalized_contents.clear();
        for (&id, token) in &self.tokens {
            if !token.normalized {
                raw.push((id, token.content.clone()));
                continue;
            }
            interrupt::go_on()?;
            let content = normalize(&token.content)?;
            self.normalized_contents.insert(id, content.clone());
            if !content.is_empty() {
                normalized.push((id, content));
            }
        }
        self.raw = Finder::new(raw)?;
        self.normalized = if normalized.is_empty() { None } else { Some(Finder::new(normalized)?) };
        Ok(())
    }

    /// Return one more than the largest id of the added tokens and of the vocabulary.
    pub fn limit(&self, vocabulary: &Vocabulary) -> i64 {
        let last = self.tokens.keys().next_back().map_or(0, |id| id + 1);
        last.max(vocabulary.limit())
    }

    /// Return the id of an added token.
    pub fn id(&self, content: &str) -> Option<i64> {
        self.ids.get(content).copied()
    }

    /// Return the added token with an id.
    pub fn token(&self, id: i64) -> Option<&AddedToken> {
        self.tokens.get(&id)
    }

    /// Return the spelling of an added token in decoded text: normalised if the token is searched for in normalised
    /// text.
    pub fn spelling(&self, id: i64) -> Option<&str> {
        let normalized = self.normalized_contents.get(&id);
        normalized.or_else(|| self.tokens.get(&id).map(|token| &token.content)).map(String::as_str)
    }

    /// Return whether decoding may skip a token with this spelling.
    pub fn is_special(&self, spelling: &str) -> bool {
        self.special.contains(spelling)
    }

    /// Iterate over all added tokens in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &AddedToken)> {
        self.tokens.iter().map(|(&id, token)| (id, token))
    }

    /// Return whether any token is searched for in the normalised text.
    pub fn has_normalized(&self) -> bool {
        self.normalized.is_some()
    }

    /// Split a raw text at the added tokens that are searched for in it. The ranges cover the whole text.
    pub fn split<'call>(&'call self, text: &'call str) -> impl Iterator<Item = Section> + 'call {
        Splits::new(&self.raw, &self.tokens, text)
    }

    /// Split a normalised text at the added tokens that are searched for in it. The ranges cover the whole text; there
    /// are none if no token is searched for in normalised text.
    pub fn split_normalized<'call>(&'call self, text: &'call str) -> impl Iterator<Item = Section> + 'call {
        self.normalized.iter().flat_map(move |finder| Splits::new(finder, &self.tokens, text))
    }
}

impl Finder {
    fn new(patterns: Vec<(i64, String)>) -> Result<Self> {
        let (ids, contents): (Vec<i64>, Vec<String>) = patterns.into_iter().unzip();
        let automaton =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(contents).map_err(|error| {
                Error::Tokenizer { reason: format!("cannot build a search for the added tokens: {error}") }
            })?;
        Ok(Self { automaton, ids })
    }
}

/// A text split at added tokens, which are searched for on demand: if a long text is truncated, only its start is
/// searched.
struct Splits<'call> {
    text: &'call str,
    finder: &'call Finder,
    tokens: &'call BTreeMap<i64, AddedToken>,
    found: FindIter<'call, 'call>,
    /// The end of the last token.
    end: usize,
    /// A token that was found behind the range returned last.
    pending: Option<Section>,
}

impl<'call> Splits<'call> {
    fn new(finder: &'call Finder, tokens: &'call BTreeMap<i64, AddedToken>, text: &'call str) -> Self {
        Self { text, finder, tokens, found: finder.automaton.find_iter(text), end: 0, pending: None }
    }

    /// Return the range of a match with the white space that belongs to it, or `None` if the token must not match
    /// there.
    fn widened(&self, found: Range<usize>, token: &AddedToken) -> Option<Range<usize>> {
        let (text, last_end) = (self.text, self.end);
        let Range { mut start, mut end } = found;
        let is_word = |character: Option<char>| character.is_some_and(is_word_character);
        if token.single_word && (is_word(text[..start].chars().next_back()) || is_word(text[end..].chars().next())) {
            return None;
        }
        // A token that starts with white space may start inside the white space that the token before has taken.
        if token.lstrip {
            start = last_end + text.get(last_end..start).map_or(0, |between| between.trim_end().len());
        }
        if token.rstrip {
            end = end.max(last_end);
            end += text[end..].len() - text[end..].trim_start().len();
        }
        (start < end).then_some(start..end)
    }
}

impl Iterator for Splits<'_> {
    type Item = Section;

    fn next(&mut self) -> Option<Section> {
        if self.pending.is_some() {
            return self.pending.take();
        }
        let before = self.end;
        while let Some(found) = self.found.next() {
            let id = self.finder.ids[found.pattern().as_usize()];
            let widened = self.tokens.get(&id).and_then(|token| self.widened(found.range(), token));
            if let Some(bytes) = widened {
                self.end = bytes.end;
                let between = before..bytes.start;
                let token = (Some(id), bytes);
                if between.is_empty() {
                    return Some(token);
                }
                self.pending = Some(token);
                return Some((None, between));
            }
        }
        self.end = self.text.len();
        (before < self.end).then_some((None, before..self.end))
    }
}

/// Return whether a character matches `\w` of the regular expressions that `tokenizers` uses.
fn is_word_character(character: char) -> bool {
    regex_syntax::try_is_word_character(character).unwrap_or_else(|_| character.is_alphanumeric() || character == '_')
}
