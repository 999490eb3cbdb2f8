//! Run each example as its header says, without arguments, and check what it prints.
//!
//! `cargo test` builds the examples beside the tests. With `--test it` it does not: run `cargo build --release --examples`
//! first.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Run an example and return what it prints.
fn run(name: &str, arguments: &[&str]) -> String {
    // The tests are in `target/<profile>/deps`.
    let tests: PathBuf = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(program.is_file(), "{} is not built: run `cargo build --release --examples`", program.display());
    let done = Command::new(program).args(arguments).env("OMP_NUM_THREADS", "1").output().unwrap();
    let (printed, errors) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{name}: {printed}\n{errors}");
    printed
}

#[test]
fn the_models_of_examples_answer() {
    for (name, expected) in [
        ("electra_masked_lm", "file"),
        ("electra_discriminator", "%  function"),
        ("electra_token_classification", "LABEL_"),
        ("distilbert_masked_lm", "the compiler reads the source file."),
        ("distilbert_sequence_classification", "positive"),
        ("distilbert_question_answering", "New York"),
        ("feature_extraction", "Sort the items of the list in place."),
    ] {
        let printed = run(name, &[]);
        assert!(printed.contains(expected), "{name}: {printed}");
    }
    let printed = run("electra_pretraining", &["--steps", "2"]);
    assert!(printed.contains("step    2: masked LM"), "{printed}");
}

#[test]
fn labels_of_the_callers_are_ranked() {
    let printed = run("zero_shot_classification", &[]);
    for (text, label) in [("There is a packet in the server.", "network"), ("The hour comes after the minute.", "time")]
    {
        let first = printed.lines().skip_while(|line| *line != text).nth(1);
        assert!(first.is_some_and(|line| line.ends_with(label)), "{printed}");
    }
}

#[test]
fn a_discriminator_becomes_a_classifier() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("classifier");
    let printed = run("electra_sequence_classification", &["--output", output.to_str().unwrap()]);
    assert!(printed.contains("Newly initialised: classifier.dense.bias"), "{printed}");
    let accuracy = |line: &str| -> f64 {
        let (_, rest) = line.split_once(": ").unwrap();
        rest.split_once(" %").unwrap().0.trim().parse().unwrap()
    };
    let epochs: Vec<f64> = printed.lines().filter(|line| line.starts_with("epoch")).map(accuracy).collect();
    let (first, last) = (epochs[0], *epochs.last().unwrap());
    assert!(last >= 80.0 && last > first + 20.0, "{printed}");
    // What was trained is what is loaded.
    let again = run("electra_sequence_classification", &["--model", output.to_str().unwrap(), "--epochs", "0"]);
    assert!(again.contains(&format!("epoch 0: {last:3.0} %")), "{printed}\n{again}");
    assert!(again.contains("Every parameter is loaded."), "{again}");
}

#[test]
fn a_server_answers_many_requests_at_once() {
    let printed = run("serve_fill_mask", &["--selftest", "200"]);
    assert!(printed.starts_with("200 requests at once, every answer equal to the model's own\n"), "{printed}");
}

#[test]
fn every_line_of_a_file_is_judged_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.txt");
    let words = ["in", "because"];
    let line = |number: usize| format!("Returns the number of elements {} the list {number}.", words[number % 2]);
    // More lines than the example holds at a time, one of them longer than the model, some of them blank.
    let mut lines: Vec<String> = (0..4200).map(line).collect();
    lines[7] = "a long line ".repeat(100);
    std::fs::write(&path, lines.join("\n\n")).unwrap();
    let printed = run("batch_inference", &[path.to_str().unwrap()]);
    let judged: Vec<Vec<&str>> = printed.lines().map(|line| line.splitn(3, '\t').collect()).collect();
    assert!(judged.iter().map(|fields| fields[2]).eq(lines.iter().map(String::as_str)));
    let found = judged.iter().filter(|fields| fields[1] == "because").count();
    assert!(found > 1000, "{found}");
    assert!(judged.iter().all(|fields| fields[1] != "because" || fields[2].contains("because")));
}
