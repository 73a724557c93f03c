//! A pull reader for the XML parts of a package. It knows no entities but the
//! five of XML itself, refuses a DTD, and bounds depth and the size of one
//! item, so that memory stays small whatever the part holds.

use std::{
    io::{self, BufRead, Read},
    rc::Rc,
};

use quick_xml::{Reader, XmlVersion, events::Event};

use super::{
    error::{SheetError, SheetErrorKind},
    guard::Budget,
};

/// Deepest nesting; office files stay below 30.
const MAX_DEPTH: usize = 200;
/// Bytes of one tag or one run of text: the longest cell, fully escaped.
const MAX_ITEM: usize = 1 << 20;

/// One thing read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum XmlItem {
    /// An element begins; an empty element also ends in the next item.
    Start {
        /// Name without prefix.
        name: String,
        /// Attributes by name without prefix, unescaped.
        attributes: Vec<(String, String)>,
    },
    /// An element ends.
    End {
        /// Name without prefix.
        name: String,
    },
    /// Text, unescaped; one run may come in several pieces.
    Text(String),
    /// Comments and the like.
    Other,
    /// The part is over.
    Eof,
}

impl XmlItem {
    /// The name of a beginning element, or "".
    pub(super) fn start(&self) -> &str {
        if let Self::Start { name, .. } = self { name } else { "" }
    }

    /// An attribute of a beginning element.
    pub(super) fn attribute(&self, wanted: &str) -> Option<&str> {
        let Self::Start { attributes, .. } = self else {
            return None;
        };
        attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

/// Stops a single item from growing without end.
struct ItemBound<R> {
    inner: R,
    since: usize,
}

impl<R: BufRead> Read for ItemBound<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for ItemBound<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.since > MAX_ITEM {
            return Err(io::Error::other("item too long"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.since += n;
        self.inner.consume(n);
    }
}

/// Reads one part.
pub(super) struct Xml<R> {
    reader: Reader<ItemBound<R>>,
    buffer: Vec<u8>,
    part: String,
    depth: usize,
    budget: Rc<Budget>,
    unpacked: u64,
}

impl<R: BufRead> Xml<R> {
    /// Reads `inner`; `part` names it in errors, `unpacked` is the limit to
    /// show when `budget` is used up.
    pub(super) fn new(inner: R, part: &str, budget: Rc<Budget>, unpacked: u64) -> Self {
        let mut reader = Reader::from_reader(ItemBound { inner, since: 0 });
        reader.config_mut().expand_empty_elements = true;
        let part = part.to_owned();
        Self { reader, buffer: Vec::new(), part, depth: 0, budget, unpacked }
    }

    pub(super) fn damaged(&self) -> SheetError {
        SheetErrorKind::Damaged { part: self.part.clone() }.into()
    }

    /// The next item.
    pub(super) fn next(&mut self) -> Result<XmlItem, SheetError> {
        self.buffer.clear();
        self.reader.get_mut().since = 0;
        let item = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => convert(event),
            Err(_) if self.budget.exceeded() => {
                return Err(SheetErrorKind::UnpacksTooLarge { limit: self.unpacked }.into());
            }
            Err(_) => None,
        };
        match item {
            Some(Converted::Dtd) => Err(SheetErrorKind::Dtd { part: self.part.clone() }.into()),
            Some(Converted::Item(item)) => {
                match &item {
                    XmlItem::Start { .. } => self.depth += 1,
                    XmlItem::End { .. } => self.depth = self.depth.saturating_sub(1),
                    XmlItem::Eof if self.depth > 0 => return Err(self.damaged()),
                    _ => {}
                }
                if self.depth > MAX_DEPTH { Err(self.damaged()) } else { Ok(item) }
            }
            None => Err(self.damaged()),
        }
    }

    /// The text inside the element that just began, up to its end, without
    /// that of elements named `skip`.
    pub(super) fn text_until(&mut self, end: &str, take: &str, skip: &str) -> Result<String, SheetError> {
        let mut out = String::new();
        let (mut taking, mut skipping) = (take.is_empty(), false);
        loop {
            match self.next()? {
                XmlItem::Start { name, .. } if name == skip => skipping = true,
                XmlItem::Start { name, .. } if name == take => taking = true,
                XmlItem::End { name } if name == end => return Ok(out),
                XmlItem::End { name } if name == skip => skipping = false,
                XmlItem::End { name } if name == take => taking = false,
                XmlItem::Text(piece) if taking && !skipping => {
                    if out.len() + piece.len() > MAX_ITEM {
                        return Err(self.damaged());
                    }
                    out.push_str(&piece);
                }
                XmlItem::Eof => return Err(self.damaged()),
                _ => {}
            }
        }
    }
}

enum Converted {
    Item(XmlItem),
    Dtd,
}

/// `None` when the event is not well-formed.
fn convert(event: Event<'_>) -> Option<Converted> {
    let item = match event {
        Event::DocType(_) => return Some(Converted::Dtd),
        Event::Start(tag) | Event::Empty(tag) => {
            let mut attributes = Vec::new();
            for attribute in tag.attributes() {
                let attribute = attribute.ok()?;
                let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned();
                attributes.push((attribute.key.local_name().as_ref().to_owned(), value));
            }
            XmlItem::Start { name: tag.local_name().as_ref().to_owned(), attributes }
        }
        Event::End(tag) => XmlItem::End { name: tag.local_name().as_ref().to_owned() },
        Event::Text(text) => XmlItem::Text(text.xml10_content().into_owned()),
        Event::CData(text) => XmlItem::Text(text.xml10_content().into_owned()),
        Event::GeneralRef(reference) => {
            let c = match reference.resolve_char_ref().ok()? {
                Some(c) => c,
                None => match &*reference.into_inner() {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => return None,
                },
            };
            XmlItem::Text(c.to_string())
        }
        Event::Eof => XmlItem::Eof,
        Event::Comment(_) | Event::Decl(_) | Event::PI(_) => XmlItem::Other,
    };
    Some(Converted::Item(item))
}
