//! Judging a folder without a database: every file reads, every reference leads somewhere, every rule
//! compiles, every case gives what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use form_runtime::definition::parse_value;
use form_runtime::{AttributeRef, FormDefinition, Model, Text, columns};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::cases;
use super::fault::Fault;
use super::folder::{self, File, Folder};
use super::format::{BoardFile, CaseFile, ChannelFile, Head, Kind, Reference, RuleFile, TaskFile, is_key};
use crate::forms::publish::obstacles;
use crate::ledgers;
use crate::measures::Measures;
use crate::platform::sheets;
use crate::tasks::TaskShape;

/// Faults told at once; more would not be read.
const MAX_FAULTS: usize = 200;

/// Everything that is wrong with a folder; empty when it can be installed. Reads files and runs the
/// folder's cases: call it where blocking for a second is no harm.
pub fn check(dir: &Path) -> Vec<Fault> {
    load(dir).err().unwrap_or_default()
}

/// The same for what is installed: its contents by kind and key, the head apart.
pub fn check_installed(head: &str, objects: impl IntoIterator<Item = (Kind, String, String)>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut file = |name: String, text: String| match serde_json::from_str::<Value>(&text) {
        Ok(value) => Some(File { name, text, value }),
        Err(error) => {
            faults.push(Fault::new(
                name,
                "",
                format!("存下的内容读不出来：{error}"),
                format!("what is stored cannot be read: {error}"),
            ));
            None
        }
    };
    let mut folder = Folder { head: file("app.json".to_owned(), head.to_owned()), ..Folder::default() };
    for (kind, key, content) in objects {
        if let Some(file) = file(format!("{}/{key}.json", kind.key()), content) {
            folder.files.insert((kind, key), file);
        }
    }
    Examined::of(folder, faults).err().unwrap_or_default()
}

/// A folder without faults, read once.
pub(super) fn load(dir: &Path) -> Result<Examined, Vec<Fault>> {
    let (folder, faults) = folder::read(dir);
    Examined::of(folder, faults)
}

/// An application whose every part reads and resolves.
#[derive(Clone, Debug)]
pub(super) struct Examined {
    pub head: Head,
    pub forms: BTreeMap<String, FormDefinition>,
    pub rules: BTreeMap<String, RuleFile>,
    pub tasks: BTreeMap<String, TaskFile>,
    pub ledgers: BTreeMap<String, ledgers::Definition>,
    pub channels: BTreeMap<String, ChannelFile>,
    pub boards: BTreeMap<String, BoardFile>,
    pub cases: BTreeMap<String, CaseFile>,
    /// `app.json` with its texts filled in
    pub head_text: String,
    /// every object's JSON with its texts filled in
    pub contents: BTreeMap<(Kind, String), String>,
}

impl Examined {
    fn of(mut folder: Folder, mut faults: Vec<Fault>) -> Result<Self, Vec<Fault>> {
        fill_texts(&mut folder, &mut faults);
        let examined = folder.head.as_ref().and_then(|file| typed::<Head>(file, &mut faults)).map(|head| {
            let mut examiner = Examiner { folder: &folder, head: &head, faults: Vec::new() };
            let examined = examiner.all();
            faults.append(&mut examiner.faults);
            examined
        });
        faults.truncate(MAX_FAULTS);
        match examined {
            Some(examined) if faults.is_empty() => Ok(examined),
            _ => Err(faults),
        }
    }
}

/// A file as its type; the fault names line and column where the text itself tells them.
fn typed<T: DeserializeOwned>(file: &File, faults: &mut Vec<Fault>) -> Option<T> {
    let error = match T::deserialize(&file.value) {
        Ok(read) => return Some(read),
        Err(error) => error.to_string(),
    };
    let at = match serde_json::from_str::<T>(&file.text) {
        Err(again) if again.to_string().starts_with(&error) => format!("{}:{}", again.line(), again.column()),
        _ => String::new(),
    };
    faults.push(Fault::new(&file.name, at, format!("读不懂：{error}"), format!("cannot be read: {error}")));
    None
}

