//! `oxbert._native._TFRecordFile`, on which `oxbert.training.data.TFRecordDataset` stands.

use std::path::PathBuf;

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::bindings::door::{argument_readers, enter, integer, read_items};
use crate::bindings::models::arguments::integers;
use crate::error::Result;
use crate::files::write_atomically;
use crate::records::{ElectraExample, TFRecordFile, write_record};

argument_readers! {
    record: usize = |what, value| integer(what, value, 0..=usize::MAX);
    max_length: usize = |what, value| integer(what, value, 0..=usize::MAX);
    vocab_size: Option<i64> = |what, value: &Bound<'_, PyAny>| {
        if value.is_none() { Ok(None) } else { integer(what, value, 0..=i64::MAX).map(Some) }
    };
}

/// A TFRecord file of google-research/electra, mapped into memory. See `oxbert.training.data.TFRecordDataset`.
///
/// Args:
///     path: The file.
///     ends: The end of each record, uint64 [n], as `ends` of the same file returns it; None means to find them.
///
/// Raises:
///     DataError: if the file is cut off or the checksum of a length is wrong: `path`, `record` (from 0), `byte` (where
///         the record begins), `reason`.
///     FileError: if the file cannot be read.
#[pyclass(name = "_TFRecordFile", module = "oxbert._native", frozen, weakref)]
pub(super) struct PyTFRecordFile {
    file: TFRecordFile,
}

#[pymethods]
impl PyTFRecordFile {
    #[new]
    #[pyo3(signature = (path, ends = None))]
    fn new(py: Python<'_>, path: PathBuf, ends: Option<PyReadonlyArray1<'_, u64>>) -> PyResult<Self> {
        let ends = ends.map(|ends| Ok::<_, PyErr>(ends.as_slice()?.to_vec())).transpose()?;
        let file = enter(py, || match ends {
            Some(ends) => TFRecordFile::with_ends(path, ends),
            None => TFRecordFile::open(path),
        })?;
        Ok(Self { file })
    }

    /// Pickle by the path and the ends of the records: the file is mapped again.
    fn __getnewargs__<'py>(&self, py: Python<'py>) -> (PathBuf, Bound<'py, PyArray1<u64>>) {
        (self.file.path().to_path_buf(), self.ends(py))
    }

    fn __len__(&self) -> usize {
        self.file.len()
    }

    /// The end of each record, in bytes from the beginning of the file: uint64 [n].
    #[getter]
    fn ends<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u64>> {
        PyArray1::from_slice(py, self.file.ends())
    }

    /// Return where the data of each record begin and how long they are, in bytes: int64 [n] each.
    fn places<'py>(&self, py: Python<'py>) -> (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>) {
        let (places, lengths) = self.file.places().map(|(place, length)| (place as i64, length as i64)).unzip();
        (PyArray1::from_vec(py, places), PyArray1::from_vec(py, lengths))
    }

    /// Return the length of the lists of a record, padding included, in tokens.
    ///
    /// Raises:
    ///     DataError: if the record is damaged or holds no example.
    ///     IdRangeError: if there is no such record.
    fn row_length(&self, py: Python<'_>, #[pyo3(from_py_with = record)] record: usize) -> PyResult<usize> {
        enter(py, || self.file.row_length(record))
    }

    /// Return the ids of the example in a record, without padding, int32 [S], and the length of its first segment.
    ///
    /// Args:
    ///     record: The number of the record in the file, from 0.
    ///     vocab_size: The number of ids; None means no limit but that of int32.
    ///
    /// Raises:
    ///     DataError: if the record is damaged or holds no example, or if an id is not below `vocab_size`: `path`,
    ///         `record`, `byte` (where the record begins), `reason`.
    ///     IdRangeError: if there is no such record.
    #[pyo3(signature = (record, vocab_size = None))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = record)] record: usize,
        #[pyo3(from_py_with = vocab_size)] vocab_size: Option<i64>,
    ) -> PyResult<(Bound<'py, PyArray1<i32>>, usize)> {
        let example = enter(py, || self.file.example(record, vocab_size))?;
        Ok((PyArray1::from_vec(py, example.input_ids), example.first_segment))
    }

    /// Write examples, padded to `max_length` tokens, to a file that is complete or absent.
    ///
    /// Args:
    ///     path: The file.
    ///     examples: The ids of each example, without padding, and the length of its first segment.
    ///     max_length: The length of the padded rows.
    ///
    /// Raises:
    ///     InputError: if an example is longer than `max_length`, if the length of a first segment is impossible, or if
    ///         an id is negative.
    ///     FileError: if the file cannot be written.
    #[staticmethod]
    fn write(
        py: Python<'_>,
        path: PathBuf,
        examples: &Bound<'_, PyAny>,
        #[pyo3(from_py_with = max_length)] max_length: usize,
    ) -> PyResult<()> {
        let read = |example: Bound<'_, PyAny>| -> PyResult<(Vec<i32>, usize)> {
            let (ids, segment): (Bound<'_, PyAny>, Bound<'_, PyAny>) = example.extract()?;
            Ok((integers("examples", &ids, i32::MIN..=i32::MAX)?, integer("examples", &segment, 0..=usize::MAX)?))
        };
        let examples = read_items("examples", examples, read)?;
        enter(py, move || {
            let record = |(input_ids, first_segment)| ElectraExample { input_ids, first_segment }.to_record(max_length);
            let records = examples.into_iter().map(record).collect::<Result<Vec<_>>>()?;
            write_atomically(path, |file| records.iter().try_for_each(|record| write_record(file, record)))
        })
    }
}
