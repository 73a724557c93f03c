//! Writes the page of shared pieces, the error pages and the assets to a folder:
//! `cargo run -p web --example design -- FOLDER`. `tests/design.mjs` looks at them.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use web::pages::{design, errors};
use web::{Lang, PageFrame, Renderer};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("say which folder to write to")?);
    fs::create_dir_all(folder.join("assets"))?;
    for name in ["staff.css", "staff.js", "resident.css", "resident.js", "tree_picker.js", "icons.svg", "mark.svg"] {
        let url = web::asset_url(name);
        let hashed = url.trim_start_matches("/assets/");
        let asset = web::asset_file(hashed).ok_or(format!("{name} is not in web/dist"))?;
        fs::write(folder.join("assets").join(hashed), asset.bytes)?;
    }
    let renderer = Renderer::new();
    for lang in Lang::ALL {
        for page in ["index", "resident", "wall"] {
            for large in [false, true] {
                let html = design::render(&renderer, &format!("design/{page}.html"), lang, large)?;
                let suffix = if large { "-large" } else { "" };
                fs::write(folder.join(format!("{page}-{}{suffix}.html", lang.tag())), html)?;
            }
        }
        for status in errors::STATUSES {
            let mut page = errors::ErrorPage::new(status);
            page.request_id = Some("8F2K-41".to_owned());
            let frame = PageFrame::new("", "大同市政民互通平台").at("/tasks");
            let html = page.render(&renderer, lang, &frame)?;
            fs::write(folder.join(format!("error{status}-{}.html", lang.tag())), html)?;
        }
    }
    Ok(())
}
