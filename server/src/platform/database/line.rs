//! A row that comes as one text, its fields parted by line breaks (`concat_ws('\n', …)`): what both databases make in
//! one step and the driver carries as one value. Reading a hundred thousand rows whole takes a quarter of the time
//! so, since the driver copies and hands over each value on its own. Only for texts that hold no line break.

use super::StoreError;

/// The fields of a line, from left to right.
#[derive(Debug)]
pub struct Line<'t> {
    rest: Option<&'t str>,
}

impl<'t> Line<'t> {
    /// Begins before the first field.
    pub fn new(line: &'t str) -> Self {
        Self { rest: Some(line) }
    }

    /// The next field.
    pub fn text(&mut self) -> Result<&'t str, StoreError> {
        let rest = self.rest.ok_or_else(|| StoreError::Corrupt("a field is missing in a row".into()))?;
        let (field, after) = rest.split_once('\n').map_or((rest, None), |(field, after)| (field, Some(after)));
        self.rest = after;
        Ok(field)
    }

    /// The next field; none where it is empty.
    pub fn filled(&mut self) -> Result<Option<&'t str>, StoreError> {
        Ok(Some(self.text()?).filter(|field| !field.is_empty()))
    }

    /// The next field, a number.
    pub fn number(&mut self) -> Result<i64, StoreError> {
        let field = self.text()?;
        field.parse().map_err(|_| StoreError::Corrupt(format!("{field:?} is no number")))
    }

    /// The next field, a boolean: SQLite writes 1 and 0, PostgreSQL t and f.
    pub fn flag(&mut self) -> Result<bool, StoreError> {
        match self.text()? {
            "1" | "t" => Ok(true),
            "0" | "f" => Ok(false),
            field => Err(StoreError::Corrupt(format!("{field:?} is no boolean"))),
        }
    }

    /// There must be nothing more.
    pub fn end(self) -> Result<(), StoreError> {
        self.rest.map_or(Ok(()), |rest| Err(StoreError::Corrupt(format!("a row goes on with {rest:?}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_from_left_to_right() {
        let mut line = Line::new("5\n东街\n\n\nt\n0\n-7");
        assert_eq!((line.number().expect("level"), line.text().expect("name")), (5, "东街"));
        assert_eq!((line.text().expect("empty"), line.filled().expect("code")), ("", None));
        assert_eq!((line.flag().expect("true"), line.flag().expect("false")), (true, false));
        assert_eq!(line.number().expect("last"), -7);
        line.end().expect("nothing more");
    }

    #[test]
    fn a_line_of_another_form_is_refused() {
        let mut short = Line::new("");
        assert_eq!(short.filled().expect("one empty field"), None);
        assert!(matches!(short.text(), Err(StoreError::Corrupt(_))));
        assert!(matches!(Line::new("x").number(), Err(StoreError::Corrupt(_))));
        assert!(matches!(Line::new("2").flag(), Err(StoreError::Corrupt(_))));
        assert!(matches!(Line::new("more").end(), Err(StoreError::Corrupt(_))));
    }
}
