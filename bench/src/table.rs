//! The table: a row per path, a column per database.

use std::fmt::Write;

/// One cell: figure, and whether its bar is met.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// as printed
    pub text: String,
    /// none where there is no bar
    pub met: Option<bool>,
}

/// One row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// what was measured
    pub path: String,
    /// what is asked of it
    pub bar: String,
    /// by database, in the order of the columns
    pub cells: Vec<Cell>,
}

/// All rows, in the order of the first database that ran them.
#[derive(Clone, Debug, Default)]
pub struct Table {
    engines: Vec<&'static str>,
    rows: Vec<Row>,
}

impl Table {
    /// A new column.
    pub fn engine(&mut self, name: &'static str) {
        self.engines.push(name);
    }

    /// Notes a figure of the newest column.
    pub fn add(&mut self, path: &str, bar: &str, text: String, met: Option<bool>) {
        eprintln!("  {path}: {text}{}", if met == Some(false) { "  MISSED" } else { "" });
        let column = self.engines.len().max(1) - 1;
        let at = self.rows.iter().position(|row| row.path == path).unwrap_or_else(|| {
            self.rows.push(Row { path: path.to_owned(), bar: bar.to_owned(), cells: Vec::new() });
            self.rows.len() - 1
        });
        let cells = &mut self.rows[at].cells;
        cells.resize(column + 1, Cell::default());
        cells[column] = Cell { text, met };
    }

    /// As Markdown.
    pub fn text(&self) -> String {
        let mut out = format!(
            "| path | bar |{}\n|---|---|",
            self.engines.iter().fold(String::new(), |all, name| format!("{all} {name} |"))
        );
        out.push_str(&"---|".repeat(self.engines.len()));
        out.push('\n');
        for row in &self.rows {
            let _ = write!(out, "| {} | {} |", row.path, row.bar);
            for at in 0..self.engines.len() {
                let cell = row.cells.get(at).cloned().unwrap_or_default();
                let mark = match cell.met {
                    Some(false) => " **missed**",
                    _ => "",
                };
                let _ = write!(out, " {}{mark} |", cell.text);
            }
            out.push('\n');
        }
        out
    }

    /// How many bars were missed.
    pub fn missed(&self) -> usize {
        self.rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.met == Some(false)).count()
    }
}
