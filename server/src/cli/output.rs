//! How commands speak: lines for people with a progress bar, or one JSON object a line for programs.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

/// Where a command's words go.
#[derive(Clone, Debug)]
pub struct Output {
    json: bool,
    lang: web::Lang,
}

impl Output {
    /// For programs (`--json`) or people, in the language of the terminal (`LC_ALL`, `LANG`).
    pub fn new(json: bool) -> Self {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
        let chinese = set.is_some_and(|locale| locale.starts_with("zh"));
        Self { json, lang: if chinese { web::Lang::ZhCn } else { web::Lang::En } }
    }

    /// Language of what is said to people.
    pub fn lang(&self) -> web::Lang {
        self.lang
    }

    /// The one of two texts that is in the reader's language.
    pub fn pick<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.lang {
            web::Lang::ZhCn => zh,
            web::Lang::En => en,
        }
    }

    /// Whether programs read.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// One result: the text for people, the value for programs.
    pub fn say(&self, text: &str, value: &Value) {
        let mut out = std::io::stdout().lock();
        let _ = if self.json { writeln!(out, "{value}") } else { writeln!(out, "{text}") };
        let _ = out.flush();
    }

    /// What went wrong, on the error stream.
    pub fn fault(&self, text: &str) {
        let mut out = std::io::stderr().lock();
        let _ = if self.json { writeln!(out, "{}", json!({ "error": text })) } else { writeln!(out, "hutong: {text}") };
    }

    /// A bar over `total` steps; silent for programs and where nobody watches.
    pub fn progress(&self, total: u64, what: &str) -> ProgressBar {
        if self.json || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(total).with_style(style).with_message(what.to_owned())
    }
}
