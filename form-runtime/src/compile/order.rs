//! In which order fields are evaluated. A field's own visibility and computed
//! value come before whatever reads it; a circle is a fault.

use std::collections::BTreeMap;

use super::CompiledField;
use crate::Fault;
use crate::logic::Expr;

/// The order by index, and a fault for each field inside a circle.
pub(super) fn order(fields: &[CompiledField]) -> (Vec<usize>, Vec<Fault>) {
    let index: BTreeMap<&str, usize> = fields.iter().enumerate().map(|(i, f)| (f.key(), i)).collect();
    let reads: Vec<Vec<usize>> = fields
        .iter()
        .map(|field| {
            let exprs = [&field.visible, &field.computed].into_iter().flatten();
            exprs.flat_map(Expr::vars).filter_map(|v| index.get(v).copied()).collect()
        })
        .collect();
    let mut waiting: Vec<usize> = (0..fields.len()).collect();
    let mut done = vec![false; fields.len()];
    let mut order = Vec::with_capacity(fields.len());
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|i| {
            let ready = reads[*i].iter().all(|r| done[*r]);
            if ready {
                done[*i] = true;
                order.push(*i);
            }
            !ready
        });
        if waiting.len() == before {
            let faults = waiting.into_iter().map(|i| {
                let label = fields[i].key();
                Fault::new(
                    format!("/fields/{i}"),
                    format!("字段“{label}”的显示或计算绕成了圈，请去掉其中一个条件"),
                    format!("showing or computing `{label}` goes in a circle; drop one condition"),
                )
            });
            return (order, faults.collect());
        }
    }
    (order, Vec::new())
}
