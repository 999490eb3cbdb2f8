//! Tests of laws that hold for every model with any weights.

use oxbert::config::EncoderConfig;
use oxbert::distilbert::{DistilBertForMaskedLM, DistilBertForQuestionAnswering, DistilBertModel};
use oxbert::electra::{ElectraDiscriminator, ElectraForMaskedLM, ElectraModel};
use oxbert::encoder::{Direction, ForwardOptions};
use oxbert::inputs::{Arguments, Inputs, Rows};
use oxbert::models::Model;
use oxbert::weights::{Strictness, WeightSource};
use oxbert::{Config, DistilBertConfig, ElectraConfig, Error, Pretrained};
use tch::{Device, IndexOp, Kind, Tensor};

use crate::common::{
    Answer, Tiny, answer, assert_close, both, for_every_model, ids, mask, matrix, model, numbers, odd, odd_for, of_row,
    padded, ragged, run, tensor, types, waves,
};

/// The lengths of the rows: two rows of equal length that are not neighbours, and one with a single token.
const LENGTHS: [usize; 5] = [5, 9, 1, 5, 7];

/// Capture everything that a forward pass can capture.
pub const CAPTURE: ForwardOptions =
    ForwardOptions { train: false, output_hidden_states: true, output_attentions: true, direction: Direction::Both };

/// Call a law with each model in two sizes.
macro_rules! for_both_sizes_of_every_model {
    ($law:ident) => {
        fn sizes<M: Model<Config: Tiny, Output: Answer>>() {
            for config in both::<M>() {
                $law(&model::<M>(&config));
            }
        }
        for_every_model!(sizes);
    };
}

/// Return a padded batch with rows of `LENGTHS`, with types.
pub fn batch() -> Arguments {
    Arguments {
        input_ids: tensor("input_ids", &padded(&ids(&LENGTHS), 0)),
        attention_mask: tensor("attention_mask", &mask(&LENGTHS)),
        token_type_ids: tensor("token_type_ids", &padded(&types(&LENGTHS), 0)),
        ..Arguments::default()
    }
}

pub fn only(input_ids: &Tensor, mask: Option<&Tensor>) -> Arguments {
    Arguments::from_tensors(Some(input_ids), mask, None, None, None).unwrap()
}

/// Add dimensions to a mask `[B, S]` so that it can be multiplied with `[B, S, ...]`.
fn broadcast(mask: &Tensor, rank: usize) -> Tensor {
    (2..rank).fold(mask.shallow_clone(), |mask, _| mask.unsqueeze(-1))
}

#[test]
fn padded_single_and_ragged_rows_agree() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let (ids, types) = (ids(&LENGTHS), types(&LENGTHS));
        let together = answer(model, batch());
        for (row, (ids, types)) in ids.iter().zip(&types).enumerate() {
            let alone = Arguments {
                input_ids: ragged(std::slice::from_ref(ids)),
                token_type_ids: ragged(std::slice::from_ref(types)),
                ..Arguments::default()
            };
            let columns: Vec<_> = (0..ids.len()).collect();
            assert_close(&answer(model, alone), &of_row::<M>(&together, row, &columns));
        }
        let packed = Arguments { input_ids: ragged(&ids), token_type_ids: ragged(&types), ..Arguments::default() };
        assert!(answer(model, packed).equal(&together));
        if M::Output::BY_TOKEN {
            let padding = broadcast(&mask(&LENGTHS), together.dim()).eq(0);
            assert!((&together * padding).eq(0.0).all().int64_value(&[]) == 1, "padded positions are zeros");
        }
    }
    for_both_sizes_of_every_model!(law);
}

#[test]
fn a_mask_of_ones_changes_nothing() {
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
    for_both_sizes_of_every_model!(law);
}

#[test]
fn values_at_padding_are_never_read() {
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
    for_both_sizes_of_every_model!(law);
}

