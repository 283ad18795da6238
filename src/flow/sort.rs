//! `sort` and `order` with a comparator. Rhai's own ignore errors of the comparator, so a rule that fails would leave the list
//! as it was and let the login go on.

use std::cmp::Ordering;

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, Module, NativeCallContext};

use super::context::{Scripted, mistake};

/// Registers the replacements. Like JavaScript's, `sort` returns the sorted list as well as changing it.
pub(super) fn register(module: &mut Module) {
    for name in ["sort", "sort_by"] {
        module.set_native_fn(name, |context: NativeCallContext, array: &mut Array, comparator: FnPtr| {
            let sorted = sorted(&context, array.clone(), &comparator)?;
            array.clone_from(&sorted);
            Ok::<_, Box<EvalAltResult>>(sorted)
        });
    }
    for name in ["order", "order_by"] {
        module.set_native_fn(name, |context: NativeCallContext, array: &mut Array, comparator: FnPtr| {
            sorted(&context, array.clone(), &comparator)
        });
    }
    module.set_native_fn("sort", |context: NativeCallContext, array: &mut Array| {
        let sorted: Array = context.call_native_fn("order", (array.clone(),))?;
        array.clone_from(&sorted);
        Ok::<_, Box<EvalAltResult>>(sorted)
    });
}

/// A stable merge sort that ends at the first error of the comparator.
fn sorted(context: &NativeCallContext, mut array: Array, comparator: &FnPtr) -> Scripted<Array> {
    let right = array.split_off(array.len() / 2);
    if array.is_empty() {
        return Ok(right);
    }
    let (left, right) = (sorted(context, array, comparator)?, sorted(context, right, comparator)?);
    let mut merged = Array::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare(context, comparator, a, b)? == Ordering::Greater { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}

/// A number by its sign; `true` means that the first comes first, as in Rhai.
fn compare(context: &NativeCallContext, comparator: &FnPtr, a: &Dynamic, b: &Dynamic) -> Scripted<Ordering> {
    let verdict = comparator.call_raw(context, None, [a.clone(), b.clone()])?;
    if let Ok(number) = verdict.as_int() {
        return Ok(number.cmp(&0));
    }
    if let Ok(first) = verdict.as_bool() {
        return Ok(if first { Ordering::Less } else { Ordering::Greater });
    }
    if let Some(order) = verdict.as_float().ok().and_then(|number| number.partial_cmp(&0.0)) {
        return Ok(order);
    }
    let kind = verdict.type_name();
    Err(mistake(
        context,
        format!("the comparator of `sort` returned `{kind}`\nhint: return a number: negative, 0 or positive"),
    ))
}
