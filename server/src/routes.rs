//! The whole URL table on one screen. Every row also stands in the route x actor table of the tests
//! (`tests/routes/`): a route that is missing there fails them.

use axum::Router;

use crate::app::App;

/// Builds the router and the list of its rows from one table.
macro_rules! routes {
    ($($method:ident $path:literal => $handler:path),* $(,)?) => {
        /// Method and path of every route.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        /// The router without layers.
        pub fn table() -> Router<App> {
            Router::new()$(.route($path, axum::routing::$method($handler)))*
        }
    };
}

routes! {
    // platform
    get "/healthz" => crate::health::live,
    get "/readyz" => crate::health::ready,
    get "/metrics" => crate::health::figures,
    get "/events" => crate::front::events::stream,
    get "/jobs/{id}" => crate::front::jobs::show,
    get "/jobs/{id}/fragment" => crate::front::jobs::fragment,
    get "/api/v1/jobs/{id}" => crate::front::jobs::api,
    get "/api/openapi.json" => crate::openapi::show,
    get "/files/{id}" => crate::access::pages::file,
    get "/assets/{file}" => crate::platform::http::assets::file,
    // access
    get "/sign-in" => crate::access::pages::show,
    post "/sign-in" => crate::access::pages::enter,
    post "/sign-out" => crate::access::pages::leave,
    post "/identity" => crate::access::pages::identity,
    get "/password" => crate::access::pages::password,
    post "/password" => crate::access::pages::set_password,
    post "/preferences" => crate::access::pages::preferences,
    get "/admin" => crate::access::admin_pages::index,
    get "/admin/accounts" => crate::access::admin_pages::accounts,
    get "/admin/accounts/new" => crate::access::admin_pages::new,
    post "/admin/accounts/new" => crate::access::admin_pages::make,
    get "/admin/accounts/{id}" => crate::access::admin_pages::account,
    post "/admin/accounts/{id}/reset" => crate::access::admin_pages::reset,
    post "/admin/accounts/{id}/suspend" => crate::access::admin_pages::suspend,
    post "/admin/accounts/{id}/resume" => crate::access::admin_pages::resume,
    post "/admin/accounts/{id}/grants" => crate::access::admin_pages::give,
    post "/admin/grants/{id}/end" => crate::access::admin_pages::take,
    get "/admin/access" => crate::access::admin_pages::who,
    get "/api/v1/me" => crate::access::api::me,
    get "/api/v1/tokens" => crate::access::api::list,
    post "/api/v1/tokens" => crate::access::api::create,
    delete "/api/v1/tokens/{id}" => crate::access::api::revoke,
    // applications
    get "/admin/apps" => crate::applications::pages::index,
    post "/admin/apps/{key}/retire" => crate::applications::pages::take_out,
    // tasks
    get "/tasks" => crate::tasks::pages::list,
    get "/tasks/new" => crate::tasks::pages::new,
    post "/tasks/new" => crate::tasks::pages::begin,
    get "/tasks/{id}" => crate::tasks::pages::overview,
    get "/tasks/{id}/fragment" => crate::tasks::pages::fragment,
    get "/tasks/{id}/subjects" => crate::tasks::pages::subjects,
    post "/tasks/{id}/subjects" => crate::tasks::pages::take_units,
    post "/tasks/{id}/subjects/upload" => crate::tasks::pages::upload,
    get "/tasks/{id}/rule" => crate::tasks::pages::rule,
    post "/tasks/{id}/rule" => crate::tasks::pages::set_rule,
    get "/tasks/{id}/dry-run" => crate::tasks::pages::look,
    post "/tasks/{id}/dispatch" => crate::tasks::pages::send,
    get "/tasks/{id}/ledger" => crate::exchange::ledger_subjects::choose,
    post "/tasks/{id}/ledger" => crate::exchange::ledger_subjects::take,
    get "/api/v1/tasks" => crate::tasks::api::list,
    post "/api/v1/tasks" => crate::tasks::api::make,
    get "/api/v1/tasks/{id}" => crate::tasks::api::show,
    patch "/api/v1/tasks/{id}" => crate::tasks::api::change,
    post "/api/v1/tasks/{id}/subjects/import" => crate::tasks::api::import,
    post "/api/v1/tasks/{id}/units" => crate::tasks::api::units,
    post "/api/v1/tasks/{id}/dry-run" => crate::tasks::api::try_out,
    post "/api/v1/tasks/{id}/dispatch" => crate::tasks::api::send,
    post "/api/v1/tasks/{id}/end" => crate::tasks::api::end,
    post "/tasks/{id}/end" => crate::tasks::pages::end,
    // entities, ledgers, knowledge
    get "/ledgers" => crate::ledgers::pages::index,
    get "/ledgers/{id}" => crate::ledgers::pages::show,
    post "/ledgers/{id}/export" => crate::ledgers::pages::download,
    get "/people/{id}" => crate::entities::pages::person,
    post "/people/{id}/reveal" => crate::entities::pages::reveal,
    get "/search" => crate::entities::pages::search,
    get "/knowledge" => crate::knowledge::pages::index,
    get "/knowledge/lists/{key}" => crate::knowledge::pages::list,
    get "/api/v1/ledgers" => crate::ledgers::api::list,
    get "/api/v1/ledgers/{id}/rows" => crate::ledgers::api::rows,
    post "/api/v1/ledgers/{id}/export" => crate::ledgers::api::export,
    get "/api/v1/people/{id}" => crate::entities::api::person,
    get "/api/v1/people/{id}/observations" => crate::entities::api::observations,
    post "/api/v1/people/{id}/reveal" => crate::entities::api::reveal,
    // forms
    get "/forms" => crate::forms::pages::list,
    post "/forms" => crate::forms::pages::create,
    get "/forms/{id}" => crate::forms::pages::show,
    post "/forms/{id}" => crate::forms::pages::settings,
    post "/forms/{id}/fields" => crate::forms::pages::add,
    post "/forms/{id}/fields/{key}" => crate::forms::pages::field,
    get "/forms/{id}/preview" => crate::forms::pages::preview,
    get "/forms/{id}/publish" => crate::forms::pages::ask,
    post "/forms/{id}/publish" => crate::forms::pages::publish,
    get "/api/v1/forms" => crate::forms::api::list,
    get "/api/v1/forms/{id}" => crate::forms::api::show,
    get "/api/v1/forms/{id}/versions/{number}" => crate::forms::api::version,
    // measures
    get "/boards" => crate::measures::pages::list,
    get "/boards/{task}" => crate::measures::pages::show,
    get "/boards/{task}/fragment" => crate::measures::pages::fragment,
    get "/api/v1/boards" => crate::measures::api::list,
    get "/api/v1/boards/{task}" => crate::measures::api::show,
}
