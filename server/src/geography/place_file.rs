//! Reading a file of places: xlsx, csv or tsv, with a header or in the bare shape `code, level, name`.

use crate::error::Fault;
use crate::platform::sheets::{self, Limits, Sheet, SheetError, Wanted, data_rows, find_header};

/// The most places one file may bring.
const MOST: usize = 200_000;
/// The longest name, in characters.
const LONGEST: usize = 80;

/// One line of the file, understood as far as it stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceLine {
    /// line or row of the file, from 1
    pub line: u32,
    /// code: twelve digits, shorter ones filled up with zeros; or a code of the installation's own
    pub code: String,
    /// 1 to 5
    pub level: i64,
    /// official name
    pub name: String,
    /// code of the place above, if the file says it
    pub parent: Option<String>,
}

/// The lines of a file, or everything that is wrong with them.
pub fn read(bytes: &[u8], file_name: &str) -> Result<Vec<PlaceLine>, Vec<Fault>> {
    let workbook = sheets::read(bytes, file_name, &Limits::default()).map_err(|fault| vec![sheet_fault(&fault)])?;
    let sheet = workbook.first_visible().map_err(|fault| vec![sheet_fault(&fault)])?;
    let (rows, columns) = table(sheet)?;
    if rows.len() > MOST {
        return Err(vec![Fault::new("file", "geography-fault-too-many").with("most", MOST)]);
    }
    let (mut lines, mut faults) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match line(sheet, row, &columns) {
            Ok(line) => lines.push(line),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}

/// A fault of the sheet itself, in both languages.
pub fn sheet_fault(fault: &SheetError) -> Fault {
    Fault::new("file", "common-sheet-fault").with("zh", fault.text("zh-CN")).with("en", fault.text("en"))
}

/// Columns of code, level, name and parent code.
struct Columns {
    code: usize,
    level: Option<usize>,
    name: usize,
    parent: Option<usize>,
}

fn table(sheet: &Sheet) -> Result<(Vec<usize>, Columns), Vec<Fault>> {
    let text = |row: usize, column: usize| sheet.cell(row, column).normalized_text();
    let bare = sheet.rows.first().is_some_and(|_| {
        let (code, level) = (text(0, 0), text(0, 1));
        code.len() >= 2
            && code.bytes().all(|b| b.is_ascii_digit())
            && level.len() == 1
            && level.bytes().all(|b| b.is_ascii_digit())
    });
    if bare {
        let rows = (0..sheet.rows.len()).filter(|&row| sheet.rows[row].iter().any(|cell| !cell.is_blank())).collect();
        return Ok((rows, Columns { code: 0, level: Some(1), name: 2, parent: None }));
    }
    let wanted = [
        Wanted::required("代码").or("编码").or("区划代码").or("统计用区划代码").or("code"),
        Wanted::required("名称").or("地名").or("name"),
        Wanted::optional("级别").or("层级").or("level"),
        Wanted::optional("上级代码").or("上级编码").or("parent code").or("parent"),
    ];
    let header = find_header(sheet, &wanted).map_err(|fault| vec![sheet_fault(&fault)])?;
    let column = |at: usize| header.columns[at];
    let (Some(code), Some(name)) = (column(0), column(1)) else {
        return Err(vec![Fault::new("file", "geography-fault-columns")]);
    };
    let rows = data_rows(sheet, &header).rows;
    Ok((rows, Columns { code, level: column(2), name, parent: column(3) }))
}

fn line(sheet: &Sheet, row: usize, columns: &Columns) -> Result<PlaceLine, Fault> {
    let number = sheet.row_number(row);
    let text = |column: usize| sheet.cell(row, column).normalized_text();
    let fault = |key: &str| Fault::new(format!("row {number}"), key).with("line", number);
    let (raw, name) = (text(columns.code), text(columns.name));
    let code = padded(&raw);
    if code.is_empty() || code.len() > 32 || code.chars().any(char::is_control) {
        return Err(fault("geography-fault-code").with("code", raw));
    }
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(|c| c.is_control() || c == '/') {
        return Err(fault("geography-fault-name").with("name", name.chars().take(LONGEST).collect::<String>()));
    }
    let said = columns.level.map(text).unwrap_or_default();
    let level = if said.is_empty() { level_of_code(&code) } else { level_of_text(&said) };
    let Some(level) = level else {
        return Err(fault("geography-fault-level").with("level", said));
    };
    let parent = columns.parent.map(text).filter(|parent| !parent.is_empty()).map(|parent| padded(&parent));
    Ok(PlaceLine { line: number, code, level, name, parent })
}

/// Digits filled up with zeros to twelve; anything else as it is.
fn padded(code: &str) -> String {
    let digits = code.len() >= 2 && code.len() <= 12 && code.bytes().all(|byte| byte.is_ascii_digit());
    if digits { format!("{code:0<12}") } else { code.to_owned() }
}

fn level_of_text(text: &str) -> Option<i64> {
    match text {
        "1" | "省" | "省级" | "province" => Some(1),
        "2" | "市" | "地市" | "地级" | "city" => Some(2),
        "3" | "区县" | "区" | "县" | "县级" | "district" => Some(3),
        "4" | "街道乡镇" | "街道" | "乡镇" | "乡级" | "township" => Some(4),
        "5" | "社区村" | "社区" | "村" | "村级" | "community" => Some(5),
        _ => None,
    }
}

/// The level that the zeros at the end of a twelve-digit code tell.
pub fn level_of_code(code: &str) -> Option<i64> {
    if code.len() != 12 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let used = code.trim_end_matches('0').len();
    Some(match used {
        0..=2 => 1,
        3..=4 => 2,
        5..=6 => 3,
        7..=9 => 4,
        _ => 5,
    })
}
