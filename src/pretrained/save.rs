//! A model -> a folder.

use std::io::Write;
use std::path::Path;

use tch::Device;
use tch::nn::VarStore;

use super::Pretrained;
use crate::config::{Config, Difference, difference};
use crate::error::{Error, Result};
use crate::files::Staged;
use crate::models::Model;
use crate::nn::Parameters;
use crate::resources::WEIGHT_FILES;
use crate::weights::{WeightFormat, stage_variables};

impl<M: Model> Pretrained<M> {
    /// Replace the configuration that is saved with the parameters, such as the names of labels and unknown keys. The
    /// model's computation does not change.
    ///
    /// # Errors
    /// [`Error::Config`] if the configuration describes different parameters, or a different computation with them.
    pub fn set_config(&mut self, config: &M::Config) -> Result<()> {
        let described = VarStore::new(Device::Cpu);
        // The memory of deferred parameters is never touched, so describing a large model costs nothing.
        M::build(&Parameters::deferred(&described.root()), config)?;
        if let Some(Difference { field, one, other }) = difference(&self.config, config) {
            return Err(Error::config(field, format!("the model was built with {one}, got {other}")));
        }
        // The encoders are equal; the heads may still have other parameters, by their number of labels for example.
        let (mut described, own) = (described.variables(), self.variables.variables());
        for (name, parameter) in &own {
            let shape = described.remove(name).map(|tensor| tensor.size());
            if shape.as_ref() != Some(&parameter.size()) {
                let got = shape.map_or_else(|| "none".into(), |shape| format!("{shape:?}"));
                let reason = format!("expected {name} with the model's shape {:?}, got {got}", parameter.size());
                return Err(Error::config("the whole configuration", reason));
            }
        }
        if let Some(name) = described.keys().next() {
            let reason = format!("expected no parameter {name}, since the model has none");
            return Err(Error::config("the whole configuration", reason));
        }
        self.config = config.clone();
        Ok(())
    }

    /// Write `config.json` and the weights into a folder, which is created if it does not exist.
    ///
    /// A folder never contradicts itself: existing weights in the other formats are rewritten too. If the folder has
    /// weights in a form that is not written here, such as several files of a larger model, the format that is read
    /// before all others is written too. All files are written before the first is replaced.
    ///
    /// # Errors
    /// [`Error::Io`]; the folder is then unchanged.
    pub fn save(&self, folder: impl AsRef<Path>, format: WeightFormat) -> Result<()> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
        // An older file in another format would contradict the new file, and might be read instead.
        let is_written = |known: &WeightFormat| *known == format || folder.join(known.file_name()).exists();
        let mut formats: Vec<WeightFormat> = WeightFormat::ALL.into_iter().filter(is_written).collect();
        let is_ours = |name: &str| formats.iter().any(|known| known.file_name() == name);
        let read = WEIGHT_FILES.into_iter().find(|name| is_ours(name) || folder.join(name).is_file());
        if !read.is_some_and(is_ours) {
            formats.push(WeightFormat::default());
        }
        let mut files = Staged::default();
        for format in formats {
            stage_variables(&mut files, &folder.join(format.file_name()), &self.variables, &M::BACKBONE, format)?;
        }
        let mut config = self.config.clone();
        config.note_dtype(self.dtype());
        config.note_architecture(&M::name());
        files.write(folder.join("config.json"), |file| writeln!(file, "{}", config.to_json()))?;
        files.commit()
    }
}
