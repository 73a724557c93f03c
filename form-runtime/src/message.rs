//! Field messages: what a person is told when an answer cannot stand.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::{Lang, Text};

/// How much a message stands in the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The answer is not accepted.
    #[default]
    Error,
    /// Accepted, pointed out.
    Warning,
    /// For information.
    Info,
}

macro_rules! messages {
    ($($name:ident $key:literal $zh:literal $en:literal;)*) => {
        /// Every message there is. `{name}` stands for an argument.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        pub enum MessageKey {
            $(
                #[doc = $en]
                #[serde(rename = $key)]
                $name,
            )*
        }

        impl MessageKey {
            /// All keys.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable key, as in API answers.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $key),* }
            }

            fn template(self, lang: Lang) -> &'static str {
                match self { $(Self::$name => lang.pick($zh, $en)),* }
            }
        }
    };
}

messages! {
    Required "required" "请填写{label}" "Enter {label}";
    RequiredChoice "required_choice" "请选择{label}" "Choose {label}";
    NotAText "not_a_text" "{label}应填写一段文字" "{label} must be a text";
    TooLong "too_long" "{label}最多 {limit} 个字，现在是 {now} 个，请删减" "{label} may have at most {limit} characters and now has {now}; shorten it";
    TooShort "too_short" "{label}至少 {limit} 个字，现在是 {now} 个，请补全" "{label} needs at least {limit} characters and now has {now}; complete it";
    LineBreak "line_break" "{label}只能填一行，请去掉换行" "{label} is a single line; remove the line breaks";
    ControlCharacter "control_character" "{label}里有看不见的特殊字符，请重新输入" "{label} holds an invisible special character; type it again";
    Pattern "pattern" "{label}的格式不对，请按说明填写" "{label} does not have the expected form; follow the hint";
    Integer "integer" "{label}应填整数，例如 3；现在是“{now}”" "{label} must be a whole number such as 3; it is now \"{now}\"";
    Decimal "decimal" "{label}应填数字，例如 12.5；现在是“{now}”" "{label} must be a number such as 12.5; it is now \"{now}\"";
    DecimalPlaces "decimal_places" "{label}最多 {limit} 位小数，请去掉多余的小数" "{label} may have at most {limit} decimal places; drop the rest";
    Money "money" "{label}应填金额（元），例如 1200 或 86.50；现在是“{now}”" "{label} must be an amount in yuan such as 1200 or 86.50; it is now \"{now}\"";
    Minimum "minimum" "{label}不能小于 {limit}" "{label} must be {limit} or more";
    Maximum "maximum" "{label}不能大于 {limit}" "{label} must be {limit} or less";
    Boolean "boolean" "{label}请选“是”或“否”；现在是“{now}”" "Choose yes or no for {label}; it is now \"{now}\"";
    Date "date" "{label}应填日期，例如 2024-03-05；现在是“{now}”" "{label} must be a date such as 2024-03-05; it is now \"{now}\"";
    DateMissingDay "date_missing_day" "{label}还缺日，请写全年月日，例如 2024-03-05" "{label} lacks the day; write year, month and day such as 2024-03-05";
    DateTooEarly "date_too_early" "{label}不能早于 {limit}" "{label} must not be before {limit}";
    DateTooLate "date_too_late" "{label}不能晚于 {limit}" "{label} must not be after {limit}";
    Choice "choice" "{label}里没有“{now}”这一项，请从选项中选择" "{label} has no option \"{now}\"; choose one of the options";
    ChoiceClosed "choice_closed" "{label}：按前面的回答，“{now}”现在不能选，请改选" "{label}: given the earlier answers \"{now}\" cannot be chosen; choose another";
    TooMany "too_many" "{label}最多选 {limit} 项，现在选了 {now} 项" "Choose at most {limit} for {label}; {now} are chosen now";
    TooFew "too_few" "{label}至少选 {limit} 项，现在选了 {now} 项" "Choose at least {limit} for {label}; {now} are chosen now";
    PhoneLength "phone_length" "{label}是手机号的话应为 11 位，现在是 {now} 位，请核对" "A mobile number in {label} has 11 digits, this one has {now}; check it";
    Phone "phone" "{label}不是手机号或带区号的座机号，请填写如 13800138000 或 0352-2345678" "{label} is neither a mobile nor a landline number with area code; enter one such as 13800138000 or 0352-2345678";
    CitizenLength "citizen_number_length" "身份证号应为 18 位，现在是 {now} 位，请核对" "A citizen number has 18 characters, this one has {now}; check it";
    CitizenOld "citizen_number_old" "这是 15 位旧身份证号，请填写现在用的 18 位号码" "This is an old number of 15 digits; enter the current one of 18";
    CitizenCharacters "citizen_number_characters" "身份证号前 17 位应为数字，最后一位是数字或 X，请核对" "A citizen number is 17 digits and a last digit or X; check it";
    CitizenArea "citizen_number_area" "身份证号前两位“{now}”不是地区代码，请核对前 6 位" "\"{now}\" at the start of the citizen number is no region; check the first 6 digits";
    CitizenDate "citizen_number_date" "身份证号第 7 到 14 位“{now}”不是出生日期，请核对" "Characters 7 to 14 of the citizen number, \"{now}\", are no date of birth; check them";
    CitizenFuture "citizen_number_future" "身份证号里的出生日期 {now} 在今天之后，请核对" "The date of birth {now} in the citizen number is in the future; check it";
    CitizenCheck "citizen_number_check" "身份证号最后一位对不上，可能有一位输错了，请逐位核对" "The last character of the citizen number does not fit; one may be mistyped, check each";
    CitizenDisability "citizen_number_disability" "这是 20 位残疾人证号，请填写身份证号（通常是它的前 18 位）" "This is a disability certificate number of 20 characters; enter the citizen number, usually its first 18";
    UsccLength "uscc_length" "统一社会信用代码应为 18 位，现在是 {now} 位，请核对" "A unified social credit code has 18 characters, this one has {now}; check it";
    UsccCharacters "uscc_characters" "统一社会信用代码里不会有“{now}”，请核对（没有字母 I、O、S、V、Z）" "A unified social credit code never holds \"{now}\"; check it (it has no I, O, S, V or Z)";
    UsccForm "uscc_form" "统一社会信用代码的前 8 位不对，第 3 到 8 位应为数字，请核对" "The first 8 characters of the unified social credit code are wrong; 3 to 8 are digits, check them";
    UsccCheck "uscc_check" "统一社会信用代码最后一位对不上，可能有一位输错了，请逐位核对" "The last character of the unified social credit code does not fit; check each character";
    BankCard "bank_card" "银行卡号应为 12 到 19 位数字，且末位要对得上，请核对" "A bank card number has 12 to 19 digits and a fitting last one; check it";
    PersonName "person_name" "{label}应填姓名，不含数字或特殊符号" "{label} must be a name without digits or special signs";
    Place "place" "请从列表中选择{label}" "Choose {label} from the list";
    ReadOnly "read_only" "{label}不能修改，请刷新后再试" "{label} cannot be changed; reload and try again";
    UnknownField "unknown_field" "表单里没有“{now}”这一项，请刷新页面" "The form has no field \"{now}\"; reload the page";
    TooBig "too_big" "{label}的内容太多，请精简后再交" "{label} holds too much; shorten it";
    Check "check" "{label}没有通过核对，请检查" "{label} did not pass a check; look at it again";
    Schema "schema" "{label}的内容不符合要求，请重新填写" "{label} is not as required; enter it again";
    CheckFailed "check_failed" "{label}的核对没有算出来，请联系表单制作人" "A check of {label} could not be computed; tell the maker of the form";
}

