//! Every statement of the house, so that a test can prepare each on both databases.

/// Constants by file: each room's `STATEMENTS`.
pub fn constants() -> Vec<(&'static str, &'static [&'static str])> {
    let mut all = vec![
        ("platform/settings", crate::platform::settings::STATEMENTS),
        ("geography/store", crate::geography::store::STATEMENTS),
        ("geography/premises", crate::geography::premises::STATEMENTS),
        ("directory/store", crate::directory::store::STATEMENTS),
        ("directory/working_days", crate::directory::working_days::STATEMENTS),
        ("platform/sessions", crate::platform::sessions::STATEMENTS),
        ("measures", crate::measures::STATEMENTS),
        ("forms", crate::forms::store::STATEMENTS),
    ];
    all.push(("doctor", crate::doctor::STATEMENTS));
    all.push(("keeping/move_to", crate::keeping::STATEMENTS));
    all.push(("channels/store", crate::channels::store::STATEMENTS));
    all.push(("platform/lane/mark", crate::platform::lane::mark::STATEMENTS));
    all.push(("platform/lane/notes", crate::platform::lane::notes::STATEMENTS));
    all.push(("platform/books", crate::platform::books::STATEMENTS));
    all.push(("platform/peers", crate::platform::peers::STATEMENTS));
    all.push(("platform/jobs", crate::platform::jobs::STATEMENTS));
    all.push(("platform/leases", crate::platform::leases::STATEMENTS));
    all.push(("front/idempotency", crate::front::idempotency::STATEMENTS));
    all.push(("platform/files", crate::platform::files::STATEMENTS));
    all.push(("tasks/store", crate::tasks::store::STATEMENTS));
    all.push(("tasks/dry_run", crate::tasks::dry_run::STATEMENTS));
    all.push(("tasks/work_store", crate::tasks::work_store::STATEMENTS));
    all.push(("tasks/counters", crate::tasks::counters::STATEMENTS));
    all.push(("tasks/conservation", crate::tasks::conservation::STATEMENTS));
    all.push(("tasks/todo", crate::tasks::todo::STATEMENTS));
    all.push(("entities", crate::entities::store::STATEMENTS));
    all.push(("knowledge", crate::knowledge::STATEMENTS));
    all.push(("ledgers", crate::ledgers::store::STATEMENTS));
    all.push(("tasks/templates", crate::tasks::templates::STATEMENTS));
    all.push(("applications", crate::applications::store::STATEMENTS));
    all.push(("entities/claim", crate::entities::claim::STATEMENTS));
    all.push(("audit", crate::audit::store::STATEMENTS));
    all.extend(crate::access::STATEMENTS.iter().map(|list| ("access", *list)));
    all
}

/// One sample of each statement that a builder makes.
pub fn samples() -> Vec<(&'static str, String)> {
    let mut all = vec![("topics", crate::topics::sample())];
    all.extend(crate::platform::lane::samples().into_iter().map(|sql| ("platform/lane", sql)));
    all.extend(crate::access::samples().into_iter().map(|sql| ("access", sql)));
    all.extend(crate::measures::samples().into_iter().map(|sql| ("measures", sql)));
    all.extend(crate::forms::store::samples().into_iter().map(|sql| ("forms", sql)));
    all.extend(crate::tasks::store::samples().into_iter().map(|sql| ("tasks", sql)));
    all.extend(crate::tasks::work_samples().into_iter().map(|sql| ("tasks", sql)));
    all.extend(crate::channels::store::samples().into_iter().map(|sql| ("channels", sql)));
    all.extend(crate::rekeying::samples().into_iter().map(|sql| ("rekeying", sql)));
    all.extend(crate::audit::store::samples().into_iter().map(|sql| ("audit", sql)));
    all.extend(crate::entities::samples().into_iter().map(|sql| ("entities", sql)));
    all
}
