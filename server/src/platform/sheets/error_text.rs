//! The messages of [`SheetErrorKind`] in both languages.

use super::{error::SheetErrorKind, refs::column_letter};

const MIB: u64 = 1 << 20;

impl SheetErrorKind {
    pub(super) fn chinese(&self) -> String {
        match self {
            Self::Io { detail } => format!("文件没有读写成功（{detail}），请重试。"),
            Self::FileTooLarge { limit } => {
                format!("文件超过 {} MB。请分成几个文件上传。", limit / MIB)
            }
            Self::Empty => "文件里没有内容。请检查是否选错了文件，或内容在隐藏的工作表里。".into(),
            Self::NotASheet => "这不是表格文件。请上传 xlsx、xls 或 csv 文件。".into(),
            Self::WordDocument => {
                "这是文字文档，不是表格。请把表格复制到 Excel 或 WPS 表格，另存为 xlsx 后上传。".into()
            }
            Self::HtmlTable => "这个文件实际是网页，不是真正的 Excel 文件（常见于从别的系统导出的 .xls）。\
                 请用 Excel 或 WPS 打开，另存为 xlsx 后再上传。"
                .into(),
            Self::Excel2003Xml => "这是 Excel 2003 的 XML 表格。请用 Excel 或 WPS 打开，另存为 xlsx 后再上传。".into(),
            Self::OpenDocument => "这是 ods 文件。请用 WPS 或 LibreOffice 打开，另存为 xlsx 后再上传。".into(),
            Self::BinaryXlsx => "这是 xlsb 文件。请用 Excel 打开，另存为 xlsx 后再上传。".into(),
            Self::TooOld => "这是 Excel 95 或更早的文件。请用 Excel 或 WPS 打开，另存为 xlsx 后再上传。".into(),
            Self::Macro => "文件里有宏，为了安全不能接收。请用 Excel 或 WPS 打开，另存为“Excel 工作簿（xlsx）”\
                 后再上传。"
                .into(),
            Self::Encrypted => "文件设了打开密码。请去掉密码，另存后再上传。".into(),
            Self::Damaged { part } => {
                format!("文件不完整或已损坏（{part}）。请用 Excel 或 WPS 打开，另存为 xlsx 后再上传。")
            }
            Self::Dtd { part } => {
                format!("文件的“{part}”部分含有不允许的 XML 实体声明，不能接收。请另存为新的 xlsx。")
            }
            Self::UnpacksTooLarge { limit } => {
                format!("文件解压后超过 {} MB 或压缩比异常，不能接收。请把数据复制到新表格，另存为 xlsx。", limit / MIB)
            }
            Self::TooManyEntries { limit } => {
                format!("文件内部超过 {limit} 个部分，不像正常的表格。请把数据复制到新表格后上传。")
            }
            Self::UnsafePath { part } => {
                format!("文件内部的名称“{part}”不安全，不能接收。请把数据复制到新表格后上传。")
            }
            Self::Encoding => "文字编码认不出来（不是 UTF-8、UTF-16 或 GBK）。请另存为 xlsx 后再上传。".into(),
            Self::OpenQuote => "从这一行开始的引号没有结束。请补上引号，或另存为 xlsx。".into(),
            Self::TooManySheets { limit } => {
                format!("工作表超过 {limit} 个。请只保留要上传的工作表。")
            }
            Self::TooManyRows { limit } => {
                format!("超过 {limit} 行。请删除多余的行，或分成几个文件上传。")
            }
            Self::TooManyColumns { limit } => {
                format!("超过 {limit} 列。请删除右边多余的列。")
            }
            Self::TooManyCells { limit } => {
                format!("单元格总数超过 {limit}。请分成几个文件上传。")
            }
            Self::TooMuchText { limit } => {
                format!("文字总量超过 {} MB。请分成几个文件上传。", *limit as u64 / MIB)
            }
            Self::CellTooLong { limit } => format!("文字超过 {limit} 个字。请缩短。"),
            Self::HeaderNotFound { wanted } => {
                format!("没有找到表头。表头行应有这些列名：{}。请对照模板检查。", wanted.join("、"))
            }
            Self::MissingColumn { label } => {
                format!("表头里缺少“{label}”列。请加上这一列，列名照写。")
            }
            Self::DuplicateColumn { label, other } => {
                format!("“{label}”列与 {} 列重复。请只保留一列，或改成不同的列名。", column_letter(*other))
            }
            Self::LostPrecision { label } => {
                format!("{label}被 Excel 存成了数字，后几位已丢失，请把该列设为文本后重新填写。")
            }
            Self::DuplicateId { id, other } => {
                format!("编号 {id} 与第 {other} 行重复，内容不同。请只保留正确的一行。")
            }
            Self::UnknownId { id } => {
                format!("编号 {id} 不在下发的表里。请不要改动编号列；新增的内容请把编号留空。")
            }
            Self::MissingId => "这一行没有编号。请从下载的表里填写，不要自行加行。".into(),
        }
    }

