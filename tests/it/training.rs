//! Tests of losses and gradients. See dropout.rs for dropout.

use oxbert::config::{Config, ProblemType};
use oxbert::distilbert::{
    DistilBertForMultipleChoice, DistilBertForQuestionAnswering, DistilBertForSequenceClassification,
};
use oxbert::electra::{
    ElectraForMaskedLM, ElectraForSequenceClassification, ElectraForTokenClassification, ElectraModel,
};
use oxbert::encoder::ForwardOptions;
use oxbert::inputs::{Arguments, Inputs, Labels, Rows, Task};
use oxbert::models::Model;
use oxbert::text::Batch;
use oxbert::weights::{Strictness, WeightFormat};
use oxbert::{DistilBertConfig, ElectraConfig, Pretrained};
use tch::nn::{AdamW, OptimizerConfig, VarStore};
use tch::{Device, Kind, Tensor};

use crate::common::{
    Answer, TOLERANCE, TRAIN, Tiny, assert_close, assert_same, both, built, copies, for_every_model, ids, mask, matrix,
    model, numbers, odd, odd_for, padded, random_numbers, run, tensor, types, waves,
};
use crate::models::{CAPTURE, batch, only};

/// The lengths of six rows, or of three questions with two choices.
const LENGTHS: [usize; 6] = [5, 9, 1, 5, 7, 3];
const TEXT_CLASSES: [i64; 6] = [2, 0, 1, -100, 1, 0];
const CHOSEN: [i64; 3] = [1, 0, 1];
/// A negative position counts as 0, and a position behind the batch is ignored.
const STARTS: [i64; 6] = [0, 8, 0, -5, 6, 20];
const ENDS: [i64; 6] = [4, 8, 0, 2, 9, 2];

/// Return a class for every token, some of them ignored, or a flag if the task has flags.
fn token_labels(task: Task) -> Vec<Vec<i64>> {
    let label = |(column, id): (usize, i64)| match task {
        Task::TokenClasses { .. } if column % 4 == 3 => -100,
        Task::TokenClasses { classes } => (id * 7 + column as i64) % classes,
        _ => id % 2,
    };
    ids(&LENGTHS).into_iter().map(|row| row.into_iter().enumerate().map(label).collect()).collect()
}

/// Return examples of a task as a padded batch, with `filler` at padded positions, also in labels.
fn examples(task: Task, filler: i64) -> Arguments {
    let labels = match task {
        Task::Encoding => None,
        Task::TokenClasses { .. } | Task::ReplacedTokens => Some(Labels::from(padded(&token_labels(task), filler))),
        Task::Texts { .. } => Some(Labels::from(TEXT_CLASSES)),
        Task::Spans { .. } => Some(Labels::from((Tensor::from_slice(&STARTS), Tensor::from_slice(&ENDS)))),
        Task::Choices => Some(Labels::from(Tensor::from_slice(&CHOSEN))),
    };
    let ids = tensor("input_ids", &padded(&ids(&LENGTHS), filler));
    let input_ids = if task == Task::Choices { ids.map(|ids| ids.in_choices("input_ids", 2).unwrap()) } else { ids };
    Arguments {
        input_ids,
        attention_mask: tensor("attention_mask", &mask(&LENGTHS)),
        token_type_ids: tensor("token_type_ids", &padded(&types(&LENGTHS), filler)),
        labels,
        ..Arguments::default()
    }
}

/// Return the mean of `log Σ exp(x) - x[class]` over the classes that are not ignored.
fn cross_entropy(examples: impl IntoIterator<Item = (Vec<f64>, i64)>) -> f64 {
    mean(
        examples
            .into_iter()
            .filter(|&(_, class)| class != -100)
            .map(|(logits, class)| logits.iter().map(|logit| logit.exp()).sum::<f64>().ln() - logits[class as usize]),
    )
}

/// Return `-log σ(x)` if the flag is 1 and `-log (1 - σ(x))` if it is 0.
fn binary(logit: f64, flag: f64) -> f64 {
    let probability = 1.0 / (1.0 + (-logit).exp());
    -(flag * probability.ln() + (1.0 - flag) * (1.0 - probability).ln())
}

fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let numbers: Vec<f64> = numbers.collect();
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// Compute the loss of [`examples`] by its formula from the padded logits.
fn expected(task: Task, logits: &Tensor) -> f64 {
    let wide = logits.size().last().copied().unwrap() as usize;
    let all = numbers(logits);
    let vectors: Vec<Vec<f64>> = all.chunks(wide).map(<[f64]>::to_vec).collect();
    // The rows and columns of the kept tokens.
    let kept = || LENGTHS.iter().enumerate().flat_map(|(row, &length)| (0..length).map(move |column| (row, column)));
    match task {
        Task::Encoding => panic!("there is none"),
        Task::TokenClasses { .. } => {
            let labels = token_labels(task);
            cross_entropy(kept().map(|(row, column)| (vectors[row * 9 + column].clone(), labels[row][column])))
        }
        Task::ReplacedTokens => {
            let labels = token_labels(task);
            mean(kept().map(|(row, column)| binary(all[row * 9 + column], labels[row][column] as f64)))
        }
        Task::Texts { .. } => cross_entropy(vectors.into_iter().zip(TEXT_CLASSES)),
        Task::Spans { .. } => {
            let side = |side: usize, positions: [i64; 6]| {
                cross_entropy(positions.into_iter().enumerate().map(|(row, position)| {
                    // The softmax is over kept tokens only.
                    let row: Vec<f64> = (0..LENGTHS[row]).map(|column| vectors[row * 9 + column][side]).collect();
                    (row, if position >= 9 { -100 } else { position.max(0) })
                }))
            };
            f64::midpoint(side(0, STARTS), side(1, ENDS))
        }
        Task::Choices => cross_entropy(vectors.into_iter().zip(CHOSEN)),
    }
}

#[test]
fn losses_match_their_formulas_and_ignore_padding() {
    fn law<M: Model<Config: Tiny, Output: Answer>>() {
        for config in both::<M>() {
            let model = model::<M>(&config);
            let task = model.model.limits().task;
            let output = |arguments| tch::no_grad(|| run(&model, arguments, ForwardOptions::default()));
            let quiet = output(Arguments { labels: None, ..examples(task, 0) });
            assert!(quiet.loss().is_none());
            if task == Task::Encoding {
                continue;
            }
            let expected = expected(task, &quiet.main());
            assert!(expected.is_finite() && expected > 0.0, "{expected}");
            let near = |loss: &Tensor| {
                let shape: [i64; 0] = [];
                assert_eq!(loss.size(), shape);
                let loss = loss.double_value(&[]);
                assert!((loss - expected).abs() < TOLERANCE, "{}: {loss} is not {expected}", M::name());
            };
            for filler in [0, -1, 9999, i64::MIN] {
                let labelled = output(examples(task, filler));
                assert!(labelled.main().equal(&quiet.main()));
                near(labelled.loss().unwrap());
            }
            // Labels may be ragged rows; flags may be floats or booleans with any value at padding.
            if !matches!(task, Task::TokenClasses { .. } | Task::ReplacedTokens) {
                continue;
            }
            let ragged = Rows::ragged(&token_labels(task));
            let rows = Arguments {
                input_ids: Some(Rows::ragged(&ids(&LENGTHS))),
                token_type_ids: Some(Rows::ragged(&types(&LENGTHS))),
                ..Arguments::default()
            };
            near(output(rows.with_labels(ragged)).loss().unwrap());
            if task == Task::ReplacedTokens {
                let flags = padded(&token_labels(task), 1);
                let poisoned = flags.to_kind(Kind::Float).where_scalarother(&mask(&LENGTHS).eq(1), f64::NAN);
                for flags in [poisoned, flags.to_kind(Kind::Bool), flags.to_kind(Kind::Half)] {
                    near(output(examples(task, 0).with_labels(flags)).loss().unwrap());
                }
            }
        }
    }
    for_every_model!(law);
}

