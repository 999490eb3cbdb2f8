//! Tokens that stand beside the word pieces: the five special ones and those that a user added. They are cut out of a text
//! before anything else.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, FindIter, MatchKind};

use super::normalize::Normalizer;
use super::normalized::Normalized;
use super::options::TokenizerOptions;
use super::progress::Progress;
use super::special::SPECIAL_TOKENS;
use super::vocabulary::Vocabulary;
use crate::error::{Error, Result};

/// A token that is looked for in the text itself.
///
/// Source: `AddedToken` of `tokenizers`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "they are the keys of tokenizer.json")]
pub struct AddedToken {
    /// What is looked for.
    pub content: String,
    /// Whether it must not stand inside a word.
    pub single_word: bool,
    /// Whether it takes the white space on its left along.
    pub lstrip: bool,
    /// Whether it takes the white space on its right along.
    pub rstrip: bool,
    /// Whether it is looked for in the normalised text, normalised itself.
    pub normalized: bool,
    /// Whether decoding may leave it out.
    pub special: bool,
}

impl AddedToken {
    /// An ordinary token: it is found in the normalised text.
    #[must_use]
    pub fn ordinary(content: impl Into<String>) -> Self {
        let content = content.into();
        Self { content, single_word: false, lstrip: false, rstrip: false, normalized: true, special: false }
    }

    /// A special token: it is found in the text as it stands, and decoding may leave it out.
    #[must_use]
    pub fn special(content: impl Into<String>) -> Self {
        Self { normalized: false, special: true, ..Self::ordinary(content) }
    }
}

/// All added tokens, by id, and how to find them.
#[derive(Debug, Clone)]
pub(super) struct AddedTokens {
    tokens: BTreeMap<i64, AddedToken>,
    ids: HashMap<String, i64>,
    /// What decoding may leave out. A content that was special once stays so.
    special: HashSet<String>,
    /// How those are spelled that are looked for in the normalised text.
    normalized_contents: HashMap<i64, String>,
    /// Finds those that are looked for in the text as it stands.
    raw: Finder,
    /// Finds the others, in the normalised text; none where there is no such token.
    normalized: Option<Finder>,
}

/// Finds several patterns at once; of those that begin at one place, the longest.
#[derive(Debug, Clone)]
struct Finder {
    automaton: AhoCorasick,
    ids: Vec<i64>,
}

/// A stretch of bytes, and the added token that it is, if it is one.
pub(super) type Stretch = (Option<i64>, Range<usize>);

impl AddedTokens {
    /// The five special tokens of a vocabulary.
    pub fn new(vocabulary: &Vocabulary, options: &TokenizerOptions) -> Result<Self> {
        let mut added = Self {
            tokens: BTreeMap::new(),
            ids: HashMap::new(),
            special: HashSet::new(),
            normalized_contents: HashMap::new(),
            raw: Finder::new(Vec::new())?,
            normalized: None,
        };
        added.add(&SPECIAL_TOKENS.map(AddedToken::special), vocabulary, options)?;
        Ok(added)
    }

