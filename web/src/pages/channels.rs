//! Contexts of channels, their public pages, and cases.

use serde::Serialize;

use crate::{Field, FieldError, FormPage};

/// A place to choose: a community, or a step on the way to one.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceLink {
    /// name
    pub label: String,
    /// where it lies
    pub note: String,
    /// address
    pub href: String,
}

/// Choosing a community without script: a search and a list.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceChoice {
    /// the channel's title
    pub title: String,
    /// its introduction
    pub intro: String,
    /// where the search goes
    pub action: String,
    /// what was searched
    pub query: String,
    /// whether a search was made
    pub searched: bool,
    /// what the search or list gives
    pub places: Vec<PlaceLink>,
    /// one level up
    pub up: Option<PlaceLink>,
}

/// A public form to fill.
#[derive(Debug, Clone, Serialize)]
pub struct Fill {
    /// its questions
    pub form: FormPage,
    /// the channel's introduction
    pub intro: String,
    /// where it is posted
    pub action: String,
    /// made by the server: the same id is the same submission
    pub client_id: String,
    /// the community's id
    pub place: String,
    /// its name; empty for the mailbox
    pub place_name: String,
    /// to choose another community
    pub change_href: Option<String>,
    /// key of the draft in the browser
    pub draft: String,
    /// what the worker asked to correct
    pub asked: Option<String>,
}

/// One step of what happens next.
#[derive(Debug, Clone, Serialize)]
pub struct NextStep {
    /// what
    pub title: String,
    /// who and when
    pub text: String,
}

/// 提交凭证
#[derive(Debug, Clone, Serialize)]
pub struct SlipPage {
    /// the channel's title
    pub title: String,
    /// slip code
    pub slip: String,
    /// query code; none where it may not be shown again
    pub code: Option<String>,
    /// when it was received
    pub received: Option<String>,
    /// what happens now
    pub steps: Vec<NextStep>,
    /// address of the query page, in clear
    pub query_address: String,
    /// the way on
    pub next_href: String,
    /// for whom (代填), masked where it must be; none for residents
    pub for_whom: Option<String>,
}

/// A page that says why a channel cannot be used now.
#[derive(Debug, Clone, Serialize)]
pub struct Gone {
    /// heading
    pub title: String,
    /// why, and what to do
    pub text: String,
    /// way on
    pub href: String,
    /// its words
    pub action: String,
}

/// Asking for a query code.
#[derive(Debug, Clone, Serialize)]
pub struct QueryPage {
    /// what is wrong
    pub error: Option<String>,
}

/// One line of what happened.
#[derive(Debug, Clone, Serialize)]
pub struct Happened {
    /// what
    pub title: String,
    /// words
    pub note: Option<String>,
    /// when
    pub at: String,
    /// colour
    pub kind: &'static str,
}

/// The state of a case, for whoever has its query code.
#[derive(Debug, Clone, Serialize)]
pub struct CaseState {
    /// the channel's title
    pub title: String,
    /// in one sentence
    pub state: String,
    /// colour
    pub kind: &'static str,
    /// what is said in the end
    pub answer: Option<String>,
    /// until when, or none
    pub due: Option<String>,
    /// who has it
    pub holder: String,
    /// slip code
    pub slip: String,
    /// what happened, newest first
    pub steps: Vec<Happened>,
    /// what is asked of the resident
    pub correction: Option<Fill>,
}

/// One service that is open to a community.
#[derive(Debug, Clone, Serialize)]
pub struct Service {
    /// title
    pub title: String,
    /// introduction
    pub intro: String,
    /// address
    pub href: String,
}

/// Residents' home.
#[derive(Debug, Clone, Serialize)]
pub struct Services {
    /// chosen community, none while it is being chosen
    pub place: Option<String>,
    /// what is open there
    pub services: Vec<Service>,
    /// choosing a community
    pub choice: PlaceChoice,
    /// who to ask there
    pub office: Option<String>,
}

/// A word with a colour.
#[derive(Debug, Clone, Serialize)]
pub struct Word {
    /// text
    pub text: String,
    /// colour
    pub kind: &'static str,
}

/// One row of the list of channels.
#[derive(Debug, Clone, Serialize)]
pub struct ChannelRow {
    /// title
    pub title: String,
    /// address of its page
    pub href: String,
    /// state
    pub state: Word,
    /// where and by whom
    pub note: String,
    /// 代填, where this post may
    pub file_href: Option<String>,
}

/// The list of channels.
#[derive(Debug, Clone, Serialize)]
pub struct ChannelList {
    /// rows
    pub channels: Vec<ChannelRow>,
    /// whether this post may make one
    pub may_create: bool,
    /// cases that wait
    pub waiting: i64,
    /// next page
    pub next: Option<String>,
}

/// Making a channel.
#[derive(Debug, Clone, Serialize)]
pub struct ChannelNew {
    /// title, introduction, form
    pub fields: Vec<Field>,
    /// review, days, dates
    pub handling: Vec<Field>,
    /// what is wrong
    pub errors: Vec<FieldError>,
    /// chosen place
    pub place: String,
    /// its name
    pub place_label: String,
    /// what is wrong with it
    pub place_error: String,
    /// nothing is published yet
    pub no_forms: bool,
}

