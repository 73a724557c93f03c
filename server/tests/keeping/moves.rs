//! Moving between databases, who is refused, and what the old copy says.

use server::keeping;
use server::platform::database::Exec;
use server::platform::settings;
use server::start::{self, StartError};

use super::common;
use super::stage::{ENGINES, Site, board, city, is_well, refused, silent};

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_city_is_the_same_and_the_old_copy_says_where_it_went() {
    for from in ENGINES {
        let (mut site, accounts, stored) = city(from).await;
        // There, and back again into a folder of its own.
        for to in ["sqlite", "postgresql", "sqlite"] {
            let app = site.open().await;
            let before = board(&app, &accounts).await;
            app.db.close().await;
            let _ = std::fs::remove_file(site.beside("before.hutong"));
            let kept = site.backup(&site.beside("before.hutong"), false).await.expect("kept");
            let target = Site::on(to).await;
            let place = keeping::target_of(&site.place, &target.url()).expect("understood");
            let moved = keeping::move_to(&site.place, &place, common::NOW, silent()).await.expect("moved");
            assert_eq!(moved.tables, kept.manifest.tables, "{from} … {to}");
            assert_eq!(moved.files, if to == "sqlite" { stored.len() as u64 } else { 0 });
            let app = start::open(&place).await.expect("opens");
            assert_eq!(board(&app, &accounts).await, before, "{from} … {to}");
            is_well(&app).await;
            for (id, bytes) in &stored {
                assert_eq!(server::platform::files::get(&app, *id).await.expect("file").1, *bytes);
            }
            app.db.close().await;
            // The old copy is not opened, not moved again, and still holds everything.
            let Err(StartError::Moved(there)) = start::open(&site.place).await.map(|_| ()) else {
                panic!("the old copy opens")
            };
            assert_eq!(there, moved.to);
            let third = Site::on("sqlite").await;
            let text = refused(keeping::move_to(&site.place, &third.place, common::NOW, silent()).await);
            assert!(text.contains(&there), "{text}");
            let text = refused(keeping::move_to(&site.place, &place, common::NOW, silent()).await);
            assert!(text.contains("not empty"), "{text}");
            std::fs::remove_file(site.beside("before.hutong")).expect("removed");
            let again = site.backup(&site.beside("before.hutong"), false).await.expect("an old copy can be kept");
            assert_eq!(again.manifest.tables, kept.manifest.tables);
            let keep_folder = site.folder.clone();
            site = Site { place, folder: if to == "sqlite" { target.folder } else { keep_folder } };
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_broken_off_before_its_last_step_is_done_again_and_can_be_undone() {
    let (site, accounts, _) = city("sqlite").await;
    let target = Site::on("postgresql").await;
    let place = keeping::target_of(&site.place, &target.url()).expect("understood");
    let first = keeping::move_to(&site.place, &place, common::NOW, silent()).await.expect("moved");
    // As a kill leaves it between the mark on the old copy and the end of the new one.
    let db = place.connect().await.expect("opens");
    let mut tx = db.begin_write().await.expect("begins");
    settings::put(&mut tx, settings::UNFINISHED, "move").await.expect("marked");
    tx.execute("DELETE FROM item", vec![]).await.expect("deleted");
    tx.commit().await.expect("commits");
    db.close().await;
    assert!(matches!(start::open(&place).await.map(|_| ()), Err(StartError::Unfinished(act)) if act == "move"));
    let text = refused(keeping::backup(&place, &site.beside("x"), false, std::sync::Arc::new(|| 0), silent()).await);
    assert!(text.contains("broken off"), "{text}");
    let again = keeping::move_to(&site.place, &place, common::NOW, silent()).await.expect("moved again");
    assert_eq!(again.tables, first.tables);
    is_well(&start::open(&place).await.expect("opens")).await;
    assert_eq!(keeping::forget_move(&site.place).await.expect("forgotten"), Some(first.to));
    assert_eq!(keeping::forget_move(&site.place).await.expect("nothing to do"), None);
    board(&site.open().await, &accounts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_moved_under_a_server_at_work() {
    for engine in ENGINES {
        let (site, ..) = city(engine).await;
        let target = Site::on("sqlite").await;
        let _folder = site.place.take_folder().expect("free");
        let app = site.open().await;
        let workers = server::jobs::start(&app);
        // The leases are taken when the first round begins.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let text = refused(keeping::move_to(&site.place, &target.place, common::NOW, silent()).await);
        assert!(text.contains("stop it first"), "{engine}: {text}");
        app.stop();
        workers.ended().await;
        app.db.close().await;
        assert!(!target.place.data.join("hutong.db").exists());
    }
}
