//! Zip packages and minimal workbooks, good and hostile.
#![allow(dead_code)] // each test file uses its part

use std::io::{Cursor, Write};

use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

pub const TYPES: &str = r#"<Types><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"#;
pub const ROOT: &str =
    r#"<Relationships><Relationship Id="r" Type="http://x/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
pub const BOOK: &str =
    r#"<workbook xmlns:r="r"><sheets><sheet name="名单" sheetId="1" r:id="r1"/></sheets></workbook>"#;
pub const RELS: &str = r#"<Relationships><Relationship Id="r1" Type="http://x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;

/// A zip of these parts.
pub fn package(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).expect("part");
        zip.write_all(content).expect("content");
    }
    zip.finish().expect("zip").into_inner()
}

/// A workbook whose only sheet has this XML, with more parts.
pub fn workbook(sheet: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let mut parts: Vec<(&str, &[u8])> = vec![
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", ROOT.as_bytes()),
        ("xl/workbook.xml", BOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", RELS.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ];
    parts.extend_from_slice(more);
    package(&parts)
}

/// A workbook with 2 GB of zeros beside its sheet. One part is packed once and then copied 64 times, to
/// save the test's time.
pub fn two_gigabytes() -> Vec<u8> {
    let part = package(&[("zeros", &vec![0_u8; 32 << 20])]);
    let mut part = ZipArchive::new(Cursor::new(part)).expect("zip");
    let mut zip = ZipWriter::new_append(Cursor::new(workbook("<worksheet/>", &[]))).expect("zip");
    for n in 0..64 {
        let zeros = part.by_index_raw(0).expect("part");
        zip.raw_copy_file_rename(zeros, format!("xl/media/{n}.xml")).expect("copied");
    }
    zip.finish().expect("zip").into_inner()
}

/// A sheet with an entity that grows.
pub const ENTITY_BOMB: &str = r#"<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><worksheet><sheetData><row><c t="inlineStr"><is><t>&b;</t></is></c></row></sheetData></worksheet>"#;
