//! Python's arguments of a forward pass -> [`Arguments`]: torch tensors, numpy arrays, or lists, which may be ragged.

use std::collections::HashMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

use numpy::{PyArrayDyn, PyArrayMethods};
use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyList, PyString, PyTuple};

use super::parameters::values_of;
use crate::bindings::door::{
    self, Arrays, as_array, copied, enter_attached, floats, from_torch, raise, refused, truth, wrong_type,
};
use crate::error::Error;
use crate::inputs::{Arguments, Labels, Rows};
use tch::Tensor;

/// The arguments of a model's `__call__`, in transformers' order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Every argument that may be given by position or by name.
    pub(crate) names: Vec<&'static str>,
    /// Names that are accepted and have no effect.
    pub(crate) ignored: &'static [&'static str],
}

impl Signature {
    /// Return the arguments of the encoder alone.
    pub(crate) fn without_targets(&self) -> Self {
        const TARGETS: [&str; 4] = ["labels", "start_positions", "end_positions", "is_impossible"];
        let names = self.names.iter().copied().filter(|name| !TARGETS.contains(name)).collect();
        Self { names, ignored: self.ignored }
    }

    /// Options of every model, by name only.
    const OPTIONS: [&'static str; 3] = ["output_hidden_states", "output_attentions", "return_dict"];

    /// Arguments of transformers, by name only, and why they must be None, or False.
    const ABSENT: [(&'static str, &'static str); 6] = [
        ("head_mask", "oxbert masks no heads"),
        ("encoder_hidden_states", "oxbert has encoders only"),
        ("encoder_attention_mask", "oxbert has encoders only"),
        ("past_key_values", "an encoder has no cache"),
        ("use_cache", "an encoder has no cache"),
        ("cache", "an encoder has no cache"),
    ];
}

/// The arguments of one call, as Python gave them.
pub(crate) struct Call<'py> {
    given: HashMap<&'static str, Bound<'py, PyAny>>,
}

impl<'py> Call<'py> {
    /// Bind each argument to its name, as Python does for a function of this signature.
    pub(crate) fn bind(
        class: &str,
        signature: &Signature,
        positional: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let names = &signature.names;
        if positional.len() > names.len() {
            let (most, got) = (names.len(), positional.len());
            let message = format!("{class}() takes at most {most} positional arguments ({got} given)");
            return Err(PyTypeError::new_err(message));
        }
        let mut given: HashMap<_, _> = names.iter().copied().zip(positional.iter()).collect();
        for (name, value) in named.into_iter().flat_map(PyDictMethods::iter) {
            let name: String = name.extract()?;
            if signature.ignored.contains(&name.as_str()) {
                continue;
            }
            if let Some((_, reason)) = Signature::ABSENT.iter().find(|(absent, _)| *absent == name) {
                if value.is_none()
                    || name == "use_cache" && value.is_exact_instance_of::<PyBool>() && !value.is_truthy()?
                {
                    continue;
                }
                let reason = format!("expected None, got {}: {reason}", value.get_type().name()?);
                return Err(raise(value.py(), Error::input(name, reason)));
            }
            let Some(known) = names.iter().chain(&Signature::OPTIONS).find(|known| **known == name) else {
                let message = format!("{class}() got an unexpected keyword argument {name:?}");
                return Err(PyTypeError::new_err(message));
            };
            if given.insert(known, value).is_some() {
                return Err(PyTypeError::new_err(format!("{class}() got multiple values for argument {name:?}")));
            }
        }
        given.retain(|_, value| !value.is_none());
        Ok(Self { given })
    }

    /// Return an option, if it was given.
    pub(crate) fn option(&self, name: &str) -> PyResult<Option<bool>> {
        self.given.get(name).map(|value| truth(name, value)).transpose()
    }

