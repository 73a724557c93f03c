//! Pages of administrators: accounts, their posts and roles, who can do what.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use web::{Choice, Field, FieldKind, LangMap, Tab, ToastKind};

use super::admin::{self, GrantRow, RoleRow};
use super::roles::Reach;
use super::{Permission, Viewer, store};
use crate::app::App;
use crate::error::{AppError, Fault};
use crate::platform::http::redirect_with_toast;
use crate::platform::ids::Id;

/// Rows of a page.
const PAGE: i64 = 50;

#[derive(Serialize)]
struct Empty {}

/// `GET /admin`
pub async fn index(State(app): State<App>, viewer: Viewer) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::Administer)?;
    viewer.page(&app, "access/index.html", "access-admin-title", Some(Tab::Admin), Empty {})
}

#[derive(Serialize)]
struct AccountLine {
    href: String,
    login: String,
    name: String,
    state: String,
    state_kind: &'static str,
}

#[derive(Serialize)]
struct AccountsPage {
    q: String,
    rows: Vec<AccountLine>,
    params: BTreeMap<String, String>,
    next: Option<String>,
}

/// What a list is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    after: String,
    role: String,
    staff: String,
}

fn state_of(viewer: &Viewer, state: &str, must_change: bool) -> (String, &'static str) {
    match (state, must_change) {
        ("active", false) => (viewer.text("access-state-active", &[]), "good"),
        ("active", true) => (viewer.text("access-state-new", &[]), "warn"),
        _ => (viewer.text("access-state-suspended", &[]), "danger"),
    }
}

/// `GET /admin/accounts`
pub async fn accounts(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let mut rows = admin::accounts(&mut app.read(), &viewer.principal, asked.q.trim(), &asked.after, PAGE + 1).await?;
    let more = rows.len() as i64 > PAGE;
    rows.truncate(PAGE as usize);
    let page = AccountsPage {
        next: rows.last().filter(|_| more).map(|row| row.login.clone()),
        rows: rows
            .into_iter()
            .map(|row| {
                let (state, state_kind) = state_of(&viewer, &row.state, row.must_change);
                AccountLine {
                    href: format!("/admin/accounts/{}", row.id),
                    login: row.login,
                    name: row.name.unwrap_or_default(),
                    state,
                    state_kind,
                }
            })
            .collect(),
        params: [("q".to_owned(), asked.q.clone())].into_iter().filter(|pair| !pair.1.is_empty()).collect(),
        q: asked.q,
    };
    viewer.page(&app, "access/accounts.html", "access-accounts", Some(Tab::Admin), page)
}

fn title_of(viewer: &Viewer, roles: &[RoleRow], key: &str) -> String {
    let map =
        roles.iter().find(|role| role.key == key).and_then(|role| serde_json::from_str::<LangMap>(&role.title).ok());
    map.map_or_else(|| key.to_owned(), |map| viewer.lang.pick(&map).to_owned())
}

fn scope_text(app: &App, viewer: &Viewer, kind: &str, place: Option<Id>, organization: Option<Id>) -> String {
    match kind {
        "all" => viewer.text("access-scope-all", &[]),
        "own" => viewer.text("access-scope-own", &[]),
        "place" => place.and_then(|id| app.geography().get(id).map(|p| p.name.to_owned())).unwrap_or_default(),
        _ => organization
            .and_then(|id| app.directory().organization(id).map(|o| o.short_name.clone()))
            .unwrap_or_default(),
    }
}

#[derive(Serialize)]
struct GrantLine {
    text: String,
    end: String,
}

#[derive(Serialize)]
struct PostLine {
    id: String,
    title: String,
    organization: String,
    grants: Vec<GrantLine>,
}

#[derive(Serialize)]
struct ErrorLine {
    name: String,
    text: String,
}

#[derive(Serialize)]
struct AccountPage {
    id: String,
    login: String,
    name: String,
    state: String,
    state_kind: &'static str,
    suspended: bool,
    oneself: bool,
    posts: Vec<PostLine>,
    fields: Vec<Field>,
    errors: Vec<ErrorLine>,
    place_error: String,
    password: Option<String>,
}