    pub(super) fn english(&self) -> String {
        match self {
            Self::Io { detail } => {
                format!("The file could not be read or written ({detail}); try again.")
            }
            Self::FileTooLarge { limit } => {
                format!("The file is larger than {} MB. Split it and upload the parts.", limit / MIB)
            }
            Self::Empty => "The file holds nothing. Check that it is the right file and that its \
                            sheets are not hidden."
                .into(),
            Self::NotASheet => "This is not a sheet. Upload an xlsx, xls or csv file.".into(),
            Self::WordDocument => "This is a text document, not a sheet. Copy the table into a \
                                   sheet, save it as xlsx and upload that."
                .into(),
            Self::HtmlTable => "This file is really a web page, not an Excel file. Open it in \
                                Excel or WPS, save it as xlsx and upload that."
                .into(),
            Self::Excel2003Xml => "This is an Excel 2003 XML sheet. Open it in Excel or WPS, save \
                                   it as xlsx and upload that."
                .into(),
            Self::OpenDocument => "This is an ods file. Open it, save it as xlsx and upload that.".into(),
            Self::BinaryXlsx => "This is an xlsb file. Open it in Excel, save it as xlsx and upload that.".into(),
            Self::TooOld => "This is a file of Excel 95 or older. Open it in Excel or WPS, save \
                             it as xlsx and upload that."
                .into(),
            Self::Macro => "The file holds macros and is refused for safety. Open it, save it as \
                            “Excel workbook (xlsx)” and upload that."
                .into(),
            Self::Encrypted => "The file is protected by a password. Remove it, save and upload again.".into(),
            Self::Damaged { part } => format!(
                "The file is incomplete or damaged ({part}). Open it in Excel or WPS, save it as \
                 xlsx and upload that."
            ),
            Self::Dtd { part } => {
                format!("Part “{part}” declares XML entities, which is refused. Save as a new xlsx file.")
            }
            Self::UnpacksTooLarge { limit } => format!(
                "The file unpacks to more than {} MB or is packed abnormally, and is refused. \
                 Copy the data into a new sheet and save it as xlsx.",
                limit / MIB
            ),
            Self::TooManyEntries { limit } => format!(
                "The file has more than {limit} parts, unlike a sheet. Copy the data into a new \
                 sheet and upload that."
            ),
            Self::UnsafePath { part } => format!(
                "The part name “{part}” is unsafe and refused. Copy the data into a new sheet \
                 and upload that."
            ),
            Self::Encoding => "The text encoding is not UTF-8, UTF-16 or GBK. Save the file as \
                               xlsx and upload that."
                .into(),
            Self::OpenQuote => "A quotation mark opened on this row is never closed. Close it, or save as xlsx.".into(),
            Self::TooManySheets { limit } => {
                format!("More than {limit} sheets. Keep only those to be uploaded.")
            }
            Self::TooManyRows { limit } => {
                format!("More than {limit} rows. Delete superfluous rows or split the file.")
            }
            Self::TooManyColumns { limit } => {
                format!("More than {limit} columns. Delete the superfluous ones on the right.")
            }
            Self::TooManyCells { limit } => {
                format!("More than {limit} cells in total. Split the file and upload the parts.")
            }
            Self::TooMuchText { limit } => {
                format!("More than {} MB of text in total. Split the file and upload the parts.", *limit as u64 / MIB)
            }
            Self::CellTooLong { limit } => {
                format!("The text is longer than {limit} characters. Shorten it.")
            }
            Self::HeaderNotFound { wanted } => format!(
                "No header row was found. It should hold these columns: {}. Compare with the \
                 template.",
                wanted.join(", ")
            ),
            Self::MissingColumn { label } => {
                format!("The header lacks the column “{label}”. Add it under this very name.")
            }
            Self::DuplicateColumn { label, other } => format!(
                "Column “{label}” also stands in column {}. Keep one of them or rename one.",
                column_letter(*other)
            ),
            Self::LostPrecision { label } => format!(
                "Excel stored “{label}” as a number and its last digits are lost. Format the \
                 column as text and enter it again."
            ),
            Self::DuplicateId { id, other } => format!(
                "The number {id} also stands in row {other} with other content. Keep the right \
                 one."
            ),
            Self::UnknownId { id } => format!(
                "The number {id} is not in the sheet that was handed out. Leave the number \
                 column as it was; leave it empty for new rows."
            ),
            Self::MissingId => "This row has no number. Fill in the downloaded rows; do not add rows.".into(),
        }
    }
}
