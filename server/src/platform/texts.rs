//! Many short texts in one piece of memory: a hundred thousand texts of their own would take three times as much,
//! most of it for what the allocator puts around each.

use std::collections::HashMap;

/// Where a text lies, counted from where the texts of its owner begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    from: u16,
    end: u16,
}

/// Texts one after another; each owner remembers where its own begin.
#[derive(Debug, Default)]
pub struct Texts {
    all: String,
}

impl Texts {
    /// Where the texts of the next owner begin.
    pub fn begin(&self) -> u32 {
        self.all.len() as u32
    }

    /// Adds a text of the owner that began at `begin`. The texts of one owner have 65,535 bytes together; what would
    /// lie beyond is left out.
    pub fn add(&mut self, begin: u32, text: &str) -> Span {
        self.add_after(begin, text, 0)
    }

    /// The same for a text that mostly goes on where the one before it ended: what it begins with is not kept again
    /// where the texts end with just that. `多福巷社区` followed by `多福巷社区居委会` takes three more characters.
    pub fn add_over(&mut self, begin: u32, text: &str) -> Span {
        let own = &self.all.as_bytes()[begin as usize..];
        let known = (0..=text.len().min(own.len()))
            .rev()
            .find(|&size| text.is_char_boundary(size) && own.ends_with(&text.as_bytes()[..size]))
            .unwrap_or(0);
        self.add_after(begin, text, known)
    }

    /// Adds a text whose first `known` bytes stand at the end.
    fn add_after(&mut self, begin: u32, text: &str, known: usize) -> Span {
        let from = self.all.len() - begin as usize - known;
        match (u16::try_from(from), u16::try_from(from + text.len())) {
            (Ok(from), Ok(end)) => {
                self.all.push_str(&text[known..]);
                Span { from, end }
            }
            _ => Span::default(),
        }
    }

    /// A text of the owner that began at `begin`.
    #[inline]
    pub fn get(&self, begin: u32, span: Span) -> &str {
        let begin = begin as usize;
        self.all.get(begin + usize::from(span.from)..begin + usize::from(span.end)).unwrap_or_default()
    }

    /// Gives back the room for more.
    pub fn close(&mut self) {
        self.all.shrink_to_fit();
    }
}

/// Few texts that stand in many rows (kinds, days): a row holds the number of its word.
#[derive(Debug, Default)]
pub struct Words {
    words: Vec<Box<str>>,
}

/// [`Words`] while they are gathered.
#[derive(Debug, Default)]
pub struct Gathering {
    numbers: HashMap<Box<str>, u32>,
    words: Words,
}

impl Words {
    /// A word by its number.
    #[inline]
    pub fn get(&self, number: u32) -> &str {
        self.words.get(number as usize).map_or("", |word| word)
    }
}

impl Gathering {
    /// The number of a word, a new one if it has not been seen.
    pub fn number(&mut self, word: &str) -> u32 {
        if let Some(&known) = self.numbers.get(word) {
            return known;
        }
        let number = self.words.words.len() as u32;
        self.words.words.push(word.into());
        self.numbers.insert(word.into(), number);
        number
    }

    /// A word by its number.
    pub fn get(&self, number: u32) -> &str {
        self.words.get(number)
    }

    /// The words, which are all there now.
    pub fn close(self) -> Words {
        self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_what_overlaps_is_kept_once() {
        let mut texts = Texts::default();
        let of = [["平城区/多福巷社区", "多福巷社区", "多福巷社区居委会", ""], ["巷", "", "a", "aab"]];
        let kept: Vec<(u32, Vec<Span>)> = of
            .iter()
            .map(|own| {
                let begin = texts.begin();
                (begin, own.iter().map(|text| texts.add_over(begin, text)).collect())
            })
            .collect();
        texts.close();
        for ((begin, spans), own) in kept.iter().zip(of) {
            let back: Vec<&str> = spans.iter().map(|span| texts.get(*begin, *span)).collect();
            assert_eq!(back, own);
        }
        assert_eq!(texts.all, "平城区/多福巷社区居委会巷aab");
    }

    #[test]
    fn an_owner_does_not_take_what_another_left() {
        let mut texts = Texts::default();
        texts.add(0, "东街");
        let begin = texts.begin();
        let span = texts.add_over(begin, "街道");
        assert_eq!((texts.get(begin, span), texts.all.as_str()), ("街道", "东街街道"));
    }

    #[test]
    fn what_lies_beyond_is_left_out() {
        let mut texts = Texts::default();
        let (long, late) = (texts.add(0, &"x".repeat(65_535)), texts.add(0, "late"));
        assert_eq!((texts.get(0, long).len(), texts.get(0, late)), (65_535, ""));
    }

    #[test]
    fn a_word_has_one_number() {
        let mut gathering = Gathering::default();
        let numbers = ["village", "", "town", "village", ""].map(|word| gathering.number(word));
        let words = gathering.close();
        assert_eq!((numbers, words.words.len()), ([0, 1, 2, 0, 1], 3));
        assert_eq!(numbers.map(|number| words.get(number)), ["village", "", "town", "village", ""]);
    }
}
