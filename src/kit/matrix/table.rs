//! The matrix as a table that fits into 120 columns. Grants with the same result share a row.

use serde_json::Value;

use crate::domain::JsonMap;
use crate::domain::text::one_line;

use super::{Matrix, Row};

/// Characters of a line.
const WIDTH: usize = 120;
/// Characters of client and user that are shown.
const NAME: usize = 24;

impl Matrix {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let groups = self.rows.chunk_by(|a, b| {
            (&a.client_id, &a.user_id) == (&b.client_id, &b.user_id) && a.user_id.is_some() && same_result(a, b)
        });
        let mut cells: Vec<[Vec<String>; 4]> = vec![["client", "user", "grant", "gets"].map(|title| vec![title.to_owned()])];
        cells.extend(groups.map(cells_of));
        let width =
            |column: usize| cells.iter().flat_map(|row| &row[column]).map(|line| line.chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2)];
        let rows: Vec<String> = cells.iter().map(|row| lines(row, widths)).collect();
        let audience = self.audience.as_ref().map(|audience| format!("users' access tokens are for {audience}\n\n"));
        format!("{}{}", audience.unwrap_or_default(), rows.join("\n"))
    }
}

fn same_result(a: &Row, b: &Row) -> bool {
    let grant_type = String::new();
    Row { grant_type: grant_type.clone(), ..a.clone() } == Row { grant_type, ..b.clone() }
}

fn cells_of(rows: &[Row]) -> [Vec<String>; 4] {
    let first = &rows[0];
    let user = first.user_id.as_deref().unwrap_or("(itself)");
    let grants = rows.iter().map(|row| row.grant_type.clone()).collect();
    [vec![cut(&first.client_id, NAME)], vec![cut(user, NAME)], grants, result(first)]
}

/// What a login gets, a line for each claim.
fn result(row: &Row) -> Vec<String> {
    if let Some(refused) = &row.refused {
        return vec![format!("refused   {refused}")];
    }
    let mut lines = vec![format!("scope     {}", row.scope)];
    for (title, members) in [("id token", &row.id_token), ("access", &row.access_token), ("response", &row.token_response)] {
        lines.extend(members_of(title, members));
    }
    lines
}

/// The title stands before the first member only.
fn members_of<'a>(title: &'a str, members: &'a JsonMap) -> impl Iterator<Item = String> + 'a {
    let titles = std::iter::once(title).chain(std::iter::repeat(""));
    titles.zip(members).map(|(title, (name, value)): (&str, (&String, &Value))| format!("{title:8}  {name}: {value}"))
}

fn lines(row: &[Vec<String>; 4], widths: [usize; 3]) -> String {
    let height = row.iter().map(Vec::len).max().unwrap_or(0);
    let line = |index: usize| {
        let cell = |column: usize| row[column].get(index).map_or("", String::as_str);
        let [client, user, grant] = widths;
        let text = format!("{:client$}  {:user$}  {:grant$}  {}", cell(0), cell(1), cell(2), cell(3));
        cut(one_line(&text).trim_end(), WIDTH)
    };
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}
