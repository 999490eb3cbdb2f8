//! `__call__` with a docstring.

use std::ffi::{CStr, CString};

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// Give every class of a module that has a method `_call` that method under the name `__call__`.
///
/// A method that pyo3 is told to name `__call__` becomes a slot, which has Python's own docstring, "Call self as a
/// function.", and no signature.
pub(crate) fn name_calls(module: &Bound<'_, PyModule>) -> PyResult<()> {
    for member in module.dict().values() {
        if let Ok(class) = member.cast::<PyType>()
            && let Some(method) = class.getattr("__dict__")?.call_method1("get", ("_call",))?.extract::<Option<_>>()?
        {
            class.setattr("__call__", renamed(class, &method)?)?;
            class.delattr("_call")?;
        }
    }
    Ok(())
}

/// Return the method of a class, a `method_descriptor`, named `__call__`.
fn renamed<'py>(class: &Bound<'py, PyType>, method: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: only the address of the type is read.
    if unsafe { ffi::Py_TYPE(method.as_ptr()) != &raw mut ffi::PyMethodDescr_Type } {
        return Err(PyTypeError::new_err(format!("{class}._call is no method of a native class")));
    }
    let descriptor: *mut ffi::PyMethodDescrObject = method.as_ptr().cast();
    // SAFETY: the object is a method descriptor. pyo3 makes methods of `PyMethodDef`s that live as long as the process, and so do the copy and its text.
    unsafe {
        let mut definition = *(*descriptor).d_method;
        // The text begins with the signature, and that with the name.
        if let Some(rest) = CStr::from_ptr(definition.ml_doc).to_bytes().strip_prefix(b"_call") {
            definition.ml_doc = CString::new([b"__call__", rest].concat())?.into_raw();
        }
        definition.ml_name = c"__call__".as_ptr();
        let definition = Box::into_raw(Box::new(definition));
        Bound::from_owned_ptr_or_err(class.py(), ffi::PyDescr_NewMethod(class.as_type_ptr(), definition))
    }
}
