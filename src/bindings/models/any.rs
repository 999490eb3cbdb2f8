//! A model without its type.

use std::path::PathBuf;

use tch::{Device, Tensor};

use super::outputs::Answer;
use crate::config::{AnyConfig, ProblemType};
use crate::encoder::ForwardOptions;
use crate::error::{Error, Result};
use crate::inputs::{Arguments, Inputs, Targets, Task};
use crate::models::Model;
use crate::pretrained::Pretrained;
use crate::weights::{LoadReport, Strictness, WeightFormat, WeightSource};

/// Any model, without its type.
pub(super) trait AnyModel: Send {
    fn run(&self, arguments: Arguments, options: ForwardOptions, problem: &mut Option<ProblemType>) -> Result<Answer>;
    fn parameters(&self) -> Vec<(String, Tensor)>;
    fn config(&self) -> AnyConfig;
    fn decoder(&self) -> Option<(Tensor, Tensor)>;
    fn words(&self) -> Result<Tensor>;
    fn resize(&mut self, size: i64, mean: bool) -> Result<()>;
    fn set_words(&mut self, words: &Tensor) -> Result<()>;
    fn report(&self) -> &LoadReport;
    fn untrained(&self) -> &[String];
    fn device(&self) -> Device;
    fn dtype(&self) -> &'static str;
    fn to_device(&self, device: Device) -> Result<()>;
    fn load(&mut self, source: &WeightSource, strictness: Strictness) -> Result<()>;
    fn save(&mut self, folder: PathBuf, config: AnyConfig, format: WeightFormat) -> Result<()>;
}

impl<M> AnyModel for Pretrained<M>
where
    M: Model + Send,
    M::Config: Into<AnyConfig> + TryFrom<AnyConfig, Error = Error> + Send,
    M::Output: Into<Answer>,
{
    fn config(&self) -> AnyConfig {
        self.config.clone().into()
    }

    fn run(&self, arguments: Arguments, options: ForwardOptions, problem: &mut Option<ProblemType>) -> Result<Answer> {
        let mut limits = self.model.limits();
        let mut is_text = false;
        if let Task::Texts { problem_type, .. } = &mut limits.task {
            (*problem_type, is_text) = (*problem, true);
        }
        let inputs = Inputs::new(arguments, &limits)?;
        if is_text {
            *problem = inputs.targets.as_ref().and_then(Targets::problem_type);
        }
        Ok(self.model.forward(&inputs, options)?.into())
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        Pretrained::parameters(self)
    }

    fn decoder(&self) -> Option<(Tensor, Tensor)> {
        Pretrained::decoder(self)
    }

    fn words(&self) -> Result<Tensor> {
        self.word_embeddings()
    }

    fn resize(&mut self, size: i64, mean: bool) -> Result<()> {
        self.resize_vocabulary(size, mean)
    }

    fn set_words(&mut self, words: &Tensor) -> Result<()> {
        self.set_word_embeddings(words)
    }

    fn report(&self) -> &LoadReport {
        &self.report
    }

    fn untrained(&self) -> &[String] {
        Pretrained::untrained(self)
    }

    fn device(&self) -> Device {
        Pretrained::device(self)
    }

    fn dtype(&self) -> &'static str {
        Pretrained::dtype(self)
    }

    fn to_device(&self, device: Device) -> Result<()> {
        Pretrained::to_device(self, device)
    }

    fn load(&mut self, source: &WeightSource, strictness: Strictness) -> Result<()> {
        Pretrained::load(self, source, strictness)
    }

    fn save(&mut self, folder: PathBuf, config: AnyConfig, format: WeightFormat) -> Result<()> {
        self.set_config(&config.try_into()?)?;
        Pretrained::save(self, folder, format)
    }
}
