//! Why a sheet was refused, in words that say what to do next.

use std::fmt;

use super::refs::column_letter;

/// A refusal with its position in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetError {
    /// What is wrong.
    pub kind: SheetErrorKind,
    /// Name of the sheet.
    pub sheet: Option<String>,
    /// Row number as Excel shows it, from 1.
    pub row: Option<u32>,
    /// Column from 0; shown as a letter.
    pub column: Option<u32>,
}

/// What is wrong with a sheet. The fields are the arguments of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // every field is a word of the message next to it
pub enum SheetErrorKind {
    /// The file could not be read or written.
    Io {
        detail: String,
    },
    /// More bytes than accepted.
    FileTooLarge {
        limit: u64,
    },
    /// No content, or no sheet with content.
    Empty,
    /// Some other kind of file.
    NotASheet,
    /// A word-processing document.
    WordDocument,
    /// A web page saved under a sheet's name.
    HtmlTable,
    /// The XML format of Excel 2003.
    Excel2003Xml,
    /// OpenDocument.
    OpenDocument,
    /// The binary xlsb format.
    BinaryXlsx,
    /// Excel 95 or older.
    TooOld,
    /// Holds macros.
    Macro,
    /// Protected by a password.
    Encrypted,
    /// Cut short or not well-formed.
    Damaged {
        part: String,
    },
    /// Declares a DTD or entities.
    Dtd {
        part: String,
    },
    /// Unpacks to far more than a sheet ever does.
    UnpacksTooLarge {
        limit: u64,
    },
    /// More parts than a workbook ever has.
    TooManyEntries {
        limit: usize,
    },
    /// A part's name leads outside the package.
    UnsafePath {
        part: String,
    },
    /// Neither UTF-8, UTF-16 nor GBK.
    Encoding,
    /// A quotation mark that is never closed.
    OpenQuote,
    TooManySheets {
        limit: usize,
    },
    TooManyRows {
        limit: usize,
    },
    TooManyColumns {
        limit: usize,
    },
    TooManyCells {
        limit: usize,
    },
    TooMuchText {
        limit: usize,
    },
    CellTooLong {
        limit: usize,
    },
    /// No row holds the wanted labels.
    HeaderNotFound {
        wanted: Vec<String>,
    },
    /// A required column is missing.
    MissingColumn {
        label: String,
    },
    /// Two columns answer to one label.
    DuplicateColumn {
        label: String,
        other: u32,
    },
    /// An identifier was stored as a number and lost its last digits.
    LostPrecision {
        label: String,
    },
    /// A downloaded row came back twice with different content.
    DuplicateId {
        id: String,
        other: u32,
    },
    /// A row's id is not among those handed out.
    UnknownId {
        id: String,
    },
    /// A filled row without its id.
    MissingId,
}

impl From<SheetErrorKind> for SheetError {
    fn from(kind: SheetErrorKind) -> Self {
        Self { kind, sheet: None, row: None, column: None }
    }
}

impl SheetError {
    /// A stable code for programs.
    pub fn key(&self) -> &'static str {
        use SheetErrorKind as K;
        match &self.kind {
            K::Io { .. } => "sheet.io",
            K::FileTooLarge { .. } => "sheet.file-too-large",
            K::Empty => "sheet.empty",
            K::NotASheet => "sheet.not-a-sheet",
            K::WordDocument => "sheet.word-document",
            K::HtmlTable => "sheet.html-table",
            K::Excel2003Xml => "sheet.excel-2003-xml",
            K::OpenDocument => "sheet.open-document",
            K::BinaryXlsx => "sheet.binary-xlsx",
            K::TooOld => "sheet.too-old",
            K::Macro => "sheet.macro",
            K::Encrypted => "sheet.encrypted",
            K::Damaged { .. } => "sheet.damaged",
            K::Dtd { .. } => "sheet.dtd",
            K::UnpacksTooLarge { .. } => "sheet.unpacks-too-large",
            K::TooManyEntries { .. } => "sheet.too-many-entries",
            K::UnsafePath { .. } => "sheet.unsafe-path",
            K::Encoding => "sheet.encoding",
            K::OpenQuote => "sheet.open-quote",
            K::TooManySheets { .. } => "sheet.too-many-sheets",
            K::TooManyRows { .. } => "sheet.too-many-rows",
            K::TooManyColumns { .. } => "sheet.too-many-columns",
            K::TooManyCells { .. } => "sheet.too-many-cells",
            K::TooMuchText { .. } => "sheet.too-much-text",
            K::CellTooLong { .. } => "sheet.cell-too-long",
            K::HeaderNotFound { .. } => "sheet.header-not-found",
            K::MissingColumn { .. } => "sheet.missing-column",
            K::DuplicateColumn { .. } => "sheet.duplicate-column",
            K::LostPrecision { .. } => "sheet.lost-precision",
            K::DuplicateId { .. } => "sheet.duplicate-id",
            K::UnknownId { .. } => "sheet.unknown-id",
            K::MissingId => "sheet.missing-id",
        }
    }

    /// The whole message with its position. `lang` is `zh-CN` or `en`;
    /// anything else reads Chinese.
    pub fn text(&self, lang: &str) -> String {
        let english = lang.starts_with("en");
        let at = self.position(english);
        let body = if english { self.kind.english() } else { self.kind.chinese() };
        match (at.is_empty(), english) {
            (true, _) => body,
            (false, true) => format!("{at}: {body}"),
            (false, false) => format!("{at}：{body}"),
        }
    }

    fn position(&self, english: bool) -> String {
        let mut parts = Vec::new();
        if let Some(sheet) = &self.sheet {
            parts.push(if english { format!("Sheet “{sheet}”") } else { format!("工作表“{sheet}”") });
        }
        if let Some(row) = self.row {
            parts.push(if english { format!("row {row}") } else { format!("第 {row} 行") });
        }
        if let Some(column) = self.column {
            let letter = column_letter(column);
            parts.push(if english { format!("column {letter}") } else { format!("{letter} 列") });
        }
        parts.join(if english { ", " } else { " " })
    }
}

impl fmt::Display for SheetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text("en"))
    }
}

impl std::error::Error for SheetError {}