#[test]
fn the_loss_of_text_classifiers_depends_on_the_problem_type() {
    fn law<M: Model<Config: Tiny, Output: Answer>>() {
        let loss = |labels: usize, problem_type: Option<ProblemType>, given: Tensor| {
            let mut config = odd::<M::Config>().labelled(labels);
            if let Some(problem_type) = problem_type {
                let mut fields = config.to_map();
                fields.insert("problem_type".into(), problem_type.name().into());
                config = M::Config::from_map(fields).unwrap();
            }
            let arguments = batch().with_labels(given);
            let output = tch::no_grad(|| run(&model::<M>(&config), arguments, ForwardOptions::default()));
            (output.loss().unwrap().double_value(&[]), numbers(&output.main()))
        };
        let near = |got: f64, expected: f64| assert!((got - expected).abs() < TOLERANCE, "{got} is not {expected}");
        let squares = |logits: &[f64], given: &Tensor| {
            mean(logits.iter().zip(numbers(given)).map(|(logit, given)| (logit - given).powi(2)))
        };
        // With one label, labels are numbers of any dtype, `[B]` or `[B, 1]`.
        let scores = waves(&[5], 3.0) * 4.0;
        for given in
            [scores.shallow_clone(), scores.view([5, 1]), scores.to_kind(Kind::Double), scores.to_kind(Kind::Int64)]
        {
            let (loss, logits) = loss(1, None, given.shallow_clone());
            near(loss, squares(&logits, &given));
        }
        let numbers = waves(&[5, 3], 3.0);
        let (got, logits) = loss(3, Some(ProblemType::Regression), numbers.shallow_clone());
        near(got, squares(&logits, &numbers));
        // With several labels, integers are classes, and booleans or floats are flags.
        let classes = [2, 0, -100, 1, 1];
        let (got, logits) = loss(3, None, Tensor::from_slice(&classes));
        let by_row = || logits.chunks(3).map(<[f64]>::to_vec);
        near(got, cross_entropy(by_row().zip(classes)));
        near(loss(3, None, Tensor::from_slice(&classes).to_kind(Kind::Int).view([5, 1])).0, got);
        let flags = numbers.gt(0.0);
        let (got, logits) = loss(3, None, flags.shallow_clone());
        let truths = crate::common::numbers(&flags);
        near(got, mean(logits.iter().zip(truths).map(|(&logit, truth)| binary(logit, truth))));
        near(loss(3, None, flags.to_kind(Kind::Float)).0, got);
        near(loss(3, Some(ProblemType::MultiLabel), flags.to_kind(Kind::Int64)).0, got);
        // A flag may be a fraction.
        let (got, logits) = loss(3, None, numbers.abs());
        let shares = crate::common::numbers(&numbers.abs());
        near(got, mean(logits.iter().zip(shares).map(|(&logit, share)| binary(logit, share))));
        // As in transformers, the mean over no classes is NaN.
        assert!(loss(3, None, Tensor::from_slice(&[-100_i64; 5])).0.is_nan());
    }
    law::<ElectraForSequenceClassification>();
    law::<DistilBertForSequenceClassification>();
}

