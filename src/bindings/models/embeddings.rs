//! `oxbert.Model`: the embeddings of words and positions, the decoder, and their sizes.

use pyo3::prelude::*;

use super::base::PyModel;
use super::outputs::Answer;
use super::parameters::{parameter, values_of};
use crate::any_model::Train;
use crate::bindings::door::{argument_readers, as_array, from_torch, integer, raise};
use crate::config::{AnyConfig, Config, either};
use crate::error::{Error, Result};

argument_readers! {
    new_num_position_embeddings: i64 = |what, value| integer(what, value, 1..=i64::MAX);
    new_num_tokens: Option<i64> = |what, value: &Bound<'_, PyAny>| {
        if value.is_none() { Ok(None) } else { integer(what, value, i64::MIN..=i64::MAX).map(Some) }
    };
    pad_to_multiple_of: Option<i64> = |what, value: &Bound<'_, PyAny>| {
        if value.is_none() { Ok(None) } else { integer(what, value, 1..=i64::MAX).map(Some) }
    };
}

/// A table of embeddings whose size is in the configuration.
#[derive(Clone, Copy)]
enum Table {
    Words,
    Positions,
}

impl PyModel {
    /// Resize a table, and change the configuration with it. Nothing changes if there is an error.
    fn resize(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut dyn Train<Answer>) -> Result<()> + Send,
        table: Table,
        size: i64,
    ) -> PyResult<()> {
        let config = self.config.get();
        self.with(py, move |model| {
            let live = config.get();
            let resized = either!(live, live => {
                let mut live = live;
                match table {
                    Table::Words => live.set_vocab_size(size),
                    Table::Positions => live.set_positions(size),
                }
                live.check().map(|()| AnyConfig::from(live))
            })?;
            change(model)?;
            config.update(|config| *config = resized);
            Ok(())
        })?;
        for parameter in self.parameters(py)? {
            // Of another shape, it would be no gradient of this parameter.
            if !parameter.getattr("grad")?.is_none() {
                parameter.setattr("grad", py.None())?;
            }
        }
        Ok(())
    }
}

/// Refuse anything but an array or a tensor [V, E].
fn check_rows(object: &Bound<'_, PyAny>, width: i64) -> PyResult<()> {
    let shape = match from_torch("embeddings", object)? {
        Some(tensor) => tensor.size(),
        None => as_array("embeddings", object)?.getattr("shape")?.extract()?,
    };
    if shape.len() == 2 && shape[1] == width {
        return Ok(());
    }
    let (what, expected) = ("the word embeddings".into(), format!("[V, E = {width}]"));
    Err(raise(object.py(), Error::Shape { what, expected, got: format!("{shape:?}") }))
}

