//! Sorting with and without a comparator.

use super::*;

#[test]
fn lists_are_sorted_in_place_and_returned() {
    assert_eq!(eval("{ let a = [3, 1, 2]; let b = a.sort(); [a, b] }"), json!([[1, 2, 3], [1, 2, 3]]));
    assert_eq!(eval("{ let a = [3, 1, 2]; a.sort(|x, y| y - x); a }"), json!([3, 2, 1]));
    assert_eq!(eval("[3, 1, 2].sort(|x, y| x < y)"), json!([1, 2, 3]));
    assert_eq!(eval("[2.5, 0.5].sort(|x, y| x - y)"), json!([0.5, 2.5]));
    assert_eq!(
        eval("{ let a = [2, 1]; [a.order(|x, y| x - y), a.toSorted(|x, y| x - y), a] }"),
        json!([[1, 2], [1, 2], [2, 1]])
    );
}

#[test]
fn equal_elements_keep_their_order() {
    let people = "[#{ n: \"b\", a: 1 }, #{ n: \"a\", a: 1 }, #{ n: \"c\", a: 0 }]";
    assert_eq!(eval(&format!("{people}.sort(|x, y| x.a - y.a).map(|x| x.n)")), json!(["c", "b", "a"]));
}

#[test]
fn an_error_in_a_comparator_fails_the_action() {
    assert_eq!(failure("let a = [2, 1];\na.sort(|x, y| throw \"no\");"), "actions/10-a.rhai:3:15: no");
    assert!(failure("[2, 1].sort(|x, y| \"less\");").contains("the comparator of `sort` returned `string`"));
}
