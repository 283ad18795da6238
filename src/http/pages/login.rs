//! The login and the sign-up page: one form each, whose first submit button does what the page is for.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::Page;

/// What the pages show.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// Where the form goes.
    pub(crate) action: String,
    /// The page of the other kind.
    pub(crate) other: String,
    /// Names the login under way.
    pub(crate) handle: String,
    /// Ties the form to the page.
    pub(crate) csrf: String,
    /// Who asks.
    pub(crate) client_name: String,
    /// Prefilled e-mail address or user name.
    pub(crate) identifier: String,
    /// Why the page is shown again.
    pub(crate) problem: Option<String>,
    /// User id and label of users that log in by one click; empty outside `dev`.
    pub(crate) demo_users: Vec<(String, String)>,
}

/// Asks for credentials.
pub(crate) fn login(status: StatusCode, view: &View) -> Page {
    let body = html! {
        h1 { "Log in" }
        p.soft { "to continue to " strong { (view.client_name) } }
        (problem(view))
        form method="post" action=(view.action) {
            (hidden(view))
            (identifier(view, "username", "Email or username", "text", "username"))
            (password(view, "current-password", None))
            button type="submit" { "Log in" }
            @if !view.demo_users.is_empty() {
                fieldset {
                    legend { "Demo users (development only)" }
                    @for (user_id, label) in &view.demo_users {
                        button.quiet type="submit" name="demo_user" value=(user_id) formnovalidate { "Continue as " (label) }
                    }
                }
            }
            (cancel())
        }
        p.foot { "No account yet? " a href=(view.other) { "Sign up" } }
    };
    Page::new(status, format!("Log in to {}", view.client_name), body).with_forms()
}

/// Asks for a new account.
pub(crate) fn sign_up(status: StatusCode, view: &View) -> Page {
    let body = html! {
        h1 { "Sign up" }
        p.soft { "to continue to " strong { (view.client_name) } }
        (problem(view))
        form method="post" action=(view.action) {
            (hidden(view))
            (identifier(view, "email", "Email", "email", "email"))
            (password(view, "new-password", Some("rule")))
            p.hint id="rule" { "At least 15 characters." }
            button type="submit" { "Sign up" }
            (cancel())
        }
        p.foot { "Already have an account? " a href=(view.other) { "Log in" } }
    };
    Page::new(status, format!("Sign up for {}", view.client_name), body).with_forms()
}

fn hidden(view: &View) -> Markup {
    html! {
        input type="hidden" name="state" value=(view.handle);
        input type="hidden" name="csrf" value=(view.csrf);
    }
}

fn problem(view: &View) -> Markup {
    html! {
        @if let Some(problem) = &view.problem { p.problem id="problem" role="alert" { (problem) } }
    }
}

fn identifier(view: &View, name: &str, label: &str, kind: &str, autocomplete: &str) -> Markup {
    let invalid = view.problem.is_some();
    html! {
        label for=(name) { (label) }
        input id=(name) name=(name) type=(kind) value=(view.identifier) autocomplete=(autocomplete) autocapitalize="none"
            spellcheck="false" required autofocus[view.identifier.is_empty()] aria-invalid=[invalid.then_some("true")]
            aria-describedby=[invalid.then_some("problem")];
    }
}

fn password(view: &View, autocomplete: &str, hint: Option<&str>) -> Markup {
    let invalid = view.problem.is_some();
    let described = [invalid.then_some("problem"), hint].into_iter().flatten().collect::<Vec<_>>().join(" ");
    html! {
        label for="password" { "Password" }
        input id="password" name="password" type="password" autocomplete=(autocomplete) required
            autofocus[!view.identifier.is_empty()] aria-invalid=[invalid.then_some("true")]
            aria-describedby=[Some(described).filter(|ids| !ids.is_empty())];
    }
}

fn cancel() -> Markup {
    html! { button.link type="submit" name="action" value="cancel" formnovalidate { "Cancel" } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scraper::{Html, Selector};

    fn hostile() -> View {
        View {
            action: "/u/login".into(),
            other: "/u/signup?state=h".into(),
            handle: "h".into(),
            csrf: "c".into(),
            client_name: "<script>alert(1)</script>".into(),
            identifier: "\"><img src=x onerror=alert(1)>".into(),
            problem: Some("<b>no</b>".into()),
            demo_users: vec![("auth0|\"><i>".into(), "<i>Ada</i>".into())],
        }
    }

    fn parse(page: &Page) -> Html {
        Html::parse_document(&page.document().into_string())
    }

    fn count(html: &Html, selector: &str) -> usize {
        html.select(&Selector::parse(selector).unwrap()).count()
    }

    #[test]
    fn hostile_values_stay_text() {
        for page in [login(StatusCode::OK, &hostile()), sign_up(StatusCode::OK, &hostile())] {
            let html = parse(&page);
            assert_eq!(count(&html, "script, img, i, b"), 0);
            assert_eq!(count(&html, "[role=alert]"), 1);
        }
    }

    #[test]
    fn the_login_is_one_form_whose_first_button_logs_in() {
        let html = parse(&login(StatusCode::OK, &hostile()));
        assert_eq!(count(&html, "form"), 1);
        let button = html.select(&Selector::parse("form button").unwrap()).next().unwrap();
        assert_eq!(button.value().attr("name"), None);
        for field in ["username", "password", "state", "csrf"] {
            assert_eq!(count(&html, &format!("form input[name={field}]")), 1, "{field}");
        }
        for labelled in ["username", "password"] {
            assert_eq!(count(&html, &format!("label[for={labelled}]")), 1, "{labelled}");
        }
    }

    #[test]
    fn without_demo_users_there_is_no_button_for_them() {
        let html = parse(&login(StatusCode::OK, &View { demo_users: Vec::new(), ..hostile() }));
        assert_eq!(count(&html, "[name=demo_user]"), 0);
    }
}
