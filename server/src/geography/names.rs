//! Names of places: what is shown, what is compared, and which kind a name tells.

/// Endings of committees and offices, longest first; what is shown ends before them.
const OFFICES: [&str; 7] = ["居民委员会", "村民委员会", "街道办事处", "地区办事处", "居委会", "村委会", "办事处"];
/// Endings left out when names are compared, longest first.
const CORES: [&str; 4] = ["街道", "社区", "地区", "行政村"];

/// The name for display: without 居委会, 村委会, 办事处. `永泰街道办事处` is shown as `永泰街道`.
pub fn display_name(official: &str) -> String {
    let official = official.trim();
    for office in OFFICES {
        if let Some(head) = official.strip_suffix(office).filter(|head| !head.is_empty()) {
            let kept = match office {
                "街道办事处" => "街道",
                "地区办事处" => "地区",
                _ => "",
            };
            return format!("{head}{kept}");
        }
    }
    official.to_owned()
}

/// An address in words without the places that stand above it: beside its community, `大同市平城区永泰街道
/// 御馨花都社区东区2号楼` is `东区2号楼`. Of an address that does not begin so, everything is shown.
pub fn short_address<'a>(address: &'a str, full_name: &str) -> &'a str {
    address.strip_prefix(&full_name.replace('/', "")).map(str::trim).filter(|rest| !rest.is_empty()).unwrap_or(address)
}

/// The part of a name that tells places apart: also without 社区 and 街道.
pub fn core_name(name: &str) -> &str {
    let mut rest = name;
    for office in OFFICES {
        if let Some(head) = rest.strip_suffix(office).filter(|head| !head.is_empty()) {
            rest = head;
            break;
        }
    }
    for core in CORES {
        if let Some(head) = rest.strip_suffix(core).filter(|head| head.chars().count() >= 2) {
            return head;
        }
    }
    rest
}

/// The kind a name and level tell. `in_list` is false for an economic zone, which is no division.
pub fn kind_of(level: i64, official: &str) -> &'static str {
    let ends = |endings: &[&str]| endings.iter().any(|ending| official.ends_with(ending));
    match level {
        1 if ends(&["自治区"]) => "autonomous_region",
        1 if ends(&["市"]) => "municipality",
        1 => "province",
        2 if ends(&["自治州", "盟", "地区"]) => "prefecture",
        2 => "city",
        3 if ends(&["开发区", "示范区", "高新区", "工业园区", "管理区", "保税区"]) => {
            "economic_zone"
        }
        3 if ends(&["区"]) => "district",
        3 if ends(&["市"]) => "county_city",
        3 if ends(&["旗"]) => "banner",
        3 => "county",
        4 if ends(&["街道", "街道办事处"]) => "street",
        4 if ends(&["地区", "地区办事处"]) => "area",
        4 if ends(&["镇"]) => "town",
        4 if ends(&["乡", "苏木"]) => "township",
        4 => "township_unit",
        5 if ends(&["嘎查", "嘎查村委会", "嘎查村民委员会", "嘎查委员会"]) => "gacha",
        5 if ends(&["村委会", "村民委员会", "村"]) => "village",
        5 if ends(&["居委会", "居民委员会", "社区", "居民区"]) => "community",
        5 if ends(&["连", "连队"]) => "company",
        _ => "community_unit",
    }
}

/// Stable key of a level: 1 `province` to 5 `community`.
pub fn level_key(level: i64) -> &'static str {
    match level {
        1 => "province",
        2 => "city",
        3 => "district",
        4 => "township",
        _ => "community",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committees_and_offices_are_not_shown() {
        assert_eq!(display_name("多福巷社区居委会"), "多福巷社区");
        assert_eq!(display_name("新荣村村委会"), "新荣村");
        assert_eq!(display_name("永泰街道办事处"), "永泰街道");
        assert_eq!(display_name("居委会"), "居委会");
    }

    #[test]
    fn an_address_beside_its_community_begins_below_it() {
        let full = "大同市/平城区/永泰街道/御馨花都社区";
        assert_eq!(short_address("大同市平城区永泰街道御馨花都社区东区2号楼", full), "东区2号楼");
        assert_eq!(short_address("浑源县永安镇1号", full), "浑源县永安镇1号");
        assert_eq!(short_address("大同市平城区永泰街道御馨花都社区", full), "大同市平城区永泰街道御馨花都社区");
    }

    #[test]
    fn cores_are_equal_for_the_forms_of_one_name() {
        for form in ["多福巷", "多福巷社区", "多福巷社区居委会", "多福巷居民委员会"] {
            assert_eq!(core_name(form), "多福巷");
        }
        assert_eq!(core_name("永泰街道办事处"), "永泰");
        assert_eq!(core_name("新荣村村委会"), "新荣村");
    }

    #[test]
    fn kinds_are_told_by_name_and_level() {
        let told = [
            (1, "北京市"),
            (2, "市辖区"),
            (3, "山西大同经济开发区"),
            (3, "阳高县"),
            (4, "南磨房地区"),
            (5, "七里村村委会"),
        ]
        .map(|(level, name)| kind_of(level, name));
        assert_eq!(told, ["municipality", "city", "economic_zone", "county", "area", "village"]);
    }
}
