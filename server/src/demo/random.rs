//! A small generator of numbers that repeats itself: the demo must look the same every time.

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A stream of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `end` - 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Whether something of this many percent happens.
    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// One of a list that is not empty.
    pub fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u64) as usize]
    }
}

const SURNAMES: [&str; 48] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马",
    "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "萧", "程", "曹", "袁", "邓", "许", "傅", "沈", "吕",
    "苏", "卢", "蒋", "蔡", "贾", "丁", "魏", "薛", "叶", "阎",
];
const OLD_WOMEN: [&str; 20] = [
    "秀英", "桂兰", "玉珍", "淑芳", "凤英", "玉兰", "桂英", "秀兰", "素珍", "玉梅", "翠花", "秀珍", "桂芳", "淑英",
    "爱莲", "金凤", "月娥", "巧云", "瑞芳", "改花",
];
const OLD_MEN: [&str; 20] = [
    "建国", "德胜", "福来", "永贵", "志强", "国栋", "长海", "万山", "有才", "成林", "守义", "玉山", "铁柱", "贵生",
    "连山", "树林", "喜旺", "文清", "广发", "占奎",
];
const WOMEN: [&str; 24] = [
    "丽", "静", "敏", "燕", "娜", "婷", "雪梅", "晓霞", "海燕", "红梅", "美玲", "艳芳", "雅琴", "慧敏", "佳怡", "欣怡",
    "雨桐", "梓涵", "晓彤", "思雨", "文静", "春花", "小红", "志芳",
];
const MEN: [&str; 24] = [
    "伟", "强", "磊", "军", "勇", "杰", "涛", "明", "超", "建军", "志刚", "海涛", "永强", "俊杰", "浩然", "子轩",
    "宇航", "晓东", "文博", "立新", "振华", "国强", "鹏飞", "瑞",
];

/// A name fitting sex and age.
pub fn name(random: &mut Random, woman: bool, old: bool) -> String {
    let given = match (woman, old) {
        (true, true) => random.pick(&OLD_WOMEN),
        (false, true) => random.pick(&OLD_MEN),
        (true, false) => random.pick(&WOMEN),
        (false, false) => random.pick(&MEN),
    };
    format!("{}{given}", random.pick(&SURNAMES))
}
