//! Long work asks whether to go on, everywhere, and an interrupt leaves nothing half-changed.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use oxbert::electra::{ElectraDiscriminator, ElectraForMaskedLM};
use oxbert::inputs::{Arguments, Inputs};
use oxbert::interrupt::watch_every;
use oxbert::nn::ForwardOptions;
use oxbert::pipelines::ReplacedTokenDetection;
use oxbert::pretrained::Frozen;
use oxbert::weights::{Strictness, WeightFormat};
use oxbert::{ElectraConfig, Error, Pretrained, Result};
use tch::Device;

use crate::common::{TRAIN, fresh, ids, model, odd, ragged, random_numbers};
use crate::text::tokenizer;

/// Run `work`, refuse to go on at the question number `at`, and return the result and the number of questions.
fn refused_at<T>(at: usize, work: impl FnOnce() -> Result<T>) -> (Result<T>, usize) {
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    let check = move || {
        count.set(count.get() + 1);
        if count.get() > at { Err(Error::Interrupted) } else { Ok(()) }
    };
    let result = watch_every(Duration::ZERO, check, work);
    (result, asked.get())
}

/// Check that `work` asks at least `questions` times, and that it ends at each of them.
fn assert_interruptible<T>(name: &str, questions: usize, work: impl Fn() -> Result<T>) {
    let (result, asked) = refused_at(usize::MAX, &work);
    assert!(result.is_ok(), "{name}: {:?}", result.err());
    assert!(asked >= questions, "{name} asked {asked} times only");
    for at in [0, 1, asked / 2, asked - 1] {
        let (result, until) = refused_at(at, &work);
        assert!(matches!(result, Err(Error::Interrupted)), "{name} went on after question {at} of {asked}");
        // A buffer of a file asks once more when it is dropped.
        assert!(until - at <= 2, "{name}");
    }
}

#[test]
fn long_work_asks_and_ends() {
    let config: ElectraConfig = ElectraConfig { vocab_size: 16, ..odd() };
    let folder = tempfile::tempdir().unwrap();
    let trainable = model::<ElectraForMaskedLM>(&config);
    trainable.save(folder.path(), WeightFormat::Safetensors).unwrap();
    let parameters = trainable.parameters().len();
    let load = || Pretrained::<ElectraForMaskedLM>::from_folder(folder.path(), Device::Cpu, Strictness::Everything);
    let freeze = || Frozen::<ElectraForMaskedLM>::from_folder(folder.path(), Device::Cpu, Strictness::Everything);
    let frozen = freeze().unwrap();
    let inputs = || {
        let input_ids =
            ragged(&ids(&[5, 2, 7]).iter().map(|row| row.iter().map(|id| id % 16).collect()).collect::<Vec<_>>());
        Inputs::new(Arguments { input_ids, ..Arguments::default() }, &frozen.limits())
    };
    // Each layer has six linear layers, and attention for each length.
    let operations = 3 * (6 + 3);
    assert_interruptible("a fresh model", parameters, || {
        let _random = random_numbers();
        Pretrained::<ElectraForMaskedLM>::from_config(&config, Some(1), Device::Cpu)
    });
    assert_interruptible("loading", parameters, load);
    assert_interruptible("loading a frozen model", parameters, freeze);
    assert_interruptible("a forward pass", operations, || {
        let _random = random_numbers();
        oxbert::models::Model::forward(&trainable.model, &inputs()?, TRAIN)
    });
    // Kernels ask once a layer, the projection and the two linear layers of the head once each.
    let frozen_operations = 3 + 3;
    assert_interruptible("a frozen forward pass", frozen_operations, || {
        frozen.forward(&inputs()?, ForwardOptions::default())
    });
    for format in WeightFormat::ALL {
        let target = folder.path().join(format.name());
        assert_interruptible(format.name(), parameters, || trainable.save(&target, format));
        if format != WeightFormat::Safetensors {
            // The checksum of each tensor.
            let opening = format!("opening {}", format.name());
            let file = target.join(format.file_name());
            assert_interruptible(&opening, parameters, || oxbert::weights::WeightSource::open(&file));
        }
    }
    let discriminator = folder.path().join("discriminator");
    model::<ElectraDiscriminator>(&config).save(&discriminator, WeightFormat::Safetensors).unwrap();
    let detect = Pretrained::from_folder(&discriminator, Device::Cpu, Strictness::Everything).unwrap();
    let detect = ReplacedTokenDetection::new(detect, tokenizer(folder.path())).unwrap();
    assert_interruptible("a pipeline", frozen_operations, || detect.predict(&["cat mat", "cat", "mat cat mat"]));
}

#[test]
fn a_large_parameter_is_filled_in_parts_with_the_numbers_of_the_whole() {
    let _random = random_numbers();
    for count in [1 << 22, (1 << 22) + 15, (1 << 22) + 16, (1 << 23) + 7] {
        let config =
            ElectraConfig { vocab_size: count, embedding_size: 1, pad_token_id: None, num_hidden_layers: 0, ..odd() };
        let made = Pretrained::<ElectraForMaskedLM>::from_config(&config, Some(count), Device::Cpu).unwrap();
        let _no_grad = tch::no_grad_guard();
        tch::manual_seed(count);
        let mut whole = tch::Tensor::zeros([count, 1], (tch::Kind::Float, Device::Cpu));
        let _ = whole.normal_(0.0, config.initializer_range);
        assert!(made.word_embeddings().unwrap().equal(&whole), "{count}");
    }
}

#[test]
fn an_interrupt_changes_no_file_and_no_model() {
    let config: ElectraConfig = odd();
    let folder = tempfile::tempdir().unwrap();
    let old = model::<ElectraForMaskedLM>(&config);
    old.save(folder.path(), WeightFormat::Ot).unwrap();
    let files = || -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path()).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = files();
    let other = fresh::<ElectraForMaskedLM>(&config, 5);
    let (_, asked) = refused_at(usize::MAX, || other.save(tempfile::tempdir().unwrap().path(), WeightFormat::Ot));
    for at in 0..asked {
        let (result, _) = refused_at(at, || other.save(folder.path(), WeightFormat::Ot));
        assert!(matches!(result, Err(Error::Interrupted)));
        assert!(files() == before);
    }
    // Values of an existing model are replaced as a whole.
    let source = oxbert::weights::WeightSource::open(folder.path().join("rust_model.ot")).unwrap();
    let mut other = other;
    let (result, _) = refused_at(0, || other.load(&source, Strictness::Everything));
    result.unwrap();
    let expected = old.parameters();
    for (name, tensor) in other.parameters() {
        let (_, same) = expected.iter().find(|(known, _)| *known == name).unwrap();
        assert!(tensor.equal(same), "{name}");
    }
}
