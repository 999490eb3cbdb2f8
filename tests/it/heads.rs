//! Heads alone on hidden states, against the formula of the paper written out.

use oxbert::Error;
use oxbert::electra::{ElectraConfig, ElectraDiscriminatorHead, ElectraGeneratorHead};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::common::{assert_close, fill, odd, random_numbers, waves};

/// A head under `head`, filled, and a look-up of its parameters.
fn build<H>(new: impl FnOnce(&VarStore) -> oxbert::Result<H>) -> (H, impl Fn(&str) -> Tensor) {
    let _random = random_numbers();
    let variables = VarStore::new(Device::Cpu);
    let head = new(&variables).unwrap();
    let mut parameters: Vec<_> = variables.variables().into_iter().collect();
    parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
    fill(parameters);
    (head, move |name: &str| variables.variables()[&format!("head.{name}")].shallow_clone())
}

fn linear(input: &Tensor, parameter: &impl Fn(&str) -> Tensor, name: &str) -> Tensor {
    input.matmul(&parameter(&format!("{name}.weight")).transpose(0, 1)) + parameter(&format!("{name}.bias"))
}

#[test]
fn the_discriminators_head_gives_one_logit_a_token_of_any_rank() {
    let (head, parameter) = build(|variables| ElectraDiscriminatorHead::new(variables.root() / "head", &odd()));
    let hidden = waves(&[2, 3, 35], 4.0);
    let logits = head.forward(&hidden).unwrap();
    // The activation is the configuration's.
    let expected = linear(&linear(&hidden, &parameter, "dense").relu(), &parameter, "dense_prediction");
    assert_close(&logits, &expected.squeeze_dim(-1));
    for shape in [vec![35], vec![1, 35], vec![1, 1, 35]] {
        assert_eq!(head.forward(&waves(&shape, 0.0)).unwrap().size(), shape[..shape.len() - 1]);
    }
}

#[test]
fn the_generators_head_is_gelu_whatever_the_configuration_says() {
    let (head, parameter) = build(|variables| ElectraGeneratorHead::new(variables.root() / "head", &odd()));
    let hidden = waves(&[2, 3, 35], 4.0);
    let inner = linear(&hidden, &parameter, "dense").gelu("none").to_kind(Kind::Double);
    let centred = &inner - inner.mean_dim(-1, true, Kind::Double);
    // The epsilon is the configuration's.
    let scale = (centred.square().mean_dim(-1, true, Kind::Double) + 1e-3).rsqrt();
    let expected = centred * scale * parameter("LayerNorm.weight") + parameter("LayerNorm.bias");
    assert_close(&head.forward(&hidden).unwrap(), &expected.to_kind(Kind::Float));
}

#[test]
fn hidden_states_of_another_width_are_an_error_of_one_line() {
    let (head, _) = build(|variables| ElectraDiscriminatorHead::new(variables.root() / "head", &odd()));
    match head.forward(&waves(&[2, 3, 34], 0.0)).unwrap_err() {
        Error::Torch { message } => {
            assert!(message.contains("shapes cannot be multiplied") && !message.contains('\n'), "{message}");
        }
        other => panic!("{other:?}"),
    }
    let bad = ElectraConfig { num_attention_heads: 4, ..odd() };
    let variables = VarStore::new(Device::Cpu);
    assert!(matches!(ElectraDiscriminatorHead::new(variables.root(), &bad), Err(Error::Config { .. })));
    assert!(matches!(ElectraGeneratorHead::new(variables.root(), &bad), Err(Error::Config { .. })));
}