#[test]
fn every_parameter_gets_a_finite_gradient() {
    fn check<M: Model<Output: Answer>>(model: &Pretrained<M>, loss: &Tensor, unseen: &[&str]) {
        loss.backward();
        for (name, mut parameter) in model.parameters() {
            let gradient = parameter.grad();
            assert!(gradient.defined(), "{name} has no gradient");
            assert!(gradient.isfinite().all().int64_value(&[]) == 1, "{name} has a gradient that is not finite");
            // A key's bias adds the same number to all scores of a query, so the softmax cancels it.
            let nothing = gradient.abs().max().double_value(&[]) == 0.0;
            let is_unseen = ["key.bias", "k_lin.bias"].iter().chain(unseen).any(|unseen| name.ends_with(unseen));
            assert!(!nothing || is_unseen, "{}: {name} has a gradient of zeros", M::name());
            parameter.zero_grad();
        }
    }
    fn law<M: Model<Config: Tiny, Output: Answer>>() {
        for config in both::<M>() {
            let model = model::<M>(&config);
            let _random = random_numbers();
            let weights = waves(&run(&model, batch(), ForwardOptions::default()).main().size(), 8.0);
            for options in [ForwardOptions { train: true, ..CAPTURE }, TRAIN] {
                check(&model, &(run(&model, batch(), options).main() * &weights).sum(Kind::Float), &[]);
            }
            // A softmax over tokens or choices cancels a bias that is the same for all.
            let task = model.model.limits().task;
            if task != Task::Encoding {
                let output = run(&model, examples(task, 0), TRAIN);
                check(
                    &model,
                    output.loss().unwrap(),
                    match task {
                        Task::Spans { .. } => &["qa_outputs.bias"],
                        Task::Choices => &["classifier.bias"],
                        _ => &[],
                    },
                );
            }
            let without = tch::no_grad(|| run(&model, batch(), CAPTURE));
            let all = without.states().unwrap().iter().chain(without.attentions().unwrap());
            assert!(all.chain([&without.main()]).all(|tensor| !tensor.requires_grad()));
            // Outside training the caller decides whether there is a graph.
            assert!(run(&model, batch(), ForwardOptions::default()).main().requires_grad());
        }
    }
    for_every_model!(law);
    let untied = model::<ElectraForMaskedLM>(&odd::<ElectraConfig>().untied());
    let _random = random_numbers();
    let output = run(&untied, examples(untied.model.limits().task, 0), TRAIN);
    check(&untied, output.loss().unwrap(), &[]);
}

#[test]
fn the_padding_row_is_trained_only_by_a_tied_decoder() {
    fn gradients<M: Model<Output: Answer>>(model: &Pretrained<M>) -> Tensor {
        // The padding id 0 is a kept token here.
        run(model, only(&matrix([[0, 5, 0, 9]]), None), ForwardOptions::default())
            .main()
            .square()
            .sum(Kind::Float)
            .backward();
        model.word_embeddings().unwrap().grad().abs().sum_dim_intlist(-1, false, Kind::Float)
    }
    let bare = gradients(&model::<ElectraModel>(&odd()));
    assert_eq!(numbers(&bare.gt(0.0).nonzero()), [5.0, 9.0]);
    let bare = gradients(&model::<oxbert::distilbert::DistilBertModel>(&odd()));
    assert_eq!(numbers(&bare.gt(0.0).nonzero()), [5.0, 9.0]);
    let unpadded = gradients(&model::<ElectraModel>(&ElectraConfig { pad_token_id: None, ..odd() }));
    assert!(unpadded.double_value(&[0]) > 0.0);
    // A tied decoder scores every word, including padding.
    let tied = gradients(&model::<ElectraForMaskedLM>(&odd()));
    assert_eq!(tied.gt(0.0).sum(Kind::Int64).int64_value(&[]), 61);
    let untied = gradients(&model::<ElectraForMaskedLM>(&odd::<ElectraConfig>().untied()));
    assert_eq!(untied.double_value(&[0]), 0.0);
}

