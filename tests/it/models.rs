//! Laws that hold for every model, whatever its weights.

use oxbert::electra::{ElectraDiscriminator, ElectraForMaskedLM, ElectraForTokenClassification, ElectraModel};
use oxbert::encoder::ForwardOptions;
use oxbert::inputs::{Arguments, Inputs, Rows};
use oxbert::models::Model;
use oxbert::{ElectraConfig, Error, Pretrained};
use tch::nn::VarStore;
use tch::{Device, IndexOp, Kind, Tensor};

use crate::common::{
    Answer, answer, assert_close, difference, fill, ids, mask, matrix, model, odd, padded, plain, ragged,
    random_numbers, run, tensor, types, waves,
};

/// Rows of these lengths: two of one length apart from each other, and one of a single token.
const LENGTHS: [usize; 5] = [5, 9, 1, 5, 7];

/// Captures everything that a forward pass can capture.
const CAPTURE: ForwardOptions = ForwardOptions { train: false, output_hidden_states: true, output_attentions: true };

/// Calls a law with each of the four models in two sizes.
macro_rules! for_every_model {
    ($law:ident) => {
        for config in [odd(), plain()] {
            $law(&model::<ElectraModel>(&config));
            $law(&model::<ElectraForMaskedLM>(&config));
            $law(&model::<ElectraDiscriminator>(&config));
            $law(&model::<ElectraForTokenClassification>(&config));
        }
    };
}

/// `LENGTHS` as a padded batch, with types.
fn batch() -> Arguments {
    Arguments {
        input_ids: tensor("input_ids", &padded(&ids(&LENGTHS), 0)),
        attention_mask: tensor("attention_mask", &mask(&LENGTHS)),
        token_type_ids: tensor("token_type_ids", &padded(&types(&LENGTHS), 0)),
        ..Arguments::default()
    }
}

fn only(input_ids: &Tensor, mask: Option<&Tensor>) -> Arguments {
    Arguments::from_tensors(Some(input_ids), mask, None, None, None).unwrap()
}

/// 1 where a position of `[B, S]` is kept, to be multiplied with `[B, S, ...]`.
fn broadcast(mask: &Tensor, rank: usize) -> Tensor {
    (2..rank).fold(mask.shallow_clone(), |mask, _| mask.unsqueeze(-1))
}

#[test]
fn padded_alone_and_ragged_are_the_same() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let (ids, types) = (ids(&LENGTHS), types(&LENGTHS));
        let together = answer(model, batch());
        for (row, (ids, types)) in ids.iter().zip(&types).enumerate() {
            let alone = Arguments {
                input_ids: ragged(std::slice::from_ref(ids)),
                token_type_ids: ragged(std::slice::from_ref(types)),
                ..Arguments::default()
            };
            assert_close(&answer(model, alone), &together.i((row as i64..=row as i64, ..ids.len() as i64)));
        }
        let packed = Arguments { input_ids: ragged(&ids), token_type_ids: ragged(&types), ..Arguments::default() };
        assert!(answer(model, packed).equal(&together));
        let padding = broadcast(&mask(&LENGTHS), together.dim()).eq(0);
        assert!((&together * padding).eq(0.0).all().int64_value(&[]) == 1, "padded positions are zeros");
    }
    for_every_model!(law);
}

#[test]
fn a_mask_of_ones_is_no_mask() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let ids = padded(&ids(&[6, 6, 6]), 0);
        let without = answer(model, only(&ids, None));
        for kind in [Kind::Int64, Kind::Bool, Kind::Float] {
            assert!(answer(model, only(&ids, Some(&ids.ones_like().to_kind(kind)))).equal(&without));
        }
        // Absent types are 0, absent positions count the columns.
        let explicit = Arguments {
            token_type_ids: Some(Rows::ragged(&[[0; 6]; 3])),
            position_ids: Some(Rows::ragged(&[[0, 1, 2, 3, 4, 5]])),
            ..only(&ids, None)
        };
        assert_close(&answer(model, explicit), &without);
    }
    for_every_model!(law);
}

