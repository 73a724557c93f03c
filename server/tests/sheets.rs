//! Files that LibreOffice saved, and what we write ourselves, read back.

use std::io::Write as _;

use server::platform::sheets::{
    Cell, Column, ColumnKind, Header, ID_LABEL, Limits, Output, Sheet, SheetErrorKind, SkipReason, TableSpec,
    TableWriter, Value, Wanted, data_rows, find_header, id_column, match_ids, read,
};

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sheets/");
    std::fs::read(format!("{folder}{name}")).expect("a committed fixture")
}

fn open(name: &str) -> Sheet {
    let book = read(&fixture(name), name, &Limits::default()).expect("a good file");
    book.first_visible().expect("content").clone()
}

fn wanted() -> Vec<Wanted> {
    vec![
        Wanted::required(ID_LABEL),
        Wanted::required("姓名"),
        Wanted::required("公民身份号码").or("身份证号"),
        Wanted::optional("联系电话"),
        Wanted::required("走访日期"),
        Wanted::optional("备注"),
    ]
}

fn header_of(sheet: &Sheet) -> (Header, Vec<usize>) {
    let header = find_header(sheet, &wanted()).expect("the header");
    let columns = header.columns.iter().flatten().copied().collect();
    (header, columns)
}

#[test]
fn what_libreoffice_saved_is_read_alike_from_xlsx_xls_and_csv() {
    for name in ["visits.xlsx", "visits.xls", "visits_gb18030.csv"] {
        let sheet = open(name);
        let (header, columns) = header_of(&sheet);
        assert_eq!(columns, [5, 3, 4, 2, 1], "{name}");
        assert_eq!(sheet.row_number(header.last), 4, "{name}");
        assert_eq!(header.columns[5], None, "{name}");
        assert_eq!(header.unmatched().map(|(c, _)| *c).collect::<Vec<_>>(), [6], "{name}");
        let rows = data_rows(&sheet, &header);
        let numbers: Vec<u32> = rows.rows.iter().map(|r| sheet.row_number(*r)).collect();
        assert_eq!(numbers, [7, 8, 9, 10, 11], "{name}");
        let skipped: Vec<SkipReason> = rows.skipped.iter().map(|s| s.reason).collect();
        let reasons = [SkipReason::Index, SkipReason::Sample, SkipReason::Total, SkipReason::Note];
        assert_eq!(skipped, reasons, "{name}");
        let dates: Vec<String> =
            rows.rows.iter().map(|r| sheet.cell(*r, 1).as_date().expect("a date").to_string()).collect();
        let days = ["2024-03-05", "2024-03-06", "2024-03-07", "2024-03-07", "2024-03-08"];
        assert_eq!(dates, days, "{name}");
        let phone = |r: usize| sheet.cell(rows.rows[r], 2).normalized_text();
        assert_eq!((phone(0).as_str(), phone(1).as_str()), ("13800138001", "13800138002"), "{name}");
        assert_eq!(*sheet.cell(rows.rows[0], 4), Cell::text("990105194912310025"), "{name}");
        let lost = sheet.cell(rows.rows[1], 4);
        assert!(matches!(lost, Cell::LostPrecision(_)), "{name}: {lost:?}");
    }
}

#[test]
fn a_sheet_comes_back_with_rows_deleted_and_doubled() {
    let handed_out: Vec<String> = ["a1", "a2", "a3", "a4"].map(String::from).to_vec();
    for name in ["visits.xlsx", "visits.xls", "visits_gb18030.csv"] {
        let sheet = open(name);
        let (header, _) = header_of(&sheet);
        let rows = data_rows(&sheet, &header);
        let id = header.columns[0].expect("the id column");
        let up = match_ids(&sheet, &header, &rows, id, &handed_out, false);
        let known: Vec<(&str, u32)> = up.known.iter().map(|k| (k.id.as_str(), sheet.row_number(k.row))).collect();
        assert_eq!(known, [("a3", 7), ("a1", 8), ("a4", 9)], "{name}");
        assert_eq!(up.missing, ["a2"], "{name}");
        assert_eq!(up.repeated.iter().map(|r| sheet.row_number(*r)).collect::<Vec<_>>(), [10]);
        let [error] = &up.errors[..] else { panic!("{name}: {:?}", up.errors) };
        let kind = SheetErrorKind::DuplicateId { id: "a3".into(), other: 7 };
        assert_eq!((&error.kind, error.row, error.column), (&kind, Some(11), Some(5)), "{name}");
        let strangers = match_ids(&sheet, &header, &rows, id, &handed_out[..1], false);
        assert_eq!(strangers.errors.len(), 4, "{name}");
    }
}

#[test]
fn a_lost_identity_number_is_told_by_row_and_column() {
    let sheet = open("visits.xlsx");
    let (header, _) = header_of(&sheet);
    let row = data_rows(&sheet, &header).rows[1];
    let kind = SheetErrorKind::LostPrecision { label: "身份证号".into() };
    let error = sheet.error_at(row, Some(4), kind);
    assert_eq!(
        error.text("zh-CN"),
        "工作表“走访名单” 第 8 行 E 列：身份证号被 Excel 存成了数字，后几位已丢失，\
         请把该列设为文本后重新填写。"
    );
    assert!(error.text("en").starts_with("Sheet “走访名单”, row 8, column E: Excel stored"));
}

