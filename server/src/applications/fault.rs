//! What is wrong with an application's folder, and where.

use serde::Serialize;

use crate::error;

/// One fault of one file, told in both languages; shown to whoever wrote the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// file below the folder, with `/`; empty for the folder itself
    pub file: String,
    /// JSON pointer, `line:column`, or both with a blank between them; empty for the whole file
    pub at: String,
    /// Chinese: what is wrong and what to do
    pub zh: String,
    /// the same in English
    pub en: String,
}

impl Fault {
    /// A fault at a place of a file.
    pub fn new(file: impl Into<String>, at: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { file: file.into(), at: at.into(), zh: zh.into(), en: en.into() }
    }

    /// A fault of a form, model or ledger definition in a file; a pointer of its own goes below `under`.
    pub(super) fn of_form(file: &str, under: &str, fault: &form_runtime::Fault) -> Self {
        Self::new(file, format!("{under}{}", fault.pointer), &fault.message, &fault.message_en)
    }

    /// A fault of a rule, placed by line and column of its Rhai text.
    pub(super) fn of_rule(file: &str, pointer: &str, fault: &rule_engine::RuleError) -> Self {
        use rule_engine::{ErrorKind, Lang};
        let at = match fault.kind {
            ErrorKind::Definition | ErrorKind::Input => pointer.to_owned(),
            _ => format!("{pointer} {}:{}", fault.line, fault.column).trim_start().to_owned(),
        };
        Self::new(file, at, fault.message(Lang::ZhCn), fault.message(Lang::En))
    }

    /// File and place in one text: `forms/visit.json /fields/3`.
    pub fn place(&self) -> String {
        [self.file.as_str(), self.at.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// The message in a language.
    pub fn text(&self, lang: web::Lang) -> &str {
        match lang {
            web::Lang::ZhCn => &self.zh,
            web::Lang::En => &self.en,
        }
    }
}

impl From<Fault> for error::Fault {
    fn from(fault: Fault) -> Self {
        Self::new(fault.place(), "applications-fault").with("zh", fault.zh).with("en", fault.en)
    }
}