#[test]
fn what_stands_at_padding_is_never_read() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let (ids, types) = (ids(&LENGTHS), types(&LENGTHS));
        let expected = answer(model, batch());
        for garbage in [1, 9999, -7, i64::MIN] {
            let arguments = Arguments {
                input_ids: tensor("input_ids", &padded(&ids, garbage)),
                token_type_ids: tensor("token_type_ids", &padded(&types, garbage)),
                ..batch()
            };
            assert!(answer(model, arguments).equal(&expected));
        }
        let embeddings = waves(&[2, 4, model.model.limits().embedding_size], 3.0);
        let mask = matrix([[1, 1, 0, 0], [1, 1, 1, 0]]);
        let embedded = |embeddings: &Tensor| {
            answer(model, Arguments::from_tensors(None, Some(&mask), None, None, Some(embeddings)).unwrap())
        };
        let poisoned = embeddings.where_scalarother(&mask.unsqueeze(-1).eq(1), f64::NAN);
        assert!(poisoned.isnan().any().int64_value(&[]) == 1);
        assert!(embedded(&poisoned).equal(&embedded(&embeddings)));
    }
    for_every_model!(law);
}

#[test]
fn padding_may_stand_on_the_left_and_in_the_middle() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let ids = padded(&ids(&[6, 6, 6]), 0);
        let mask = matrix([[0, 0, 1, 1, 1, 1], [1, 0, 1, 1, 0, 1], [0, 0, 0, 0, 0, 1]]);
        let together = answer(model, only(&ids, Some(&mask)));
        for row in 0..3 {
            let columns = mask.get(row).nonzero().squeeze_dim(-1);
            // A token keeps the position of its column unless positions are given.
            let alone = Arguments {
                position_ids: tensor("position_ids", &columns.unsqueeze(0)),
                ..only(&ids.get(row).index_select(0, &columns).unsqueeze(0), None)
            };
            let alone = answer(model, alone);
            assert_close(&alone.get(0), &together.get(row).index_select(0, &columns));
        }
        // With positions of its own, a text padded on the left is the text alone.
        let positions = matrix([[9, 9, 0, 1, 2, 3], [0, 9, 1, 2, 9, 3], [9, 9, 9, 9, 9, 0]]);
        let moved = Arguments { position_ids: tensor("position_ids", &positions), ..only(&ids, Some(&mask)) };
        let alone = answer(model, only(&ids.i((0..1, 2..6)), None));
        assert_close(&answer(model, moved).i((0..1, 2..6)), &alone);
    }
    for_every_model!(law);
}

#[test]
fn one_row_and_one_token_keep_the_rank() {
    let ids = matrix([[7]]);
    assert_eq!(answer(&model::<ElectraModel>(&odd()), only(&ids, None)).size(), [1, 1, 35]);
    assert_eq!(answer(&model::<ElectraForMaskedLM>(&odd()), only(&ids, None)).size(), [1, 1, 61]);
    assert_eq!(answer(&model::<ElectraForTokenClassification>(&odd()), only(&ids, None)).size(), [1, 1, 3]);
    let discriminator = model::<ElectraDiscriminator>(&odd());
    for shape in [[1, 1], [1, 4], [3, 1]] {
        let ids = Tensor::full(shape, 7, (Kind::Int64, Device::Cpu));
        let output = run(&discriminator, only(&ids, None), CAPTURE);
        assert_eq!((output.logits.size(), output.probabilities.size()), (shape.to_vec(), shape.to_vec()));
        assert_close(&output.probabilities, &output.logits.sigmoid());
        assert_eq!(output.all_attentions.unwrap()[2].size(), [shape[0], 5, shape[1], shape[1]]);
    }
    // At padding a probability is 0, not the sigmoid of 0.
    let padded = run(&discriminator, only(&matrix([[7, 7]]), Some(&matrix([[1, 0]]))), CAPTURE);
    assert_eq!(padded.probabilities.double_value(&[0, 1]), 0.0);
}

