//! Tells cargo when the embedded folders changed.
//!
//! Development builds read templates, texts and assets from disk, so they need
//! no rebuild; every other profile embeds the folders and must notice new files.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile != "debug") {
        for folder in ["templates", "texts", "dist"] {
            println!("cargo::rerun-if-changed={folder}");
        }
    }
}
