//! Python's arguments of a forward pass -> [`Arguments`]: torch tensors, numpy arrays, or lists, ragged ones too.

use numpy::{PyArrayDyn, PyArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyList, PySequence, PyString, PyTuple};

use super::enter::enter_attached;
use super::errors::raise;
use super::tensors::{Arrays, as_array, floats, from_torch};
use crate::error::Error;
use crate::inputs::{Arguments, Rows};

/// The arguments as Python gave them.
pub(super) struct PyArguments<'a, 'py> {
    pub(super) input_ids: Option<&'a Bound<'py, PyAny>>,
    pub(super) attention_mask: Option<&'a Bound<'py, PyAny>>,
    pub(super) token_type_ids: Option<&'a Bound<'py, PyAny>>,
    pub(super) position_ids: Option<&'a Bound<'py, PyAny>>,
    pub(super) inputs_embeds: Option<&'a Bound<'py, PyAny>>,
}

impl PyArguments<'_, '_> {
    /// The arguments, and the kind of array that the answer is to have: that of the tokens.
    pub(super) fn read(&self) -> PyResult<(Arguments, Arrays)> {
        let mut arrays = Arrays::Numpy;
        let input_ids = self.input_ids.map(|ids| rows("input_ids", ids, Values::Integers)).transpose()?;
        if let Some((_, kind)) = &input_ids {
            arrays = *kind;
        }
        let embeddings = self.inputs_embeds.map(|embeddings| floats("inputs_embeds", embeddings)).transpose()?;
        if let Some((_, kind)) = &embeddings {
            arrays = *kind;
        }
        let other = |what, object: Option<&Bound<'_, PyAny>>, values| -> PyResult<Option<Rows>> {
            Ok(object.map(|object| rows(what, object, values)).transpose()?.map(|(rows, _)| rows))
        };
        let arguments = Arguments {
            input_ids: input_ids.map(|(rows, _)| rows),
            attention_mask: other("attention_mask", self.attention_mask, Values::Mask)?,
            token_type_ids: other("token_type_ids", self.token_type_ids, Values::Integers)?,
            position_ids: other("position_ids", self.position_ids, Values::Integers)?,
            inputs_embeds: embeddings.map(|(tensor, _)| tensor),
        };
        Ok((arguments, arrays))
    }
}

/// What an argument may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    Integers,
    /// Integers, truth values, or floats that are whole.
    Mask,
}

fn rows(what: &str, object: &Bound<'_, PyAny>, values: Values) -> PyResult<(Rows, Arrays)> {
    let py = object.py();
    if let Some(tensor) = from_torch(what, object)? {
        let rows = enter_attached(py, || match values {
            Values::Integers => Rows::from_tensor(what, &tensor),
            Values::Mask => Rows::from_mask_tensor(what, &tensor),
        })?;
        return Ok((rows, Arrays::Torch));
    }
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        return Ok((Rows::ragged(&listed(what, object, values)?), Arrays::Numpy));
    }
    let array = as_array(what, object)?;
    let (numbers, shape) = numbers(what, &array, values)?;
    let [count, columns] = shape[..] else {
        let error = Error::Shape { what: what.into(), expected: "[B, S]".into(), got: format!("{shape:?}") };
        return Err(raise(py, error));
    };
    let rows = enter_attached(py, || Rows::rectangular(what, numbers, count, columns))?;
    Ok((rows, Arrays::Numpy))
}

/// The integers of a numpy array, row-major, and its shape.
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
            return Err(raise(py, Error::Dtype { what: what.into(), expected: "an integer (int64)".into(), got }));
        }
    };
    if !whole {
        return Err(raise(py, Error::input(what, "expected 0 (padding) or 1 (keep), got a fraction or NaN")));
    }
    let array = array.call_method1("astype", ("int64",))?;
    let array = array.cast::<PyArrayDyn<i64>>()?;
    Ok((array.to_owned_array().iter().copied().collect(), shape))
}

/// The rows of a list of lists (or of one-dimensional arrays).
fn listed(what: &str, object: &Bound<'_, PyAny>, values: Values) -> PyResult<Vec<Vec<i64>>> {
    let py = object.py();
    let mut rows = Vec::new();
    for row in object.cast::<PySequence>()?.try_iter()? {
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
            let numbers = row.cast::<PySequence>()?.try_iter()?.map(|number| integer(what, &number?, values));
            rows.push(numbers.collect::<PyResult<_>>()?);
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

fn integer(what: &str, number: &Bound<'_, PyAny>, values: Values) -> PyResult<i64> {
    let wrong = || -> PyErr {
        let got = number.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
        raise(number.py(), Error::Dtype { what: what.into(), expected: "integers".into(), got })
    };
    if number.is_instance_of::<PyList>() || number.is_instance_of::<PyTuple>() {
        let got = "lists of lists of lists".into();
        return Err(raise(number.py(), Error::Shape { what: what.into(), expected: "[B, S]".into(), got }));
    }
    if number.is_instance_of::<PyBool>() && values == Values::Integers {
        return Err(wrong());
    }
    // `__index__` is what makes an object an integer; a float has none.
    let number = number.call_method0("__index__").map_err(|_| wrong())?;
    number.extract().map_err(|_| raise(number.py(), Error::input(what, format!("{number} does not fit into int64"))))
}