#[test]
fn gradients_match_finite_differences() {
    const STEP: f64 = 1e-6;
    fn law<M: Model<Config: Tiny>>(
        options: ForwardOptions,
        arguments: impl Fn(Task) -> Arguments,
        loss: impl Fn(M::Output) -> Tensor,
    ) {
        let config = odd_for::<M>();
        let (model, mut variables) = built(|parameters| M::build(parameters, &config));
        // In float32 the difference of two losses would be rounding noise.
        variables.double();
        let inputs = Inputs::new(arguments(model.limits().task), &model.limits()).unwrap();
        let loss = || loss(model.forward(&inputs, options).unwrap());
        loss().backward();
        for (name, parameter) in variables.variables() {
            let gradient = parameter.grad();
            // Choose the element with the steepest slope: smaller slopes would drown in rounding.
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
    let weights = waves(&[5, 9, 61], 2.0).to_kind(Kind::Double);
    for options in [ForwardOptions::default(), CAPTURE] {
        law::<ElectraForMaskedLM>(
            options,
            |_| batch(),
            |output| (output.prediction_scores * &weights).sum(Kind::Double),
        );
    }
    let plain = ForwardOptions::default();
    law::<ElectraForTokenClassification>(plain, |task| examples(task, 0), |output| output.loss.unwrap());
    // Here the loss has a softmax that leaves out padding.
    law::<DistilBertForQuestionAnswering>(plain, |task| examples(task, 0), |output| output.loss.unwrap());
}

#[test]
fn a_few_steps_lower_the_loss() {
    fn law<M: Model<Config: Tiny, Output: Answer>>() {
        let config = odd_for::<M>();
        let (model, variables) = built(|parameters| M::build(parameters, &config));
        let task = model.limits().task;
        if task == Task::Encoding {
            return;
        }
        let mut optimizer = tch::nn::OptimizerConfig::build(tch::nn::Adam::default(), &variables, 3e-3).unwrap();
        let inputs = Inputs::new(examples(task, 0), &model.limits()).unwrap();
        let losses: Vec<f64> = (0..20)
            .map(|_| {
                let output = model.forward(&inputs, ForwardOptions::default()).unwrap();
                optimizer.backward_step(output.loss().unwrap());
                output.loss().unwrap().double_value(&[])
            })
            .collect();
        assert!(losses[19] < 0.7 * losses[0], "{}: {losses:?}", M::name());
    }
    for_every_model!(law);
}

/// Step once with `AdamW`, whose weight decay moves every parameter that has a gradient.
fn step<M: Model<Output: Answer>>(model: &M, variables: &VarStore, inputs: &Inputs) {
    let mut optimizer = AdamW::default().build(variables, 1e-2).unwrap();
    optimizer.backward_step(model.forward(inputs, ForwardOptions::default()).unwrap().loss().unwrap());
}

#[test]
fn optimizers_of_tch_train_a_loaded_model() {
    fn law<M: Model<Config: Tiny, Output: Answer>>() {
        let folder = tempfile::tempdir().unwrap();
        let config = odd_for::<M>();
        model::<M>(&config).save(folder.path(), WeightFormat::Safetensors).unwrap();
        let load = || Pretrained::<M>::from_folder(folder.path(), Device::Cpu, Strictness::Everything).unwrap();
        let mut loaded = load();
        // The store has the parameters themselves, and a tied decoder once.
        let variables = loaded.var_store().variables();
        assert_eq!(variables.len(), loaded.parameters().len());
        assert_eq!(loaded.var_store().trainable_variables().len(), variables.len());
        for (name, parameter) in loaded.parameters() {
            assert_eq!(variables[&name].data_ptr(), parameter.data_ptr(), "{name}");
        }
        let task = loaded.model.limits().task;
        if task == Task::Encoding {
            return;
        }
        // A step is that of the same model on a store of one's own.
        let inputs = || Inputs::new(examples(task, 0), &loaded.model.limits()).unwrap();
        step(&loaded.model, loaded.var_store(), &inputs());
        let (own, variables) = built(|parameters| M::build(parameters, &config));
        oxbert::load::<M>(&variables, folder.path()).unwrap();
        step(&own, &variables, &inputs());
        let trained = copies(&loaded.parameters());
        assert_same(&trained, &variables.variables().into_iter().collect::<Vec<_>>());
        let before = load().parameters();
        assert!(before.iter().zip(&trained).any(|((_, before), (_, after))| !before.equal(after)));
        if let Some((decoder, _)) = loaded.decoder() {
            assert_eq!(decoder.data_ptr(), loaded.word_embeddings().unwrap().data_ptr());
        }
        // Frozen parameters stay, and the others move.
        for (name, parameter) in loaded.parameters() {
            let _ = parameter.set_requires_grad(!M::BACKBONE.is_backbone(&name));
        }
        let inputs = Inputs::new(examples(task, 0), &loaded.model.limits()).unwrap();
        step(&loaded.model, loaded.var_store(), &inputs);
        for ((name, before), (_, after)) in trained.iter().zip(loaded.parameters()) {
            assert_eq!(before.equal(&after), M::BACKBONE.is_backbone(name), "{}: {name}", M::name());
        }
        // All of them, through the store.
        loaded.var_store_mut().freeze();
        assert!(loaded.parameters().iter().all(|(_, parameter)| !parameter.requires_grad()));
        loaded.var_store_mut().unfreeze();
        assert!(loaded.parameters().iter().all(|(_, parameter)| parameter.requires_grad()));
        // What was trained is what is saved.
        loaded.save(folder.path(), WeightFormat::Safetensors).unwrap();
        assert_same(&load().parameters(), &loaded.parameters());
    }
    for_every_model!(law);
}

#[test]
fn a_trained_head_is_declared_so() {
    let folder = tempfile::tempdir().unwrap();
    model::<ElectraModel>(&odd()).save(folder.path(), WeightFormat::Ot).unwrap();
    let mut loaded = {
        let _random = random_numbers();
        Pretrained::<ElectraForTokenClassification>::from_folder(folder.path(), Device::Cpu, Strictness::Backbone)
            .unwrap()
    };
    assert_eq!(loaded.untrained(), ["classifier.bias", "classifier.weight"]);
    let task = loaded.model.limits().task;
    step(&loaded.model, loaded.var_store(), &Inputs::new(examples(task, 0), &loaded.model.limits()).unwrap());
    assert!(loaded.check_trained("tagging").is_err());
    loaded.mark_trained();
    loaded.check_trained("tagging").unwrap();
}

#[test]
fn the_companion_of_forward_t_takes_texts_and_labels() {
    let classifier = model::<ElectraForSequenceClassification>(&odd()).model;
    let texts = Batch { ids: ids(&LENGTHS), type_ids: types(&LENGTHS) };
    let labelled = || Arguments::from(&texts).with_labels(TEXT_CLASSES);
    let output = classifier.forward_with(labelled(), false).unwrap();
    let inputs = Inputs::new(labelled(), &classifier.limits()).unwrap();
    let expected = classifier.forward(&inputs, ForwardOptions::default()).unwrap();
    assert!(output.logits.equal(&expected.logits));
    assert!(output.loss.unwrap().equal(&expected.loss.unwrap()));
    let alone = classifier.forward_with(&texts, false).unwrap();
    assert!(alone.loss.is_none() && alone.logits.equal(&expected.logits));
    let (ids, mask) = (padded(&ids(&LENGTHS), 0), mask(&LENGTHS));
    let types = padded(&types(&LENGTHS), 0);
    let tensors = classifier.forward_t(Some(&ids), Some(&mask), Some(&types), None, None, false).unwrap();
    assert!(tensors.logits.equal(&expected.logits));

    // What the configuration requests is in the output, as with `forward_t`.
    let config = DistilBertConfig { output_hidden_states: true, ..odd() };
    let chooser = model::<DistilBertForMultipleChoice>(&config).model;
    let arguments = Arguments::from(texts).in_choices(2).unwrap().with_labels(CHOSEN);
    let output = chooser.forward_with(arguments, true).unwrap();
    assert_eq!((output.logits.size(), output.all_hidden_states.unwrap().len()), (vec![3, 2], 4));
    let expected = {
        let (ids, mask) = (ids.view([3, 2, -1]), mask.view([3, 2, -1]));
        chooser.forward_t(Some(&ids), Some(&mask), None, false).unwrap()
    };
    assert_close(&chooser.forward_with(choices(), false).unwrap().logits, &expected.logits);
}

/// Return the texts as three questions with two choices.
fn choices() -> Arguments {
    let texts = Batch { ids: ids(&LENGTHS), type_ids: types(&LENGTHS) };
    assert!(Arguments::from(&texts).in_choices(4).is_err());
    Arguments::from(&texts).in_choices(2).unwrap()
}
