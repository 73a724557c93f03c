//! The closed list of kinds of organization.

/// Keys, in the order they are offered.
pub const KINDS: [&str; 10] = [
    "government",
    "bureau",
    "street_office",
    "township_government",
    "residents_committee",
    "villagers_committee",
    "administrative_committee",
    "department",
    "company",
    "social",
];

/// Kinds that govern the place they stand at; one place has one of them.
pub const TERRITORIAL: [&str; 6] = [
    "government",
    "administrative_committee",
    "street_office",
    "township_government",
    "residents_committee",
    "villagers_committee",
];

/// The kind that a name tells, for address books that do not say it.
pub fn kind_of(name: &str) -> &'static str {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match () {
        () if ends(&["镇人民政府", "乡人民政府", "镇政府", "乡政府"]) => "township_government",
        () if ends(&["人民政府", "政府"]) => "government",
        () if ends(&["街道办事处", "街道办", "地区办事处", "办事处"]) => "street_office",
        () if ends(&["村民委员会", "村委会"]) => "villagers_committee",
        () if ends(&["居民委员会", "居委会", "社区"]) => "residents_committee",
        () if ends(&["管理委员会", "管委会"]) => "administrative_committee",
        () if ends(&["局", "委员会", "委"]) => "bureau",
        () if ends(&["公司", "厂", "商店"]) => "company",
        () if ends(&["协会", "服务中心", "基金会", "志愿队", "社会组织"]) => "social",
        () => "department",
    }
}

#[cfg(test)]
mod tests {
    use super::kind_of;

    #[test]
    fn names_tell_kinds() {
        let told = [
            "平城区人民政府",
            "新荣镇人民政府",
            "永泰街道办事处",
            "大同市民政局",
            "桥北社区居委会",
            "新荣村村委会",
            "社会事务科",
        ]
        .map(kind_of);
        let kinds = [
            "government",
            "township_government",
            "street_office",
            "bureau",
            "residents_committee",
            "villagers_committee",
            "department",
        ];
        assert_eq!(told, kinds);
    }
}
