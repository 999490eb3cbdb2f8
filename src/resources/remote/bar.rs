//! A progress bar for a download, on a terminal.

use std::cell::OnceCell;
use std::io::{IsTerminal, stderr};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

/// Smaller files arrive before a user could read a bar.
const WORTH_A_BAR: u64 = 10_000_000;

/// A bar that appears once the length of the file is known and large enough.
pub(super) struct Bar {
    name: String,
    wanted: bool,
    shown: OnceCell<ProgressBar>,
}

impl Bar {
    pub(super) fn new(path: &Path, wanted: bool) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, wanted: wanted && stderr().is_terminal(), shown: OnceCell::new() }
    }

    pub(super) fn show(&self, done: u64, total: Option<u64>) {
        let Some(total) = total.filter(|&total| self.wanted && total > WORTH_A_BAR) else { return };
        let bar = self.shown.get_or_init(|| {
            let template = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            // The speed must not include the bytes of an earlier download.
            let bar = ProgressBar::new(total).with_style(style).with_message(self.name.clone()).with_position(done);
            bar.reset_eta();
            bar
        });
        bar.set_length(total);
        bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = self.shown.get() {
            bar.finish_and_clear();
        }
    }
}
