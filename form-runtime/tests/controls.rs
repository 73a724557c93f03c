//! Each control reads what offices write, and refuses with the right message.

use std::collections::BTreeSet;
use std::path::Path;

use form_runtime::controls::{ALL, Choice, Options, control};
use form_runtime::schema::SchemaValidator;
use form_runtime::{Date, Text};
use serde_json::{Value, json};

const TODAY: Date = Date::constant(2026, 11, 24);

fn options(control: &str) -> Options {
    let choice = |v: &str, zh: &str| Choice { value: v.into(), label: Text::both(zh, v) };
    match control {
        "choice" | "multiple_choice" => Options {
            choices: vec![choice("m", "男"), choice("f", "女"), choice("x", "其他、不详")],
            ..Options::default()
        },
        _ => Options::default(),
    }
}

/// control, what comes in, canonical value or message key
fn vectors() -> Vec<(&'static str, Value, Result<Value, &'static str>)> {
    let mut all = Vec::new();
    let mut ok = |c, raw: Value, value: Value| all.push((c, raw, Ok(value)));
    ok("text", json!("　Ａ１ 幢\u{200b} "), json!("A1 幢"));
    ok("text", json!("好，（很好）"), json!("好，（很好）"));
    ok("text", json!(13.0), json!("13"));
    ok("long_text", json!("一\r\n二"), json!("一\n二"));
    ok("integer", json!("１２"), json!(12));
    ok("integer", json!("1,200 "), json!(1200));
    ok("integer", json!(3.0), json!(3));
    ok("integer", json!("-0"), json!(0));
    ok("decimal", json!("12.50"), json!("12.5"));
    ok("decimal", json!(0.1), json!("0.1"));
    ok("decimal", json!("９９９９９９９９９９９９９９９９.99"), json!("9999999999999999.99"));
    ok("decimal", json!("-0.0"), json!("0"));
    ok("money", json!("86.5"), json!(8650));
    ok("money", json!("￥1,200元"), json!(120_000));
    ok("money", json!(0.29), json!(29));
    for yes in [json!("是"), json!("√"), json!("有"), json!("Y"), json!("1"), json!(1), json!(true), json!("１")] {
        ok("boolean", yes, json!(true));
    }
    for no in [json!("否"), json!("×"), json!("无"), json!("N"), json!("0"), json!(0), json!("ｎ"), json!("false")]
    {
        ok("boolean", no, json!(false));
    }
    for day in [
        json!("2024-03-05"),
        json!("2024.3.5"),
        json!("2024/3/5"),
        json!("2024年3月5日"),
        json!("２０２４年３月５日"),
        json!("2024 年 3 月 5 日"),
        json!("20240305"),
        json!(20_240_305),
        json!(45356),
        json!("45356.5"),
        json!(45356.0),
        json!("2024-03-05T00:00:00"),
        json!("2024-03-05 10:20"),
        json!("2024年3月5号"),
    ] {
        ok("date", day, json!("2024-03-05"));
    }
    ok("choice", json!("男"), json!("m"));
    ok("choice", json!("1.男"), json!("m"));
    ok("choice", json!(" 女　"), json!("f"));
    ok("choice", json!("f"), json!("f"));
    ok("multiple_choice", json!("女、男"), json!(["m", "f"]));
    ok("multiple_choice", json!(["f", "", "f"]), json!(["f"]));
    ok("multiple_choice", json!("其他、不详"), json!(["x"]));
    ok("phone", json!("138 0013 8000"), json!("13800138000"));
    ok("phone", json!("+86-13800138000"), json!("13800138000"));
    ok("phone", json!("１３８００１３８０００"), json!("13800138000"));
    ok("phone", json!(13_800_138_000_i64), json!("13800138000"));
    ok("phone", json!("(0352)2345678"), json!("0352-2345678"));
    ok("phone", json!("010 8888 8888"), json!("010-88888888"));
    ok("phone", json!("400-810-1234"), json!("4008101234"));
    ok("citizen_number", json!("11010519491231002x"), json!("11010519491231002X"));
    ok("citizen_number", json!("１１０１０５１９４９１２３１００２Ｘ"), json!("11010519491231002X"));
    ok("citizen_number", json!("110105 19491231 002X"), json!("11010519491231002X"));
    ok("uscc", json!("91310115ma1k3btp2b"), json!("91310115MA1K3BTP2B"));
    ok("bank_card", json!("4111 1111 1111 1111"), json!("4111111111111111"));
    ok("person_name", json!("王  秀兰"), json!("王秀兰"));
    ok("person_name", json!("阿卜杜•热合曼"), json!("阿卜杜·热合曼"));
    ok("person_name", json!("Anna  Smith"), json!("Anna Smith"));
    ok("address", json!("御馨花都　３号楼 2单元"), json!("御馨花都 3号楼 2单元"));
    ok("place", json!("01ja-c_9"), json!("01ja-c_9"));
    let mut no = |c, raw: Value, key| all.push((c, raw, Err(key)));
    no("text", json!("一\n二"), "line_break");
    no("text", json!("a\u{7}b"), "control_character");
    no("text", json!("长".repeat(201)), "too_long");
    no("text", json!({ "a": 1 }), "not_a_text");
    no("long_text", json!("长".repeat(4001)), "too_long");
    no("integer", json!("3.5"), "integer");
    no("integer", json!("三"), "integer");
    no("integer", json!("99999999999999999999"), "integer");
    no("integer", json!(i64::MIN), "integer");
    no("decimal", json!("1e9"), "decimal");
    no("decimal", json!("1.123456789"), "decimal_places");
    no("money", json!("1.234"), "decimal_places");
    no("money", json!("很多"), "money");
    no("boolean", json!("也许"), "boolean");
    no("date", json!("2024-02-30"), "date");
    no("date", json!("2024年3月"), "date_missing_day");
    no("date", json!("202403"), "date_missing_day");
    no("date", json!("3月5日"), "date");
    no("date", json!("999"), "date");
    no("choice", json!("也许"), "choice");
    no("multiple_choice", json!("男、也许"), "choice");
    no("phone", json!("1380013800"), "phone_length");
    no("phone", json!("12345"), "phone");
    no("phone", json!("0352-1234567"), "phone");
    no("phone", json!("没有"), "phone");
    no("citizen_number", json!("11010519491231002"), "citizen_number_length");
    no("citizen_number", json!("110105491231002"), "citizen_number_old");
    no("citizen_number", json!("110105194912310021"), "citizen_number_check");
    no("citizen_number", json!("11010519491331002X"), "citizen_number_date");
    no("citizen_number", json!("99010519491231002X"), "citizen_number_area");
    no("citizen_number", json!("1101051949123100XX"), "citizen_number_characters");
    no("citizen_number", json!("11010519491231002X43"), "citizen_number_disability");
    no("citizen_number", json!("身".repeat(18)), "citizen_number_characters");
    no("uscc", json!("9131"), "uscc_length");
    no("uscc", json!("9111000060003IOZSV"), "uscc_characters");
    no("uscc", json!("91310115MA1K3BTP2A"), "uscc_check");
    no("uscc", json!("9A310115MA1K3BTP2B"), "uscc_check");
    no("uscc", json!("91A10115MA1K3BTP2B"), "uscc_form");
    no("bank_card", json!("4111111111111112"), "bank_card");
    no("person_name", json!("王3"), "person_name");
    no("person_name", json!("···"), "person_name");
    no("address", json!("长".repeat(201)), "too_long");
    no("place", json!("../etc"), "place");
    all
}

