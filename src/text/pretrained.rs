//! Reading and writing the tokenizer of a model folder: vocabulary, added tokens, settings, and the whole tokenizer in
//! one file.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::added::AddedToken;
use super::added_files::{ADDED, AddedFiles, SETTINGS, SPECIAL, WHOLE};
use super::joiner::Joiner;
use super::options::TokenizerOptions;
use super::pipeline::Pipeline;
use super::settings::{Class, content, read_rows, read_settings, read_special, refuse_contradiction, refuse_foreign};
use super::special::{PAD_ROLE, ROLES, SPECIAL_TOKENS, UNKNOWN_ROLE};
use super::template::Template;
use super::tokens::Tokens;
use super::vocabulary::{Vocabulary, read_lines};
use super::whole;
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::interrupt;

const VOCABULARY: &str = "vocab.txt";
/// The configuration of the model, which may name the class of the tokenizer.
const MODEL: &str = "config.json";

/// Read a `vocab.txt` alone.
pub(super) fn read_vocabulary(path: &Path, options: &TokenizerOptions) -> Result<Tokens> {
    let (path, options) = (path.to_path_buf(), options.clone());
    interrupt::detached(move || bert_tokens(read_lines(&path)?, &path, &options))
}

/// Return the tokens of a vocabulary from the caller.
pub(super) fn take_vocabulary(vocab: HashMap<String, i64>, options: &TokenizerOptions) -> Result<Tokens> {
    let options = options.clone();
    interrupt::detached(move || bert_tokens(vocab, Path::new("vocab"), &options))
}

/// Return the tokens of a vocabulary from `path`, with BERT's special tokens and pipeline.
fn bert_tokens(vocab: HashMap<String, i64>, path: &Path, options: &TokenizerOptions) -> Result<Tokens> {
    if let Some((token, id)) = vocab.iter().find(|&(_, &id)| !(0..i64::from(u32::MAX)).contains(&id)) {
        let reason = format!("the id of {token:?} is {id}, expected a number from 0 to 2^32 - 2");
        return Err(Error::Vocabulary { path: path.to_path_buf(), line: None, reason });
    }
    let names = SPECIAL_TOKENS.map(String::from);
    let mut tokens = Tokens::new(Vocabulary::new(vocab, &names, path)?, None)?;
    tokens.add(&names.map(AddedToken::special), options)?;
    Ok(tokens)
}

/// What a caller says beside the files of a folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    /// How `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and `[MASK]` are spelled; `None` follows the files.
    pub names: [Option<String>; 5],
    /// Further special tokens.
    pub extra: Vec<AddedToken>,
    /// Whether to read a tokenizer that comes with code without that code.
    pub without_code: bool,
}

/// Read the files that [`super::WordPieceTokenizer::from_pretrained_with`] lists.
pub(super) fn read(
    folder: &Path,
    given: &Given,
    change: impl FnOnce(&mut TokenizerOptions),
) -> Result<(Tokens, TokenizerOptions)> {
    let (folder, named) = (folder.to_path_buf(), given.clone());
    interrupt::detached(move || Files::open(&folder)?.prepare(&named))?.finish(given, change)
}

fn read_json(path: &Path) -> Result<Value> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::config("JSON", error.to_string()).in_file(path))
}

/// The files of a folder, each if it exists.
struct Files {
    /// Without this file, there is a `vocab.txt`.
    whole: Option<Value>,
    settings: Option<Value>,
    added: Option<Value>,
    special: Option<Value>,
    model: Option<Value>,
    folder: PathBuf,
}

/// The files, and the parts of the tokenizer whose size a file decides.
struct Prepared {
    /// `tokenizer.json` without its vocabulary.
    files: Files,
    vocabulary: Vocabulary,
    pipeline: Option<Pipeline>,
    class: Class,
    named: [Named; 5],
    /// What the files say.
    options: TokenizerOptions,
}

