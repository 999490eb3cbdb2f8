//! `modules.json` and the files that it names -> the parts of a sentence encoder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::layer::{Dense, Layer};
use crate::error::{Error, Result};
use crate::nn::{Activation, values};
use crate::pipelines::features::TokenPooling;
use crate::resources::ModelFolder;
use crate::weights::WeightSource;

/// The parts of a sentence encoder.
pub(super) struct Modules {
    /// The folder of the encoder and the tokenizer.
    pub(super) encoder: PathBuf,
    pub(super) pooling: PoolingModule,
    pub(super) layers: Vec<Layer>,
    pub(super) settings: Settings,
}

/// How tokens become a vector.
#[derive(Debug, Clone)]
pub(super) struct PoolingModule {
    /// The poolings whose results are concatenated.
    pub(super) poolings: Vec<TokenPooling>,
    /// Whether the tokens of a prompt count.
    pub(super) include_prompt: bool,
}

/// What is done to a text before it is tokenised.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) max_length: Option<usize>,
    pub(super) lower: bool,
    pub(super) prompts: BTreeMap<String, String>,
    pub(super) default_prompt: Option<String>,
}

/// Read `modules.json` of a folder, and what it names.
pub(super) fn read(folder: &Path) -> Result<Modules> {
    ModelFolder::open(folder)?;
    let path = folder.join("modules.json");
    if !path.is_file() {
        let names = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found: Vec<String> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        found.sort();
        let wanted = "modules.json of sentence-transformers".into();
        return Err(Error::MissingFile { folder: folder.into(), wanted, found });
    }
    let modules = list(&path)?;
    let mut modules = modules.iter();
    let encoder = match modules.next() {
        Some(Module { kind, folder }) if kind == "Transformer" => folder.clone(),
        first => {
            let got = first.map_or("none", |module| module.kind.as_str());
            return Err(unexpected(&path, "a Transformer as the first module", got));
        }
    };
    let pooling = match modules.next() {
        Some(Module { kind, folder }) if kind == "Pooling" => pooling(&folder.join("config.json"))?,
        second => {
            let got = second.map_or("none", |module| module.kind.as_str());
            return Err(unexpected(&path, "a Pooling as the second module", got));
        }
    };
    let mut layers = Vec::new();
    for module in modules {
        match module.kind.as_str() {
            "Dense" => layers.push(Layer::Dense(dense(&module.folder)?)),
            "Normalize" => layers.push(Layer::Normalize),
            // Dropout does nothing in evaluation mode.
            "Dropout" => {}
            other => return Err(unexpected(&path, "Dense, Normalize or Dropout after the Pooling", other)),
        }
    }
    let settings = settings(folder, &encoder)?;
    Ok(Modules { encoder, pooling, layers, settings })
}

/// An entry of `modules.json`.
struct Module {
    /// The last part of its class.
    kind: String,
    folder: PathBuf,
}

fn list(path: &Path) -> Result<Vec<Module>> {
    let folder = path.parent().unwrap_or(path);
    let bad = |reason: &str| Error::config("the whole file", reason).in_file(path);
    let Value::Array(entries) = json(path)? else { return Err(bad("expected a list of modules")) };
    let module = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let (kind, below) =
            text("type").zip(text("path")).ok_or_else(|| bad("expected a type and a path of each module"))?;
        // A file must not lead out of its folder.
        if !Path::new(below).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(bad("expected the path of each module below the folder"));
        }
        let kind = kind.rsplit('.').next().unwrap_or(kind).to_string();
        Ok(Module { kind, folder: if below.is_empty() { folder.into() } else { folder.join(below) } })
    };
    entries.iter().map(module).collect()
}

/// Read the configuration of a Pooling.
fn pooling(path: &Path) -> Result<PoolingModule> {
    let values = object(path)?;
    let unknown = |mode: &Value| {
        let names = TokenPooling::ALL.map(|(name, _)| name).join(", ");
        Error::config("pooling_mode", format!("expected some of {names}, got {mode}")).in_file(path)
    };
    let named = |mode: &Value| {
        // sentence-transformers adds to this name what each of them stands for.
        let name = mode.as_str().map(|name| name.strip_suffix("_tokens").unwrap_or(name));
        name.and_then(TokenPooling::from_name).ok_or_else(|| unknown(mode))
    };
    let poolings = match values.get("pooling_mode") {
        Some(Value::Array(modes)) => modes.iter().map(named).collect::<Result<Vec<_>>>()?,
        Some(mode) => vec![named(mode)?],
        // Older files have a key for each mode.
        None => {
            let mut poolings = Vec::new();
            for (_, pooling) in TokenPooling::ALL {
                let key = match pooling {
                    TokenPooling::Cls => "pooling_mode_cls_token",
                    TokenPooling::Max => "pooling_mode_max_tokens",
                    TokenPooling::Mean => "pooling_mode_mean_tokens",
                    TokenPooling::MeanSqrtLen => "pooling_mode_mean_sqrt_len_tokens",
                    TokenPooling::WeightedMean => "pooling_mode_weightedmean_tokens",
                    TokenPooling::LastToken => "pooling_mode_lasttoken",
                };
                if flag(path, &values, key, false)? {
                    poolings.push(pooling);
                }
            }
            poolings
        }
    };
    if poolings.is_empty() {
        return Err(Error::config("pooling_mode", "expected at least one pooling, got none").in_file(path));
    }
    Ok(PoolingModule { poolings, include_prompt: flag(path, &values, "include_prompt", true)? })
}