#[test]
fn padding_is_allowed_on_the_left_and_in_the_middle() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let ids = padded(&ids(&[6, 6, 6]), 0);
        let mask = matrix([[0, 0, 1, 1, 1, 1], [1, 0, 1, 1, 0, 1], [0, 0, 0, 0, 0, 1]]);
        let together = answer(model, only(&ids, Some(&mask)));
        for row in 0..3 {
            let kept = mask.get(row).nonzero().squeeze_dim(-1);
            // A token keeps the position of its column unless positions are given.
            let alone = Arguments {
                position_ids: tensor("position_ids", &kept.unsqueeze(0)),
                ..only(&ids.get(row).index_select(0, &kept).unsqueeze(0), None)
            };
            let columns: Vec<_> = numbers(&kept).into_iter().map(|column| column as usize).collect();
            assert_close(&answer(model, alone), &of_row::<M>(&together, row as usize, &columns));
        }
        // With position_ids given, a text that is padded on the left gives the same result as the text alone.
        let positions = matrix([[9, 9, 0, 1, 2, 3], [0, 9, 1, 2, 9, 3], [9, 9, 9, 9, 9, 0]]);
        let moved = Arguments { position_ids: tensor("position_ids", &positions), ..only(&ids, Some(&mask)) };
        let alone = answer(model, only(&ids.i((0..1, 2..6)), None));
        assert_close(&of_row::<M>(&answer(model, moved), 0, &[2, 3, 4, 5]), &alone);
    }
    for_both_sizes_of_every_model!(law);
}

#[test]
fn one_row_and_one_token_keep_the_rank() {
    fn law<M: Model<Config: Tiny, Output: Answer>>() {
        let last: &[i64] = match M::name().split_once("For") {
            None => &[1, 35],
            Some((_, "MaskedLM")) => &[1, 61],
            Some((_, "PreTraining" | "MultipleChoice")) => &[1],
            Some((_, "TokenClassification")) => &[1, 3],
            Some((_, "SequenceClassification" | "LinearClassification")) => &[3],
            Some((_, "QuestionAnswering")) => &[1, 2],
            other => panic!("{other:?}"),
        };
        let output = answer(&model::<M>(&odd_for::<M>()), only(&matrix([[7]]), None));
        assert_eq!(output.size(), [&[1], last].concat(), "{}", M::name());
    }
    for_every_model!(law);
    let discriminator = model::<ElectraDiscriminator>(&odd());
    for shape in [[1, 1], [1, 4], [3, 1]] {
        let ids = Tensor::full(shape, 7, (Kind::Int64, Device::Cpu));
        let output = run(&discriminator, only(&ids, None), CAPTURE);
        assert_eq!((output.logits.size(), output.probabilities.size()), (shape.to_vec(), shape.to_vec()));
        assert_close(&output.probabilities, &output.logits.sigmoid());
        assert_eq!(output.all_attentions.unwrap()[2].size(), [shape[0], 5, shape[1], shape[1]]);
    }
    // At padded positions the probability is 0, not the sigmoid of 0.
    let padded = run(&discriminator, only(&matrix([[7, 7]]), Some(&matrix([[1, 0]]))), CAPTURE);
    assert_eq!(padded.probabilities.double_value(&[0, 1]), 0.0);
}

#[test]
fn capturing_states_and_attentions_keeps_the_results() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let expected = answer(model, batch());
        let output = run(model, batch(), CAPTURE);
        // Fused attention gives the same result as attention that returns its probabilities.
        assert_close(&output.main(), &expected);
        let EncoderConfig { num_hidden_layers, num_attention_heads, hidden_size, .. } = model.config.encoder();
        let layers = num_hidden_layers as usize;
        let (states, attentions) = (output.states().unwrap(), output.attentions().unwrap());
        assert_eq!((states.len(), attentions.len()), (layers + 1, layers));
        let kept = mask(&LENGTHS).to_kind(Kind::Float);
        for state in states {
            assert_eq!(state.size(), [5, 9, hidden_size]);
            assert!(state.equal(&(state * kept.unsqueeze(-1))));
        }
        for attention in attentions {
            assert_eq!(attention.size(), [5, num_attention_heads, 9, 9]);
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
    for_both_sizes_of_every_model!(law);
    let bare = model::<ElectraModel>(&odd());
    let output = run(&bare, batch(), CAPTURE);
    assert!(output.states().unwrap()[3].equal(&output.main()));
    // The output of a model without layers is the embeddings.
    let empty = model::<ElectraModel>(&ElectraConfig { num_hidden_layers: 0, ..odd() });
    let output = run(&empty, batch(), CAPTURE);
    assert!(output.states().unwrap()[0].equal(&output.main()));
    assert_eq!(output.attentions().unwrap().len(), 0);
}

#[test]
fn results_do_not_depend_on_the_order_of_the_batch() {
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
    for_both_sizes_of_every_model!(law);
}