/// The spelling of a special token, and the file that gives it; no file if the caller does.
type Named = Option<(Option<&'static str>, String)>;

impl Files {
    /// Open the files of a folder.
    fn open(folder: &Path) -> Result<Self> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
            found.push(entry.map_err(Error::io("read", folder))?.file_name().to_string_lossy().into_owned());
        }
        found.sort();
        let has = |name: &str| found.iter().any(|file| file == name);
        let open = |name: &str| has(name).then(|| read_json(&folder.join(name))).transpose();
        let files = Self {
            whole: open(WHOLE)?,
            settings: open(SETTINGS)?,
            added: open(ADDED)?,
            special: open(SPECIAL)?,
            model: open(MODEL)?,
            folder: folder.to_path_buf(),
        };
        if files.whole.is_none() && !has(VOCABULARY) {
            let folder = folder.to_path_buf();
            return Err(Error::MissingFile { folder, wanted: format!("{VOCABULARY} or {WHOLE}"), found });
        }
        Ok(files)
    }

    /// Return a `tokenizer.json` and its settings that came from `place`.
    fn of(whole: Value, settings: Value, place: &str) -> Self {
        let (whole, settings) = (Some(whole), Some(settings));
        Self { whole, settings, added: None, special: None, model: None, folder: place.into() }
    }

    /// Read the parts of the tokenizer. Each fact is read from the file in which transformers 5 looks for it.
    fn prepare(mut self, given: &Given) -> Result<Prepared> {
        let at = |name: &'static str| {
            let path = self.folder.join(name);
            move |error: Error| error.in_file(path)
        };
        if let Some(settings) = &self.settings {
            refuse_foreign(settings, given.without_code).map_err(at(SETTINGS))?;
        }
        let mut class = None;
        for (name, file) in [(SETTINGS, &self.settings), (MODEL, &self.model)] {
            if let (None, Some(file)) = (class, file) {
                class = Class::read(file).map_err(at(name))?;
            }
        }
        let class = class.unwrap_or(Class::Bert);
        let named = self.named(given)?;
        let vocabulary = self.vocabulary(&named)?;
        let pipeline = self.whole.as_ref().map(whole::read_pipeline).transpose().map_err(at(WHOLE))?.flatten();

        let in_whole = self.whole.as_ref().map(whole::read_options).transpose().map_err(at(WHOLE))?;
        let options = match (&self.settings, in_whole) {
            (Some(settings), Some(options)) if pipeline.is_some() || class == Class::Any => {
                if class == Class::Bert {
                    refuse_contradiction(settings, &options).map_err(at(SETTINGS))?;
                }
                read_rows(settings, &options).map_err(at(SETTINGS))?
            }
            (Some(settings), _) => read_settings(settings).map_err(at(SETTINGS))?,
            (None, in_whole) => in_whole.unwrap_or_default(),
        };
        if let Some(entries) = self.whole.as_mut().and_then(|whole| whole.pointer_mut("/model/vocab")) {
            drop(entries.take());
        }
        Ok(Prepared { files: self, vocabulary, pipeline, class, named, options })
    }

    /// Return the special tokens that the caller or a file names. The settings override the other files.
    fn named(&self, given: &Given) -> Result<[Named; 5]> {
        let mut named: [Named; 5] = given.names.clone().map(|name| Some((None, name?)));
        for (file, values) in [(SETTINGS, &self.settings), (SPECIAL, &self.special)] {
            let Some(values) = values else { continue };
            let names = read_special(values).map_err(|error| error.in_file(self.folder.join(file)))?;
            for (named, name) in named.iter_mut().zip(names) {
                *named = named.take().or(name.map(|name| (Some(file), name)));
            }
        }
        if let Some(whole) = &self.whole {
            // The padding itself is an option of a call, as in transformers.
            let pad = content(&whole["padding"]["pad_token"]).map(|name| (Some(WHOLE), name.to_string()));
            named[PAD_ROLE] = named[PAD_ROLE].take().or(pad);
        }
        Ok(named)
    }

    /// Read the vocabulary and look the special tokens up in it.
    fn vocabulary(&self, named: &[Named; 5]) -> Result<Vocabulary> {
        let path = self.folder.join(if self.whole.is_some() { WHOLE } else { VOCABULARY });
        let (table, unknown) = match &self.whole {
            Some(whole) => {
                let (table, unknown) = whole::read_vocabulary(whole, &path)?;
                (table, Some(unknown))
            }
            None => (read_lines(&path)?, None),
        };
        let mut names = SPECIAL_TOKENS.map(String::from);
        for ((name, named), role) in names.iter_mut().zip(named).zip(ROLES) {
            let Some((file, token)) = named else { continue };
            if !table.contains_key(token) {
                return Err(self.refused(*file, role, format!("expected a token of the vocabulary, got {token:?}")));
            }
            name.clone_from(token);
        }
        if let Some(unknown) = unknown {
            if let Some((file, token)) = named[UNKNOWN_ROLE].as_ref().filter(|(_, token)| *token != unknown) {
                let reason = format!("expected {unknown:?}, the model.unk_token of {WHOLE}, got {token:?}");
                return Err(self.refused(*file, ROLES[UNKNOWN_ROLE], reason));
            }
            names[UNKNOWN_ROLE] = unknown;
        }
        Vocabulary::new(table, &names, &path)
    }

    /// Return the error for a special token that the caller or a file names.
    fn refused(&self, file: Option<&str>, role: &str, reason: String) -> Error {
        match file {
            Some(file) => Error::config(role, reason).in_file(self.folder.join(file)),
            None => Error::input(role, reason),
        }
    }

    /// Refuse an unusual `cls_token` or `sep_token` that is named if the template adds others.
    fn refuse_other_frame(&self, template: &Template, tokens: &Tokens, named: &[Named; 5]) -> Result<()> {
        for ((role, usual), named) in ROLES.into_iter().zip(SPECIAL_TOKENS).zip(named) {
            let Some((file, token)) = named else { continue };
            if !matches!(role, "cls_token" | "sep_token") || token == usual {
                continue;
            }
            let is_added = tokens.vocabulary.id(token).is_some_and(|id| template.adds(id));
            if template.added(false) > 0 && !is_added {
                let reason = format!("expected a token that the post_processor of {WHOLE} adds, got {token:?}");
                return Err(self.refused(*file, role, reason));
            }
        }
        Ok(())
    }
}