    /// Return the arguments, and the kind of array of the answer, which is the kind of the tokens.
    ///
    /// Args:
    ///     longest: The number of tokens that a text may have.
    pub(crate) fn read(&self, longest: i64) -> PyResult<(Arguments, Arrays)> {
        self.check_widths(longest)?;
        let mut arrays = Arrays::Numpy;
        let input_ids = self.given.get("input_ids").map(|ids| rows("input_ids", ids, Values::Integers)).transpose()?;
        if let Some((_, kind)) = &input_ids {
            arrays = *kind;
        }
        let embeddings = self.given.get("inputs_embeds").map(|floats| self::floats("inputs_embeds", floats));
        let embeddings = embeddings.transpose()?;
        if let Some((_, kind)) = &embeddings {
            arrays = *kind;
        }
        let other = |what, values| -> PyResult<Option<Rows>> {
            Ok(self.given.get(what).map(|object| rows(what, object, values)).transpose()?.map(|(rows, _)| rows))
        };
        let span = |what: &str| self.given.get(what).map(|columns| numbers_of(what, columns)).transpose();
        let (labels, start) = (self.given.get("labels").map(labels).transpose()?, span("start_positions")?);
        let (end, is_impossible) = (span("end_positions")?, span("is_impossible")?);
        let labels = Labels::from_arguments(labels, start, end, is_impossible);
        let labels = labels.map_err(|error| Python::attach(|py| raise(py, error)))?;
        let arguments = Arguments {
            input_ids: input_ids.map(|(rows, _)| rows),
            attention_mask: other("attention_mask", Values::Mask)?,
            token_type_ids: other("token_type_ids", Values::Integers)?,
            position_ids: other("position_ids", Values::Integers)?,
            inputs_embeds: embeddings.map(|(tensor, _)| tensor),
            labels,
        };
        Ok((arguments, arrays))
    }

    /// Refuse arrays that the inputs would refuse for their widths, before they are copied: a small array can claim any
    /// width (`numpy.broadcast_to`, `torch.Tensor.expand`).
    fn check_widths(&self, longest: i64) -> PyResult<()> {
        let Some(ids) = self.given.get("input_ids") else { return Ok(()) };
        let py = ids.py();
        let Some(shape) = shape_of(ids) else { return Ok(()) };
        let width = |shape: &[i64]| shape.last().copied().filter(|_| shape.len() > 1).unwrap_or(0);
        let is_kept = !self.given.contains_key("attention_mask") && !self.given.contains_key("position_ids");
        if is_kept && width(&shape) > longest {
            let (length, maximum) = (width(&shape) as usize, longest as usize);
            return Err(raise(py, Error::TooLong { what: "input_ids".into(), row: 0, length, maximum }));
        }
        for what in ["attention_mask", "token_type_ids", "position_ids"] {
            let Some(other) = self.given.get(what).and_then(shape_of) else { continue };
            if width(&other) > width(&shape).max(longest) {
                let (expected, got) = (format!("[B, S] = {shape:?}"), format!("{other:?}"));
                return Err(raise(py, Error::Shape { what: what.into(), expected, got }));
            }
        }
        Ok(())
    }
}

/// Return the shape of an array of any library, if it has one.
fn shape_of(object: &Bound<'_, PyAny>) -> Option<Vec<i64>> {
    object.getattr("shape").and_then(|shape| shape.extract()).ok()
}

/// Read labels: rows of integers may be ragged, everything else is an array.
fn labels(object: &Bound<'_, PyAny>) -> PyResult<Labels> {
    let is_ragged = is_list(object) && object.get_item(0).is_ok_and(|row| is_list(&row) || rank(&row) == 1);
    if !is_ragged {
        return Ok(Labels::Tensor(numbers_of("labels", object)?));
    }
    match rows("labels", object, Values::Mask) {
        Ok((rows, _)) => Ok(Labels::Rows(rows)),
        // Rows of one length may hold floats.
        Err(refused) => numbers_of("labels", object).map(Labels::Tensor).map_err(|_| refused),
    }
}

