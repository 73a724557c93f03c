//! Error pages: what happened, what to do next.

use serde::Serialize;

use crate::{Lang, PageFrame, RenderError, Renderer, text};

/// The statuses that have words of their own.
pub const STATUSES: [u16; 7] = [403, 404, 410, 422, 429, 500, 503];

/// Context of `errors/page.html`.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorPage {
    /// HTTP status, one of [`STATUSES`].
    pub status: u16,
    /// Number of the request, to tell an administrator.
    pub request_id: Option<String>,
    /// Seconds to wait (429).
    pub wait_seconds: u64,
    /// Where the mistake can be mended (422).
    pub back_href: Option<String>,
    /// What exactly is wrong, in the reader's language.
    pub messages: Vec<String>,
}

impl ErrorPage {
    /// A page for `status`; a status without words of its own is shown as the
    /// nearest that has them (404 for other client errors, 500 for the rest).
    pub fn new(status: u16) -> Self {
        let status = match status {
            known if STATUSES.contains(&known) => known,
            401 => 403,
            400 | 409 | 412 | 413 | 415 | 428 => 422,
            400..=499 => 404,
            502 | 504 => 503,
            _ => 500,
        };
        Self { status, request_id: None, wait_seconds: 60, back_href: None, messages: Vec::new() }
    }

    /// Renders the page; the frame's title is replaced by the error's.
    pub fn render(&self, renderer: &Renderer, lang: Lang, frame: &PageFrame) -> Result<String, RenderError> {
        let mut frame = frame.clone();
        frame.title = text(lang, &format!("errors-{}-title", self.status), &[]);
        renderer.render("errors/page.html", lang, &frame, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_page_in_both_languages() {
        let renderer = Renderer::new();
        let frame = PageFrame::new("", "大同市政民互通平台").at("/tasks?page=2");
        for lang in Lang::ALL {
            for status in 400..=599 {
                let page = ErrorPage::new(status).render(&renderer, lang, &frame).unwrap();
                assert!(page.contains("<h1>"), "{status}");
                assert!(page.contains(&frame.feedback_href), "{status}");
            }
        }
    }

    #[test]
    fn hostile_values_are_escaped() {
        let mut page = ErrorPage::new(422);
        page.messages.push("<script>alert(1)</script>".to_owned());
        page.back_href = Some("\"><img src=x>".to_owned());
        let html = page.render(&Renderer::new(), Lang::En, &PageFrame::new("", "<b>city</b>")).unwrap();
        assert!(!html.contains("<script>alert") && !html.contains("<img") && !html.contains("<b>city"));
    }
}