/// Read the configuration and the weights of a Dense.
fn dense(folder: &Path) -> Result<Dense> {
    let path = folder.join("config.json");
    let values = object(&path)?;
    let size = |name: &str| {
        let size = values.get(name).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok());
        size.ok_or_else(|| Error::config(name, "expected a number of features").in_file(&path))
    };
    let (inputs, outputs) = (size("in_features")?, size("out_features")?);
    let activation = match values.get("activation_function").map(|name| (name, name.as_str())) {
        None => Activation::Tanh,
        Some((given, name)) => {
            let last = name.and_then(|name| name.rsplit('.').next()).unwrap_or_default().to_lowercase();
            Activation::from_name(&last).ok_or_else(|| {
                let reason = format!("expected an activation of torch that oxbert knows, got {given}");
                Error::config("activation_function", reason).in_file(&path)
            })?
        }
    };
    let source = WeightSource::open(ModelFolder::open(folder)?.weights()?)?;
    let read = |name: &str, shape: &[i64]| -> Result<Vec<f32>> {
        let expected = format!("{name} {shape:?}");
        match source.shape(name) {
            Some(found) if found == shape => {
                let tensor = source.tensor(name)?.f_to_kind(tch::Kind::Float)?.f_contiguous()?;
                Ok(values_of(&tensor)?)
            }
            found => {
                let got = found.map_or_else(|| "none".into(), |found| format!("{found:?}"));
                Err(Error::Shape { what: path.display().to_string(), expected, got })
            }
        }
    };
    let weight = read("linear.weight", &[outputs as i64, inputs as i64])?;
    let bias =
        if flag(&path, &values, "bias", true)? { read("linear.bias", &[outputs as i64])? } else { vec![0.0; outputs] };
    Ok(Dense::new(inputs, weight, bias, activation))
}

fn values_of(tensor: &tch::Tensor) -> Result<Vec<f32>> {
    Ok(values(tensor)?.to_vec())
}

/// Read the settings beside the encoder and those of the whole folder.
fn settings(folder: &Path, encoder: &Path) -> Result<Settings> {
    let mut settings = Settings::default();
    let path = encoder.join("sentence_bert_config.json");
    if path.is_file() {
        let values = object(&path)?;
        settings.lower = flag(&path, &values, "do_lower_case", false)?;
        settings.max_length = match values.get("max_seq_length") {
            None | Some(Value::Null) => None,
            Some(length) => {
                let length =
                    length.as_u64().filter(|&length| length > 0).and_then(|length| usize::try_from(length).ok());
                Some(length.ok_or_else(|| Error::config("max_seq_length", "expected at least 1").in_file(&path))?)
            }
        };
    }
    let path = folder.join("config_sentence_transformers.json");
    if path.is_file() {
        let values = object(&path)?;
        if let Some(Value::Object(prompts)) = values.get("prompts") {
            let text = |(name, prompt): (&String, &Value)| Some((name.clone(), prompt.as_str()?.to_string()));
            settings.prompts = prompts.iter().filter_map(text).collect();
        }
        settings.default_prompt = values.get("default_prompt_name").and_then(Value::as_str).map(ToString::to_string);
        if let Some(name) = settings.default_prompt.as_ref().filter(|name| !settings.prompts.contains_key(*name)) {
            let reason = format!("expected the name of a prompt, got {name:?}");
            return Err(Error::config("default_prompt_name", reason).in_file(&path));
        }
    }
    Ok(settings)
}

fn flag(path: &Path, values: &Map<String, Value>, name: &str, default: bool) -> Result<bool> {
    match values.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(Error::config(name, format!("expected true or false, got {other}")).in_file(path)),
    }
}

fn object(path: &Path) -> Result<Map<String, Value>> {
    match json(path)? {
        Value::Object(values) => Ok(values),
        _ => Err(Error::config("the whole file", "expected a JSON object").in_file(path)),
    }
}

fn json(path: &Path) -> Result<Value> {
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::config("the whole file", format!("not valid JSON: {error}")).in_file(path))
}

fn unexpected(path: &Path, expected: &str, got: &str) -> Error {
    Error::config("type", format!("expected {expected}, got {got}")).in_file(path)
}
