//! Judge every line of a file, of any size, on all cores: rayon hands parts of the file to one frozen model.
//!
//! For each line the word that looks most as if it had been replaced is printed, with its probability.
//!
//! ```text
//! cargo run --release --example batch_inference
//! cargo run --release --example batch_inference -- --model FOLDER corpus.txt > judged.tsv
//! ```

#[path = "support/folder.rs"]
mod folder;

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write, stdout};
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use oxbert::Frozen;
use oxbert::electra::ElectraDiscriminator;
use oxbert::text::{Batch, ElectraTokenizer, EncodeOptions, Truncation};
use oxbert::weights::Strictness;
use rayon::prelude::*;
use tch::{Device, Kind};

/// The number of lines that are in memory at a time, and of lines in a batch.
const LINES: usize = 4096;
const ROWS: usize = 32;

#[derive(Parser)]
#[command(about = "Finds the most suspicious word of every line of a file")]
struct Options {
    /// A folder with config.json, weights and vocab.txt
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/python/oxbert/bundled/electra-tiny-discriminator"))]
    model: PathBuf,
    /// The longest text in tokens; the rest of a longer line is cut off
    #[arg(long, default_value_t = 128)]
    max_length: usize,
    /// A text with one sentence or paragraph per line
    #[arg(default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))]
    text: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    folder::check(&options.model)?;
    // rayon has a thread for each core: libtorch should not start more for every batch.
    tch::set_num_threads(1);
    let tokenizer = ElectraTokenizer::from_pretrained(&options.model)?;
    let model: Frozen<ElectraDiscriminator> = Frozen::from_folder(&options.model, Device::Cpu, Strictness::Everything)?;
    let encode = EncodeOptions::truncated(Truncation::LongestFirst, options.max_length);

    let file = File::open(&options.text).map_err(|error| format!("cannot open {}: {error}", options.text.display()))?;
    let is_blank = |line: &Result<String, _>| line.as_ref().is_ok_and(|line: &String| line.trim().is_empty());
    let mut lines = BufReader::new(file).lines().filter(|line| !is_blank(line));
    let mut output = BufWriter::new(stdout().lock());
    let (mut count, begin) = (0, Instant::now());
    loop {
        let block: Vec<String> = lines.by_ref().take(LINES).collect::<Result<_, _>>()?;
        if block.is_empty() {
            break;
        }
        // The answers have the order of the lines. The first error ends the work.
        let judged: Vec<Vec<(f64, String)>> = block
            .par_chunks(ROWS)
            .map(|rows| judge(&model, &tokenizer, rows, &encode))
            .collect::<oxbert::Result<_>>()?;
        for (line, (probability, token)) in block.iter().zip(judged.iter().flatten()) {
            writeln!(output, "{probability:.3}\t{token}\t{line}")?;
        }
        count += block.len();
    }
    output.flush()?;
    eprintln!("{count} lines, {:.0} a second", count as f64 / begin.elapsed().as_secs_f64());
    Ok(())
}

/// Return for each text the largest probability of a token, and the token.
fn judge(
    model: &Frozen<ElectraDiscriminator>,
    tokenizer: &ElectraTokenizer,
    texts: &[String],
    encode: &EncodeOptions,
) -> oxbert::Result<Vec<(f64, String)>> {
    let batch = Batch::from_texts_with(tokenizer, texts, encode)?;
    // [B, S], and 0 behind the end of a row. Inputs and outputs stay on this thread.
    let probabilities = model.predict(&batch)?.probabilities;
    let (largest, columns) = probabilities.f_to_kind(Kind::Double)?.f_max_dim(-1, false)?;
    let (largest, columns) = (Vec::<f64>::try_from(largest)?, Vec::<i64>::try_from(columns)?);
    let token = |row: usize| tokenizer.id_to_token(batch.ids[row][columns[row] as usize]).unwrap_or("?").to_string();
    Ok(largest.into_iter().enumerate().map(|(row, probability)| (probability, token(row))).collect())
}
