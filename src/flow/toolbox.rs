//! Engines for one set of actions: shared modules, built once, and a fresh engine for each run.
//!
//! A raw engine costs nanoseconds; what is expensive, the functions, is in shared modules. So no run sees another one's
//! engine, and deadline, effects and output are plain captured values.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use rhai::{Engine, Module, Shared};

use super::api::description::OBJECTS;
use super::{Limits, api, event, functions, logs, overrides};

/// What all engines of a set have in common.
#[derive(Clone, Debug)]
pub(super) struct Toolbox {
    /// Rhai's packages.
    packages: Shared<Module>,
    /// What is ours, which wins. One module, for each is a place to look for every function.
    own: Shared<Module>,
    /// What a script other than an action has beside it.
    further: Vec<Shared<Module>>,
    namespaces: Vec<(String, Shared<Module>)>,
    names: Names,
}

/// Names of native functions.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Every function without a namespace.
    all: BTreeSet<String>,
    /// Methods of `api` and what the engine answers itself: nobody else may have them.
    ours: BTreeSet<String>,
    /// All with their number of parameters.
    parameters: BTreeSet<(String, usize)>,
}

/// What the engine answers itself, beside functions.
const SYNTACTIC: [&str; 10] =
    ["print", "debug", "type_of", "is_def_var", "is_def_fn", "is_shared", "call", "Fn", "to_string", "to_debug"];

impl Toolbox {
    /// A copy of what [`Self::new`] makes. It is the same for every set, and making it takes longer than loading most files.
    pub(super) fn base() -> Self {
        static BASE: LazyLock<Toolbox> = LazyLock::new(Toolbox::new);
        BASE.clone()
    }

    /// Rhai's packages, our replacements, `event` and `api`, and the script library.
    pub(super) fn new() -> Self {
        let packages = overrides::packages();
        let mut own = Module::new();
        overrides::register(&mut own);
        event::script::register(&mut own);
        api::register(&mut own);
        let library = functions::library();
        let names = Names::collect([&*packages, &own, &library.global]);
        logs::register(&mut own);
        own.combine(Shared::unwrap_or_clone(library.global));
        let namespaces =
            library.namespaces.into_iter().map(|(name, module)| (name.to_owned(), shareable(name, module))).collect();
        Self { packages, own: own.into(), further: Vec::new(), namespaces, names }
    }

    /// Prepares the reading of keys of metadata that scripts name.
    pub(super) fn set_keys(&mut self, keys: &BTreeSet<String>) {
        let mut own = Module::clone(&self.own);
        event::metadata::register_keys(&mut own, keys.iter().map(String::as_str));
        self.own = own.into();
    }

    /// A copy that has further functions; scripts may not take their places.
    pub(super) fn with(&self, functions: Shared<Module>) -> Self {
        let mut toolbox = self.clone();
        for (name, parameters) in signatures(&functions) {
            toolbox.names.all.insert(name.clone());
            toolbox.names.parameters.insert((name, parameters));
        }
        toolbox.further.push(functions);
        toolbox
    }

    /// Adds a file of `lib/`, or replaces it.
    pub(super) fn set_namespace(&mut self, name: &str, module: Shared<Module>) {
        self.namespaces.retain(|(present, _)| present != name);
        self.namespaces.push((name.to_owned(), shareable(name, module)));
    }

    /// The names of the namespaces.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().map(|(name, _)| name.as_str())
    }

    /// The namespace of the name.
    pub(super) fn namespace(&self, name: &str) -> Option<&Module> {
        self.namespaces.iter().find(|(own, _)| own == name).map(|(_, module)| &**module)
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// An engine that can run what [`Self::compiler`] compiled.
    pub(super) fn engine(&self, limits: &Limits) -> Engine {
        let mut engine = self.engine_without_host(limits);
        for (name, module) in &self.namespaces {
            engine.register_static_module(name, module.clone());
        }
        engine
    }

    /// An engine without namespaces, for constants: nothing of the host is there.
    pub(super) fn engine_without_host(&self, limits: &Limits) -> Engine {
        let mut engine = Engine::new_raw();
        engine.register_global_module(self.packages.clone());
        engine.register_global_module(self.own.clone());
        for module in &self.further {
            engine.register_global_module(module.clone());
        }
        limits.apply(&mut engine);
        engine.set_strict_variables(true);
        engine
    }

    /// An engine that compiles: `eval` and `import` are no words of the language.
    pub(super) fn compiler(&self, limits: &Limits) -> Engine {
        let mut engine = self.engine(limits);
        engine.disable_symbol("eval").disable_symbol("import");
        engine
    }
}

