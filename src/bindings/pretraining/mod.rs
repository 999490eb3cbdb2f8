//! Pre-training: the networks that train together, and the heads of the original TensorFlow code.

pub(crate) mod model_garden;
pub(crate) mod networks;
