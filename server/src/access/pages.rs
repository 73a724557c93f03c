//! Pages of signing in: the sign-in page, changing post, password, language and text size.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Form;
use axum::extract::{ConnectInfo, Extension, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;
use web::{Field, FieldKind, Lang};

use super::{Viewer, sign_in};
use crate::app::App;
use crate::error::AppError;
use crate::platform::files;
use crate::platform::http::{local_path, redirect, redirect_with_toast};
use crate::platform::ids::Id;

/// The peer's address; in-process requests have none and count as local.
pub fn peer(info: Option<&ConnectInfo<SocketAddr>>) -> IpAddr {
    info.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.ip())
}

/// Where to go after signing in.
#[derive(Deserialize)]
pub struct Next {
    /// a path of ours
    #[serde(default)]
    next: String,
}

#[derive(Serialize)]
struct SignInPage {
    fields: Vec<Field>,
    next: String,
    failed: Option<String>,
    demo: bool,
}

fn sign_in_page(app: &App, viewer: &Viewer, login: &str, next: &str, failed: Option<&str>) -> Result<Html<String>, AppError> {
    let mut name = Field::new(FieldKind::Text, "login", viewer.text("sign-in-login", &[]));
    name.value = login.to_owned();
    name.required = true;
    name.autocomplete = Some("username".into());
    let mut password = Field::new(FieldKind::Password, "password", viewer.text("sign-in-password", &[]));
    password.required = true;
    let context = SignInPage {
        fields: vec![name, password],
        next: local_path(next).to_owned(),
        failed: failed.map(|key| viewer.text(key, &[])),
        demo: app.installation.load().demo,
    };
    let mut frame = viewer.frame(app, viewer.text("sign-in-title", &[]), None);
    frame.has_errors = failed.is_some();
    viewer.render(app, "sign-in/page.html", &frame, context)
}

/// `GET /sign-in`
pub async fn show(State(app): State<App>, viewer: Viewer, Query(query): Query<Next>) -> Result<Response, AppError> {
    if viewer.principal.account().is_some() {
        return Ok(redirect(&query.next));
    }
    if !app.installation.load().set_up && !super::store::any_account(&mut app.read()).await? {
        return Ok(redirect("/setup"));
    }
    Ok(sign_in_page(&app, &viewer, "", &query.next, None)?.into_response())
}

