//! The template engine, set up once per language.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use rust_embed::RustEmbed;
use serde::Serialize;

use crate::{Lang, PageFrame, filters};

#[derive(RustEmbed)]
#[folder = "templates/"]
struct TemplateFiles;

/// Instructions one page may cost. A list of 200 rows with ten cells of macros
/// needs about 300,000; more means a page that should have been cut by a limit.
const FUEL: u64 = 4_000_000;

/// A page that could not be rendered: always a fault of the program.
#[derive(Debug, thiserror::Error)]
#[error("template {template}: {detail}")]
pub struct RenderError {
    /// Which template was asked for.
    pub template: String,
    /// Template, line and reason, for the log; never for the reader.
    pub detail: String,
}

/// Renders pages. Cheap to share: keep one for the whole process.
pub struct Renderer {
    /// In the order of [`Lang::ALL`]; `t`, `day` and `pick` know their language.
    environments: [Environment<'static>; 2],
}

impl Renderer {
    /// Sets both languages up. Development builds read templates from disk and
    /// notice changes; other builds carry them inside.
    pub fn new() -> Self {
        Self { environments: Lang::ALL.map(environment) }
    }

    /// Renders `template` in `lang`. The template sees `page` (the frame), `lang`
    /// (the tag), `other_lang`, and the fields of `ctx`.
    pub fn render(
        &self,
        template: &str,
        lang: Lang,
        page: &PageFrame,
        ctx: impl Serialize,
    ) -> Result<String, RenderError> {
        let fault = |error: minijinja::Error| RenderError { template: template.to_owned(), detail: describe(&error) };
        let own = minijinja::Value::from(Serde(&ctx));
        let whole = context! {
            page => minijinja::Value::from(Serde(page)),
            lang => lang.tag(),
            other_lang => PageFrame::other_lang(lang).tag(),
            ..own
        };
        self.environment(lang).get_template(template).and_then(|found| found.render(whole)).map_err(fault)
    }

    fn environment(&self, lang: Lang) -> &Environment<'static> {
        match lang {
            Lang::ZhCn => &self.environments[0],
            Lang::En => &self.environments[1],
        }
    }
}

impl Default for Renderer {
    fn default() -> Self {
        Self::new()
    }
}

/// The innermost place and reason of an error that went through several templates.
fn describe(error: &minijinja::Error) -> String {
    use std::error::Error as _;
    let mut out = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        out.push_str("; ");
        out.push_str(&inner.to_string());
        source = inner.source();
    }
    out
}

fn environment(lang: Lang) -> Environment<'static> {
    let mut env = Environment::new();
    if cfg!(debug_assertions) {
        env.set_loader(minijinja::path_loader(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")));
    } else {
        env.set_auto_reload(false);
        env.set_loader(
            |name| Ok(TemplateFiles::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned())),
        );
    }
    env.set_auto_escape_callback(|_| AutoEscape::Html);
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_fuel(Some(FUEL));
    env.set_formatter(write_escaped);
    filters::install(&mut env, lang);
    env
}

/// Escapes texts for HTML. The engine's own escaping also writes every `/` of an
/// address as `&#x2f;`, which no HTML context needs and which makes pages heavier.
fn write_escaped(
    out: &mut minijinja::Output,
    state: &mut minijinja::State,
    value: &minijinja::Value,
) -> Result<(), minijinja::Error> {
    let text = match value.as_str() {
        Some(text) if !value.is_safe() => text,
        _ => return minijinja::escape_formatter(out, state, value),
    };
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, from) = rest.split_at(at);
        out.write_str(before)?;
        out.write_str(match from.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        })?;
        rest = &from[1..];
    }
    out.write_str(rest)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_addresses_stay_readable() {
        let env = environment(Lang::En);
        let html = env
            .render_str(
                r#"<a href="{{ href }}">{{ name }}</a>{{ ok }}{{ "a"|safe }}"#,
                context! { href => "/tasks?a=1&b=\"x", name => "<i>'福'", ok => 5 },
            )
            .unwrap();
        assert_eq!(html, r#"<a href="/tasks?a=1&amp;b=&quot;x">&lt;i&gt;&#39;福&#39;</a>5a"#);
    }

    #[test]
    fn a_missing_name_is_an_error_that_says_where() {
        let env = environment(Lang::En);
        assert!(env.render_str("{{ nothing }}", context! {}).is_err());
        assert!(env.render_str("{% if nothing %}x{% endif %}", context! {}).is_err());
        assert!(env.render_str("{{ t('no-such-key') }}", context! {}).is_err());
        assert!(env.render_str("{{ icon('no-such-icon') }}", context! {}).is_err());
    }

    #[test]
    fn an_endless_page_is_stopped() {
        let env = environment(Lang::En);
        let page = "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}";
        assert!(env.render_str(page, context! {}).is_err());
    }
}
