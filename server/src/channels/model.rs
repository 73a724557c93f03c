//! Rows of channels and cases, and the closed lists behind their texts.

use form_runtime::Text;

use crate::forms;
use crate::platform::ids::Id;

/// A row of `channel`.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Channel {
    /// its id
    pub id: Id,
    /// the application it came with
    pub app_key: Option<String>,
    /// the last part of its public address `/c/{slug}`
    pub slug: String,
    /// language map
    pub title: String,
    /// language map; what residents read first
    pub intro: String,
    /// the version that is filled
    pub form_version_id: Id,
    /// who offers it
    pub organization_id: Id,
    /// `none` (whoever handles a case decides) or `worker` (a second worker confirms)
    pub review: String,
    /// within how many working days a case is answered
    pub working_days: Option<i64>,
    /// `draft`, `open`, `closed`
    pub state: String,
    /// UTC microseconds; not before
    pub opens_at: Option<i64>,
    /// UTC microseconds; not from then on
    pub closes_at: Option<i64>,
    /// UTC microseconds
    pub created_at: i64,
    /// grows with every edit
    pub version: i64,
}

impl Channel {
    /// The title in a language, the Chinese one where the other is missing.
    pub fn title_in(&self, lang: web::Lang) -> String {
        in_lang(&self.title, lang)
    }

    /// The introduction in a language.
    pub fn intro_in(&self, lang: web::Lang) -> String {
        in_lang(&self.intro, lang)
    }

    /// Whether residents may submit at `now`.
    pub fn is_open(&self, now: i64) -> bool {
        self.state == "open" && self.opens_at.is_none_or(|at| at <= now) && self.closes_at.is_none_or(|at| now < at)
    }
}

fn in_lang(stored: &str, lang: web::Lang) -> String {
    let text: Text = forms::to_text(stored);
    text.get(forms::language(lang)).to_owned()
}

/// A row of `service_case`.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Case {
    /// of the community whose page was opened
    pub shard: i64,
    /// carries the shard
    pub id: Id,
    /// through which channel it came
    pub channel_id: Id,
    /// the latest submission
    pub submission_id: Id,
    /// what it says about its subject, none when the form is about nobody
    pub observation_id: Option<Id>,
    /// shard of the subject
    pub subject_shard: Option<i64>,
    /// the person
    pub subject_id: Option<Id>,
    /// the community whose page was opened
    pub place_id: Id,
    /// who answers for it
    pub holder_organization: Id,
    /// who has it in hand; none while it waits to be claimed
    pub holder_post: Option<Id>,
    /// see [`CaseState`]
    pub state: String,
    /// the person's name, or the channel's title
    pub label: String,
    /// on the slip
    pub slip_code: String,
    /// keyed digest of the query code
    pub query_digest: Vec<u8>,
    /// what the resident is told in the end
    pub answer: Option<String>,
    /// JSON: what the first of two workers decided
    pub decision: Option<String>,
    /// 代填: the post that filed it
    pub filed_by_post: Option<Id>,
    /// UTC microseconds
    pub due_at: Option<i64>,
    /// UTC microseconds
    pub created_at: i64,
    /// UTC microseconds
    pub moved_at: i64,
    /// UTC microseconds
    pub done_at: Option<i64>,
    /// grows with every act
    pub version: i64,
}

impl Case {
    /// Its state; what is unknown counts as open.
    pub fn state(&self) -> CaseState {
        CaseState::from_key(&self.state)
    }
}

macro_rules! keyed {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $key:literal),* $(,)? } else $other:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$each])* $variant),* }

        impl $name {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As stored, and as the texts name it.
            pub fn key(self) -> &'static str { match self { $(Self::$variant => $key),* } }

            /// By stored key.
            pub fn from_key(key: &str) -> Self { match key { $($key => Self::$variant,)* _ => Self::$other } }
        }
    };
}

keyed! {
    /// Whose turn it is.
    CaseState {
        /// waits to be claimed
        Open = "open",
        /// somebody has it in hand
        Accepted = "accepted",
        /// the resident is asked to correct named fields
        Correction = "correction",
        /// a second worker confirms
        Review = "review",
        /// answered
        Done = "done",
        /// not granted, with a reason
        Rejected = "rejected",
    } else Open
}

impl CaseState {
    /// Whether nothing more is to be done.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Rejected)
    }
}

keyed! {
    /// What happened to a case.
    StepKind {
        /// it came in
        Submitted = "submitted",
        /// a worker filed it for somebody
        Filed = "filed",
        /// a worker took it on
        Claimed = "claimed",
        /// it was given to a worker
        Given = "given",
        /// it went to another unit
        Transferred = "transferred",
        /// the resident was asked to correct
        CorrectionAsked = "correction_asked",
        /// the resident corrected
        Corrected = "corrected",
        /// the first worker decided, the second has to look
        Proposed = "proposed",
        /// the second worker did not agree
        SentBack = "sent_back",
        /// it was answered
        Answered = "answered",
        /// it was rejected
        Rejected = "rejected",
    } else Submitted
}

/// A row of `case_step`.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Step {
    /// its id
    pub id: Id,
    /// see [`StepKind`]
    pub kind: String,
    /// words for people; of a correction JSON `{"text", "fields"}`
    pub note: Option<String>,
    /// UTC microseconds
    pub at: i64,
    /// who did it; none for the resident
    pub post_id: Option<Id>,
}

/// What a resident is asked to correct.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Correction {
    /// in the worker's words
    pub text: String,
    /// field keys
    pub fields: Vec<String>,
}

/// What the first of two workers decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Decision {
    /// attributes that are not taken into the record
    pub refused: Vec<String>,
    /// what the resident is to be told
    pub answer: String,
    /// by whom
    pub post: Option<Id>,
}