/// Replaces `"@key"` by the texts of that key in every language.
fn fill_texts(folder: &mut Folder, faults: &mut Vec<Fault>) {
    let mut texts: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let langs: Vec<String> = folder.texts.keys().cloned().collect();
    for (lang, file) in &folder.texts {
        for (key, text) in typed::<BTreeMap<String, String>>(file, faults).unwrap_or_default() {
            texts.entry(key).or_default().insert(lang.clone(), text);
        }
    }
    for (key, written) in &texts {
        for lang in ["zh-CN", "en"].iter().filter(|lang| !written.contains_key(**lang)) {
            let known =
                if langs.iter().any(|l| l == lang) { String::new() } else { "（没有这个文件）".to_owned() };
            faults.push(Fault::new(
                format!("texts/{lang}.json"),
                format!("/{key}"),
                format!("缺少这一条，另一种语言里有{known}"),
                "this entry is missing; the other language has it",
            ));
        }
    }
    let head = folder.head.iter_mut().map(|file| (Kind::Texts, file));
    let files = folder.files.iter_mut().map(|((kind, _), file)| (*kind, file));
    for (kind, file) in head.chain(files).filter(|(kind, _)| *kind != Kind::Cases) {
        let name = file.name.clone();
        let mut missing = |at: &str, key: &str| {
            faults.push(Fault::new(
                &name,
                at,
                format!("texts 里没有“{key}”这一条"),
                format!("texts have no entry `{key}`"),
            ));
        };
        match (&mut file.value, kind) {
            // A rule's source is a program: only its title is a text.
            (Value::Object(map), Kind::Rules) => {
                if let Some(title) = map.get_mut("title") {
                    fill(title, "/title", &texts, &mut missing);
                }
            }
            (value, _) => fill(value, "", &texts, &mut missing),
        }
    }
}

fn fill(
    value: &mut Value,
    at: &str,
    texts: &BTreeMap<String, BTreeMap<String, String>>,
    missing: &mut impl FnMut(&str, &str),
) {
    match value {
        Value::String(text) => {
            if let Some(key) = text.strip_prefix('@').filter(|key| is_key(key)) {
                match texts.get(key) {
                    Some(written) => *value = json!(written),
                    None => missing(at, key),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                fill(item, &format!("{at}/{index}"), texts, missing);
            }
        }
        Value::Object(map) => {
            for (key, item) in map.iter_mut() {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                fill(item, &at, texts, missing);
            }
        }
        _ => {}
    }
}

struct Examiner<'a> {
    folder: &'a Folder,
    head: &'a Head,
    faults: Vec<Fault>,
}

