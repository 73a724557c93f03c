//! Files made to harm, and files that are not what their name says.

#[path = "common/packages.rs"]
mod packages;

use packages::{BOOK, ENTITY_BOMB, RELS, ROOT, TYPES, package, two_gigabytes, workbook};
use proptest::prelude::*;
use server::platform::sheets::{Limits, SheetError, Workbook, read};

fn cells(inner: &str) -> Vec<u8> {
    workbook(&format!("<worksheet><sheetData>{inner}</sheetData></worksheet>"), &[])
}

fn open(bytes: &[u8]) -> Result<Workbook, SheetError> {
    read(bytes, "名单.xls", &Limits::default())
}

fn refusal(bytes: &[u8]) -> &'static str {
    let error = open(bytes).expect_err("refused");
    assert!(!error.text("zh-CN").is_empty() && !error.text("en").is_empty());
    error.key()
}

#[test]
fn a_good_minimal_workbook_is_read() {
    let book = open(&cells(
        r#"<row r="3"><c r="B3" t="inlineStr"><is><t>a &amp; b&#20013;</t></is></c><c><v>007</v></c></row>"#,
    ))
    .expect("read");
    let sheet = &book.sheets[0];
    assert_eq!((sheet.first_row, sheet.rows.len()), (3, 1));
    assert_eq!(sheet.cell(0, 1).display(), "a & b中");
    assert_eq!(sheet.cell(0, 2).display(), "007");
}

#[test]
fn two_gigabytes_of_zeros_are_refused_fast() {
    let bytes = two_gigabytes();
    assert!(bytes.len() < 20 << 20);
    let start = std::time::Instant::now();
    assert_eq!(refusal(&bytes), "sheet.unpacks-too-large");
    assert!(start.elapsed().as_secs() < 2);
}

#[test]
fn a_declared_size_that_lies_does_not_help() {
    let sheet = format!("<worksheet>{}</worksheet>", " ".repeat(40 << 20));
    let good = workbook(&sheet, &[]);
    // Write a size of 1,000 over the true one wherever it is declared.
    let size = u32::try_from(sheet.len()).expect("small").to_le_bytes();
    let mut bytes = good;
    let mut found = 0;
    for at in 0..bytes.len() - 4 {
        if bytes[at..at + 4] == size {
            bytes[at..at + 4].copy_from_slice(&1_000_u32.to_le_bytes());
            found += 1;
        }
    }
    assert!(found >= 1);
    let start = std::time::Instant::now();
    assert_eq!(refusal(&bytes), "sheet.damaged");
    assert!(start.elapsed().as_secs() < 2);
}

#[test]
fn entity_bombs_are_refused_in_every_part() {
    let bomb = ENTITY_BOMB;
    assert_eq!(refusal(&workbook(bomb, &[])), "sheet.dtd");
    let plain = "<worksheet><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>";
    assert!(open(&workbook(plain, &[])).is_ok());
    let unread = [("docProps/custom.xml", bomb.as_bytes())];
    assert_eq!(refusal(&workbook(plain, &unread)), "sheet.dtd");
    let undeclared = plain.replace("1</v>", "&b;</v>");
    assert_eq!(refusal(&workbook(&undeclared, &[])), "sheet.damaged");
}

#[test]
fn other_kinds_are_refused_by_their_own_name() {
    let plain = "<worksheet/>";
    let vba: [(&str, &[u8]); 1] = [("xl/vbaProject.bin", b"x")];
    assert_eq!(refusal(&workbook(plain, &vba)), "sheet.macro");
    let typed = TYPES.replace("openxmlformats-officedocument.spreadsheetml.sheet", "ms-excel.sheet.macroEnabled");
    let typed: [(&str, &[u8]); 1] = [("[Content_Types].xml", typed.as_bytes())];
    assert_eq!(refusal(&package(&typed)), "sheet.macro");
    assert_eq!(refusal(&workbook(plain, &[("../evil.xml", b"x")])), "sheet.unsafe-path");
    assert_eq!(refusal(&workbook(plain, &[("xl\\..\\..\\evil", b"x")])), "sheet.unsafe-path");
    assert_eq!(refusal(&package(&[("word/document.xml", b"<x/>")])), "sheet.word-document");
    assert_eq!(refusal(&package(&[("readme.txt", b"x")])), "sheet.not-a-sheet");
    assert_eq!(refusal(&package(&[("xl/workbook.bin", b"x")])), "sheet.binary-xlsx");
    assert_eq!(refusal(&workbook(plain, &[])), "sheet.empty");
    assert_eq!(refusal(b""), "sheet.empty");
    assert_eq!(refusal(b"%PDF-1.7"), "sheet.not-a-sheet");
    let html = "<html><head><meta charset=gbk></head><table><tr><td>姓名</td></tr></table></html>";
    assert_eq!(refusal(html.as_bytes()), "sheet.html-table");
    assert_eq!(refusal(&encoding_rs::GBK.encode(html).0), "sheet.html-table");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sheets/");
    for (name, key) in [("visits.ods", "sheet.open-document"), ("visits_2003.xml", "sheet.excel-2003-xml")] {
        let bytes = std::fs::read(format!("{folder}{name}")).expect("a committed fixture");
        assert_eq!(refusal(&bytes), key);
    }
}

