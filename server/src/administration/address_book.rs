//! Importing an address book: what was planned is written in one transaction, or nothing is.

use futures_util::FutureExt;
use serde_json::json;

use super::plan_book::{BookPlan, plan, read};
use crate::access::password::{Hashed, one_time};
use crate::access::{create_account, grant, store as accounts};
use crate::app::App;
use crate::directory::{self, BookRows};
use crate::error::{AppError, Fault};
use crate::platform::books;
use crate::platform::events::{Actor, Event};

/// A new account and its password, told once.
#[derive(Clone, Debug, serde::Serialize)]
pub struct NewLogin {
    /// sign-in name
    pub login: String,
    /// full name
    pub name: String,
    /// to be changed at the first sign-in
    pub password: String,
}

/// What an import would do, or did.
#[derive(Debug, Default)]
pub struct BookReport {
    /// new organizations
    pub organizations: usize,
    /// new posts
    pub posts: usize,
    /// new people
    pub staff: usize,
    /// rows that are there already
    pub unchanged: usize,
    /// new accounts; passwords only after the import
    pub logins: Vec<NewLogin>,
    /// the first faults
    pub faults: Vec<Fault>,
    /// how many there are
    pub fault_count: usize,
}

fn report_of(plan: &BookPlan) -> BookReport {
    BookReport {
        organizations: plan.book.organizations.len(),
        posts: plan.book.posts.len(),
        staff: plan.book.staff.len(),
        unchanged: plan.unchanged,
        logins: plan
            .accounts
            .iter()
            .map(|(login, _, name, _)| NewLogin { login: login.clone(), name: name.clone(), password: String::new() })
            .collect(),
        faults: plan.faults.clone(),
        fault_count: plan.fault_count,
    }
}

/// `makes_administrators`: whether the file may give the role that reaches all.
async fn planned(app: &App, bytes: &[u8], file_name: &str, makes_administrators: bool) -> Result<BookPlan, AppError> {
    let lines = match read(bytes, file_name) {
        Ok(lines) => lines,
        Err(faults) => return Ok(BookPlan { fault_count: faults.len(), faults, ..BookPlan::default() }),
    };
    let mut plan = plan(&lines, &app.geography(), &app.directory(), app.now(), &app.clock.today_text());
    let taken: Vec<(String, u32)> = plan.accounts.iter().map(|(login, _, _, row)| (login.clone(), *row)).collect();
    for (login, row) in taken {
        if accounts::account_by_login(&mut app.read(), &login).await?.is_some() {
            plan.fault(
                Fault::new(format!("row {row}, 登录名"), "directory-fault-login-taken")
                    .with("row", row)
                    .with("login", login),
            );
        }
    }
    if !makes_administrators {
        for row in std::mem::take(&mut plan.administrators) {
            plan.fault(Fault::new(format!("row {row}, 角色"), "directory-fault-administrator").with("row", row));
        }
    }
    Ok(plan)
}

/// The dry run: counts and faults; nothing is written.
pub async fn look(
    app: &App,
    bytes: &[u8],
    file_name: &str,
    makes_administrators: bool,
) -> Result<BookReport, AppError> {
    Ok(report_of(&planned(app, bytes, file_name, makes_administrators).await?))
}

/// Carries the import out; with any fault nothing is written and the report says what is wrong.
pub async fn apply(
    app: &App,
    bytes: &[u8],
    file_name: &str,
    makes_administrators: bool,
    actor: Actor,
) -> Result<BookReport, AppError> {
    let turn = app.address_book.turn().await;
    let seen = turn.seen;
    let plan = planned(app, bytes, file_name, makes_administrators).await?;
    let mut report = report_of(&plan);
    if plan.fault_count > 0 {
        return Ok(report);
    }
    let passwords: Vec<String> = plan.accounts.iter().map(|_| one_time()).collect();
    // One after another through the bounded pool, so that people who sign in meanwhile are not kept waiting.
    let mut hashed: Vec<Hashed> = Vec::with_capacity(passwords.len());
    for password in &passwords {
        hashed.push(app.gate.hashing.hash(password).await?);
    }
    let (now, today) = (app.now(), app.clock.today_text());
    let rows = BookRows::new(&plan.book, &app.directory(), &app.keys, now, &today);
    let event = Event {
        kind: "addressbook.imported",
        subject_class: "organization",
        subject_id: None,
        actor,
        at: now,
        payload: json!({"organizations": report.organizations, "posts": report.posts, "staff": report.staff, "accounts": passwords.len()}),
    };
    let (grants, logins) = (plan.grants, plan.accounts);
    let done = app
        .lanes
        .write(0, vec![], move |tx| {
            let (rows, grants, logins, hashed, today, event) =
                (rows.clone(), grants.clone(), logins.clone(), hashed.clone(), today.clone(), event.clone());
            async move {
                seen.still(tx).await?;
                rows.write(tx).await?;
                for (post, role, reach) in grants {
                    grant(tx, now, &today, post, role, reach).await?;
                }
                for ((login, staff, ..), hashed) in logins.iter().zip(&hashed) {
                    create_account(tx, now, login, hashed, Some(*staff), true).await?;
                }
                event.write(tx, 0).await?;
                Ok::<_, AppError>(())
            }
            .boxed()
        })
        .await;
    books::settled(done, directory::reload(app)).await?;
    for (login, password) in report.logins.iter_mut().zip(passwords) {
        login.password = password;
    }
    Ok(report)
}
