//! Who asks: found once per request from the session or the bearer token, and given to handlers as a
//! [`Viewer`]. Also carries the toast from one page to the next.

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, SET_COOKIE, WWW_AUTHENTICATE};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use tower_sessions::Session;
use web::{OtherPost, SignedIn, Toast};

use super::errors::{Reader, RequestId};
use crate::access::store::{self, HeldPost, SignedInAs};
use crate::access::{Principal, Viewer, Who, tokens};
use crate::app::App;
use crate::error::AppError;
use crate::openapi::permission_of;
use crate::platform::http::{Flash, redirect};
use crate::platform::ids::Id;
use crate::platform::sessions::{self, ACCOUNT, POST};

/// Body of an ordinary request.
const BODY: usize = 1 << 20;
/// Body of an upload.
const UPLOAD: usize = 64 << 20;
const TOAST: &str = "toast";
/// Paths of the API that need somebody signed in.
const API: &str = "/api/v1/";
/// What is asked of the API without an account: by residents, and by whoever has the code of the set-up.
const OPEN: [&str; 3] = ["/api/v1/channels/{id}/cases", "/api/v1/query", "/api/v1/setup"];

/// See the module.
pub async fn layer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let limit = if super::uploads(request.uri().path()) { UPLOAD } else { BODY };
    DefaultBodyLimit::max(limit).apply(&mut request);
    let jar = CookieJar::from_headers(request.headers());
    if !open_to_the_deaf(request.uri().path())
        && let Err(fault) = app.peers.current().await
    {
        return AppError::from(fault).into_response();
    }
    let mut viewer = match find(&app, request.extensions(), request.headers()).await {
        Ok(viewer) => viewer,
        Err(error) => return error.into_response(),
    };
    let said = jar.get(TOAST).and_then(|cookie| open_toast(&app, cookie.value()));
    viewer.toast = said.filter(|_| shows_pages(&request));
    let shown = viewer.toast.is_some();
    if viewer.must_change && !open_before_change(request.uri().path()) {
        return refuse_until_changed(&request);
    }
    let token = request.headers().contains_key(AUTHORIZATION) || request.uri().path().starts_with(API);
    let refused = asked_of_the_api(&request, &viewer).err();
    request.extensions_mut().insert(viewer);
    let mut response = match refused {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    };
    if token && response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    let flash = response.extensions_mut().remove::<Flash>();
    carry_toast(&app, response.headers_mut(), flash, shown);
    response
}

/// Who may not ask the API at all is told so before anything of the request is read: 401 for nobody, and
/// for a writing operation 403 for whoever holds its permission nowhere. How far it reaches is the
/// handler's to ask.
fn asked_of_the_api(request: &Request, viewer: &Viewer) -> Result<(), AppError> {
    let Some(path) = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) else { return Ok(()) };
    if !path.starts_with(API) || OPEN.contains(&path) {
        return Ok(());
    }
    if viewer.principal.who == Who::Anonymous {
        return Err(AppError::SignIn);
    }
    let method = request.method().as_str().to_ascii_lowercase();
    permission_of(&method, path).map_or(Ok(()), |permission| viewer.principal.require(permission))
}

async fn find(app: &App, extensions: &Extensions, headers: &HeaderMap) -> Result<Viewer, AppError> {
    let reader = extensions.get::<Reader>().cloned();
    let id = extensions.get::<RequestId>().cloned();
    let (Some(reader), Some(RequestId(id))) = (reader, id) else {
        return Err(AppError::Internal("the layers are in the wrong order".into()));
    };
    let mut viewer = Viewer::anonymous(reader.lang, id, reader.path);
    viewer.large = reader.large;
    if let Some(header) = headers.get(AUTHORIZATION) {
        // A request with a token never looks at the cookie: its rights are the token's alone.
        viewer.principal = by_token(app, header).await?;
        return Ok(viewer);
    }
    let Some(session) = extensions.get::<Session>() else { return Ok(viewer) };
    let Some(account) = session.get::<Id>(ACCOUNT).await.map_err(sessions::fault)? else { return Ok(viewer) };
    let post = session.get::<Id>(POST).await.map_err(sessions::fault)?;
    if let Some(loaded) = store::load(app, account, post).await? {
        viewer.must_change = loaded.account.must_change;
        viewer.person = Some(top_bar(&viewer, &loaded));
        viewer.principal = loaded.principal;
    }
    Ok(viewer)
}

async fn by_token(app: &App, header: &HeaderValue) -> Result<Principal, AppError> {
    let text = header.to_str().ok().and_then(|text| text.split_once(' '));
    let Some((scheme, token)) = text else { return Err(AppError::SignIn) };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AppError::SignIn);
    }
    tokens::principal(app, token.trim()).await?.ok_or(AppError::SignIn)
}

fn top_bar(viewer: &Viewer, loaded: &SignedInAs) -> SignedIn {
    let name = loaded.account.staff_name.as_deref().unwrap_or(&loaded.account.login);
    let no_post = viewer.text("access-no-post", &[]);
    let (post, organization) =
        loaded.posts.first().map_or((no_post.as_str(), ""), |post| (post.title.as_str(), post.short_name.as_str()));
    let mut person = SignedIn::new(name, post, organization);
    let label = |post: &HeldPost| format!("{} {}", post.short_name, post.title);
    person.other_posts =
        loaded.posts.iter().skip(1).map(|post| OtherPost { id: post.id.to_string(), label: label(post) }).collect();
    person
}

/// What stays open while a password must be changed.
fn open_before_change(path: &str) -> bool {
    matches!(path, "/password" | "/sign-out" | "/preferences" | "/sign-in" | "/healthz" | "/readyz")
        || path.starts_with("/assets/")
}

/// What is answered also while this process does not hear of the others: it reads nothing that they change.
fn open_to_the_deaf(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics") || path.starts_with("/assets/")
}

fn refuse_until_changed(request: &Request) -> Response {
    if request.extensions().get::<Reader>().is_some_and(|reader| reader.json) {
        return AppError::Forbidden.into_response();
    }
    redirect("/password")
}

/// A toast waits for a page: assets, fragments and the live stream leave it where it is.
fn shows_pages(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == axum::http::Method::GET
        && !path.starts_with("/assets/")
        && !path.starts_with("/api/")
        && path != "/events"
        && !request.headers().contains_key("hx-request")
        && !path.ends_with("/fragment")
}

fn open_toast(app: &App, sealed: &str) -> Option<Toast> {
    let text = app
        .keys
        .open_text(TOAST, &format!("enc:{}", sealed.replace('-', "+").replace('_', "/").replace('.', "=")))
        .ok()?;
    serde_json::from_str::<Flash>(&text).ok().map(Toast::from)
}

fn carry_toast(app: &App, headers: &mut HeaderMap, flash: Option<Flash>, shown: bool) {
    let cookie = match flash {
        Some(flash) => {
            let Ok(text) = serde_json::to_string(&flash) else { return };
            let sealed = app.keys.seal_text(TOAST, &text);
            let value = sealed.trim_start_matches("enc:").replace('+', "-").replace('/', "_").replace('=', ".");
            format!("{TOAST}={value}; Path=/; Max-Age=60; SameSite=Lax; HttpOnly")
        }
        None if shown => format!("{TOAST}=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly"),
        None => return,
    };
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        headers.append(SET_COOKIE, value);
    }
}
