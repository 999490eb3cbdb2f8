//! Tests of pre-training from Rust: reading in one direction, and both pretrainers.

use oxbert::ElectraConfig;
use oxbert::electra::ElectraModel;
use oxbert::encoder::{Direction, ForwardOptions};
use oxbert::inputs::{Arguments, Inputs};
use oxbert::models::Model;
use oxbert::nn::Activation;
use oxbert::pretraining::{
    ElectraPretrainer, GeneratorConfig, Masking, Networks, Objective, PretrainerConfig, PretrainerInputs, Random,
    Sharing, SpecialIds, Step, Weights,
};
use oxbert::{Error, Pretrained};
use tch::nn::{Adam, OptimizerConfig};
use tch::{Device, Kind, Tensor};

use crate::common::{built, difference, ids, model, odd, plain, ragged, random_numbers, waves};

fn hidden(
    model: &Pretrained<ElectraModel>,
    rows: &[Vec<i64>],
    options: ForwardOptions,
) -> oxbert::outputs::ModelOutput {
    let arguments = Arguments { input_ids: ragged(rows), ..Arguments::default() };
    let inputs = Inputs::new(arguments, &model.model.limits()).unwrap();
    tch::no_grad(|| model.model.forward(&inputs, options).unwrap())
}

#[test]
fn reading_in_one_direction_ignores_the_other_side() {
    let model = model::<ElectraModel>(&odd());
    let rows = ids(&[7, 4, 7]);
    for direction in [Direction::LeftToRight, Direction::RightToLeft] {
        let options = ForwardOptions { direction, ..ForwardOptions::default() };
        let whole = hidden(&model, &rows, options).hidden_state;
        for changed in 0..4 {
            let mut others = rows.clone();
            for row in &mut others {
                row[changed] = 60 - row[changed];
            }
            let after = hidden(&model, &others, options).hidden_state;
            for column in 0..4 {
                let is_same = after.select(1, column as i64).equal(&whole.select(1, column as i64));
                let sees = if direction == Direction::LeftToRight { column >= changed } else { column <= changed };
                assert_eq!(is_same, !sees, "{direction:?}: {changed} from {column}");
            }
        }
        // The captured states and attentions are those of the same direction.
        let recorded = hidden(&model, &rows, ForwardOptions { output_attentions: true, ..options });
        assert!(difference(&recorded.hidden_state, &whole) < 1e-5);
        for probabilities in recorded.all_attentions.unwrap() {
            let beyond =
                if direction == Direction::LeftToRight { probabilities.triu(1) } else { probabilities.tril(-1) };
            assert_eq!(beyond.abs().max().double_value(&[]), 0.0);
            let sums = probabilities.select(0, 0).sum_dim_intlist(-1, false, Kind::Float);
            assert!(difference(&sums, &sums.ones_like()) < 1e-5);
        }
    }
}

#[test]
fn the_model_garden_pretrainer_takes_any_two_networks() {
    let (generator, discriminator) = (model::<ElectraModel>(&plain()), model::<ElectraModel>(&odd()));
    let config = PretrainerConfig {
        generator_hidden: 6,
        discriminator_hidden: 35,
        vocab_size: 61,
        embedding_size: 6,
        num_classes: 2,
        mlm_activation: Activation::Gelu,
        log_probabilities: true,
        disallow_correct: true,
    };
    let (heads, _variables) = built(|parameters| ElectraPretrainer::new(parameters, config));
    let run = |model: &Pretrained<ElectraModel>, ids: &Tensor, mask: &Tensor, types: &Tensor| {
        Ok(model.model.forward_t(Some(ids), Some(mask), Some(types), None, None, false)?.hidden_state)
    };
    let rows = Tensor::from_slice2(&ids(&[8, 8, 8]));
    let positions = Tensor::from_slice2(&[[1_i64, 3, 5], [2, 0, 0], [4, 6, 0]]);
    let inputs = PretrainerInputs {
        input_word_ids: &rows,
        input_mask: &rows.ones_like(),
        input_type_ids: &rows.zeros_like(),
        masked_lm_positions: &positions,
        masked_lm_ids: &rows.gather(1, &positions, false),
    };
    let table = generator.word_embeddings().unwrap();
    let uniforms = (waves(&[3, 3, 61], 1.0) + 1.0) / 2.001;
    let output = heads
        .forward(
            &inputs,
            &|ids, mask, types| run(&generator, ids, mask, types),
            &table,
            &|ids, mask, types| run(&discriminator, ids, mask, types),
            &uniforms,
        )
        .unwrap();
    assert_eq!(output.lm_outputs.size(), [3, 3, 61]);
    assert_eq!(output.sentence_outputs.size(), [3, 2]);
    assert_eq!(output.disc_logits.size(), [3, 8]);
    let totals = output.lm_outputs.logsumexp(-1, false);
    assert!(difference(&totals, &totals.zeros_like()) < 1e-5);
    // Every masked token is replaced, except for the first of a row.
    let expected = Tensor::from_slice2(&[[0, 1, 0, 1, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 1, 0]]);
    assert!(output.disc_label.equal(&expected.to_kind(Kind::Int)));
    // The discriminator's input equals the result of `replace`.
    let (replaced, _) = heads.replace(&inputs, &output.lm_outputs, &uniforms).unwrap();
    let states = run(&discriminator, &replaced, &rows.ones_like(), &rows.zeros_like()).unwrap();
    assert!(difference(&heads.disc_logits(&states).unwrap(), &output.disc_logits) < 1e-6);
    assert!(matches!(heads.lm_outputs(&states, &positions, &table), Err(Error::Torch { .. })));
}