impl Examiner<'_> {
    fn fault(&mut self, file: &str, at: impl Into<String>, zh: impl Into<String>, en: impl Into<String>) {
        self.faults.push(Fault::new(file, at, zh, en));
    }

    /// The files of a kind as their type.
    fn each<T: DeserializeOwned>(&mut self, kind: Kind) -> BTreeMap<String, T> {
        let folder = self.folder;
        let files = folder.files.iter().filter(|((of, _), _)| *of == kind);
        files.filter_map(|((_, key), file)| Some((key.clone(), typed(file, &mut self.faults)?))).collect()
    }

    fn all(&mut self) -> Examined {
        self.head();
        let examined = Examined {
            head: self.head.clone(),
            forms: self.forms(),
            rules: self.each(Kind::Rules),
            tasks: self.each(Kind::Tasks),
            ledgers: self.ledgers(),
            channels: self.each(Kind::Channels),
            boards: self.each(Kind::Boards),
            cases: self.each(Kind::Cases),
            head_text: self.folder.head.as_ref().map(|file| file.value.to_string()).unwrap_or_default(),
            contents: self.folder.files.iter().map(|(at, file)| (at.clone(), file.value.to_string())).collect(),
        };
        let played = cases::play(&examined, &mut self.faults);
        for (key, task) in &examined.tasks {
            self.task(&format!("tasks/{key}.json"), task, &examined, &played);
        }
        for (key, channel) in &examined.channels {
            self.channel(&format!("channels/{key}.json"), channel);
        }
        for (key, board) in &examined.boards {
            self.board(&format!("boards/{key}.json"), board, &examined);
        }
        self.samples(&examined.forms);
        examined
    }

    fn head(&mut self) {
        let head = self.head;
        let file = "app.json";
        if !is_key(&head.id) {
            self.fault(
                file,
                "/id",
                "id 以小写字母开头，只含小写字母、数字、- 和 _，最长 40 个",
                "an id begins with a lower-case letter and holds a-z 0-9 - _, at most 40",
            );
        }
        let numbers: Vec<&str> = head.version.split('.').collect();
        if numbers.len() != 3
            || numbers.iter().any(|part| part.is_empty() || part.len() > 6 || !part.bytes().all(|b| b.is_ascii_digit()))
        {
            self.fault(file, "/version", "版本写成三个数，例如 1.0.0", "a version is three numbers, such as 1.0.0");
        }
        self.title(file, &head.title);
        for (index, attribute) in head.needs.attributes.iter().enumerate() {
            let known = attribute.parse::<AttributeRef>().is_ok_and(|at| Model::shipped().attribute(&at).is_some());
            if !known {
                self.fault(
                    file,
                    format!("/needs/attributes/{index}"),
                    format!("知识体系里没有属性“{attribute}”"),
                    format!("the knowledge model has no attribute `{attribute}`"),
                );
            }
        }
        for (index, app) in head.needs.applications.iter().enumerate() {
            if !is_key(app) || *app == head.id {
                self.fault(
                    file,
                    format!("/needs/applications/{index}"),
                    format!("“{app}”不是另一个应用的 id"),
                    format!("`{app}` is not the id of another application"),
                );
            }
        }
    }

    fn title(&mut self, file: &str, title: &Text) {
        if title.is_empty() {
            self.fault(file, "/title", "还没有名称，请写上", "there is no title yet; write one");
        } else if title.all().any(|text| text.chars().count() > 80) {
            self.fault(
                file,
                "/title",
                "名称太长，请控制在 80 个字以内",
                "the title is too long; keep it within 80 characters",
            );
        }
    }

    fn days(&mut self, file: &str, days: Option<i64>) {
        if days.is_some_and(|days| !(1..=250).contains(&days)) {
            self.fault(file, "/working_days", "工作日应在 1 到 250 之间", "working days are between 1 and 250");
        }
    }

    fn forms(&mut self) -> BTreeMap<String, FormDefinition> {
        let folder = self.folder;
        let mut forms = BTreeMap::new();
        for ((_, key), file) in folder.files.iter().filter(|((kind, _), _)| *kind == Kind::Forms) {
            match parse_value(&file.value) {
                Ok(definition) => {
                    if definition.id != *key {
                        self.fault(
                            &file.name,
                            "/id",
                            format!("id 应与文件名相同：{key}"),
                            format!("the id is the file's name: {key}"),
                        );
                    }
                    let faults = obstacles(&definition);
                    self.faults.extend(faults.iter().map(|fault| Fault::of_form(&file.name, "", fault)));
                    forms.insert(key.clone(), definition);
                }
                Err(faults) => self.faults.extend(faults.iter().map(|fault| Fault::of_form(&file.name, "", fault))),
            }
        }
        forms
    }

    fn ledgers(&mut self) -> BTreeMap<String, ledgers::Definition> {
        let ledgers: BTreeMap<String, ledgers::Definition> = self.each(Kind::Ledgers);
        for (key, definition) in &ledgers {
            let faults = ledgers::check(definition, &Model::shipped());
            self.faults.extend(faults.iter().map(|fault| Fault::of_form(&format!("ledgers/{key}.json"), "", fault)));
        }
        ledgers
    }

    /// A reference must lead to a file of this folder, or to an application that is needed.
    fn refer(&mut self, file: &str, at: &str, kind: Kind, to: &Reference) {
        if to.app == self.head.id {
            if !self.folder.files.contains_key(&(kind, to.key.clone())) {
                let path = format!("{}/{}.json", kind.key(), to.key);
                self.fault(
                    file,
                    at,
                    format!("没有“{to}”：缺少文件 {path}"),
                    format!("there is no `{to}`: the file {path} is missing"),
                );
            }
        } else if !self.head.needs.applications.contains(&to.app) {
            self.fault(
                file,
                at,
                format!("“{to}”是另一个应用的，请在 app.json 的 needs.applications 里写上“{}”", to.app),
                format!("`{to}` is of another application; name `{}` under needs.applications of app.json", to.app),
            );
        }
    }

    fn hook(
        &mut self,
        file: &str,
        at: &str,
        to: &Reference,
        hook: rule_engine::Hook,
        rules: &BTreeMap<String, RuleFile>,
    ) {
        self.refer(file, at, Kind::Rules, to);
        if to.app == self.head.id && rules.get(&to.key).is_some_and(|rule| rule.hook != hook) {
            let hook = hook.function();
            self.fault(file, at, format!("“{to}”不是 {hook} 规则"), format!("`{to}` is not a rule of the hook {hook}"));
        }
    }

    fn task(&mut self, file: &str, task: &TaskFile, examined: &Examined, played: &cases::Played) {
        self.title(file, &task.title);
        self.days(file, task.working_days);
        self.refer(file, "/form", Kind::Forms, &task.form);
        if TaskShape::from_key(&task.shape).is_none() {
            self.fault(
                file,
                "/shape",
                "shape 应是 listed、discovery 或 unit_return",
                "a shape is listed, discovery or unit_return",
            );
        }
        if let Some(rule) = &task.rule {
            self.hook(file, "/rule", rule, rule_engine::Hook::Dispatch, &examined.rules);
        }
        if let Some(ledger) = &task.ledger {
            self.refer(file, "/ledger", Kind::Ledgers, ledger);
        }
        let levels = task.relay.waits.iter().chain(task.relay.passes_after.keys());
        if levels.clone().any(|level| !(3..=4).contains(level))
            || task.relay.passes_after.values().any(|days| !(1..=60).contains(days))
        {
            self.fault(
                file,
                "/relay",
                "接力只能停在 3（区县）或 4（乡镇），1 到 60 个工作日后自行下派",
                "a relay waits at level 3 or 4 and passes by itself after 1 to 60 working days",
            );
        }
        let measures = Measures { declared: task.measures.declared.clone(), rule: None };
        for key in measures.unusable_keys() {
            self.fault(
                file,
                "/measures/declared",
                format!("指标键“{key}”不能用：重复、是系统自带的，或格式不对"),
                format!("the measure key `{key}` cannot be used: double, built in or badly formed"),
            );
        }
        match &task.measures.rule {
            Some(rule) => {
                self.hook(file, "/measures/rule", rule, rule_engine::Hook::Measure, &examined.rules);
                if rule.app == self.head.id
                    && let Some(fault) = played.measures_fit(&rule.key, &measures.declarations())
                {
                    self.faults.push(Fault::of_rule(file, "/measures", &fault));
                }
            }
            None if task.measures.declared.is_empty() => {}
            None => self.fault(
                file,
                "/measures",
                "声明了指标却没有 rule，谁也不会去数",
                "measures are declared without a rule; nothing would count them",
            ),
        }
    }

    fn channel(&mut self, file: &str, channel: &ChannelFile) {
        self.title(file, &channel.title);
        self.days(file, channel.working_days);
        self.refer(file, "/form", Kind::Forms, &channel.form);
        if !matches!(channel.review.as_str(), "none" | "worker") {
            self.fault(file, "/review", "review 应是 none 或 worker", "review is none or worker");
        }
    }

    fn board(&mut self, file: &str, board: &BoardFile, examined: &Examined) {
        self.title(file, &board.title);
        if board.task.app != self.head.id {
            self.fault(file, "/task", "看板只能用本应用的任务", "a board is of a task of its own application");
            return;
        }
        self.refer(file, "/task", Kind::Tasks, &board.task);
        let Some(task) = examined.tasks.get(&board.task.key) else { return };
        let declared: BTreeSet<&str> = task.measures.declared.iter().map(|measure| measure.key.as_str()).collect();
        for (index, key) in board.measures.iter().enumerate().filter(|(_, key)| !declared.contains(key.as_str())) {
            self.fault(
                file,
                format!("/measures/{index}"),
                format!("任务没有声明指标“{key}”"),
                format!("the task does not declare the measure `{key}`"),
            );
        }
    }

    /// A sample names its columns as the form of the same key does.
    fn samples(&mut self, forms: &BTreeMap<String, FormDefinition>) {
        for (key, path) in &self.folder.samples {
            let file = path.file_name().map_or_else(String::new, |name| format!("sample/{}", name.to_string_lossy()));
            let Some(form) = forms.get(key) else {
                self.fault(&file, "", format!("没有叫“{key}”的表单"), format!("there is no form `{key}`"));
                continue;
            };
            let Ok(compiled) = form_runtime::compile(form, &Model::shipped()) else { continue };
            let header = sheets::read_path(path, &sheets::Limits::default()).and_then(|book| {
                let sheet = book.first_visible()?;
                let wanted: Vec<_> = compiled
                    .fields()
                    .iter()
                    .map(|field| sheets::Wanted::optional(field.label().get(form_runtime::Lang::ZhCn)))
                    .collect();
                sheets::find_header(sheet, &wanted)
            });
            match header {
                Ok(header) => {
                    let labels: Vec<Vec<String>> = header.labels.iter().map(|(_, label)| vec![label.clone()]).collect();
                    let matched = columns::match_columns(&compiled, &labels, &[]);
                    let double =
                        matched.faults.iter().filter(|fault| matches!(fault, columns::ColumnFault::Double { .. }));
                    for fault in double {
                        self.fault(&file, "", fault.text(form_runtime::Lang::ZhCn), fault.text(form_runtime::Lang::En));
                    }
                }
                Err(error) => self.fault(&file, "", error.text("zh-CN"), error.text("en")),
            }
        }
    }
}