#[test]
fn a_row_without_kept_tokens_gives_zeros() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let ids = padded(&ids(&[4, 4, 4]), 0);
        let some = matrix([[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]]);
        let output = run(model, only(&ids, Some(&some)), CAPTURE);
        // A head gets zeros for a text without kept tokens.
        let nothing = numbers(&output.main().get(1));
        assert!(nothing.iter().all(|number| if M::Output::BY_TOKEN { *number == 0.0 } else { number.is_finite() }));
        let alone = answer(model, only(&ids.i(2..3), None));
        assert_close(&output.main().i(2..3), &alone);
        let output = run(model, only(&ids, Some(&some.zeros_like())), CAPTURE);
        for tensor in output.states().unwrap().iter().chain(output.attentions().unwrap()) {
            assert_eq!((tensor.size()[0], tensor.abs().max().double_value(&[])), (3, 0.0));
        }
        assert!(!M::Output::BY_TOKEN || numbers(&output.main()).iter().all(|&number| number == 0.0));
    }
    for_both_sizes_of_every_model!(law);
}

#[test]
fn scores_at_places_equal_rows_of_all_scores() {
    let model = model::<ElectraForMaskedLM>(&odd());
    let all = answer(&model, batch());
    let inputs = Inputs::new(batch(), &model.model.limits()).unwrap();
    let places = [(4, 6), (0, 0), (1, 3), (2, 0), (1, 3)];
    let scores = model.model.scores_at(&inputs, &places, false).unwrap();
    assert_eq!(scores.size(), [5, 61]);
    for (number, &(row, column)) in places.iter().enumerate() {
        assert_close(&scores.get(number as i64), &all.get(row as i64).get(column as i64));
    }
    assert_eq!(model.model.scores_at(&inputs, &[], false).unwrap().size(), [0, 61]);
    for place in [(2, 1), (5, 0), (0, 9)] {
        let error = model.model.scores_at(&inputs, &[(0, 0), place], false).unwrap_err();
        assert_eq!(error.to_string(), format!("positions: expected a kept position, got [{}, {}]", place.0, place.1));
    }
}

#[test]
fn embeddings_replace_ids() {
    fn law<M: Model<Output: Answer>>(model: &Pretrained<M>) {
        let words = model.word_embeddings().unwrap();
        let (ids, mask) = (padded(&ids(&LENGTHS), 0), mask(&LENGTHS));
        let vectors = words.index_select(0, &ids.view([-1])).view([5, 9, -1]);
        let arguments = Arguments::from_tensors(None, Some(&mask), None, None, Some(&vectors)).unwrap();
        assert_close(&answer(model, arguments), &answer(model, only(&ids, Some(&mask))));
        // The embeddings get a gradient at kept positions only.
        let leaf = vectors.detach().set_requires_grad(true);
        let arguments = Arguments::from_tensors(None, Some(&mask), None, None, Some(&leaf)).unwrap();
        run(model, arguments, ForwardOptions::default()).main().square().sum(Kind::Float).backward();
        let gradient = leaf.grad().abs().sum_dim_intlist(-1, false, Kind::Float);
        assert!(gradient.gt(0.0).equal(&mask.eq(1)));
    }
    for_both_sizes_of_every_model!(law);
}

