//! Backup and restore in all four directions.

use server::keeping;
use server::platform::files;

use super::stage::{ENGINES, Site, board, city, is_well, refused, silent};

#[tokio::test(flavor = "multi_thread")]
async fn a_city_is_the_same_wherever_it_is_restored() {
    for from in ENGINES {
        let (site, accounts, stored) = city(from).await;
        let app = site.open().await;
        let before = board(&app, &accounts).await;
        app.db.close().await;
        let file = site.beside("city.hutong");
        let kept = site.backup(&file, false).await.expect("kept");
        assert_eq!((kept.manifest.files, kept.manifest.missing_files.len()), (stored.len() as u64, 0));
        assert_eq!(
            kept.head.keys.len(),
            5,
            "what lasts, one version with its index and its signature, which is current"
        );
        let said = keeping::check(&file, &silent()).expect("whole");
        assert_eq!((said.head, said.manifest.clone()), (kept.head.clone(), kept.manifest.clone()));
        assert!(said.keys.is_none());
        // Nothing in clear that the keys protect, and the keys are not in it.
        let text = refused(site.backup(&file, false).await);
        assert!(text.contains("there already"), "{text}");
        for to in ENGINES {
            let other = Site::on(to).await;
            // Without the keys, with other keys, with the right ones.
            let text = refused(other.restore(&file, None).await);
            assert!(text.contains("--keys"), "{text}");
            let wrong = other.beside("wrong");
            server::platform::secrets::Keys::open(&wrong, true).expect("made");
            let text = refused(other.restore(&file, Some(&wrong)).await);
            assert!(text.contains("`digest`"), "{text}");
            assert!(!other.place.data.join("hutong.db").exists(), "nothing was begun");
            let restored = other.restore(&file, Some(&site.place.keys_file())).await.expect("restored");
            assert!(restored.checks.iter().all(|check| check.fault.is_none()), "{from} to {to}: {:?}", restored.checks);
            let app = other.open().await;
            assert_eq!(board(&app, &accounts).await, before, "{from} to {to}");
            is_well(&app).await;
            for (id, bytes) in &stored {
                assert_eq!(files::get(&app, *id).await.expect("file").1, *bytes);
            }
            app.db.close().await;
            // What is kept of the copy is, table by table, what was kept of the first.
            let again = other.backup(&other.beside("again.hutong"), false).await.expect("kept");
            assert_eq!(again.manifest.tables, kept.manifest.tables, "{from} to {to}");
            assert_eq!(again.manifest.files_sha256, kept.manifest.files_sha256);
            let text = refused(other.restore(&file, None).await);
            assert!(text.contains("not empty"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_with_keys_needs_nothing_else_and_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let (site, ..) = city("sqlite").await;
    let lost = site.open().await;
    let (id,): (server::platform::ids::Id,) = {
        use server::platform::database::Exec;
        lost.read().one("SELECT id FROM stored_file ORDER BY size LIMIT 1", vec![]).await.expect("file")
    };
    std::fs::remove_file(files::path_in(&site.place.data, id)).expect("removed");
    lost.db.close().await;
    let file = site.beside("keys.hutong");
    let kept = site.backup(&file, true).await.expect("kept");
    assert_eq!(kept.manifest.missing_files, [id.to_string()], "what is lost is named, the rest is kept");
    assert_eq!(std::fs::metadata(&file).expect("file").permissions().mode() & 0o777, 0o600);
    let other = Site::on("sqlite").await;
    other.restore(&file, None).await.expect("restored");
    let mode = std::fs::metadata(other.place.keys_file()).expect("keys").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    is_well(&other.open().await).await;
}