    /// Takes a token with the id that a file gives it. It is found after the next [`Self::add`] only.
    ///
    /// An id that is another token's is refused, and the reason returned: the ids of a text that holds it would be wrong.
    pub fn place(&mut self, id: i64, token: AddedToken, vocabulary: &Vocabulary) -> Result<(), String> {
        let content = &token.content;
        let taken = self.tokens.get(&id).map(|known| known.content.as_str()).or_else(|| vocabulary.token(id));
        if let Some(taken) = taken.filter(|taken| taken != content) {
            return Err(format!("the added token {content:?} has the id {id}, which is that of {taken:?}"));
        }
        let own = self.id(content).or_else(|| vocabulary.id(content));
        if let Some(own) = own.filter(|&own| own != id) {
            return Err(format!("the added token {content:?} has the id {id}, and {own} elsewhere"));
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

    /// Adds tokens; one that the vocabulary has keeps its id, the others get the next ones. Returns how many were not
    /// there before.
    pub fn add(&mut self, tokens: &[AddedToken], vocabulary: &Vocabulary, options: &TokenizerOptions) -> Result<usize> {
        let mut new = 0;
        for token in tokens {
            let known = self.id(&token.content);
            let is_there = known.and_then(|id| self.token(id)) == Some(token);
            if token.content.is_empty() || is_there {
                continue;
            }
            let id = known.or_else(|| vocabulary.id(&token.content)).unwrap_or_else(|| self.limit(vocabulary));
            if id >= i64::from(u32::MAX) {
                let reason = format!("there is no id left for the added token {:?}", token.content);
                return Err(Error::Tokenizer { reason });
            }
            self.insert(id, token.clone());
            new += 1;
        }
        self.index(options)?;
        Ok(new)
    }

    /// Makes what finds them.
    fn index(&mut self, options: &TokenizerOptions) -> Result<()> {
        let normalizer = Normalizer::new(options);
        let (mut raw, mut normalized) = (Vec::new(), Vec::new());
        self.normalized_contents.clear();
        for (&id, token) in &self.tokens {
            if !token.normalized {
                raw.push((id, token.content.clone()));
                continue;
            }
            let check = || Ok(());
            let content = Normalized::new(&token.content, 0, &normalizer, &mut Progress::new(&check))?.into_text();
            self.normalized_contents.insert(id, content.clone());
            if !content.is_empty() {
                normalized.push((id, content));
            }
        }
        self.raw = Finder::new(raw)?;
        self.normalized = if normalized.is_empty() { None } else { Some(Finder::new(normalized)?) };
        Ok(())
    }

    /// One more than the largest id of both.
    pub fn limit(&self, vocabulary: &Vocabulary) -> i64 {
        let last = self.tokens.keys().next_back().map_or(0, |id| id + 1);
        last.max(vocabulary.limit())
    }

    /// The id of an added token.
    pub fn id(&self, content: &str) -> Option<i64> {
        self.ids.get(content).copied()
    }

    /// The added token of an id.
    pub fn token(&self, id: i64) -> Option<&AddedToken> {
        self.tokens.get(&id)
    }

    /// How the added token of an id is spelled where ids become text: as it is found.
    pub fn spelling(&self, id: i64) -> Option<&str> {
        let normalized = self.normalized_contents.get(&id);
        normalized.or_else(|| self.tokens.get(&id).map(|token| &token.content)).map(String::as_str)
    }

    /// Whether decoding may leave out what is spelled so.
    pub fn is_special(&self, spelling: &str) -> bool {
        self.special.contains(spelling)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &AddedToken)> {
        self.tokens.iter().map(|(&id, token)| (id, token))
    }

    /// Whether any is looked for in the normalised text.
    pub fn has_normalized(&self) -> bool {
        self.normalized.is_some()
    }

    /// The whole text, cut at the added tokens that are looked for in it as it stands.
    pub fn cut<'call>(&'call self, text: &'call str) -> impl Iterator<Item = Stretch> + 'call {
        Cuts::new(&self.raw, &self.tokens, text)
    }

    /// The whole normalised text, cut at the added tokens that are looked for in it; nothing where there are none.
    pub fn cut_normalized<'call>(&'call self, text: &'call str) -> impl Iterator<Item = Stretch> + 'call {
        self.normalized.iter().flat_map(move |finder| Cuts::new(finder, &self.tokens, text))
    }
}

impl Finder {
    fn new(patterns: Vec<(i64, String)>) -> Result<Self> {
        let (ids, contents): (Vec<i64>, Vec<String>) = patterns.into_iter().unzip();
        let automaton =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(contents).map_err(|error| {
                Error::Tokenizer { reason: format!("the added tokens cannot be searched for: {error}") }
            })?;
        Ok(Self { automaton, ids })
    }
}

/// A text cut at added tokens, found as they are asked for: of a long text that is truncated only the begin is searched.
struct Cuts<'call> {
    text: &'call str,
    finder: &'call Finder,
    tokens: &'call BTreeMap<i64, AddedToken>,
    found: FindIter<'call, 'call>,
    /// Where the last token ended.
    behind: usize,
    /// A token that comes after the stretch before it.
    next: Option<Stretch>,
}

impl<'call> Cuts<'call> {
    fn new(finder: &'call Finder, tokens: &'call BTreeMap<i64, AddedToken>, text: &'call str) -> Self {
        Self { text, finder, tokens, found: finder.automaton.find_iter(text), behind: 0, next: None }
    }

    /// The bytes of a match together with the white space that its token takes along; none where it does not count.
    fn widened(&self, found: Range<usize>, token: &AddedToken) -> Option<Range<usize>> {
        let (text, behind) = (self.text, self.behind);
        let Range { start: mut begin, mut end } = found;
        let is_word = |character: Option<char>| character.is_some_and(is_word_character);
        if token.single_word && (is_word(text[..begin].chars().next_back()) || is_word(text[end..].chars().next())) {
            return None;
        }
        // A token that itself begins with white space may begin within what the token before has taken.
        if token.lstrip {
            begin = behind + text.get(behind..begin).map_or(0, |between| between.trim_end().len());
        }
        if token.rstrip {
            end = end.max(behind);
            end += text[end..].len() - text[end..].trim_start().len();
        }
        (begin < end).then_some(begin..end)
    }
}

impl Iterator for Cuts<'_> {
    type Item = Stretch;

    fn next(&mut self) -> Option<Stretch> {
        if self.next.is_some() {
            return self.next.take();
        }
        let before = self.behind;
        while let Some(found) = self.found.next() {
            let id = self.finder.ids[found.pattern().as_usize()];
            let widened = self.tokens.get(&id).and_then(|token| self.widened(found.range(), token));
            if let Some(bytes) = widened {
                self.behind = bytes.end;
                let between = before..bytes.start;
                let token = (Some(id), bytes);
                if between.is_empty() {
                    return Some(token);
                }
                self.next = Some(token);
                return Some((None, between));
            }
        }
        self.behind = self.text.len();
        (before < self.behind).then_some((None, before..self.behind))
    }
}

/// `\w` of the reference's regular expressions.
fn is_word_character(character: char) -> bool {
    regex_syntax::try_is_word_character(character).unwrap_or_else(|_| character.is_alphanumeric() || character == '_')
}