impl Prepared {
    /// Change the settings and join the parts.
    fn finish(self, given: &Given, change: impl FnOnce(&mut TokenizerOptions)) -> Result<(Tokens, TokenizerOptions)> {
        let Self { files, vocabulary, pipeline, class, named, mut options } = self;
        let at = |name: &'static str| {
            let path = files.folder.join(name);
            move |error: Error| error.in_file(path)
        };
        let before = options.clone();
        change(&mut options);
        if pipeline.is_some() {
            refuse_change(&before, &options)?;
        }

        let mut tokens = Tokens::new(vocabulary, pipeline)?;
        // BERT's classes cut the five out of every text; otherwise the settings or the caller have to name them.
        let is_bert = files.whole.is_none() || files.settings.is_some() && class == Class::Bert;
        let is_named = |named: &Named| named.as_ref().is_some_and(|(file, _)| *file != Some(WHOLE));
        let cut = tokens.vocabulary.names.iter().zip(&named).filter(|(_, named)| is_bert || is_named(named));
        let cut: Vec<AddedToken> = cut.map(|(name, _)| AddedToken::special(name)).collect();
        tokens.add(&cut, &options)?;
        let mut added = AddedFiles::default();
        let sources =
            [(WHOLE, &files.whole), (SETTINGS, &files.settings), (ADDED, &files.added), (SPECIAL, &files.special)];
        for (name, file) in sources {
            if let Some(file) = file {
                added.read(name, file, &tokens.vocabulary.names).map_err(at(name))?;
            }
        }
        added.join(&mut tokens, &options, &files.folder)?;
        if let Some(whole) = &files.whole {
            let template = Template::read(&whole["post_processor"], |token| tokens.id(token)).map_err(at(WHOLE))?;
            files.refuse_other_frame(&template, &tokens, &named)?;
            tokens.template = template;
            tokens.joiner = Joiner::read(&whole["decoder"]).map_err(at(WHOLE))?;
        }
        tokens.add(&given.extra, &options)?;
        Ok((tokens, options))
    }
}

