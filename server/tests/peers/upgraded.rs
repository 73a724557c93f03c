//! Versions beside each other: an older program refuses a newer schema and says so, one that runs goes on, and
//! what is stored is converted while both serve.

use server::args;
use server::platform::database::Exec;

use super::dice::seed;
use super::pair::{Pair, get};
use super::program::{fault, run, said};

#[tokio::test(flavor = "multi_thread")]
async fn an_older_program_refuses_a_newer_schema_and_one_that_runs_goes_on() {
    let pair = Pair::build(1, 0).await;
    let (site, city) = (&pair.stage.site, &pair.stage.city);
    let one = pair.stage.serve(&[]).await;
    let db = site.place.connect().await.expect("opens");
    let mut tx = db.begin_write().await.expect("begins");
    // As the next version's `migrate` leaves it: expand first, so that what runs can go on.
    let step = "INSERT INTO schema_migration (name, digest, applied_at) VALUES ($1, $2, $3)";
    tx.execute(step, args!["0999_later.sql", "of a later version", 1_i64]).await.expect("noted");
    tx.execute_built("ALTER TABLE setting ADD COLUMN later text".into(), vec![]).await.expect("expanded");
    tx.commit().await.expect("committed");
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["doctor"]] {
        let text = fault(&run(command, &site.options()));
        assert!(text.contains("0999_later.sql") && text.contains("use that version"), "{command:?}: {text}");
    }
    let board = get(&one, &format!("/api/v1/boards/{}", city.task), &city.manager).await;
    assert_eq!(board.status, 200, "{}", board.text());
    assert_eq!(get(&one, "/readyz", "").await.status, 200);
}

/// The conversion of stored rows that there is: everything is encrypted anew in slices, while two processes serve
/// and people file and register with secrets.
#[tokio::test(flavor = "multi_thread")]
async fn rows_are_converted_while_two_processes_serve() {
    let seed = seed();
    let pair = Pair::build(6, 0).await;
    let servers = pair.serve("").await;
    let site = &pair.stage.site;
    let crowd = pair.crowd(&servers, 2, seed);
    let options = site.options();
    let rotated = tokio::task::spawn_blocking(move || run(&["keys", "rotate"], &options)).await.expect("ran");
    let text = String::from_utf8_lossy(&rotated.stdout).into_owned();
    assert!(rotated.status.success(), "{text} {}", String::from_utf8_lossy(&rotated.stderr));
    println!("{}", text.trim());
    let (journal, done) = (crowd.journal.clone(), crowd.end().await.values().sum::<u64>());
    assert!(done > 10, "hardly any load: {done}");
    // Everything that was written meanwhile, at either process, is of the new version: the old one can go.
    let retired = said(&run(&["keys", "retire"], &site.options()));
    println!("{retired}");
    let wrong = pair.faults(&servers.each_ref(), &journal, &[pair.stage.city.task]).await;
    assert_eq!(wrong, Vec::<String>::new());
}
