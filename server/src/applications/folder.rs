//! Reading a folder that anybody may have written: bounded in number and size, no links, no names that
//! lead elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use form_runtime::definition::parse_bounded;
use serde_json::Value;

use super::fault::Fault;
use super::format::{Kind, is_key};

/// Files in one application.
const MAX_FILES: usize = 500;
/// Bytes of one JSON file.
const MAX_JSON: u64 = 1_048_576;
/// Bytes of one sample sheet.
const MAX_SAMPLE: u64 = 10 * 1_048_576;

/// A file as read.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// `forms/visit.json`
    pub name: String,
    /// the text, for line and column
    pub text: String,
    /// its JSON, texts not yet filled in
    pub value: Value,
}

/// Everything in a folder.
#[derive(Clone, Debug, Default)]
pub(super) struct Folder {
    /// `app.json`
    pub head: Option<File>,
    /// by kind and key
    pub files: BTreeMap<(Kind, String), File>,
    /// `texts/LANG.json` by language
    pub texts: BTreeMap<String, File>,
    /// sheets under `sample/` by key
    pub samples: BTreeMap<String, PathBuf>,
}

/// Reads a folder; what cannot be read is a fault and left out.
pub(super) fn read(dir: &Path) -> (Folder, Vec<Fault>) {
    let mut reader = Reader { folder: Folder::default(), faults: Vec::new(), files: 0 };
    reader.top(dir);
    (reader.folder, reader.faults)
}

struct Reader {
    folder: Folder,
    faults: Vec<Fault>,
    files: usize,
}

impl Reader {
    fn fault(&mut self, file: &str, zh: impl Into<String>, en: impl Into<String>) {
        self.faults.push(Fault::new(file, "", zh, en));
    }

    /// Names and paths of a folder, sorted; hidden files are not part of an application.
    fn list(&mut self, dir: &Path, shown: &str) -> Vec<(String, PathBuf)> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => {
                self.fault(
                    shown,
                    format!("打不开这个文件夹：{error}"),
                    format!("the folder cannot be opened: {error}"),
                );
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for entry in entries.take(MAX_FILES + 1).flatten() {
            match entry.file_name().into_string() {
                Ok(name) if name.starts_with('.') => {}
                Ok(name) => found.push((name, entry.path())),
                Err(name) => {
                    let name = name.to_string_lossy().into_owned();
                    self.fault(&name, "文件名不是 UTF-8，请改名", "the file name is not UTF-8; rename it");
                }
            }
        }
        found.sort();
        found
    }

    fn top(&mut self, dir: &Path) {
        for (name, path) in self.list(dir, "") {
            if self.is_link(&path, &name) {
                continue;
            }
            if path.is_dir() {
                match Kind::from_key(&name) {
                    Some(kind) => self.kind(kind, &path),
                    None => self.fault(
                        &name,
                        "应用里没有这种文件夹；可用：forms rules tasks ledgers channels boards texts sample cases",
                        "an application has no such folder; there are: forms rules tasks ledgers channels boards texts sample cases",
                    ),
                }
            } else if name == "app.json" {
                self.folder.head = self.json(&path, &name);
            } else if !is_note(&name) {
                self.fault(
                    &name,
                    "这里只放 app.json 和说明（.md、LICENSE），请移到对应的文件夹",
                    "only app.json and notes (.md, LICENSE) stand here; move it into its folder",
                );
            }
        }
        if self.folder.head.is_none()
            && !self.faults.iter().any(|fault| fault.file == "app.json" || fault.file.is_empty())
        {
            self.fault(
                "app.json",
                "缺少 app.json：写上 id、version、title 和 needs",
                "app.json is missing: write id, version, title and needs",
            );
        }
    }