/// Refuse to change settings of BERT's pipeline in another pipeline.
fn refuse_change(before: &TokenizerOptions, after: &TokenizerOptions) -> Result<()> {
    let changed = [
        ("do_lower_case", before.do_lower_case != after.do_lower_case),
        ("strip_accents", before.strip_accents != after.strip_accents),
        ("tokenize_chinese_chars", before.tokenize_chinese_chars != after.tokenize_chinese_chars),
    ];
    match changed.iter().find(|(_, is_changed)| *is_changed) {
        None => Ok(()),
        Some((what, _)) => Err(Error::input(
            *what,
            format!(
                "expected None: the pipeline of {WHOLE} is another than BERT's and has no \
                 such setting"
            ),
        )),
    }
}

/// Build the content of `tokenizer_config.json` and of `special_tokens_map.json`.
pub(super) fn settings_and_special(tokens: &Tokens, options: &TokenizerOptions) -> (Value, Value) {
    /// The number with which transformers says that the length is unknown.
    const NO_LENGTH: f64 = 1e30;
    let names = &tokens.vocabulary.names;
    let decoder: Map<String, Value> =
        tokens.added.iter().map(|(id, token)| (id.to_string(), whole::write_properties(token))).collect();
    let extra = |token: &AddedToken| token.special && !names.contains(&token.content);
    let extra: Vec<&str> =
        tokens.added.iter().filter(|(_, token)| extra(token)).map(|(_, token)| token.content.as_str()).collect();
    let mut special = Map::new();
    // In alphabetical order. Other classes than BERT's make the tokens that are named here special.
    let mut roles: Vec<_> = ROLES.into_iter().zip(names).filter(|(_, name)| tokens.added.is_special(name)).collect();
    roles.sort_unstable();
    special.extend(roles.into_iter().map(|(role, name)| (role.to_string(), json!(name))));
    if !extra.is_empty() {
        special.insert("additional_special_tokens".into(), json!(extra));
    }
    let mut settings = json!({
        "added_tokens_decoder": decoder,
        "model_max_length": options.model_max_length.map_or_else(|| json!(NO_LENGTH), |length| json!(length)),
        "padding_side": options.padding_side.name(),
        "truncation_side": options.truncation_side.name(),
    });
    if options.clean_up_tokenization_spaces {
        settings["clean_up_tokenization_spaces"] = json!(true);
    }
    if let Some(token_types) = options.token_types {
        settings["model_input_names"] = json!(TokenizerOptions::input_names(token_types));
    }
    if whole::is_plain(tokens) {
        settings["do_lower_case"] = json!(options.do_lower_case);
        settings["strip_accents"] = json!(options.strip_accents);
        settings["tokenize_chinese_chars"] = json!(options.tokenize_chinese_chars);
        settings["tokenizer_class"] = json!("BertTokenizer");
    } else {
        settings["tokenizer_class"] = json!("PreTrainedTokenizerFast");
    }
    for (name, token) in &special {
        settings[name] = token.clone();
    }
    (settings, special.into())
}

/// Return the token for padding if it is an unusual one that is not special. Only the padding of a `tokenizer.json` can
/// name such a token.
fn uncut_pad(tokens: &Tokens) -> Option<&str> {
    let pad = tokens.vocabulary.names[PAD_ROLE].as_str();
    (pad != SPECIAL_TOKENS[PAD_ROLE] && !tokens.added.is_special(pad)).then_some(pad)
}

