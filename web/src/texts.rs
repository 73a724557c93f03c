//! The Fluent catalogue: one file per room and language, embedded.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use rust_embed::RustEmbed;

use crate::Lang;
use crate::filters::group_thousands;

#[derive(RustEmbed)]
#[folder = "texts/"]
struct TextFiles;

/// A value put into a text. Numbers choose plural forms and are written with
/// thousands separators; pass what must not be grouped (a year, a code) as text.
pub type TextArg<'a> = FluentValue<'a>;

type Bundle = FluentBundle<FluentResource>;

static CATALOGUE: LazyLock<[Bundle; 2]> = LazyLock::new(|| Lang::ALL.map(load));

/// The files are part of the program, so a fault in them is a fault of the build:
/// the tests parse each one.
fn load(lang: Lang) -> Bundle {
    let tag = lang.tag().parse().expect("our own tags are well formed");
    let mut bundle = Bundle::new_concurrent(vec![tag]);
    // Isolation marks would end up in attributes, titles and spreadsheets.
    bundle.set_use_isolating(false);
    bundle.set_formatter(Some(|value, _| match value {
        FluentValue::Number(number) => Some(group_thousands(&number.as_string())),
        _ => None,
    }));
    for path in TextFiles::iter().filter(|path| path.starts_with(lang.tag())) {
        let file = TextFiles::get(&path).expect("listed files exist");
        let source = String::from_utf8_lossy(&file.data).into_owned();
        let resource = match FluentResource::try_new(source) {
            Ok(resource) => resource,
            Err((_, faults)) => panic!("{path}: {faults:?}"),
        };
        if let Err(faults) = bundle.add_resource(resource) {
            panic!("{path}: {faults:?}");
        }
    }
    bundle
}

fn bundle(lang: Lang) -> &'static Bundle {
    match lang {
        Lang::ZhCn => &CATALOGUE[0],
        Lang::En => &CATALOGUE[1],
    }
}

/// Looks a text up and fills it in; `None` when there is no such key.
pub(crate) fn find(lang: Lang, key: &str, args: &FluentArgs<'_>) -> Option<String> {
    let bundle = bundle(lang);
    let pattern = bundle.get_message(key)?.value()?;
    let mut faults = Vec::new();
    Some(bundle.format_pattern(pattern, Some(args), &mut faults).into_owned())
}

/// The text `key` in `lang`, with `args` filled in.
///
/// A missing key gives the key itself, so that a page still says something;
/// the tests keep both languages complete.
///
/// ```
/// use web::{Lang, text};
/// assert_eq!(text(Lang::En, "common-items", &[("n", 1204.into())]), "1,204 items");
/// ```
pub fn text(lang: Lang, key: &str, args: &[(&str, TextArg<'_>)]) -> String {
    let mut fluent_args = FluentArgs::with_capacity(args.len());
    for (name, value) in args {
        fluent_args.set(*name, value.clone());
    }
    find(lang, key, &fluent_args).unwrap_or_else(|| key.to_owned())
}