#[test]
fn hidden_states_and_attentions_are_captured_without_changing_the_answer() {
    fn law<M: Model<Config = ElectraConfig, Output: Answer>>(model: &Pretrained<M>) {
        let expected = answer(model, batch());
        let output = run(model, batch(), CAPTURE);
        // Attention written out and the fused one are the same.
        assert_close(output.main(), &expected);
        let (layers, heads) = (model.config.num_hidden_layers as usize, model.config.num_attention_heads);
        let (states, attentions) = (output.states().unwrap(), output.attentions().unwrap());
        assert_eq!((states.len(), attentions.len()), (layers + 1, layers));
        let kept = mask(&LENGTHS).to_kind(Kind::Float);
        for state in states {
            assert_eq!(state.size(), [5, 9, model.config.hidden_size]);
            assert!(state.equal(&(state * kept.unsqueeze(-1))));
        }
        for attention in attentions {
            assert_eq!(attention.size(), [5, heads, 9, 9]);
            assert_close(
                &attention.sum_dim_intlist(-1, false, Kind::Float),
                &(kept.unsqueeze(1) + attention.zeros_like().select(-1, 0)),
            );
            let pairs = kept.unsqueeze(1).unsqueeze(-1) * kept.unsqueeze(1).unsqueeze(1);
            assert!(attention.equal(&(attention * pairs)));
        }
        let nothing = run(model, batch(), ForwardOptions::default());
        assert!(nothing.states().is_none() && nothing.attentions().is_none());
        let only_states = run(model, batch(), ForwardOptions { output_attentions: false, ..CAPTURE });
        assert!(only_states.attentions().is_none());
        assert_close(only_states.states().unwrap().last().unwrap(), states.last().unwrap());
    }
    for_every_model!(law);
    let bare = model::<ElectraModel>(&odd());
    let output = run(&bare, batch(), CAPTURE);
    assert!(output.states().unwrap()[3].equal(output.main()));
    // A model without layers is its embeddings.
    let empty = model::<ElectraModel>(&ElectraConfig { num_hidden_layers: 0, ..odd() });
    let output = run(&empty, batch(), CAPTURE);
    assert!(output.states().unwrap()[0].equal(output.main()));
    assert_eq!(output.attentions().unwrap().len(), 0);
}

#[test]
fn the_order_of_a_batch_never_matters() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let order = [3, 1, 4, 0, 2];
        let shuffle = |rows: Vec<Vec<i64>>| order.map(|row: usize| rows[row].clone()).to_vec();
        let arguments = Arguments {
            input_ids: ragged(&shuffle(ids(&LENGTHS))),
            token_type_ids: ragged(&shuffle(types(&LENGTHS))),
            ..Arguments::default()
        };
        let order = Tensor::from_slice(&order.map(|row| row as i64));
        assert_close(&answer(model, arguments), &answer(model, batch()).index_select(0, &order));
    }
    for_every_model!(law);
}

#[test]
fn a_row_without_a_kept_token_is_zeros() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let ids = padded(&ids(&[4, 4, 4]), 0);
        let some = matrix([[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]]);
        let output = run(model, only(&ids, Some(&some)), CAPTURE);
        assert_eq!(output.main().get(1).abs().max().double_value(&[]), 0.0);
        let alone = answer(model, only(&ids.i(2..3), None));
        assert_close(&output.main().i(2..3), &alone);
        let output = run(model, only(&ids, Some(&some.zeros_like())), CAPTURE);
        let everything =
            [output.main()].into_iter().chain(output.states().unwrap()).chain(output.attentions().unwrap());
        for tensor in everything {
            assert_eq!((tensor.size()[0], tensor.abs().max().double_value(&[])), (3, 0.0));
        }
    }
    for_every_model!(law);
}

#[test]
fn scores_at_a_few_places_are_rows_of_all_scores() {
    let model = model::<ElectraForMaskedLM>(&odd());
    let all = answer(&model, batch());
    let inputs = Inputs::new(batch(), &model.model.limits()).unwrap();
    let places = [(4, 6), (0, 0), (1, 3), (2, 0), (1, 3)];
    let scores = model.model.scores_at(&inputs, &places).unwrap();
    assert_eq!(scores.size(), [5, 61]);
    for (number, &(row, column)) in places.iter().enumerate() {
        assert_close(&scores.get(number as i64), &all.get(row as i64).get(column as i64));
    }
    assert_eq!(model.model.scores_at(&inputs, &[]).unwrap().size(), [0, 61]);
    for place in [(2, 1), (5, 0), (0, 9)] {
        let error = model.model.scores_at(&inputs, &[(0, 0), place]).unwrap_err();
        assert_eq!(error.to_string(), format!("positions: expected a kept position, got [{}, {}]", place.0, place.1));
    }
}

