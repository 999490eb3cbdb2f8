//! candle's encoders of DistilBERT and BERT, as a module of Python: a peer of `python -m benches.models`.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config as BertConfig};
use candle_transformers::models::distilbert::{Config as DistilBertConfig, DistilBertModel};
use numpy::{IntoPyArray, PyArray3, PyArrayMethods, PyReadonlyArray2};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

enum Encoder {
    Bert(BertModel),
    DistilBert(DistilBertModel),
}

/// An encoder in float32.
#[pyclass]
struct Model(Encoder);

#[pymethods]
impl Model {
    /// Load a folder with `config.json` and `model.safetensors`.
    #[new]
    fn new(folder: &str) -> PyResult<Self> {
        let text = std::fs::read_to_string(format!("{folder}/config.json"))?;
        let config: serde_json::Value = serde_json::from_str(&text).map_err(refused)?;
        let files = [format!("{folder}/model.safetensors")];
        // SAFETY: nothing changes the file while the model lives.
        let weights = unsafe { VarBuilder::from_mmaped_safetensors(&files, DType::F32, &Device::Cpu) }.map_err(refused)?;
        let encoder = if config["model_type"] == "distilbert" {
            let config: DistilBertConfig = serde_json::from_value(config).map_err(refused)?;
            Encoder::DistilBert(DistilBertModel::load(weights, &config).map_err(refused)?)
        } else {
            let config: BertConfig = serde_json::from_value(config).map_err(refused)?;
            Encoder::Bert(BertModel::load(weights, &config).map_err(refused)?)
        };
        Ok(Self(encoder))
    }

    /// Return hidden states [B, S, H] of ids and a mask [B, S].
    fn run<'py>(
        &self,
        py: Python<'py>,
        ids: PyReadonlyArray2<'py, i64>,
        mask: PyReadonlyArray2<'py, i64>,
    ) -> PyResult<Bound<'py, PyArray3<f32>>> {
        let shape = (ids.as_array().nrows(), ids.as_array().ncols());
        let ids = ids.as_array().iter().map(|&id| id as u32).collect();
        let mask: Vec<u32> = mask.as_array().iter().map(|&kept| kept as u32).collect();
        let (size, values) = py.detach(|| self.forward(ids, mask, shape)).map_err(refused)?;
        values.into_pyarray(py).reshape(size)
    }
}

impl Model {
    fn forward(
        &self,
        ids: Vec<u32>,
        mask: Vec<u32>,
        (rows, columns): (usize, usize),
    ) -> candle_core::Result<([usize; 3], Vec<f32>)> {
        let ids = Tensor::from_vec(ids, (rows, columns), &Device::Cpu)?;
        let hidden = match &self.0 {
            Encoder::Bert(model) => {
                let mask = Tensor::from_vec(mask, (rows, columns), &Device::Cpu)?;
                model.forward(&ids, &ids.zeros_like()?, Some(&mask))?
            }
            Encoder::DistilBert(model) => {
                // 1 where nothing may attend.
                let hidden = mask.iter().map(|&kept| u8::from(kept == 0)).collect();
                model.forward(&ids, &Tensor::from_vec(hidden, (rows, 1, 1, columns), &Device::Cpu)?)?
            }
        };
        let (rows, columns, width) = hidden.dims3()?;
        Ok(([rows, columns, width], hidden.flatten_all()?.to_vec1()?))
    }
}

fn refused(error: impl std::fmt::Display) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

#[pymodule]
fn oxbert_bench_candle(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Model>()
}
