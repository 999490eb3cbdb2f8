//! Parts of a forward pass that the caller takes over: linear layers, and the layers of an encoder.
//!
//! An [`Intercept`] holds for the calls of one thread, so that a pass without one costs a look at a thread-local value.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tch::Tensor;

use crate::error::Result;

/// The output of a layer of an encoder: hidden states `[T, H]`, and the attention probabilities if requested.
pub type LayerOutput = (Tensor, Option<Tensor>);

/// A function in place of a linear layer: `[..., in]` to `[..., out]`.
pub type LinearCall = Box<dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync>;

/// A layer of an encoder that needs only its input, and can be run again.
pub type PreparedLayer = Box<dyn Fn(&Tensor) -> Result<LayerOutput> + Send + Sync>;

/// A function that runs a layer of an encoder, in its own way.
pub type LayerCall = Box<dyn Fn(PreparedLayer, &Tensor) -> Result<LayerOutput> + Send + Sync>;

/// The functions that take over parts of a forward pass.
#[derive(Default)]
pub struct Intercept {
    /// By the address of the weight's values, which all handles of a parameter share.
    linear: HashMap<usize, LinearCall>,
    layer: Option<LayerCall>,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Intercept>>> = const { RefCell::new(None) };
}

impl Intercept {
    /// Take functions in place of the linear layers with these weights, and a function that runs the encoder's layers.
    #[must_use]
    pub fn new(linear: impl IntoIterator<Item = (Tensor, LinearCall)>, layer: Option<LayerCall>) -> Self {
        let linear = linear.into_iter().map(|(weight, call)| (address(&weight), call)).collect();
        Self { linear, layer }
    }

    /// Run `work` on this thread with the functions in place.
    pub fn during<T>(self: &Arc<Self>, work: impl FnOnce() -> T) -> T {
        let _restored = Restored(CURRENT.replace(Some(Arc::clone(self))));
        work()
    }

    /// Return the present functions of this thread.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Call the function in place of the linear layer with this weight; None if there is no such function.
    pub(super) fn linear(weight: &Tensor, input: &Tensor) -> Option<Result<Tensor>> {
        if CURRENT.with_borrow(|current| current.as_ref().is_none_or(|current| current.linear.is_empty())) {
            return None;
        }
        let current = Self::current()?;
        current.linear.get(&address(weight)).map(|call| call(input))
    }

    /// Return the function that runs the layers of an encoder.
    pub(crate) fn layer(&self) -> Option<&LayerCall> {
        self.layer.as_ref()
    }
}

impl fmt::Debug for Intercept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Intercept").field("linear", &self.linear.len()).finish_non_exhaustive()
    }
}

/// Puts the earlier functions back, also after a panic.
struct Restored(Option<Arc<Intercept>>);

impl Drop for Restored {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

fn address(weight: &Tensor) -> usize {
    weight.data_ptr() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubled(weight: &Tensor) -> Arc<Intercept> {
        let call: LinearCall = Box::new(|input| Ok(input.f_mul_scalar(2.0)?));
        Arc::new(Intercept::new([(weight.shallow_clone(), call)], None))
    }

    #[test]
    fn a_layer_is_replaced_during_the_call_and_on_its_thread_only() {
        let (weight, other) = (Tensor::ones([2, 2], tch::kind::FLOAT_CPU), Tensor::ones([2, 2], tch::kind::FLOAT_CPU));
        let input = Tensor::ones([1, 2], tch::kind::FLOAT_CPU);
        let replaced = |weight: &Tensor| Intercept::linear(weight, &input).map(|output| output.unwrap().sum(None));
        assert!(replaced(&weight).is_none());
        doubled(&weight).during(|| {
            assert_eq!(replaced(&weight.shallow_clone()), Some(Tensor::from(4.0_f32)));
            assert!(replaced(&other).is_none());
            // Another one inside, and the first again after it, even if the inner call panics.
            let inner = std::panic::AssertUnwindSafe(|| {
                doubled(&other).during(|| {
                    assert!(replaced(&weight).is_none() && replaced(&other).is_some());
                    panic!("expected");
                });
            });
            assert!(std::panic::catch_unwind(inner).is_err());
            assert!(replaced(&weight).is_some() && replaced(&other).is_none());
            std::thread::scope(|scope| {
                let there = weight.shallow_clone();
                scope.spawn(move || assert!(Intercept::linear(&there, &there).is_none()));
            });
        });
        assert!(replaced(&weight).is_none() && Intercept::current().is_none());
    }
}