/// Read numbers of any shape. numpy's unsigned integers become int64, because libtorch lacks arithmetic for them.
fn numbers_of(what: &str, object: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let is_unsigned = |array: &Bound<'_, PyAny>| -> PyResult<bool> {
        Ok(array.getattr("dtype")?.getattr("kind")?.extract::<String>()? == "u")
    };
    if is_unsigned(object).unwrap_or(false) {
        let signed = object
            .call_method1("astype", ("int64",))
            .map_err(|error| refused(object.py(), error, |reason| Error::input(what, reason.to_string())))?;
        return values_of(what, &signed);
    }
    values_of(what, object)
}

fn is_list(object: &Bound<'_, PyAny>) -> bool {
    object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>()
}

/// Return the number of dimensions of an array; 0 for any other object.
fn rank(object: &Bound<'_, PyAny>) -> usize {
    object.getattr("ndim").and_then(|rank| rank.extract()).unwrap_or(0)
}

/// The values that an argument may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    Integers,
    /// Integers, booleans, or whole floats.
    Mask,
}

pub(crate) fn rows(what: &str, object: &Bound<'_, PyAny>, values: Values) -> PyResult<(Rows, Arrays)> {
    let py = object.py();
    if let Some(tensor) = from_torch(what, object)? {
        let rows = enter_attached(py, || match values {
            Values::Integers => Rows::from_tensor(what, &tensor),
            Values::Mask => Rows::from_mask_tensor(what, &tensor),
        })?;
        return Ok((rows, Arrays::Torch));
    }
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        return Ok((choices(what, object, values)?, Arrays::Numpy));
    }
    let array = as_array(what, object)?;
    let (numbers, shape) = numbers(what, &array, values)?;
    Ok((enter_attached(py, || Rows::shaped(what, numbers, &shape))?, Arrays::of(object)?))
}

/// Return the integers of a numpy array, row-major, and its shape.
fn numbers(what: &str, array: &Bound<'_, PyAny>, values: Values) -> PyResult<(Vec<i64>, Vec<usize>)> {
    let py = array.py();
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    let whole = match (kind.as_str(), values) {
        ("i" | "u", _) | ("b", Values::Mask) => true,
        ("f", Values::Mask) => {
            let known = py.import("numpy")?.call_method1("isin", (array, (0, 1)))?;
            known.call_method0("all")?.is_truthy()?
        }
        _ => {
            let got = array.getattr("dtype")?.str()?.to_string();
            return Err(raise(py, Error::Dtype { what: what.into(), expected: "integers (int64)".into(), got }));
        }
    };
    if !whole {
        return Err(raise(py, Error::input(what, "expected 0 (padding) or 1 (keep), got a fraction or NaN")));
    }
    // Row-major, since the values are read one after another.
    let array = array.call_method1("astype", ("int64", "C"));
    let array = array.map_err(|error| refused(py, error, |reason| Error::input(what, reason.to_string())))?;
    let array = array.cast::<PyArrayDyn<i64>>()?.try_readonly()?;
    let values = copied(array.as_slice()?).map_err(|error| raise(py, error))?;
    Ok((values, shape))
}

/// Read rows, or C choices of rows for each question.
fn choices(what: &str, object: &Bound<'_, PyAny>, values: Values) -> PyResult<Rows> {
    let py = object.py();
    let is_row = |row: &Bound<'_, PyAny>| is_list(row) || rank(row) == 1;
    let is_question = |question: &Bound<'_, PyAny>| {
        rank(question) == 2 || is_list(question) && question.get_item(0).is_ok_and(|row| is_row(&row))
    };
    if !object.get_item(0).is_ok_and(|first| is_question(&first)) {
        return Ok(Rows::ragged(&listed(what, object, values)?));
    }
    let question = |question: PyResult<Bound<'_, PyAny>>| {
        let question = question?;
        if !(is_list(&question) || rank(&question) == 2) {
            let (expected, got) =
                ("choices for every question".into(), format!("a question that is {}", question.repr()?));
            return Err(raise(py, Error::Shape { what: what.into(), expected, got }));
        }
        listed(what, &question, values)
    };
    let questions = object.try_iter()?.map(question).collect::<PyResult<Vec<_>>>()?;
    let count = questions.first().map_or(0, Vec::len);
    if let Some(other) = questions.iter().find(|question| question.len() != count) {
        let expected = format!("{count} choices for every question, as for the first");
        return Err(raise(py, Error::Shape { what: what.into(), expected, got: other.len().to_string() }));
    }
    enter_attached(py, || Rows::ragged(&questions.concat()).in_choices(what, count))
}