/// Changing a channel.
#[derive(Debug, Clone, Serialize)]
pub struct ChannelEdit {
    /// its title
    pub title: String,
    /// its page
    pub back: String,
    /// where the form posts
    pub action: String,
    /// the version that is changed
    pub version: String,
    /// title and introduction
    pub fields: Vec<Field>,
    /// review, days, dates
    pub handling: Vec<Field>,
    /// what is wrong
    pub errors: Vec<FieldError>,
}

/// A place of a scope.
#[derive(Debug, Clone, Serialize)]
pub struct ScopePlace {
    /// id
    pub id: String,
    /// name
    pub name: String,
}

/// A label with a value.
#[derive(Debug, Clone, Serialize)]
pub struct Fact {
    /// what
    pub label: String,
    /// value
    pub value: String,
    /// more
    pub note: Option<String>,
}

/// One channel.
#[derive(Debug, Clone, Serialize)]
pub struct ChannelPage {
    /// id
    pub id: String,
    /// title
    pub title: String,
    /// introduction
    pub intro: String,
    /// state
    pub state: Word,
    /// key of the state
    pub state_key: String,
    /// version
    pub version: String,
    /// public address
    pub address: String,
    /// the same as a path
    pub path: String,
    /// form, review, days, times
    pub facts: Vec<Fact>,
    /// scope
    pub places: Vec<ScopePlace>,
    /// how many cases by state
    pub cases: Vec<Fact>,
    /// whether this post may change it
    pub may_edit: bool,
    /// whether this post may file for somebody
    pub may_file: bool,
    /// what is wrong with the place posted
    pub place_error: String,
}

/// A poster with the QR code.
#[derive(Debug, Clone, Serialize)]
pub struct Poster {
    /// title
    pub title: String,
    /// introduction
    pub intro: String,
    /// where it is for
    pub places: String,
    /// address in clear
    pub address: String,
    /// the QR code's file
    pub qr: String,
    /// back to the channel
    pub back: String,
}

/// One attribute before and after.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// its key
    pub key: String,
    /// its name
    pub label: String,
    /// what holds now
    pub before: Option<String>,
    /// what is said
    pub after: String,
    /// something holds that this viewer may not see
    pub hidden: bool,
    /// whether it differs
    pub changed: bool,
    /// not accepted
    pub refused: bool,
}

/// One row of the list of cases.
#[derive(Debug, Clone, Serialize)]
pub struct CaseRow {
    /// id
    pub id: String,
    /// whom or what it is about
    pub label: String,
    /// address
    pub href: String,
    /// channel
    pub channel: String,
    /// community
    pub place: String,
    /// who has it
    pub holder: String,
    /// state
    pub state: Word,
    /// until when
    pub due: String,
}

/// The list of cases.
#[derive(Debug, Clone, Serialize)]
pub struct CaseList {
    /// filter chips
    pub filters: Vec<FilterLink>,
    /// rows
    pub cases: Vec<CaseRow>,
    /// next page
    pub next: Option<String>,
}

/// A filter chip.
#[derive(Debug, Clone, Serialize)]
pub struct FilterLink {
    /// text
    pub label: String,
    /// address
    pub href: String,
    /// how many
    pub count: Option<i64>,
    /// whether it is chosen
    pub current: bool,
}

/// One answer of the form, secrets masked.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// field key
    pub key: String,
    /// question
    pub label: String,
    /// answer in words
    pub value: String,
    /// whether only the mask is shown and may be asked for
    pub masked: bool,
}

/// Something to choose from a list.
#[derive(Debug, Clone, Serialize)]
pub struct Pick {
    /// posted value
    pub value: String,
    /// words
    pub label: String,
}

/// One case as its worker sees it.
#[derive(Debug, Clone, Serialize)]
pub struct CasePage {
    /// id
    pub id: String,
    /// version
    pub version: String,
    /// whom or what it is about
    pub label: String,
    /// channel
    pub channel: String,
    /// state
    pub state: Word,
    /// key of the state
    pub state_key: String,
    /// where it stands
    pub facts: Vec<Fact>,
    /// what was answered
    pub answers: Vec<Answer>,
    /// what would change
    pub changes: Vec<Change>,
    /// whether what is said still waits
    pub pending: bool,
    /// what the first of two workers wrote
    pub proposed: Option<String>,
    /// whether this post may act now
    pub may_act: bool,
    /// whether it may be claimed by this post
    pub may_claim: bool,
    /// whether a correction can be asked
    pub may_correct: bool,
    /// whether this is the second worker's turn, and this is that worker
    pub second: bool,
    /// whether this post proposed and somebody else must look
    pub waits_for_second: bool,
    /// whether a masked answer may be asked for
    pub may_reveal: bool,
    /// posts it can be given to
    pub posts: Vec<Pick>,
    /// units it can go to
    pub units: Vec<Pick>,
    /// what happened
    pub steps: Vec<Happened>,
    /// what is wrong with what was posted
    pub errors: Vec<FieldError>,
    /// what was typed
    pub typed: String,
    /// the person's page, where it may be seen
    pub person_href: Option<String>,
}
