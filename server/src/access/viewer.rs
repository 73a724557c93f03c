//! The viewer of one request: who asks, in which language, and how to answer.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts as RequestParts;
use axum::response::Html;
use serde::Serialize;
use web::{Lang, PageFrame, SignedIn, Tab, TextArg, Toast};

use super::{Permission, Principal, Who};
use crate::app::App;
use crate::error::AppError;
use crate::platform::events::Actor;
use crate::platform::ids::Id;

/// Put into every request by the session layer; handlers take it as an argument.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// what it may do
    pub principal: Principal,
    /// language of the answer
    pub lang: Lang,
    /// 大字
    pub large: bool,
    /// id of the request, also in the answer's `x-request-id`
    pub request_id: String,
    /// path and query
    pub path: String,
    /// who is signed in, for the top bar
    pub person: Option<SignedIn>,
    /// what the previous page left to say
    pub toast: Option<Toast>,
    /// whether the password must be changed before anything else
    pub must_change: bool,
}

impl Viewer {
    /// Nobody, in the first language: for the pages of a request that has no session.
    pub fn anonymous(lang: Lang, request_id: String, path: String) -> Self {
        Self {
            principal: Principal::anonymous(),
            lang,
            large: false,
            request_id,
            path,
            person: None,
            toast: None,
            must_change: false,
        }
    }

    /// Who acts, for events.
    pub fn actor(&self) -> Actor {
        Actor {
            account: self.principal.account(),
            post: self.principal.post(),
            on_behalf: None,
            request_id: Some(self.request_id.clone()),
        }
    }

    /// Whether the permission reaches the place or organization.
    pub fn may(&self, app: &App, permission: Permission, place: Option<Id>, organization: Option<Id>) -> bool {
        self.principal.may(permission, &app.geography(), &app.directory(), place, organization)
    }

    /// Refuses unless the permission reaches the place or organization.
    pub fn require_at(
        &self,
        app: &App,
        permission: Permission,
        place: Option<Id>,
        organization: Option<Id>,
    ) -> Result<(), AppError> {
        self.principal.require(permission)?;
        if self.may(app, permission, place, organization) { Ok(()) } else { Err(AppError::Forbidden) }
    }

    /// Account, post and organization of a staff member; anybody else is sent to sign-in or refused.
    pub fn staff(&self) -> Result<StaffViewer, AppError> {
        match self.principal.who {
            Who::Staff { account, staff, post, organization } => Ok(StaffViewer { account, staff, post, organization }),
            Who::Anonymous => Err(AppError::SignIn),
            _ => Err(AppError::Forbidden),
        }
    }

    /// A text of the catalogue in the viewer's language.
    pub fn text(&self, key: &str, args: &[(&str, TextArg<'_>)]) -> String {
        web::text(self.lang, key, args)
    }

    /// The frame around a page; `title` is already in the viewer's language.
    pub fn frame(&self, app: &App, title: impl Into<String>, tab: Option<Tab>) -> PageFrame {
        let mut frame = PageFrame::new(title, app.installation.load().name.clone()).at(self.path.clone());
        frame.large = self.large;
        frame.toast.clone_from(&self.toast);
        match &self.person {
            Some(person) => {
                let mut frame = frame.signed_in(person.clone(), tab, self.principal.has(Permission::Administer));
                frame.tabs.retain(|link| self.uses(link.tab));
                frame
            }
            None => frame,
        }
    }

    /// Whether a tab leads anywhere for this viewer: nobody is shown a door that is closed.
    fn uses(&self, tab: Tab) -> bool {
        let any = |permissions: &[Permission]| permissions.iter().any(|one| self.principal.has(*one));
        match tab {
            Tab::Home => true,
            Tab::Tasks => any(&[Permission::TaskRead, Permission::TaskIssue]),
            Tab::Ledgers => any(&[Permission::PersonRead]),
            Tab::Channels => any(&[Permission::CaseRead, Permission::ChannelEdit]),
            Tab::Boards => any(&[Permission::BoardRead]),
            Tab::Admin => any(&[Permission::Administer]),
        }
    }

    /// Renders a page in the viewer's language; `title` is a text key.
    pub fn page(
        &self,
        app: &App,
        template: &str,
        title: &str,
        tab: Option<Tab>,
        context: impl Serialize,
    ) -> Result<Html<String>, AppError> {
        let frame = self.frame(app, self.text(title, &[]), tab);
        self.render(app, template, &frame, context)
    }

    /// Renders a page in a frame made by [`Viewer::frame`].
    pub fn render(
        &self,
        app: &App,
        template: &str,
        frame: &PageFrame,
        context: impl Serialize,
    ) -> Result<Html<String>, AppError> {
        Ok(Html(app.renderer.render(template, self.lang, frame, context)?))
    }
}

/// A staff member in a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaffViewer {
    /// account signed in
    pub account: Id,
    /// staff member
    pub staff: Id,
    /// post acted in
    pub post: Id,
    /// organization of the post
    pub organization: Id,
}

impl FromRequestParts<App> for Viewer {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut RequestParts, _: &App) -> Result<Self, AppError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| AppError::Internal("no viewer layer".into()))
    }
}

impl OptionalFromRequestParts<App> for Viewer {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut RequestParts, _: &App) -> Result<Option<Self>, AppError> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}