    fn kind(&mut self, kind: Kind, dir: &Path) {
        for (name, path) in self.list(dir, kind.key()) {
            let shown = format!("{}/{name}", kind.key());
            if self.is_link(&path, &shown) || is_note(&name) {
                continue;
            }
            self.files += 1;
            if self.files > MAX_FILES {
                self.fault(
                    kind.key(),
                    format!("一个应用最多 {MAX_FILES} 个文件，请拆成几个应用"),
                    format!("an application has at most {MAX_FILES} files; split it"),
                );
                return;
            }
            let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
            let stem = stem.to_owned();
            match (kind, ending) {
                (Kind::Sample, "csv" | "tsv" | "xlsx") if is_key(&stem) => {
                    if self.fits(&path, &shown, MAX_SAMPLE) {
                        self.folder.samples.insert(stem, path);
                    }
                }
                (Kind::Texts, "json") if matches!(stem.as_str(), "zh-CN" | "en") => {
                    if let Some(file) = self.json(&path, &shown) {
                        self.folder.texts.insert(stem, file);
                    }
                }
                (Kind::Texts, _) => self.fault(
                    &shown,
                    "文字只有 zh-CN.json 和 en.json 两个文件",
                    "texts are the two files zh-CN.json and en.json",
                ),
                (Kind::Sample, _) => self.fault(
                    &shown,
                    "样例应是 .csv、.tsv 或 .xlsx，文件名是表单的键",
                    "a sample is .csv, .tsv or .xlsx and is named by the key of its form",
                ),
                (_, "json") if is_key(&stem) => {
                    if let Some(file) = self.json(&path, &shown) {
                        self.folder.files.insert((kind, stem), file);
                    }
                }
                _ => self.fault(
                    &shown,
                    "文件应叫 键.json，键以小写字母开头，只含小写字母、数字、- 和 _，最长 40 个",
                    "a file is named KEY.json; a key begins with a lower-case letter and holds a-z 0-9 - _, at most 40",
                ),
            }
        }
    }

    /// A link is refused whatever it points at: an application is what stands in its folder.
    fn is_link(&mut self, path: &Path, shown: &str) -> bool {
        let plain = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() || meta.is_dir());
        if !plain {
            self.fault(
                shown,
                "这是链接或特殊文件，不会去读它指向的内容；请放入文件本身",
                "this is a link or a special file and is not followed; put the file itself here",
            );
        }
        !plain
    }

    fn fits(&mut self, path: &Path, shown: &str, most: u64) -> bool {
        match fs::metadata(path) {
            Ok(meta) if meta.is_file() && meta.len() <= most => true,
            Ok(meta) if meta.is_file() => {
                let (now, most) = (meta.len() / 1_048_576 + 1, most / 1_048_576);
                self.fault(
                    shown,
                    format!("文件约 {now} MB，最多 {most} MB，请拆分"),
                    format!("the file is about {now} MB and may have {most} MB; split it"),
                );
                false
            }
            _ => {
                self.fault(shown, "这里应是一个文件", "a file is expected here");
                false
            }
        }
    }

    fn json(&mut self, path: &Path, shown: &str) -> Option<File> {
        if !self.fits(path, shown, MAX_JSON) {
            return None;
        }
        let mut bytes = Vec::new();
        // Once more bounded: a file may grow after it was measured.
        let read = fs::File::open(path).and_then(|file| file.take(MAX_JSON + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            self.fault(shown, format!("读不了这个文件：{error}"), format!("the file cannot be read: {error}"));
            return None;
        }
        let Ok(text) = String::from_utf8(bytes) else {
            self.fault(shown, "文件不是 UTF-8，请另存为 UTF-8", "the file is not UTF-8; save it as UTF-8");
            return None;
        };
        match parse_bounded(&text) {
            Ok(value) => Some(File { name: shown.to_owned(), text, value }),
            Err(fault) => {
                self.faults.push(Fault::of_form(shown, "", &fault));
                None
            }
        }
    }
}

fn is_note(name: &str) -> bool {
    name == "LICENSE" || name.rsplit_once('.').is_some_and(|(_, ending)| ending == "md")
}