/// Serialise what [`write`] writes.
pub(super) fn to_bytes(tokens: &Arc<Tokens>, options: &TokenizerOptions) -> Result<Vec<u8>> {
    let (tokens, options) = (Arc::clone(tokens), options.clone());
    interrupt::detached(move || {
        let (settings, _) = settings_and_special(&tokens, &options);
        let mut whole = whole::write(&tokens, &options)?;
        if let Some(pad) = uncut_pad(&tokens) {
            whole["padding"] = json!({ "pad_token": pad });
        }
        let files = json!({ "tokenizer": whole, "settings": settings });
        serde_json::to_vec(&files).map_err(|error| Error::Internal { message: error.to_string() })
    })
}

/// Read the bytes of [`to_bytes`].
pub(super) fn from_bytes(bytes: &[u8]) -> Result<(Tokens, TokenizerOptions)> {
    let bytes = bytes.to_vec();
    let prepared = interrupt::detached(move || {
        let refused =
            |reason: String| Error::Tokenizer { reason: format!("the bytes do not hold a tokenizer: {reason}") };
        let mut files: Value = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
        if !files.is_object() {
            return Err(refused("expected an object".into()));
        }
        Files::of(files["tokenizer"].take(), files["settings"].take(), "the bytes").prepare(&Given::default())
    });
    prepared?.finish(&Given::default(), |_| {})
}

/// Read a `tokenizer.json` and its settings. `place` is named in errors.
pub(super) fn read_parts(whole: Value, settings: Value, place: &str) -> Result<(Tokens, TokenizerOptions)> {
    let files = Files::of(whole, settings, place);
    interrupt::detached(move || files.prepare(&Given::default()))?.finish(&Given::default(), |_| {})
}

/// Write the files of [`super::WordPieceTokenizer::save_pretrained`].
pub(super) fn write(folder: &Path, tokens: &Arc<Tokens>, options: &TokenizerOptions) -> Result<Vec<PathBuf>> {
    let (tokens, options) = (Arc::clone(tokens), options.clone());
    let files = interrupt::detached(move || {
        // A program that finds the lines alone would read them as BERT's.
        let lines = tokens.pipeline.is_none().then(|| lines(&tokens.vocabulary)).transpose()?;
        let (mut settings, special) = settings_and_special(&tokens, &options);
        if let Some(pad) = uncut_pad(&tokens) {
            settings[ROLES[PAD_ROLE]] = json!(pad);
        }
        Ok([
            (VOCABULARY, lines),
            (WHOLE, Some(format!("{:#}\n", whole::write(&tokens, &options)?))),
            (SETTINGS, Some(format!("{settings:#}\n"))),
            (SPECIAL, Some(format!("{special:#}\n"))),
        ])
    })?;
    std::fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
    let mut paths = Vec::new();
    for (name, text) in files {
        if let Some(text) = text {
            let path = folder.join(name);
            write_atomically(&path, |file| file.write_all(text.as_bytes()))?;
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Build the content of `vocab.txt`.
fn lines(vocabulary: &Vocabulary) -> Result<String> {
    // Every id needs a line. A few repeated tokens leave gaps, but a hostile file leaves billions.
    if vocabulary.limit() as usize > 2 * vocabulary.len() + 1000 {
        let (count, limit) = (vocabulary.len(), vocabulary.limit());
        let reason = format!("{count} tokens have ids up to {}, too sparse for the lines of {VOCABULARY}", limit - 1);
        return Err(Error::Tokenizer { reason });
    }
    let last = vocabulary.token(vocabulary.limit() - 1).unwrap_or_default();
    // A line without a token repeats the last token: of equal lines the last one gives the id.
    let lines: Vec<&str> = (0..vocabulary.limit()).map(|id| vocabulary.token(id).unwrap_or(last)).collect();
    if let Some(bad) = lines.iter().find(|token| token.contains(['\n', '\r']) || token.trim_end() != **token) {
        let reason =
            format!("the token {bad:?} cannot be a line of {VOCABULARY}: it has a line end, or white space at its end");
        return Err(Error::Tokenizer { reason });
    }
    Ok(lines.join("\n") + "\n")
}
