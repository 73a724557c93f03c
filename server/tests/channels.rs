//! The doors that are open to everybody, through the whole router, on both databases.

mod common;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use server::platform::http::app_router;
use tower::ServiceExt;

#[tokio::test]
async fn public_doors_answer_without_account_or_script() {
    common::each(|house| async move {
        let app = house.app.clone();
        for (path, expected) in [
            ("/query", 200),
            ("/services", 200),
            ("/query/qr.svg", 200),
            ("/c/nothing", 404),
            ("/channels", 303),
            ("/cases", 303),
        ] {
            let request = Request::get(path).body(Body::empty()).expect("request");
            let response = app_router(app.clone()).oneshot(request).await.expect("answers");
            assert_eq!(response.status().as_u16(), expected, "{path}");
        }
        let wrong = Request::post("/query")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from("code=AAAAA-AAAAA"))
            .expect("request");
        let response = app_router(app).oneshot(wrong).await.expect("answers");
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    })
    .await;
}
