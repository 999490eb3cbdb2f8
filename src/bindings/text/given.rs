//! Arguments that name special tokens.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::added::{added_tokens, one};
use super::texts::strings;
use crate::bindings::door::{raise, wrong_type};
use crate::error::Error;
use crate::text::{Given, TokenizerOptions};

/// The arguments of `from_pretrained` for the five special tokens, in the order of [`Given::names`].
const ROLES: [&str; 5] = ["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"];

/// Take the arguments that [`Given`] has, and those that transformers takes and that change nothing here, out of the
/// keyword arguments of `from_pretrained`.
pub(super) fn take(options: &Bound<'_, PyDict>) -> PyResult<Given> {
    let py = options.py();
    let mut given = Given::default();
    for (name, role) in given.names.iter_mut().zip(ROLES) {
        *name = pop(options, role)?.map(|token| one(role, &token, true)).transpose()?.map(|token| token.content);
    }
    for role in ["bos_token", "eos_token"] {
        if pop(options, role)?.is_some() {
            return Err(raise(py, Error::input(role, "expected None: BERT's vocabularies have no such token")));
        }
    }
    for name in ["additional_special_tokens", "extra_special_tokens"] {
        if let Some(tokens) = pop(options, name)? {
            given.extra.extend(added_tokens(name, &tokens, true)?);
        }
    }
    given.without_code = pop(options, "trust_remote_code")?.is_some_and(|trust| !trust.is_truthy().unwrap_or(true));
    pop(options, "use_fast")?;
    Ok(given)
}

/// Take `clean_up_tokenization_spaces` and `model_input_names`, that is whether calls return token types by default,
/// out of the keyword arguments of `from_pretrained`.
pub(super) fn take_settings(options: &Bound<'_, PyDict>) -> PyResult<(Option<bool>, Option<bool>)> {
    let name = "clean_up_tokenization_spaces";
    let flag = |value: Bound<'_, PyAny>| value.extract().map_err(|_| wrong_type(name, "True, False or None", &value));
    let clean_up = pop(options, name)?.map(flag).transpose()?;
    let what = "model_input_names";
    let Some(given) = pop(options, what)? else { return Ok((clean_up, None)) };
    let names = strings(what, &given)?;
    let read = TokenizerOptions::read_input_names(names.iter().map(String::as_str));
    let refused = || {
        let known = TokenizerOptions::input_names(true).join(", ");
        let reason = format!("expected the names {known}, the second or not, got {}", names.join(", "));
        raise(options.py(), Error::input(what, reason))
    };
    Ok((clean_up, Some(read.ok_or_else(refused)?)))
}

/// Take an argument out of the keyword arguments; None counts as absent.
fn pop<'py>(options: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    let value = options.get_item(name)?;
    if value.is_some() {
        options.del_item(name)?;
    }
    Ok(value.filter(|value| !value.is_none()))
}
