//! Citizen number, GB 11643-1999, residence permits of residents of Hong Kong,
//! Macao (81, 82) and Taiwan (83) included. Area codes are checked by province
//! only: counties that were renamed or merged are in real numbers.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Kind, Options, reading};
use crate::Lang;
use crate::message::{Message, MessageKey};
use crate::model::Datatype;

/// Citizen number.
pub struct Control;

impl super::Control for Control {
    fn key(&self) -> &'static str {
        "citizen_number"
    }
    fn name(&self, lang: Lang) -> &'static str {
        lang.pick("身份证号", "Citizen number")
    }
    fn kind(&self) -> Kind {
        Kind::Text
    }
    fn datatypes(&self) -> &'static [Datatype] {
        &[Datatype::IdentityNumber]
    }
    fn schema(&self, _options: &Options) -> Value {
        json!({ "type": "string", "pattern": "^[1-9][0-9]{16}[0-9X]$" })
    }
    fn read(&self, raw: &Value, _options: &Options, today: Date) -> Result<Value, Message> {
        let text = reading::compact(&reading::scalar(raw)?).to_uppercase();
        let text = text.trim_start_matches('\'');
        let length = text.chars().count();
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        match length {
            18 => {}
            15 if digits => return Err(MessageKey::CitizenOld.into()),
            20 if text.is_ascii() && judge(&text[..18], today).is_ok() => {
                return Err(MessageKey::CitizenDisability.into());
            }
            _ => return Err(Message::new(MessageKey::CitizenLength).arg("now", length)),
        }
        judge(text, today)?;
        Ok(json!(text))
    }
    fn mask(&self, value: &Value) -> String {
        super::mask_text(&super::plain(value), 6, 4)
    }
    fn secret(&self) -> bool {
        true
    }
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: &[u8; 11] = b"10X98765432";
/// GB/T 2260 provinces; 81, 82, 83 are the residence permits.
const PROVINCES: [&str; 35] = [
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44",
    "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83",
];

/// Judges 18 characters.
fn judge(text: &str, today: Date) -> Result<(), Message> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 18
        && bytes[..17].iter().all(u8::is_ascii_digit)
        && (bytes[17].is_ascii_digit() || bytes[17] == b'X');
    if !shape {
        return Err(MessageKey::CitizenCharacters.into());
    }
    if !PROVINCES.contains(&&text[..2]) {
        return Err(Message::new(MessageKey::CitizenArea).arg("now", &text[..2]));
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i16>().unwrap_or(-1);
    let small = |n: i16| i8::try_from(n).unwrap_or(-1);
    let born = Date::new(number(6, 10), small(number(10, 12)), small(number(12, 14)))
        .ok()
        .filter(|born| born.year() >= 1850)
        .ok_or_else(|| Message::new(MessageKey::CitizenDate).arg("now", &text[6..14]))?;
    if born > today {
        return Err(Message::new(MessageKey::CitizenFuture).arg("now", born));
    }
    let sum: u32 = bytes[..17].iter().zip(WEIGHTS).map(|(b, w)| u32::from(b - b'0') * w).sum();
    if CHECKS[(sum % 11) as usize] != bytes[17] {
        return Err(MessageKey::CitizenCheck.into());
    }
    Ok(())
}