#[test]
fn limits_are_named_with_their_place() {
    let far = cells(r#"<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>1</v></c></row>"#);
    let error = open(&far).expect_err("too many rows");
    assert_eq!((error.key(), error.row), ("sheet.too-many-rows", Some(1_048_576)));
    let wide = cells(r#"<row r="2"><c r="XFD2"><v>1</v></c></row>"#);
    let error = open(&wide).expect_err("too many columns");
    assert_eq!((error.key(), error.row, error.column), ("sheet.too-many-columns", Some(2), Some(16_383)));
    let long = "长".repeat(32_768);
    let error = open(&cells(&format!(r#"<row r="5"><c r="C5" t="inlineStr"><is><t>{long}</t></is></c></row>"#)))
        .expect_err("too long");
    assert_eq!((error.key(), error.row, error.column), ("sheet.cell-too-long", Some(5), Some(2)));
    let deep = cells(&"<a>".repeat(1_000));
    assert_eq!(refusal(&deep), "sheet.damaged");
    let rows: Vec<String> = (1..2_000).rev().map(|r| format!(r#"<row r="{r}"><c><v>{r}</v></c></row>"#)).collect();
    let backwards = rows.concat();
    assert_eq!(open(&cells(&backwards)).expect("any order").sheets[0].rows.len(), 1_999);
    // One long shared text used by very many cells must not be multiplied.
    let strings = format!("<sst><si><t>{}</t></si></sst>", "字".repeat(30_000));
    let rels = RELS.replace(
        "</Relationships>",
        r#"<Relationship Id="s" Type="http://x/sharedStrings" Target="s.xml"/></Relationships>"#,
    );
    let many = format!(
        "<worksheet><sheetData>{}</sheetData></worksheet>",
        r#"<row><c t="s"><v>0</v></c></row>"#.repeat(3_000)
    );
    let bytes = package(&[
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", ROOT.as_bytes()),
        ("xl/workbook.xml", BOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", rels.as_bytes()),
        ("xl/worksheets/sheet1.xml", many.as_bytes()),
        ("xl/s.xml", strings.as_bytes()),
    ]);
    assert_eq!(refusal(&bytes), "sheet.too-much-text");
}

#[test]
fn text_files_in_every_encoding() {
    let text = "姓名,电话\r\n\r\n\"张,甲\",13800138001\r\n";
    let utf16 = |big: bool| -> Vec<u8> {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    let gbk = encoding_rs::GBK.encode(text).0.into_owned();
    let marked = format!("\u{FEFF}{text}").into_bytes();
    let tsv = "姓名\t电话\n\n张,甲\t13800138001".as_bytes().to_vec();
    let unmarked = utf16(false)[2..].to_vec();
    for bytes in [text.as_bytes().to_vec(), marked, gbk, utf16(false), utf16(true), tsv, unmarked] {
        let book = open(&bytes).expect("read");
        let sheet = &book.sheets[0];
        assert_eq!((sheet.name.as_str(), sheet.rows.len()), ("名单", 3));
        assert_eq!(sheet.cell(2, 0).display(), "张,甲");
        assert_eq!(sheet.row_number(2), 3);
    }
    let error = open("姓名\n\"张甲\n李乙\n".as_bytes()).expect_err("open quote");
    assert_eq!((error.key(), error.row), ("sheet.open-quote", Some(2)));
    assert_eq!(refusal(&[b'a', 0xFF, b',', 0x81]), "sheet.encoding");
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sheets/");
    std::fs::read(format!("{folder}{name}")).expect("a committed fixture")
}

#[test]
fn every_cut_of_a_good_file_is_refused_in_words() {
    for name in ["visits.xlsx", "visits.xls"] {
        let whole = fixture(name);
        for part in 1..40 {
            let cut = &whole[..whole.len() * part / 40];
            if let Err(error) = open(cut) {
                assert!(error.text("zh-CN").contains('。'), "{name} {part}");
            } else {
                // Only padding after the last record may be missing.
                assert!(name == "visits.xls" && part > 20, "{name} {part}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..4_000)) {
        let _ = open(&bytes);
        for magic in [&b"PK\x03\x04"[..], &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]] {
            let _ = open(&[magic, &bytes].concat());
        }
    }

    #[test]
    fn random_markup_never_panics(inner in "(<row( r=\"[0-9]{1,10}\")?>|</row>|<c( r=\"[A-Z]{1,4}[0-9]{0,10}\")?( t=\"(s|b|d|e|n|str)\")?>|<v>|</v>|</c>|[0-9eE.+-]{1,20}|&[a-z#0-9]{1,8};){0,40}") {
        let _ = open(&cells(&inner));
    }

    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30)) {
        for name in ["visits.xls", "visits.xlsx", "visits_gb18030.csv"] {
            let mut bytes = fixture(name);
            for (at, value) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            let _ = open(&bytes);
        }
    }
}