#[test]
fn wrong_and_double_columns_are_named() {
    let limits = Limits::default();
    let sheet = |text: &str| read(text.as_bytes(), "a.csv", &limits).expect("csv").sheets.remove(0);
    let missing = sheet("编号（请勿改动）,姓名,身份证号\n1,张甲,x\n");
    let error = find_header(&missing, &wanted()).expect_err("no date column");
    assert_eq!(error.kind, SheetErrorKind::MissingColumn { label: "走访日期".into() });
    assert_eq!(error.row, Some(1));
    let foreign = sheet("品名,单价\n苹果,3\n");
    let error = find_header(&foreign, &wanted()).expect_err("another table");
    assert!(matches!(error.kind, SheetErrorKind::HeaderNotFound { .. }));
    let double = sheet("姓名,姓 名\n张甲,李乙\n");
    let error = find_header(&double, &[Wanted::required("姓名")]).expect_err("twice");
    assert_eq!(error.kind, SheetErrorKind::DuplicateColumn { label: "姓名".into(), other: 0 });
    assert_eq!(error.column, Some(1));
    // The same label under two parents is known by its path.
    let couple = sheet("序号,丈夫,,妻子,\n,姓名,电话,姓名,电话\n1,甲,1,乙,2\n");
    let wanted = [Wanted::required("妻子/姓名"), Wanted::required("丈夫/电话")];
    let header = find_header(&couple, &wanted).expect("two rows");
    assert_eq!((header.columns, header.last), (vec![Some(3), Some(2)], 1));
    let error = find_header(&couple, &[Wanted::required("姓名")]).expect_err("whose name?");
    assert!(matches!(error.kind, SheetErrorKind::DuplicateColumn { .. }));
}

fn table(output: Output, choices: Vec<String>) -> Vec<u8> {
    let mut name = Column::new("姓名", ColumnKind::Text);
    name.required = true;
    let spec = TableSpec {
        sheet_name: "走访/名单".into(),
        columns: vec![
            id_column(true),
            name,
            Column::new("身份证号", ColumnKind::Id),
            Column::new("走访日期", ColumnKind::Date),
            Column::new("是否独居", ColumnKind::Choice(choices)),
            Column::new("面积", ColumnKind::Number),
        ],
        explanation_name: "填写说明".into(),
        explanation: vec!["请勿改动编号。".into()],
    };
    let mut writer = TableWriter::new(output, &spec, Vec::new()).expect("header");
    let day = jiff::civil::date(2024, 3, 5);
    writer
        .row(&[
            Value::Text("0198-a"),
            Value::Text("=HYPERLINK(\"http://x\",\"张甲\")"),
            Value::Text("990105194912310025"),
            Value::Date(day),
            Value::Bool(true),
            Value::Number(-42.5),
        ])
        .expect("first row");
    writer.row(&[Value::Text("0198-b"), Value::Text("+86 a,\"b\"\nc")]).expect("second row");
    writer.row(&[Value::Empty; 7]).expect_err("too many values");
    writer.finish().expect("finished")
}

#[test]
fn what_we_write_we_read_back_exactly() {
    let long: Vec<String> = (0..80).map(|n| format!("选项{n}")).collect();
    for (output, name, choices) in [
        (Output::Xlsx, "a.xlsx", vec!["是".to_owned(), "否".to_owned()]),
        (Output::Xlsx, "b.xlsx", long),
        (Output::Csv, "走访 名单.csv", Vec::new()),
    ] {
        let bytes = table(output, choices);
        let book = read(&bytes, name, &Limits::default()).expect("our own file");
        let sheet = book.first_visible().expect("content");
        assert_eq!(sheet.name, "走访 名单");
        let wanted = [Wanted::required(ID_LABEL), Wanted::required("姓名")];
        let header = find_header(sheet, &wanted).expect("header");
        let rows = data_rows(sheet, &header).rows;
        assert_eq!(rows, [1, 2], "{name}");
        let text = |row, column| sheet.cell(row, column).display().into_owned();
        assert_eq!(text(1, 0), "0198-a");
        assert_eq!(text(1, 1), "=HYPERLINK(\"http://x\",\"张甲\")");
        assert_eq!(text(1, 2), "990105194912310025");
        assert_eq!(sheet.cell(1, 3).as_date(), Some(jiff::civil::date(2024, 3, 5)));
        assert_eq!((text(1, 4), text(1, 5)), ("是".into(), "-42.5".into()));
        assert_eq!(text(2, 1), "+86 a,\"b\"\nc");
    }
}

#[test]
fn no_csv_field_that_we_write_begins_a_formula() {
    let bytes = table(Output::Csv, Vec::new());
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert!(text.starts_with('\u{FEFF}'));
    assert!(text.contains("\"'=HYPERLINK("), "{text}");
    assert!(text.contains("\"'+86 a,"), "{text}");
    assert!(text.contains(",-42.5\r\n"), "a number stays a number: {text}");
}

#[test]
fn a_file_on_disk_is_refused_before_it_is_loaded() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all("姓名\n张甲\n".as_bytes()).expect("written");
    let limits = Limits::default();
    let book = server::platform::sheets::read_path(file.path(), &limits).expect("read");
    assert_eq!(book.sheets[0].rows.len(), 2);
    file.as_file().set_len(limits.bytes + 1).expect("grown");
    let error = server::platform::sheets::read_path(file.path(), &limits).expect_err("too large");
    assert_eq!(error.key(), "sheet.file-too-large");
}