#[test]
fn embeddings_may_stand_for_ids() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let parameters = model.parameters();
        let (_, words) = parameters.iter().find(|(name, _)| name.ends_with("word_embeddings.weight")).unwrap();
        let (ids, mask) = (padded(&ids(&LENGTHS), 0), mask(&LENGTHS));
        let vectors = words.index_select(0, &ids.view([-1])).view([5, 9, -1]);
        let arguments = Arguments::from_tensors(None, Some(&mask), None, None, Some(&vectors)).unwrap();
        assert_close(&answer(model, arguments), &answer(model, only(&ids, Some(&mask))));
        // Their gradient comes back, and none at padding.
        let leaf = vectors.detach().set_requires_grad(true);
        let arguments = Arguments::from_tensors(None, Some(&mask), None, None, Some(&leaf)).unwrap();
        run(model, arguments, ForwardOptions::default()).main().square().sum(Kind::Float).backward();
        let gradient = leaf.grad().abs().sum_dim_intlist(-1, false, Kind::Float);
        assert!(gradient.gt(0.0).equal(&mask.eq(1)));
    }
    for_every_model!(law);
}

#[test]
fn rust_berts_forward_is_the_same_and_captures_what_the_configuration_says() {
    let (ids, mask) = (padded(&ids(&LENGTHS), 0), mask(&LENGTHS));
    let types = padded(&types(&LENGTHS), 0);
    let plain = model::<ElectraForMaskedLM>(&odd());
    let capturing =
        model::<ElectraForMaskedLM>(&ElectraConfig { output_hidden_states: true, output_attentions: true, ..odd() });
    let forward = |model: &Pretrained<ElectraForMaskedLM>| {
        model.model.forward_t(Some(&ids), Some(&mask), Some(&types), None, None, false).unwrap()
    };
    let (quiet, full) = (forward(&plain), forward(&capturing));
    assert!(quiet.prediction_scores.equal(&answer(&plain, batch())));
    assert!(quiet.all_hidden_states.is_none() && quiet.all_attentions.is_none());
    assert_eq!((full.all_hidden_states.unwrap().len(), full.all_attentions.unwrap().len()), (4, 3));
    let error = plain.model.forward_t(None, Some(&mask), None, None, None, false).unwrap_err();
    assert!(matches!(error, Error::Input { .. }));
}

#[test]
fn dropout_is_applied_in_training_only() {
    fn law<M: Model<Config = ElectraConfig, Output: Answer>>(model: &Pretrained<M>) {
        let _random = random_numbers();
        let train = ForwardOptions { train: true, ..ForwardOptions::default() };
        let once = || run(model, batch(), train).main().shallow_clone();
        let eval = answer(model, batch());
        assert!(answer(model, batch()).equal(&eval));
        if dropouts(&model.config).iter().all(|&probability| probability == 0.0) {
            assert!(once().equal(&eval));
        } else {
            assert!(difference(&once(), &once()) > 1e-3 && difference(&once(), &eval) > 1e-3);
        }
    }
    let none = ElectraConfig {
        hidden_dropout_prob: 0.0,
        attention_probs_dropout_prob: 0.0,
        classifier_dropout: Some(0.0),
        ..odd()
    };
    for_every_model!(law);
    law(&model::<ElectraForTokenClassification>(&none));
    // Each of them alone.
    law(&model::<ElectraForMaskedLM>(&ElectraConfig { attention_probs_dropout_prob: 0.5, ..none.clone() }));
    law(&model::<ElectraDiscriminator>(&ElectraConfig { hidden_dropout_prob: 0.5, ..none.clone() }));
    law(&model::<ElectraForTokenClassification>(&ElectraConfig { classifier_dropout: Some(0.5), ..none.clone() }));
    // Where the classifier's own is not given, it is that of the hidden states.
    law(&model::<ElectraForTokenClassification>(&ElectraConfig { classifier_dropout: None, ..none }));
}

fn dropouts(config: &ElectraConfig) -> [f64; 3] {
    let classifier = config.classifier_dropout.unwrap_or(config.hidden_dropout_prob);
    [config.hidden_dropout_prob, config.attention_probs_dropout_prob, classifier]
}