#[pymethods]
impl PyModel {
    /// Return the word embeddings [V, E] as a module whose `weight` is the model's own parameter. Imports torch.
    fn get_input_embeddings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let words = self.with(py, |model| model.word_embeddings())?;
        let padding = either!(self.config.get().get(), config => config.pad_token_id);
        py.import("oxbert.torch")?.call_method1("embedding", (parameter(py, &words)?, padding))
    }

    /// Replace the values of the word embeddings; a tied decoder follows.
    ///
    /// Args:
    ///     embeddings: [V, E], or an object whose `weight` is [V, E], such as a `torch.nn.Embedding`. Another V resizes
    ///         the vocabulary.
    ///
    /// Raises:
    ///     ShapeError: if E differs from the model's.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=0)
    ///     >>> model = oxbert.DistilBertModel(config, seed=0)
    ///     >>> model.set_input_embeddings(np.zeros((12, 8)))
    ///     >>> model.config.vocab_size
    ///     12
    fn set_input_embeddings(&self, py: Python<'_>, embeddings: &Bound<'_, PyAny>) -> PyResult<()> {
        let given = embeddings.getattr_opt("weight")?.unwrap_or_else(|| embeddings.clone());
        let own = self.with(py, |model| Ok(model.word_embeddings()?.size()))?;
        // Before they are read, because a small array can stand for any number of rows: `numpy.broadcast_to`.
        check_rows(&given, own[1])?;
        let rows = values_of("embeddings", &given)?;
        let size = rows.size()[0];
        self.resize(py, move |model| model.set_word_embeddings(&rows), Table::Words, size)
    }

    /// Return the position embeddings as a module whose `weight` is the model's own parameter. Imports torch.
    fn get_position_embeddings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let positions = self.with(py, |model| Ok(model.position_embeddings()))?;
        py.import("oxbert.torch")?.call_method1("embedding", (parameter(py, &positions)?,))
    }

    /// Change the number of positions, which is the length of the longest text. Imports torch.
    ///
    /// The last positions are dropped, or new positions are added with the values of a fresh model, so train the model
    /// before you use them. The parameter stays the same object with a new shape and loses its gradient.
    ///
    /// Args:
    ///     new_num_position_embeddings: The new number, at least 1.
    ///
    /// Raises:
    ///     InputError: if the new number is below 1.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=0, max_position_embeddings=2)
    ///     >>> model = oxbert.DistilBertModel(config, seed=0)
    ///     >>> model.resize_position_embeddings(3)
    ///     >>> model([[1, 2, 3]]).last_hidden_state.shape
    ///     (1, 3, 8)
    fn resize_position_embeddings(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = new_num_position_embeddings)] new_num_position_embeddings: i64,
    ) -> PyResult<()> {
        let size = new_num_position_embeddings;
        self.resize(py, move |model| model.resize_positions(size), Table::Positions, size)
    }

    /// Return the decoder of a masked LM as a module over the model's own parameters. Imports torch.
    ///
    /// Returns:
    ///     The decoder; None for other models.
    fn get_output_embeddings<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some((weight, bias)) = self.with(py, |model| Ok(model.decoder()))? else { return Ok(None) };
        let arguments = (parameter(py, &weight)?, parameter(py, &bias)?);
        py.import("oxbert.torch")?.call_method1("linear", arguments).map(Some)
    }

    /// Resize the vocabulary, and with it the decoder of a masked LM. Imports torch.
    ///
    /// The last rows are dropped, or new rows are added. The parameters stay the same objects with new shapes and lose
    /// their gradients. Make an optimizer after resizing, not before.
    ///
    /// Args:
    ///     new_num_tokens: The new V; None keeps the present V.
    ///     pad_to_multiple_of: Round V up to a multiple of this.
    ///     mean_resizing: Whether to draw new rows around the mean of the old rows; otherwise they are initialised as
    ///         in a fresh model.
    ///
    /// Returns:
    ///     The word embeddings, as `get_input_embeddings`.
    ///
    /// Raises:
    ///     ConfigError: if the new V is below 1, or not above `pad_token_id`.
    ///     InputError: if `pad_to_multiple_of` is below 1.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(vocab_size=10, dim=8, n_heads=2, n_layers=0)
    ///     >>> model = oxbert.DistilBertForMaskedLM(config, seed=0)
    ///     >>> model.resize_token_embeddings(pad_to_multiple_of=8)
    ///     Embedding(16, 8, padding_idx=0)
    ///     >>> model([[15]]).logits.shape
    ///     (1, 1, 16)
    #[pyo3(signature = (new_num_tokens = None, pad_to_multiple_of = None, mean_resizing = true))]
    fn resize_token_embeddings<'py>(
        &self,
        py: Python<'py>,
        #[pyo3(from_py_with = new_num_tokens)] new_num_tokens: Option<i64>,
        #[pyo3(from_py_with = pad_to_multiple_of)] pad_to_multiple_of: Option<i64>,
        mean_resizing: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let size = match new_num_tokens {
            Some(size) => size,
            None => self.with(py, |model| Ok(model.word_embeddings()?.size()[0]))?,
        };
        let multiple = pad_to_multiple_of.unwrap_or(1);
        let size = size.max(0).saturating_add(multiple - 1) / multiple * multiple;
        self.resize(py, move |model| model.resize_vocabulary(size, mean_resizing), Table::Words, size)?;
        self.get_input_embeddings(py)
    }
}
