//! "Did you mean".

/// Names of ours are shorter; comparing takes time with the length of both.
const LONGEST: usize = 40;

/// The candidate that `name` is most likely a misspelling of; none if nothing is near.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    if name.len() > LONGEST {
        return None;
    }
    let wanted = plain(name);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= wanted.chars().count().max(candidate.chars().count()).div_ceil(4))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `1 argument`, `2 arguments`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A hint: the nearest candidate, or else all of them.
pub(crate) fn hint(name: &str, candidates: &[&str]) -> String {
    match nearest(name, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are: {}", candidates.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_and_other_cases_find_their_name() {
        assert_eq!(nearest("emial", ["name", "email"]), Some("email"));
        assert_eq!(nearest("appMetadata", ["app_metadata", "user_metadata"]), Some("app_metadata"));
        assert_eq!(nearest("onExecutePostlogin", ["onExecutePostLogin"]), Some("onExecutePostLogin"));
    }

    #[test]
    fn a_name_of_many_kilobytes_is_compared_with_nothing() {
        assert_eq!(nearest(&"x".repeat(60_000), std::iter::repeat_n("email", 1_000_000)), None);
    }

    #[test]
    fn what_is_far_from_everything_gets_the_whole_list() {
        assert_eq!(nearest("quux", ["email", "name"]), None);
        assert_eq!(hint("quux", &["email", "name"]), "known are: email, name");
    }
}
