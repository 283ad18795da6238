//! The script library: what a JavaScript author reaches for beside Rhai's own functions, one file per family.
//!
//! A family is a static table of descriptions and a `register` function; the table is the only place where a function's
//! names are written, its examples run as tests, and documentation is printed from it. Strings, arrays, maps and
//! conversions are global (methods); the rest lives in namespaces (`json::parse`).
//!
//! Rules that every function keeps: arguments are what an author naturally passes (a mistake is an error that names the
//! function), results are bounded by the engine's limits before memory is taken, nothing panics, and nothing outside is
//! reached but through the [`RunHandle`] in the engine's tag.

#![expect(clippy::needless_pass_by_value, reason = "the engine passes contexts and arguments by value")]

mod arguments;
mod arrays;
mod base64;
mod conversion;
mod crypto;
mod description;
mod egress;
mod http;
mod json;
mod maps;
mod numbers;
mod strings;
mod strings_edit;
pub(crate) mod time;
mod url;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use rhai::{Module, Shared};

pub use description::{Example, Function};
use description::{Family, Registrar};
pub use http::Calls;

/// What the functions of one run may reach; the engine's default tag holds it, wrapped in a `Dynamic`.
#[derive(Clone, Debug)]
pub struct RunHandle {
    /// Time, randomness, cache, network.
    pub witness: crate::flow::Witness,
    /// Hosts that `http::` may reach: the action's `allow_hosts`.
    pub allow_hosts: Arc<[String]>,
    /// When the trigger has to be over.
    pub deadline: std::time::Instant,
    /// Calls of `http::` so far; each run begins with the default.
    pub calls: Calls,
}

/// The library as modules: built once, shared by all engines.
#[derive(Clone, Debug)]
pub struct Library {
    /// Methods and plain functions. Register it after the standard package: the later module wins.
    pub global: Shared<Module>,
    /// `json`, `time`, …: register each as a static module of that name.
    pub namespaces: Vec<(&'static str, Shared<Module>)>,
}

/// In the order in which documentation shows them.
const FAMILIES: &[Family] = &[
    strings::FAMILY,
    strings_edit::FAMILY,
    arrays::FAMILY,
    maps::FAMILY,
    numbers::FAMILY,
    conversion::FAMILY,
    json::FAMILY,
    base64::FAMILY,
    crypto::FAMILY,
    time::FAMILY,
    url::FAMILY,
    http::FAMILY,
];

/// Why `http::` may not call a URL with these `allow_hosts`, as far as is known before its name is resolved.
pub(crate) fn objection(allow_hosts: &[String], url: &::url::Url) -> Result<(), String> {
    egress::Allowed(allow_hosts.into()).check(url)
}

/// Builds the modules.
#[must_use]
pub fn library() -> Library {
    let mut global = Module::new();
    let mut namespaces = Vec::new();
    for family in FAMILIES {
        match family.namespace {
            None => (family.register)(&mut Registrar::new(&mut global, family)),
            Some(name) => {
                let mut module = Module::new();
                (family.register)(&mut Registrar::new(&mut module, family));
                module.build_index();
                namespaces.push((name, Shared::new(module)));
            }
        }
    }
    Library { global: Shared::new(global), namespaces }
}

/// The names that a script function would shadow: those of global functions. (`time::now` cannot be shadowed.)
pub fn names() -> impl Iterator<Item = &'static str> {
    FAMILIES
        .iter()
        .filter(|family| family.namespace.is_none())
        .flat_map(|family| family.functions)
        .filter(|function| !function.property)
        .flat_map(|function| std::iter::once(&function.name).chain(function.aliases).copied())
}

/// Every function with its namespace, for documentation and "did you mean".
pub fn catalogue() -> impl Iterator<Item = (Option<&'static str>, &'static Function)> {
    FAMILIES.iter().flat_map(|family| family.functions.iter().map(|function| (family.namespace, function)))
}
