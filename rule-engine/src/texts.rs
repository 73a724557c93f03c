//! The words themselves. One line a text, so that the two languages are read side by side.

/// Key, zh-CN, en. `{name}` is replaced by the argument of that name.
#[rustfmt::skip]
pub(crate) const TEXTS: &[(&str, &str, &str)] = &[
    // Syntax
    ("syntax", "这里写得不合语法（{detail}），请检查这一行。", "This is not valid here ({detail}); check this line."),
    ("unfinished", "规则没有写完，请检查是否少了右括号或右大括号。", "The rule ends too early; look for a missing closing bracket or brace."),
    ("open-quote", "引号没有成对，请补上右引号。", "A quote is not closed; add the closing quote."),
    ("missing-token", "这里少了“{token}”，请补上。", "“{token}” is missing here; add it."),
    ("reserved-word", "规则里不能使用“{name}”，请换一种写法。", "“{name}” cannot be used in a rule; write it another way."),
    ("helper-name", "“{name}”是系统函数的名字，请给变量换一个名字。", "“{name}” is the name of a helper; give the variable another name."),
    ("helper-function", "“{name}”是系统函数，不能重新定义，请换一个名字。", "“{name}” is a helper and cannot be defined again; use another name."),
    ("name-taken", "名字“{name}”已经用过，请换一个名字。", "The name “{name}” is already used; choose another."),
    ("unknown-name", "没有名为“{name}”的变量，请检查拼写。", "There is no variable “{name}”; check the spelling."),
    ("unknown-function", "没有函数“{name}”，或参数类型不对，请检查拼写和参数。", "There is no function “{name}” for these arguments; check spelling and arguments."),
    ("unknown-property", "没有属性“{name}”，请检查拼写。", "There is no property “{name}”; check the spelling."),
    ("no-such-access", "这里的属性读不到，或者不能修改：item、subject 等只能读取。请检查名称。", "This property cannot be read, or cannot be changed: item, subject and the like are read-only. Check the name."),
    ("function-twice", "函数“{name}”定义了两次，请删去一个。", "Function “{name}” is defined twice; remove one."),
    ("no-function", "规则缺少函数，请写成“{signature} { … }”。", "The rule's function is missing; write “{signature} { … }”."),
    ("wrong-signature", "函数的参数不对，请写成“{signature} { … }”。", "The function's parameters are wrong; write “{signature} { … }”."),
    ("interpreter-broke", "这段规则无法处理，请简化后再试。", "This rule cannot be processed; simplify it and try again."),
    // Limits
    ("source-too-long", "规则超过 {limit} 字节，请缩短。", "The rule is longer than {limit} bytes; shorten it."),
    ("text-too-long", "文字太长（最多 {limit} 字节），请缩短。", "A text is too long (at most {limit} bytes); shorten it."),
    ("literal-too-large", "列出的内容太多（最多 {limit} 个），请减少。", "A list or map is too large (at most {limit}); shorten it."),
    ("too-deep", "嵌套层数太多，请拆成几步来写。", "Nested too deeply; write it in several steps."),
    ("too-many-functions", "函数太多，请合并一些。", "Too many functions; merge some."),
    ("too-many-operations", "规则运行步骤过多，可能有停不下来的循环，请检查循环条件。", "The rule takes too many steps, perhaps a loop that never ends; check the loop's condition."),
    ("too-many-variables", "同时使用的变量太多，请减少。", "Too many variables at a time; use fewer."),
    ("calls-too-deep", "函数调用层数太多，可能在不停地调用自己，请检查。", "Calls are nested too deeply, perhaps a function that keeps calling itself; check it."),
    ("value-too-large", "文字、列表或字典变得过大，请检查是否在循环里不断增长。", "A text, list or map grew too large; check whether it keeps growing in a loop."),
    ("too-slow", "规则运行时间过长，请简化。", "The rule takes too long; simplify it."),
    // Run time
    ("runtime", "运行到这里出错（{detail}），请检查这一行。", "The rule failed here ({detail}); check this line."),
    ("thrown", "规则自己报错：{detail}", "The rule raised an error: {detail}"),
    ("arithmetic", "计算出错（{detail}），请检查是否除以零或数字过大。", "The calculation failed ({detail}); check for division by zero or too large a number."),
    ("no-such-index", "没有第 {index} 个（从 0 数起），请先用 len() 看有几个。", "There is no element {index} (counting from 0); check len() first."),
    ("days-out-of-range", "办结期限要在 1 到 {limit} 个工作日之间，现在是 {got}，请修改。", "Working days must be between 1 and {limit}, not {got}; change them."),
    ("to-nobody", "没有找到人就派出了，请先判断是否为空：if who == () { return none(\"原因\"); }", "to() was given nobody; test first: if who == () { return none(\"reason\"); }"),
    ("percent-too-large", "百分比过大（{part}），请检查分子和分母。", "The percentage is too large ({part}); check part and whole."),
    ("not-scalable", "“{got}”不是最多 {scale} 位小数的数字，请检查这个字段。", "“{got}” is not a number with at most {scale} decimals; check this field."),
    // Results
    ("not-a-holder", "规则应返回 to(某人) 或 none(\"原因\")，却返回了 {got}，请修改。", "The rule must return to(someone) or none(\"reason\"), but returned {got}; change it."),
    ("no-group", "这个对象没有分到任何组（{reason}），请补上信息或修改规则。", "This subject belongs to no group ({reason}); complete its data or change the rule."),
    ("group-not-text", "组名应是文字，却返回了 {got}，请修改。", "The group must be text, but the rule returned {got}; change it."),
    ("group-bad", "组名应有 1 到 {limit} 个字且不能换行，请修改。", "The group's name must have 1 to {limit} characters on one line; change it."),
    ("measures-not-map", "统计规则应返回 #{ 统计项: 数字 }，却返回了 {got}，请修改。", "The rule must return #{ measure: number }, but returned {got}; change it."),
    ("measure-undeclared", "统计项“{name}”没有声明，请先在任务里声明或改名。", "Measure “{name}” is not declared; declare it in the task or rename it."),
    ("measure-not-whole", "统计项“{name}”应是整数（最小单位），却是 {got}；小数请用 scaled(值, 小数位数)。", "Measure “{name}” must be a whole number in its smallest unit, but is {got}; for decimals use scaled(value, digits)."),
    ("measure-too-large", "统计项“{name}”的数字过大（最多 {limit}），请检查。", "Measure “{name}” is too large (at most {limit}); check it."),
    ("measure-not-count", "统计项“{name}”是计数，每份只能是 0 或 1，却是 {got}；累加数量请改为求和。", "Measure “{name}” counts items, so it is 0 or 1 each, not {got}; to add up amounts declare it as a sum."),
    ("indicators-not-map", "指标规则应返回 #{ 指标: 数字 }，却返回了 {got}，请修改。", "The rule must return #{ indicator: number }, but returned {got}; change it."),
    ("indicator-not-number", "指标“{name}”应是整数或 percent(部分, 总数)，却是 {got}，请修改。", "Indicator “{name}” must be a whole number or percent(part, whole), but is {got}; change it."),
    ("too-many-candidates", "可选的人有 {count} 个，超过 {limit} 个，请缩小任务允许的承接范围。", "There are {count} candidates, more than {limit}; narrow who may take this task."),
    // Definition
    ("wrong-hook", "这条规则用于 {name}，不能用于 {hook}，请换一条规则。", "This rule is for {name}, not for {hook}; choose another rule."),
    ("else-without-if", "没有“如果”就不能有“否则”，请补上条件或去掉“否则”。", "There is an “otherwise” without an “if”; add the condition or remove it."),
    ("row-without-condition", "{field} 没有条件，请补上；所有情况都适用的放到“否则”。", "{field} has no condition; add one, or use “otherwise” for all other cases."),
    ("no-rows", "至少要有一行，请添加。", "At least one row is needed; add one."),
    ("too-many-rows", "最多 {limit} 行，请减少。", "At most {limit} rows; remove some."),
    ("too-many-conditions", "{field} 的条件最多 {limit} 个，请减少。", "{field} has more than {limit} conditions; remove some."),
    ("value-missing", "{field}：请填写要比较的值。", "{field}: give the value to compare with."),
    ("value-not-wanted", "{field}：“为空”“不为空”不需要值，请去掉。", "{field}: “empty” and “filled” take no value; remove it."),
    ("value-too-long", "{field}：要比较的值最多 {limit} 个字，请缩短。", "{field}: the value has more than {limit} characters; shorten it."),
    ("flag-not-ordered", "{field}：是/否只能比较“等于”或“不等于”，请修改。", "{field}: yes/no can only be equal or not equal; change the comparison."),
    ("source-not-here", "{field}：{hook} 规则里没有“{name}”，请换一个来源。", "{field}: a {hook} rule has no “{name}”; choose another source."),
    ("scale-too-large", "{field}：小数位数最多 6 位，请修改。", "{field}: at most 6 decimals; change it."),
    ("bad-name", "{field}：名称应有 1 到 {limit} 个字，首尾不能有空格，请修改。", "{field}: a name has 1 to {limit} characters and no spaces at its ends; change it."),
    // Example cases
    ("no-cases", "发布前至少要有一个示例，请添加。", "A rule needs at least one example before it is published; add one."),
    ("case-failed", "示例“{name}”没有通过：应为 {expected}，实为 {got}。请修改规则或示例。", "Example “{name}” failed: expected {expected}, got {got}. Change the rule or the example."),
    ("case-wrong-hook", "示例“{name}”不是这类规则的示例，请换一个。", "Example “{name}” is not for this kind of rule; replace it."),
    // Posted sentence
    ("form-level", "请选择哪一级。", "Choose a level."),
    ("form-whom", "请选择派给谁。", "Choose whom it goes to."),
    ("form-days", "请填写 1 到 250 的整数，不限时请留空。", "Enter a whole number from 1 to 250, or leave it empty for no limit."),
    ("form-field", "请从列表中选择一个属性。", "Choose an attribute from the list."),
    ("form-comparison", "请选择如何比较。", "Choose how to compare."),
    ("form-value", "请填写要比较的值，最多 200 个字。", "Enter the value to compare with, at most 200 characters."),
    ("form-number", "这个属性是数字，请填写整数。", "This attribute is a number; enter a whole number."),
    ("form-flag", "这个属性是“是/否”，请选择其一。", "This attribute is yes or no; choose one."),
    ("form-flag-order", "“是/否”只能比较“等于”“不等于”“为空”“不为空”。", "Yes or no can only be equal, not equal, empty or filled."),
    ("form-else", "没有“如果”就不能有“否则”，请先选择属性。", "“Otherwise” needs an “if”; choose an attribute first."),
    // Why nobody
    ("no-organization", "{level}没有可承接的管理单位，请在通讯录里设置，或改派其他级别。", "No organization governs the {level}; set one in the address book or choose another level."),
    ("nobody-with-tag", "{level}没有“{tag}”，请在通讯录里设置，或改派其他人。", "The {level} has nobody with “{tag}”; set one in the address book or choose somebody else."),
    ("no-staff", "{level}没有可承接的工作人员，请在通讯录里添加。", "The {level} has no staff who may take it; add them in the address book."),
    ("no-condition-met", "没有符合任何条件，请补上“否则”。", "No condition is met; add an “otherwise”."),
    ("group-missing", "没有填写分组用的信息", "the attribute that decides the group is missing"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::TEXTS;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        let inner = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase());
        inner.map(|(name, _)| name).filter(|name| is_name(name)).collect()
    }

    #[test]
    fn both_languages_say_the_same_and_keys_are_unique() {
        let mut keys = BTreeSet::new();
        for (key, zh, en) in TEXTS {
            assert!(keys.insert(key), "{key} twice");
            assert_eq!(placeholders(zh), placeholders(en), "{key}");
            assert!(!zh.is_ascii() && en.is_ascii() || en.contains(['“', '…']), "{key}");
        }
    }

    /// Keys are written where faults arise; each must have its text.
    #[test]
    fn every_key_in_the_source_has_a_text() {
        let sources = [
            include_str!("cases.rs"),
            include_str!("compile.rs"),
            include_str!("dispatch.rs"),
            include_str!("error.rs"),
            include_str!("helpers.rs"),
            include_str!("measure.rs"),
            include_str!("present.rs"),
            include_str!("sentence_form.rs"),
            include_str!("split.rs"),
            include_str!("validate.rs"),
        ];
        let is_key = |word: &&str| {
            word.contains('-') && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') && word.len() > 3
        };
        for source in sources {
            for word in source.split('"').filter(is_key) {
                assert!(TEXTS.iter().any(|(key, ..)| *key == word), "no text for {word}");
            }
        }
    }
}