#[test]
fn rust_berts_forward_agrees_and_captures_as_configured() {
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
fn distilberts_forward_has_rust_berts_arguments() {
    let (ids, mask) = (padded(&ids(&LENGTHS), 0), mask(&LENGTHS));
    let config = DistilBertConfig { output_hidden_states: true, output_attentions: true, ..odd() };
    let masked = model::<DistilBertForMaskedLM>(&config);
    let output = masked.model.forward_t(Some(&ids), Some(&mask), None, false).unwrap();
    assert!(output.loss.is_none());
    assert_eq!((output.all_hidden_states.unwrap().len(), output.all_attentions.unwrap().len()), (4, 3));
    assert_close(&output.prediction_scores, &answer(&masked, only(&ids, Some(&mask))));
    let answering = model::<DistilBertForQuestionAnswering>(&odd::<DistilBertConfig>().labelled(2));
    let vectors = waves(&[5, 9, 35], 1.0);
    let output = answering.model.forward_t(None, Some(&mask), Some(&vectors), false).unwrap();
    assert_eq!((output.start_logits.size(), output.end_logits.size()), (vec![5, 9], vec![5, 9]));
    assert!(matches!(answering.model.forward_t(None, None, None, false), Err(Error::Input { .. })));
}

#[test]
fn distilbert_ignores_token_types() {
    let model = model::<DistilBertModel>(&odd());
    let expected = answer(&model, only(&padded(&ids(&LENGTHS), 0), Some(&mask(&LENGTHS))));
    for types in [matrix([[-7, i64::MAX]]), padded(&types(&LENGTHS), 0)] {
        let arguments = Arguments { token_type_ids: tensor("token_type_ids", &types), ..batch() };
        assert!(answer(&model, arguments).equal(&expected));
    }
}

#[test]
fn a_renamed_distilbert_computes_as_an_electra() {
    const NAMES: [(&str, &str); 8] = [
        ("transformer", "encoder"),
        ("attention.q_lin", "attention.self.query"),
        ("attention.k_lin", "attention.self.key"),
        ("attention.v_lin", "attention.self.value"),
        ("attention.out_lin", "attention.output.dense"),
        ("sa_layer_norm", "attention.output.LayerNorm"),
        ("ffn.lin1", "intermediate.dense"),
        ("output_layer_norm", "output.LayerNorm"),
    ];
    let distilbert = model::<DistilBertModel>(&odd());
    let rename = |name: String| NAMES.iter().fold(name, |name, (theirs, ours)| name.replace(theirs, ours));
    let mut tensors: Vec<_> = distilbert
        .parameters()
        .into_iter()
        .map(|(name, parameter)| (rename(name).replace("ffn.lin2", "output.dense"), parameter))
        .collect();
    let types = Tensor::zeros([1, 35], (Kind::Float, Device::Cpu));
    tensors.push(("embeddings.token_type_embeddings.weight".into(), types));
    let config = ElectraConfig { embedding_size: 35, type_vocab_size: 1, layer_norm_eps: 1e-12, ..odd() };
    let source = WeightSource::Tensors { path: None, tensors };
    let electra =
        Pretrained::<ElectraModel>::from_source(&source, &config, Device::Cpu, Strictness::Everything).unwrap();
    let only = || only(&padded(&ids(&LENGTHS), 0), Some(&mask(&LENGTHS)));
    assert!(answer(&electra, only()).equal(&answer(&distilbert, only())));
}

#[test]
fn choices_are_scored_as_rows() {
    fn law<M: Model<Config: Tiny, Output: Answer>>() {
        if !M::name().ends_with("MultipleChoice") {
            return;
        }
        for config in both::<M>() {
            let model = model::<M>(&config);
            let (rows, types) = (ids(&[5, 9, 1, 5, 7, 2]), types(&[5, 9, 1, 5, 7, 2]));
            let alone = Arguments { input_ids: ragged(&rows), token_type_ids: ragged(&types), ..Arguments::default() };
            let alone = answer(&model, alone);
            for choices in [1_usize, 2, 3, 6] {
                let shape = [6 / choices as i64, choices as i64];
                let ids = ragged(&rows).map(|ids| ids.in_choices("input_ids", choices).unwrap());
                let types = ragged(&types);
                let packed = Arguments { input_ids: ids, token_type_ids: types, ..Arguments::default() };
                assert_close(&answer(&model, packed), &alone.view(shape));
                // Tensors [B, C, S] give the same result.
                let cube = |rows: &[Vec<i64>]| padded(rows, 0).view([shape[0], shape[1], 9]);
                let mask = mask(&[5, 9, 1, 5, 7, 2]).view([shape[0], shape[1], 9]);
                let padded = Arguments {
                    token_type_ids: tensor("token_type_ids", &cube(&self::types(&[5, 9, 1, 5, 7, 2]))),
                    ..Arguments::from_tensors(Some(&cube(&rows)), Some(&mask), None, None, None).unwrap()
                };
                let output = run(&model, padded, CAPTURE);
                assert_close(&output.main(), &alone.view(shape));
                // Hidden states are listed by row, not by question.
                assert_eq!(output.states().unwrap()[0].size()[..2], [6, 9]);
            }
            let vectors = waves(&[2, 3, 4, model.model.limits().embedding_size], 1.0);
            let together = Arguments { inputs_embeds: Some(vectors.shallow_clone()), ..Arguments::default() };
            let inputs = Inputs::new(together, &model.model.limits()).unwrap();
            let together = M::Output::main(&model.model.forward(&inputs, ForwardOptions::default()).unwrap());
            let alone = Arguments { inputs_embeds: Some(vectors.flatten(0, 1)), ..Arguments::default() };
            assert_close(&together, &answer(&model, alone).view([2, 3]));
        }
    }
    for_every_model!(law);
}