/// A message before it is known which field it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which message.
    pub key: MessageKey,
    /// Its arguments, without the label.
    pub args: BTreeMap<&'static str, String>,
}

impl Message {
    /// A message without arguments.
    pub fn new(key: MessageKey) -> Self {
        Self { key, args: BTreeMap::new() }
    }

    /// With one more argument; long ones are cut, they come from the outside.
    #[must_use]
    pub fn arg(mut self, name: &'static str, value: impl Display) -> Self {
        let value = value.to_string();
        let cut = if value.chars().count() > 40 { value.chars().take(40).chain(['…']).collect() } else { value };
        self.args.insert(name, cut);
        self
    }
}

impl From<MessageKey> for Message {
    fn from(key: MessageKey) -> Self {
        Self::new(key)
    }
}

/// A message about one field. Arguments never hold the value of a secret field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldMessage {
    /// Field key.
    pub field: String,
    /// Which message.
    pub key: MessageKey,
    /// Arguments by name.
    pub args: BTreeMap<&'static str, String>,
    /// How much it stands in the way.
    pub severity: Severity,
    /// The field's label, for `{label}`.
    pub label: Text,
    /// The form maker's own words, instead of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<Text>,
}

impl FieldMessage {
    /// The sentence for a reader.
    pub fn text(&self, lang: Lang) -> String {
        if let Some(custom) = self.custom.as_ref().filter(|c| !c.is_empty()) {
            return custom.get(lang).to_owned();
        }
        // One pass, so that an argument holding "{label}" stays as it is.
        let mut rest = self.key.template(lang);
        let mut text = String::with_capacity(rest.len() + 16);
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let (name, tail) = after.split_once('}').unwrap_or((after, ""));
            match name {
                "label" => text.push_str(self.label.get(lang)),
                _ => text.push_str(self.args.get(name).map_or("", String::as_str)),
            }
            rest = tail;
        }
        text.push_str(rest);
        text
    }
}
