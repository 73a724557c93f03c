//! What stands around every page: title, person, tabs, toast, feedback.

use serde::Serialize;

use crate::Lang;

/// A tab of the staff pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tab {
    /// 工作台
    Home,
    /// 任务
    Tasks,
    /// 台账
    Ledgers,
    /// 服务通道
    Channels,
    /// 看板
    Boards,
    /// 管理
    Admin,
}

/// One link of the tab bar, ready for the template.
#[derive(Debug, Clone, Serialize)]
pub struct TabLink {
    /// Which tab.
    pub tab: Tab,
    /// Where it leads.
    pub href: &'static str,
    /// Key of its text.
    pub text: &'static str,
    /// Key of its text in the phone's bottom bar; tabs without one are not there.
    pub phone_text: Option<&'static str>,
    /// Icon in the bottom bar.
    pub icon: &'static str,
    /// Whether the page belongs to it.
    pub current: bool,
}

/// Another post of the signed-in person, to change into (切换身份).
#[derive(Debug, Clone, Serialize)]
pub struct OtherPost {
    /// Id posted back as `post` to `/identity`.
    pub id: String,
    /// Post and organization in words.
    pub label: String,
}

/// The person who is signed in, acting in one post.
#[derive(Debug, Clone, Serialize)]
pub struct SignedIn {
    /// Full name.
    pub name: String,
    /// First character of the name, for the round mark.
    pub initial: String,
    /// Name of the post held now.
    pub post: String,
    /// Short name of the organization of that post.
    pub organization: String,
    /// The person's other posts.
    pub other_posts: Vec<OtherPost>,
}

impl SignedIn {
    /// A person in a post; the initial is taken from the name.
    pub fn new(name: &str, post: &str, organization: &str) -> Self {
        Self {
            name: name.to_owned(),
            initial: name.chars().next().map(String::from).unwrap_or_default(),
            post: post.to_owned(),
            organization: organization.to_owned(),
            other_posts: Vec::new(),
        }
    }
}

/// What a toast reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ToastKind {
    /// It is done.
    Good,
    /// Something needs attention.
    Warn,
    /// It did not work.
    Danger,
}

/// The way back of an action just done.
#[derive(Debug, Clone, Serialize)]
pub struct Undo {
    /// Address that takes it back, by POST.
    pub action: String,
    /// Hidden fields posted with it.
    pub fields: Vec<(String, String)>,
}

/// A short message about what has just been done.
#[derive(Debug, Clone, Serialize)]
pub struct Toast {
    /// The message, in the reader's language.
    pub text: String,
    /// Its kind.
    pub kind: ToastKind,
    /// How to take the action back, when that is possible.
    pub undo: Option<Undo>,
}

/// Where a resident finds a human being.
#[derive(Debug, Clone, Serialize)]
pub struct HelpLine {
    /// Phone number as dialled.
    pub phone: String,
    /// Who answers, and where to go instead: "御馨花都社区居委会".
    pub place: String,
}

/// Everything around a page's own content. Templates see it as `page`.
#[derive(Debug, Clone, Serialize)]
pub struct PageFrame {
    /// Title of the page, without the installation's name.
    pub title: String,
    /// The installation's own name.
    pub installation: String,
    /// Path and query of the page, to come back to after a switch.
    pub path: String,
    /// Who is signed in.
    pub person: Option<SignedIn>,
    /// Tabs, empty where nobody is signed in.
    pub tabs: Vec<TabLink>,
    /// Whether 大字 is on.
    pub large: bool,
    /// Where 投诉建议 leads; on every page.
    pub feedback_href: String,
    /// Human help, for residents' pages.
    pub help: Option<HelpLine>,
    /// Where the back link of a phone or resident page leads.
    pub back_href: Option<String>,
    /// What has just been done.
    pub toast: Option<Toast>,
    /// Whether the page shows an input error, said in the title.
    pub has_errors: bool,
}

impl PageFrame {
    /// A frame with nobody signed in.
    pub fn new(title: impl Into<String>, installation: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            installation: installation.into(),
            path: "/".to_owned(),
            person: None,
            tabs: Vec::new(),
            large: false,
            feedback_href: "/feedback".to_owned(),
            help: None,
            back_href: None,
            toast: None,
            has_errors: false,
        }
    }

    /// Puts a person and the tabs in; 管理 only for administrators.
    #[must_use]
    pub fn signed_in(mut self, person: SignedIn, current: Option<Tab>, admin: bool) -> Self {
        self.person = Some(person);
        self.tabs = tabs(current, admin);
        self
    }

    /// Path and query of the page, for the language and large-text switches.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// A toast.
    #[must_use]
    pub fn with_toast(mut self, toast: Option<Toast>) -> Self {
        self.toast = toast;
        self
    }

    /// Language to offer in the switch.
    pub fn other_lang(lang: Lang) -> Lang {
        match lang {
            Lang::ZhCn => Lang::En,
            Lang::En => Lang::ZhCn,
        }
    }
}

fn tabs(current: Option<Tab>, admin: bool) -> Vec<TabLink> {
    let rows = [
        (Tab::Home, "/", "common-tab-home", Some("common-phone-home"), "inbox"),
        (Tab::Tasks, "/tasks", "common-tab-tasks", Some("common-phone-tasks"), "clipboard-list"),
        (Tab::Ledgers, "/ledgers", "common-tab-ledgers", Some("common-phone-ledgers"), "table-properties"),
        (Tab::Channels, "/channels", "common-tab-channels", Some("common-phone-channels"), "message-circle"),
        (Tab::Boards, "/boards", "common-tab-boards", Some("common-tab-boards"), "layout-dashboard"),
        (Tab::Admin, "/admin", "common-tab-admin", None, "settings"),
    ];
    rows.into_iter()
        .filter(|row| admin || row.0 != Tab::Admin)
        .map(|(tab, href, text, phone_text, icon)| TabLink {
            tab,
            href,
            text,
            phone_text,
            icon,
            current: current == Some(tab),
        })
        .collect()
}