/// Rhai copies a module into each engine, which costs more than many an action, unless it is indexed and has an id.
fn shareable(name: &str, module: Shared<Module>) -> Shared<Module> {
    let mut module = Shared::unwrap_or_clone(module);
    if module.id().is_none() {
        module.set_id(name);
    }
    module.build_index();
    module.into()
}

impl Names {
    fn collect(modules: [&Module; 3]) -> Self {
        let mut names = Self::default();
        for (name, parameters) in modules.into_iter().flat_map(signatures) {
            names.all.insert(name.clone());
            names.parameters.insert((name, parameters));
        }
        // The short names of `api.cache` are good names for functions of others, too.
        let methods = OBJECTS.iter().flat_map(|object| object.methods).map(|method| method.name);
        let methods = methods.filter(|name| !matches!(*name, "get" | "set" | "delete"));
        names.ours = methods.chain(SYNTACTIC).map(str::to_owned).collect();
        names.all.extend(names.ours.iter().cloned());
        // Known, and not reserved: `log` and `error` are good names for functions of an action.
        names.all.extend(logs::METHODS.map(str::to_owned));
        names
    }

    /// Whether a script may not define the function: it would take the place of a native one, even of a method of `api`. A
    /// method has one parameter less in the script, where the object is `this`.
    pub(super) fn reserves(&self, name: &str, parameters: usize) -> bool {
        let native = |count: usize| self.parameters.contains(&(name.to_owned(), count));
        self.ours.contains(name) || native(parameters) || native(parameters + 1)
    }

    /// Whether there is a native function or method of the name, for any types.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.all.contains(name)
    }

    /// Every name.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(String::as_str)
    }
}

/// Names and numbers of parameters of the functions that scripts can call by name.
pub(super) fn signatures(module: &Module) -> impl Iterator<Item = (String, usize)> {
    module.gen_fn_signatures_with_mapper(Into::into).filter_map(|signature| {
        let (name, rest) = signature.split_once('(')?;
        let parameters = rest.split_once(')')?.0;
        let count = if parameters.trim().is_empty() { 0 } else { parameters.split(',').count() };
        rhai::is_valid_identifier(name).then(|| (name.to_owned(), count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_share_the_modules_and_do_not_copy_them() {
        let mut toolbox = Toolbox::new();
        toolbox.set_namespace("claims", Module::new().into());
        let owners = |toolbox: &Toolbox| -> Vec<usize> {
            toolbox.namespaces.iter().map(|(_, module)| Shared::strong_count(module)).collect()
        };
        let before = owners(&toolbox);
        let _engine = toolbox.engine(&Limits::default());
        assert_eq!(owners(&toolbox), before.iter().map(|count| count + 1).collect::<Vec<_>>());
    }

    #[test]
    fn names_of_rhai_and_of_ours_are_known() {
        let toolbox = Toolbox::new();
        let names = toolbox.names();
        for name in ["len", "filter", "setCustomClaim", "deny", "sleep", "print", "to_upper"] {
            assert!(names.contains(name), "{name}");
        }
        assert!(!names.contains("setCustomClam"));
        assert!(names.reserves("deny", 7));
        assert!(names.reserves("len", 1));
        assert!(names.reserves("len", 0));
        assert!(!names.reserves("len", 2));
        assert!(!names.contains("timestamp") && !names.contains("blob"));
    }
}