async fn account_page(
    app: &App,
    viewer: &Viewer,
    id: Id,
    password: Option<String>,
    faults: &[Fault],
) -> Result<Html<String>, AppError> {
    let row = admin::account(app, viewer, id).await?;
    let roles = admin::roles(app).await?;
    let held = match row.staff_id {
        Some(staff) => store::posts_of(&mut app.read(), staff, &app.clock.today_text()).await?,
        None => Vec::new(),
    };
    let mut posts = Vec::new();
    for post in held {
        let grants = admin::grants_of(app, post.id).await?;
        let line = |grant: GrantRow| GrantLine {
            text: viewer.text(
                "access-grant-line",
                &[
                    ("role", title_of(viewer, &roles, &grant.role_key).into()),
                    (
                        "scope",
                        scope_text(app, viewer, &grant.scope_kind, grant.scope_place, grant.scope_organization).into(),
                    ),
                    ("since", grant.valid_from.clone().into()),
                ],
            ),
            end: format!("/admin/grants/{}/end", grant.id),
        };
        posts.push(PostLine {
            id: post.id.to_string(),
            title: post.title,
            organization: post.short_name,
            grants: grants.into_iter().map(line).collect(),
        });
    }
    let error = |name: &str| faults.iter().find(|fault| fault.at == name).map(|fault| fault.text(viewer.lang));
    let select = |name: &str, label: &str, options: Vec<Choice>| {
        let mut field = Field::new(FieldKind::Select, name, viewer.text(label, &[]));
        field.value = options.first().map(|choice| choice.value.clone()).unwrap_or_default();
        field.options = options;
        field.required = true;
        field.error = error(name);
        field
    };
    let choices =
        |rows: Vec<(String, String)>| rows.into_iter().map(|(value, label)| Choice::new(value, label)).collect();
    let fields = vec![
        select(
            "post",
            "access-post",
            choices(posts.iter().map(|p| (p.id.clone(), format!("{} {}", p.organization, p.title))).collect()),
        ),
        select(
            "role",
            "access-role",
            choices(roles.iter().map(|r| (r.key.clone(), title_of(viewer, &roles, &r.key))).collect()),
        ),
        select(
            "reach",
            "access-scope",
            choices(
                ["own", "place", "all"].map(|k| (k.to_owned(), viewer.text(&format!("access-reach-{k}"), &[]))).into(),
            ),
        ),
    ];
    let (state, state_kind) = state_of(viewer, &row.state, row.must_change);
    let page = AccountPage {
        id: id.to_string(),
        login: row.login,
        name: row.name.unwrap_or_default(),
        state,
        state_kind,
        suspended: row.state != "active",
        oneself: viewer.principal.account() == Some(id),
        posts,
        fields,
        errors: faults
            .iter()
            .map(|fault| ErrorLine { name: fault.at.clone(), text: fault.text(viewer.lang) })
            .collect(),
        place_error: error("place").unwrap_or_default(),
        password,
    };
    let mut frame = viewer.frame(app, page.login.clone(), Some(Tab::Admin));
    frame.has_errors = !faults.is_empty();
    viewer.render(app, "access/account.html", &frame, page)
}

/// `GET /admin/accounts/{id}`
pub async fn account(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    account_page(&app, &viewer, id, None, &[]).await
}

/// `POST /admin/accounts/{id}/reset`: the answer shows the one-time password, once.
pub async fn reset(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Html<String>, AppError> {
    let text = admin::reset(&app, &viewer, id).await?;
    account_page(&app, &viewer, id, Some(text), &[]).await
}

/// `POST /admin/accounts/{id}/suspend`
pub async fn suspend(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    admin::set_suspended(&app, &viewer, id, true).await?;
    Ok(redirect_with_toast(format!("/admin/accounts/{id}"), ToastKind::Good, viewer.text("access-suspended-done", &[])))
}

/// `POST /admin/accounts/{id}/resume`
pub async fn resume(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    admin::set_suspended(&app, &viewer, id, false).await?;
    Ok(redirect_with_toast(format!("/admin/accounts/{id}"), ToastKind::Good, viewer.text("access-resumed-done", &[])))
}

/// What giving a role posts.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct GiveForm {
    post: String,
    role: String,
    reach: String,
    place: String,
}

/// `POST /admin/accounts/{id}/grants`
pub async fn give(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<Id>,
    Form(form): Form<GiveForm>,
) -> Result<Response, AppError> {
    admin::account(&app, &viewer, id).await?;
    match give_by_form(&app, &viewer, &form).await {
        Ok(()) => Ok(redirect_with_toast(
            format!("/admin/accounts/{id}"),
            ToastKind::Good,
            viewer.text("access-granted-done", &[]),
        )),
        Err(AppError::Invalid(faults)) => {
            Ok((StatusCode::UNPROCESSABLE_ENTITY, account_page(&app, &viewer, id, None, &faults).await?)
                .into_response())
        }
        Err(other) => Err(other),
    }
}

async fn give_by_form(app: &App, viewer: &Viewer, form: &GiveForm) -> Result<(), AppError> {
    let post: Id = form.post.parse().map_err(|_| AppError::invalid("post", "access-post-unknown"))?;
    let reach = match form.reach.as_str() {
        "own" => Reach::Own,
        "all" => Reach::All,
        "place" => Reach::Place(form.place.parse().map_err(|_| AppError::invalid("place", "access-place-unknown"))?),
        _ => return Err(AppError::invalid("reach", "access-scope-unknown")),
    };
    admin::give(app, viewer, post, &form.role, reach).await.map(|_| ())
}

/// `POST /admin/grants/{id}/end`
pub async fn take(State(app): State<App>, viewer: Viewer, Path(id): Path<Id>) -> Result<Response, AppError> {
    let post = admin::take(&app, &viewer, id).await?;
    let staff = app.directory().post(post).and_then(|post| post.staff);
    let account = match staff {
        Some(staff) => store::account_of(&mut app.read(), staff).await?,
        None => None,
    };
    let back = account.map_or_else(|| "/admin/access".to_owned(), |id| format!("/admin/accounts/{id}"));
    Ok(redirect_with_toast(back, ToastKind::Good, viewer.text("access-ended-done", &[])))
}