/// Read the rows of a list of lists or of one-dimensional arrays.
fn listed(what: &str, object: &Bound<'_, PyAny>, values: Values) -> PyResult<Vec<Vec<i64>>> {
    let py = object.py();
    let mut rows = Vec::new();
    for row in object.try_iter()? {
        py.check_signals()?;
        let row = row?;
        if row.is_instance_of::<PyInt>() || row.is_instance_of::<PyString>() {
            let error = Error::Shape {
                what: what.into(),
                expected: "a list of rows, [[...], ...]".into(),
                got: format!("a row that is {}", row.repr()?),
            };
            return Err(raise(py, error));
        }
        if row.is_instance_of::<PyList>() || row.is_instance_of::<PyTuple>() {
            rows.push(door::read_items(what, &row, |number| integer(what, &number, values))?);
        } else {
            let array = as_array(what, &row)?;
            let (numbers, shape) = numbers(what, &array, values)?;
            if shape.len() != 1 {
                let error = Error::Shape { what: what.into(), expected: "rows [S]".into(), got: format!("{shape:?}") };
                return Err(raise(py, error));
            }
            rows.push(numbers);
        }
    }
    Ok(rows)
}

/// Read a seed as `torch.manual_seed` does: any integer of 64 bits, with or without a sign.
pub(crate) fn seed(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    let read = || door::integer::<i128>("seed", value, i64::MIN.into()..=u64::MAX.into());
    // The same bits, as torch takes them.
    if value.is_none() { Ok(None) } else { Ok(Some(read()? as i64)) }
}

/// Read a sequence of integers, each of which must lie in `allowed`.
pub(crate) fn integers<N>(what: &str, value: &Bound<'_, PyAny>, allowed: RangeInclusive<N>) -> PyResult<Vec<N>>
where
    N: Copy + Display + PartialOrd + TryFrom<i128>,
{
    value.try_iter().map_err(|_| wrong_type(what, "a sequence of integers", value))?;
    door::read_items(what, value, |item| door::integer(what, &item, allowed.clone()))
}

/// Read three integers as [`integers`] does.
pub(crate) fn three<N>(what: &str, value: &Bound<'_, PyAny>, allowed: RangeInclusive<N>) -> PyResult<[N; 3]>
where
    N: Copy + Display + PartialOrd + TryFrom<i128>,
{
    integers(what, value, allowed)?.try_into().map_err(|numbers: Vec<N>| {
        raise(value.py(), Error::input(what, format!("expected three integers, got {}", numbers.len())))
    })
}

fn integer(what: &str, number: &Bound<'_, PyAny>, values: Values) -> PyResult<i64> {
    let wrong = || wrong_type(what, "integers", number);
    // Nearly all arguments are plain integers, which need no method look-up.
    if number.is_exact_instance_of::<PyInt>()
        && let Ok(number) = number.extract()
    {
        return Ok(number);
    }
    if number.is_instance_of::<PyList>() || number.is_instance_of::<PyTuple>() {
        let got = "lists of lists of lists".into();
        return Err(raise(number.py(), Error::Shape { what: what.into(), expected: "[B, S]".into(), got }));
    }
    if number.is_instance_of::<PyBool>() && values == Values::Integers {
        return Err(wrong());
    }
    // Integers of every kind have `__index__`; floats do not.
    let index = number.call_method0("__index__");
    let number =
        index.map_err(|error| if error.is_instance_of::<PyException>(number.py()) { wrong() } else { error })?;
    number.extract().map_err(|_| raise(number.py(), Error::input(what, format!("{number} does not fit into int64"))))
}
