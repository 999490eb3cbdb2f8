//! Models: one base class with everything that does not depend on the family, one thin class each.

#[macro_use]
mod model_class;

pub(crate) mod activation;
pub(crate) mod arguments;
pub(crate) mod base;
pub(crate) mod classes;
mod embeddings;
pub(crate) mod heads;
pub(crate) mod held;
mod intercept;
mod outline;
pub(crate) mod outputs;
pub(crate) mod parameters;
mod pretrained;
mod saving;
mod surface;
