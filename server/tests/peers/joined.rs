//! One data folder for all: keys, files and the list of heads lie there.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::Client;
use super::pair::{Pair, get};
use super::program::{Serving, fault, run};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    for entry in std::fs::read_dir(from).expect("folder").flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            std::fs::copy(entry.path(), &to).map(|_| ()).expect("copied")
        }
    }
}

/// Uploads a file of places at one server and has it imported at the other; the statuses.
async fn handed_over(pair: &Pair, one: &Serving, two: &Serving, code: &str) -> (u16, u16) {
    let sheet = format!("code,name,level,parent\n{code},新{code}街道,4,DT-01\n");
    let mut body = b"--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"places.csv\"\r\nContent-Type: text/csv\r\n\r\n".to_vec();
    body.extend_from_slice(sheet.as_bytes());
    body.extend_from_slice(b"\r\n--cut--\r\n");
    let head = format!("authorization: Bearer {}\r\ncontent-type: multipart/form-data; boundary=cut\r\n", pair.root);
    let looked = Client::to(&one.address).ask("POST", "/api/v1/places/import", &head, &body).await.expect("looked at");
    let told: Value = looked.json();
    let file = told["file"].as_str().unwrap_or_else(|| panic!("{}", looked.text())).to_owned();
    let path = format!("/api/v1/places/import/{file}");
    let done = Client::to(&two.address).json("POST", &path, &pair.root, &Value::Null).await.expect("an answer");
    (looked.status, done.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_with_another_folder_is_refused_and_with_the_same_one_has_the_files() {
    let pair = Pair::build(1, 0).await;
    let site = &pair.stage.site;
    let one = pair.stage.serve(&[]).await;
    let body = json!({"parent": pair.stage.city.places[0], "name": "新区", "level": 3, "code": "DT-01"});
    let added = Client::to(&one.address).json("POST", "/api/v1/places", &pair.root, &body).await.expect("added");
    assert_eq!(added.status, 201, "{}", added.text());
    // Not a moment later: the beat of the first is then in the copy as well.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let other = site.beside("copied");
    copy(&site.place.data, &other);
    let mut options = site.options();
    options[1] = other.display().to_string();
    let text = fault(&run(&["serve", "--listen", "127.0.0.1:0"], &options));
    println!("{}", text.trim());
    assert!(text.contains("another data folder") && text.contains("--data") && text.contains("pid"), "{text}");
    assert_eq!(get(&one, "/readyz", "").await.status, 200, "the first serves on");

    let two = pair.stage.serve(&[]).await;
    let handed = handed_over(&pair, &one, &two, "DT-02").await;
    assert!(handed.0 < 300 && handed.1 < 300, "{handed:?}");
    drop(two);

    // Without the look it serves, and has nothing of what the first was given.
    let stray = Serving::begin(&options, &[("HUTONG_TEST_WITHOUT", "OneFolder")]);
    let handed = handed_over(&pair, &one, &stray, "DT-03").await;
    println!("without OneFolder: {handed:?}");
    assert!(handed.0 < 300 && handed.1 >= 400, "the look at the folder is needed: {handed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_killed_in_this_folder_is_not_waited_for_and_a_copied_beat_is() {
    let pair = Pair::build(1, 0).await;
    let killed = pair.stage.site.open().await;
    server::peers::join(&killed).await.expect("the only one");
    let left = pair.stage.site.place.data.join("processes").join(killed.lanes.owner().simple().to_string());
    drop(killed);
    let took = async |app: &server::app::App| {
        let begin = Instant::now();
        server::peers::join(app).await.expect("nobody has another folder");
        begin.elapsed()
    };
    let next = took(&pair.stage.site.open().await).await;
    // The same text in another file.
    let text = std::fs::read(&left).expect("its beat");
    std::fs::rename(&left, left.with_extension("kept")).expect("moved");
    std::fs::write(&left, text).expect("written");
    let copied = took(&pair.stage.site.open().await).await;
    println!("joined after {next:?}, where the beat was copied after {copied:?}");
    assert!(next < Duration::from_secs(2) && copied >= Duration::from_secs(3), "{next:?} {copied:?}");
    let begin = Instant::now();
    let one = pair.stage.serve(&[]).await;
    assert_eq!(get(&one, "/readyz", "").await.status, 200, "ready when it says so, after {:?}", begin.elapsed());
}