#[test]
fn both_objectives_train_with_a_tch_optimizer() {
    let generator = ElectraConfig { initializer_range: 0.2, ..plain() };
    let discriminator = ElectraConfig { embedding_size: 6, layer_norm_eps: generator.layer_norm_eps, ..odd() };
    let special = SpecialIds { class: 1, separator: 2, mask: 3 };
    let masking = Masking { share: 0.3, maximum: 3, replaced: 0.85, with_replacement: false, special };
    let objective = Objective { masking, weights: Weights::default(), temperature: 1.0, disallow_correct: false };
    let row = |row: i64| [vec![1], (0..9).map(|column| 10 + (3 * row + column) % 20).collect(), vec![2]].concat();
    let rows: Vec<Vec<i64>> = (0..6).map(row).collect();
    for (kind, part) in [
        (GeneratorConfig::MaskedLM(&generator), "generator.electra.encoder.layer.0.output.dense.weight"),
        (GeneratorConfig::TwoTowers(&generator), "generator_rtl.encoder.layer.0.output.dense.weight"),
    ] {
        let is_electric = matches!(kind, GeneratorConfig::TwoTowers(_));
        let networks = {
            let _random = random_numbers();
            Networks::new(Some(kind), Some(&discriminator), Sharing::Embeddings, Some(0), Device::Cpu).unwrap()
        };
        // Each network has fresh weights of its own configuration.
        let spread = |name: &str| networks.variables().variables()[name].std(true).double_value(&[]);
        assert!((spread(part) - 0.2).abs() < 0.05);
        assert!((spread("discriminator.electra.encoder.layer.0.output.dense.weight") - 0.05).abs() < 0.01);
        let step = |number: u64, discriminate: bool| {
            let random: Vec<_> = (0..6).map(|example| Random { seed: 1, step: number, example }).collect();
            let step = Step {
                rows: &rows,
                first_segments: &[11; 6],
                random: &random,
                totals: None,
                train: false,
                discriminate,
                gumbel: None,
            };
            objective.step(&networks, &step).unwrap()
        };
        let mut curves: [Vec<f64>; 2] = Default::default();
        let mut optimizer = Adam::default().build(networks.variables(), 3e-3).unwrap();
        for number in 0..80 {
            let output = step(number, true);
            optimizer.backward_step(&output.loss);
            assert_eq!(output.cloze_loss.is_some(), is_electric);
            for (curve, loss) in
                curves.iter_mut().zip([output.cloze_loss.or(output.masked_lm_loss), output.replaced_loss])
            {
                curve.push(loss.unwrap().double_value(&[]));
            }
        }
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        for curve in curves {
            assert!(mean(&curve[70..]) < 0.9 * mean(&curve[..10]), "{curve:?}");
        }
        let alone = step(0, false);
        assert!(alone.replaced_loss.is_none() && alone.samples.is_empty());
        assert!(alone.loss.equal(&alone.cloze_loss.or(alone.masked_lm_loss).unwrap()));
    }
}