#[test]
fn every_control_reads_and_refuses_as_its_vectors_say() {
    for (name, raw, expected) in vectors() {
        let options = options(name);
        let found = control(name).expect("exists").read(&raw, &options, TODAY);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{name} {raw}"),
            (Err(found), Err(expected)) => assert_eq!(found.key.as_str(), expected, "{name} {raw}"),
            (found, expected) => panic!("{name} {raw}: {found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn every_control_has_good_and_bad_vectors() {
    let all = vectors();
    for c in ALL {
        assert!(all.iter().any(|(n, _, o)| *n == c.key() && o.is_ok()), "{} good", c.key());
        assert!(all.iter().any(|(n, _, o)| *n == c.key() && o.is_err()), "{} bad", c.key());
    }
    let keys: BTreeSet<_> = ALL.iter().map(|c| c.key()).collect();
    assert_eq!(keys.len(), ALL.len(), "each key once");
}

#[test]
fn canonical_values_fit_their_schema_and_read_back_unchanged() {
    for (name, raw, expected) in vectors() {
        let (Ok(value), control) = (expected, control(name).expect("exists")) else {
            continue;
        };
        let options = options(name);
        let schema = SchemaValidator::compile(&control.schema(&options)).expect("compiles");
        assert_eq!(schema.errors(&value), [], "{name} {raw}");
        let typed = match &value {
            Value::Array(_) => value.clone(),
            other => json!(control.input_value(other)),
        };
        assert_eq!(control.read(&typed, &options, TODAY).expect("reads back"), value, "{name} {raw}");
        let shown = control.mask(&value);
        assert!(!control.secret() || shown.contains('*'), "{name} masks as {shown}");
    }
}

#[test]
fn masks_hide_the_middle() {
    let mask = |name: &str, value: &str| control(name).unwrap().mask(&json!(value));
    assert_eq!(mask("citizen_number", "11010519491231002X"), "110105****002X");
    assert_eq!(mask("phone", "13800138000"), "138****8000");
    assert_eq!(mask("bank_card", "4111111111111111"), "****1111");
    assert_eq!(mask("person_name", "欧阳秀兰"), "欧**");
    assert_eq!(mask("phone", "95598"), "****");
}

#[test]
fn residence_permits_of_hong_kong_macao_and_taiwan_are_citizen_numbers() {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    for region in ["810000", "820000", "830000"] {
        let body = format!("{region}19900101001");
        let sum: u32 = body.bytes().zip(weights).map(|(b, w)| u32::from(b - b'0') * w).sum();
        let number = format!("{body}{}", char::from(b"10X98765432"[(sum % 11) as usize]));
        let read = control("citizen_number").unwrap().read(&json!(number), &Options::default(), TODAY);
        assert_eq!(read.expect("valid"), json!(number));
    }
}

/// A born-tomorrow number is refused by today, which comes in.
#[test]
fn a_birth_after_today_is_refused() {
    let read =
        |today| control("citizen_number").unwrap().read(&json!("11010519491231002X"), &Options::default(), today);
    assert_eq!(read(Date::constant(1949, 12, 30)).unwrap_err().key.as_str(), "citizen_number_future");
    assert!(read(Date::constant(1949, 12, 31)).is_ok());
}

#[test]
fn public_vectors_when_the_shared_folder_is_there() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/validator_vectors.json");
    let Ok(text) = std::fs::read_to_string(file) else {
        println!("skipped: ../shared is not there");
        return;
    };
    let vectors: Value = serde_json::from_str(&text).expect("JSON");
    let good = |name: &str, list: &str| {
        for value in vectors[list].as_array().expect("a list") {
            let read = control(name).unwrap().read(value, &Options::default(), TODAY);
            assert_eq!(read.as_ref(), Ok(value), "{name}");
        }
    };
    good("citizen_number", "ric_valid");
    good("uscc", "uscc_valid");
    for bad in vectors["uscc_invalid"].as_array().expect("a list") {
        let read = control("uscc").unwrap().read(&bad[0], &Options::default(), TODAY);
        assert!(read.is_err(), "{bad}");
    }
    for bad in vectors["ric_invalid"].as_array().expect("a list") {
        // Counties that did not exist in the birth year are in real numbers: let through.
        let county = bad[1].as_str().is_some_and(|why| why.starts_with("county"));
        let read = control("citizen_number").unwrap().read(&bad[0], &Options::default(), TODAY);
        assert_eq!(read.is_ok(), county, "{bad}");
    }
}