#[test]
fn every_parameter_gets_a_finite_gradient() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let _random = random_numbers();
        let weights = waves(&run(model, batch(), ForwardOptions::default()).main().size(), 8.0);
        for options in
            [ForwardOptions { train: true, ..CAPTURE }, ForwardOptions { train: true, ..ForwardOptions::default() }]
        {
            let loss = (run(model, batch(), options).main() * &weights).sum(Kind::Float);
            loss.backward();
            for (name, mut parameter) in model.parameters() {
                let gradient = parameter.grad();
                assert!(gradient.defined(), "{name} has no gradient");
                assert!(gradient.isfinite().all().int64_value(&[]) == 1, "{name} has a gradient that is not finite");
                // A key's bias moves all scores of a query alike, which softmax does not see.
                let nothing = gradient.abs().max().double_value(&[]) == 0.0;
                assert!(!nothing || name.ends_with("key.bias"), "{name} has a gradient of zeros");
                parameter.zero_grad();
            }
        }
        let without = tch::no_grad(|| run(model, batch(), CAPTURE));
        let all = [without.main()].into_iter().chain(without.states().unwrap()).chain(without.attentions().unwrap());
        assert!(all.into_iter().all(|tensor| !tensor.requires_grad()));
        // In evaluation the graph is the caller's choice.
        assert!(run(model, batch(), ForwardOptions::default()).main().requires_grad());
    }
    for_every_model!(law);
    law(&model::<ElectraForMaskedLM>(&ElectraConfig { tie_word_embeddings: false, ..odd() }));
}

#[test]
fn padding_is_not_trained_unless_a_tied_decoder_trains_it() {
    fn gradients<M: Model<Output: Answer>>(model: &Pretrained<M>) -> Tensor {
        // The id 0 of padding stands there as a token that is kept.
        run(model, only(&matrix([[0, 5, 0, 9]]), None), ForwardOptions::default())
            .main()
            .square()
            .sum(Kind::Float)
            .backward();
        let parameters = model.parameters();
        let (_, words) = parameters.iter().find(|(name, _)| name.ends_with("word_embeddings.weight")).unwrap();
        words.grad().abs().sum_dim_intlist(-1, false, Kind::Float)
    }
    let bare = gradients(&model::<ElectraModel>(&odd()));
    let rows = Vec::<f64>::try_from(bare.gt(0.0).nonzero().view([-1]).to_kind(Kind::Double)).unwrap();
    assert_eq!(rows, [5.0, 9.0]);
    let unpadded = gradients(&model::<ElectraModel>(&ElectraConfig { pad_token_id: None, ..odd() }));
    assert!(unpadded.double_value(&[0]) > 0.0);
    // A decoder that is the word embeddings has a score for every word, padding included.
    let tied = gradients(&model::<ElectraForMaskedLM>(&odd()));
    assert_eq!(tied.gt(0.0).sum(Kind::Int64).int64_value(&[]), 61);
    let untied = gradients(&model::<ElectraForMaskedLM>(&ElectraConfig { tie_word_embeddings: false, ..odd() }));
    assert_eq!(untied.double_value(&[0]), 0.0);
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f64 = 1e-6;
    let mut variables = VarStore::new(Device::Cpu);
    let model = {
        let _random = random_numbers();
        ElectraForMaskedLM::new(variables.root(), &odd()).unwrap()
    };
    let mut parameters: Vec<_> = variables.variables().into_iter().collect();
    parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
    fill(parameters);
    // In float32 the difference of two losses would be noise.
    variables.double();
    let inputs = Inputs::new(batch(), &model.limits()).unwrap();
    let weights = waves(&[5, 9, 61], 2.0).to_kind(Kind::Double);
    for options in [ForwardOptions::default(), CAPTURE] {
        let loss = || (model.forward(&inputs, options).unwrap().prediction_scores * &weights).sum(Kind::Double);
        for (_, mut parameter) in variables.variables() {
            parameter.zero_grad();
        }
        loss().backward();
        for (name, parameter) in variables.variables() {
            let gradient = parameter.grad();
            // The number with the steepest slope: the others' would drown in rounding.
            let place = gradient.abs().argmax(None, false).int64_value(&[]);
            let slope = gradient.view([-1]).double_value(&[place]);
            let _no_grad = tch::no_grad_guard();
            let mut number = parameter.view([-1]).narrow(0, place, 1);
            let value = number.double_value(&[0]);
            let mut at = |value: f64| {
                let _ = number.fill_(value);
                loss().double_value(&[])
            };
            let difference = (at(value + STEP) - at(value - STEP)) / (2.0 * STEP);
            at(value);
            assert!((difference - slope).abs() <= 1e-6 * (1.0 + slope.abs()), "{name}: {slope} against {difference}");
        }
    }
}