/// What the sign-in page posts.
#[derive(Deserialize)]
pub struct SignInForm {
    #[serde(default)]
    login: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// `POST /sign-in`
pub async fn enter(
    State(app): State<App>,
    viewer: Viewer,
    session: Session,
    info: Option<Extension<ConnectInfo<SocketAddr>>>,
    Form(form): Form<SignInForm>,
) -> Result<Response, AppError> {
    let peer = peer(info.as_deref());
    match sign_in::check(&app, peer, &form.login, &form.password).await? {
        Some(account) => {
            sign_in::begin(&app, &session, &account, &viewer.request_id).await?;
            Ok(redirect(if account.must_change { "/password" } else { &form.next }))
        }
        None => {
            let page = sign_in_page(&app, &viewer, &form.login, &form.next, Some("sign-in-failed"))?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// `POST /sign-out`
pub async fn leave(viewer: Viewer, session: Session) -> Result<Response, AppError> {
    sign_in::end(&session).await?;
    Ok(redirect_with_toast("/sign-in", web::ToastKind::Good, viewer.text("sign-in-left", &[])))
}

/// What the switch of posts posts.
#[derive(Deserialize)]
pub struct IdentityForm {
    post: Id,
    #[serde(default)]
    back: String,
}

/// `POST /identity`: goes on in another post, on the same page if it is open to that post too.
pub async fn identity(
    State(app): State<App>,
    viewer: Viewer,
    session: Session,
    Form(form): Form<IdentityForm>,
) -> Result<Response, AppError> {
    sign_in::change_post(&app, &viewer, &session, form.post).await?;
    Ok(redirect(&form.back))
}

#[derive(Serialize)]
struct PasswordPage {
    fields: Vec<Field>,
    errors: Vec<PageError>,
    must: bool,
}

#[derive(Serialize)]
struct PageError {
    name: String,
    text: String,
}

fn password_page(app: &App, viewer: &Viewer, faults: &[crate::error::Fault]) -> Result<Html<String>, AppError> {
    let names = [("current", "current-password"), ("password", "new-password"), ("again", "new-password")];
    let mut fields = Vec::new();
    for (name, complete) in names {
        let mut field = Field::new(FieldKind::Password, name, viewer.text(&format!("sign-in-password-{name}-label"), &[]));
        field.required = true;
        field.autocomplete = Some(complete.into());
        field.error = faults.iter().find(|fault| fault.at == name).map(|fault| fault.text(viewer.lang));
        if name == "password" {
            field.hint = Some(viewer.text("sign-in-password-hint", &[("n", (super::password::SHORTEST as i64).into())]));
        }
        fields.push(field);
    }
    let errors = faults.iter().map(|fault| PageError { name: fault.at.clone(), text: fault.text(viewer.lang) }).collect();
    let mut frame = viewer.frame(app, viewer.text("sign-in-password-title", &[]), None);
    frame.has_errors = !faults.is_empty();
    viewer.render(app, "sign-in/password.html", &frame, PasswordPage { fields, errors, must: viewer.must_change })
}

/// `GET /password`
pub async fn password(State(app): State<App>, viewer: Viewer) -> Result<Html<String>, AppError> {
    viewer.principal.account().ok_or(AppError::SignIn)?;
    password_page(&app, &viewer, &[])
}

/// What the password page posts.
#[derive(Deserialize)]
pub struct PasswordForm {
    #[serde(default)]
    current: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    again: String,
}

/// `POST /password`
pub async fn set_password(
    State(app): State<App>,
    viewer: Viewer,
    session: Session,
    Form(form): Form<PasswordForm>,
) -> Result<Response, AppError> {
    match sign_in::change_password(&app, &viewer, &session, &form.current, &form.password, &form.again).await {
        Ok(()) => Ok(redirect_with_toast("/", web::ToastKind::Good, viewer.text("sign-in-password-done", &[]))),
        Err(AppError::Invalid(faults)) => {
            Ok((StatusCode::UNPROCESSABLE_ENTITY, password_page(&app, &viewer, &faults)?).into_response())
        }
        Err(other) => Err(other),
    }
}

/// What the switches of language and text size post.
#[derive(Deserialize)]
pub struct Preferences {
    lang: Option<String>,
    large: Option<String>,
    #[serde(default)]
    back: String,
}

/// Seconds a choice of language or text size is kept: a year.
const KEPT: u32 = 31_536_000;

/// `POST /preferences`: the choice stays in the browser, also for residents without a session.
pub async fn preferences(Form(form): Form<Preferences>) -> Response {
    let mut headers = HeaderMap::new();
    let mut keep = |name: &str, value: &str| {
        let cookie = format!("{name}={value}; Path=/; Max-Age={KEPT}; SameSite=Lax; HttpOnly");
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, value);
        }
    };
    if let Some(lang) = form.lang.as_deref().and_then(Lang::from_tag) {
        keep("lang", lang.tag());
    }
    if let Some(large) = &form.large {
        keep("large", if large == "1" { "1" } else { "0" });
    }
    (headers, redirect(&form.back)).into_response()
}

/// `GET /files/{id}`: a file of one's own, always as an attachment. Somebody else's does not exist;
/// rooms that share files serve them from their own addresses after asking the evaluator.
pub async fn file(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    let account = viewer.principal.account().ok_or(AppError::SignIn)?;
    let row = files::row(&app, id).await?.filter(|row| row.created_by == Some(account)).ok_or(AppError::NotFound)?;
    let (_, bytes) = files::get(&app, row.id).await?;
    Ok(files::attachment(&row.name, &row.media_type, bytes))
}