#[derive(Serialize)]
struct NewPage {
    q: String,
    fields: Vec<Field>,
    errors: Vec<ErrorLine>,
    found: bool,
}

async fn new_page(
    app: &App,
    viewer: &Viewer,
    q: &str,
    staff: &str,
    login: &str,
    faults: &[Fault],
) -> Result<Html<String>, AppError> {
    let error = |name: &str| faults.iter().find(|fault| fault.at == name).map(|fault| fault.text(viewer.lang));
    let mut found = match q.trim() {
        "" => Vec::new(),
        search => admin::without_account(&mut app.read(), &viewer.principal, search).await?,
    };
    found.dedup_by_key(|person| person.id);
    let options: Vec<Choice> = found
        .into_iter()
        .map(|person| {
            Choice::new(person.id.to_string(), format!("{} · {} {}", person.name, person.organization, person.title))
        })
        .collect();
    let mut who = Field::new(FieldKind::SingleChoice, "staff", viewer.text("access-staff", &[]));
    who.value = staff.to_owned();
    who.required = true;
    who.error = error("staff");
    let found = !options.is_empty();
    who.options = options;
    let mut name = Field::new(FieldKind::Text, "login", viewer.text("sign-in-login", &[]));
    name.hint = Some(viewer.text("access-login-hint", &[]));
    name.value = login.to_owned();
    name.required = true;
    name.error = error("login");
    let page = NewPage {
        q: q.to_owned(),
        fields: vec![who, name],
        errors: faults
            .iter()
            .map(|fault| ErrorLine { name: fault.at.clone(), text: fault.text(viewer.lang) })
            .collect(),
        found,
    };
    let mut frame = viewer.frame(app, viewer.text("access-new", &[]), Some(Tab::Admin));
    frame.has_errors = !faults.is_empty();
    viewer.render(app, "access/new.html", &frame, page)
}

/// `GET /admin/accounts/new`
pub async fn new(State(app): State<App>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::Administer)?;
    new_page(&app, &viewer, &asked.q, &asked.staff, "", &[]).await
}

/// What making an account posts.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewForm {
    q: String,
    staff: String,
    login: String,
}

/// `POST /admin/accounts/new`: the answer shows the one-time password, once.
pub async fn make(State(app): State<App>, viewer: Viewer, Form(form): Form<NewForm>) -> Result<Response, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let made = match form.staff.parse() {
        Ok(staff) => admin::make(&app, &viewer, staff, &form.login).await,
        Err(_) => Err(AppError::invalid("staff", "access-staff-unknown")),
    };
    match made {
        Ok((id, password)) => Ok(account_page(&app, &viewer, id, Some(password), &[]).await?.into_response()),
        Err(AppError::Invalid(faults)) => {
            let page = new_page(&app, &viewer, &form.q, &form.staff, &form.login, &faults).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(other) => Err(other),
    }
}

#[derive(Serialize)]
struct RoleTab {
    label: String,
    href: String,
    current: bool,
}

#[derive(Serialize)]
struct WhoLine {
    name: String,
    post: String,
    role: String,
    scope: String,
}

#[derive(Serialize)]
struct WhoPage {
    roles: Vec<RoleTab>,
    rows: Vec<WhoLine>,
    params: BTreeMap<String, String>,
    next: Option<String>,
}

/// `GET /admin/access`: who can do what.
pub async fn who(State(app): State<App>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Html<String>, AppError> {
    viewer.principal.require(Permission::Administer)?;
    let roles = admin::roles(&app).await?;
    let after = asked.after.parse().ok();
    let mut rows =
        admin::who(&mut app.read(), &viewer.principal, &asked.role, after, PAGE + 1, &app.clock.today_text()).await?;
    let more = rows.len() as i64 > PAGE;
    rows.truncate(PAGE as usize);
    let tab = |key: &str, label: String| RoleTab {
        label,
        href: if key.is_empty() { "/admin/access".into() } else { format!("/admin/access?role={key}") },
        current: asked.role == key,
    };
    let mut tabs = vec![tab("", viewer.text("access-all-roles", &[]))];
    tabs.extend(roles.iter().map(|role| tab(&role.key, title_of(&viewer, &roles, &role.key))));
    let page = WhoPage {
        roles: tabs,
        next: rows.last().filter(|_| more).map(|row| row.id.to_string()),
        rows: rows
            .into_iter()
            .map(|row| WhoLine {
                name: row.name.unwrap_or_else(|| viewer.text("access-vacant", &[])),
                post: format!("{} {}", row.organization, row.title),
                role: title_of(&viewer, &roles, &row.role_key),
                scope: scope_text(&app, &viewer, &row.scope_kind, row.scope_place, row.scope_organization),
            })
            .collect(),
        params: [("role".to_owned(), asked.role.clone())].into_iter().filter(|pair| !pair.1.is_empty()).collect(),
    };
    viewer.page(&app, "access/who.html", "access-who", Some(Tab::Admin), page)
}
