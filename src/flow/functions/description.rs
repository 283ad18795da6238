//! How a function of the library is described, and how the description becomes a registration.

use std::any::TypeId;

use rhai::{
    Dynamic, EvalAltResult, FuncRegistration, Module, NativeCallContext, Position, RhaiFunc, RhaiNativeFunc, Shared, Variant,
};

/// A native function inside a [`RhaiFunc`].
type Native =
    dyn Fn(Option<NativeCallContext>, &mut [&mut Dynamic]) -> Result<Dynamic, Box<EvalAltResult>> + Send + Sync + 'static;

/// One function as authors see it.
#[derive(Debug)]
pub struct Function {
    /// The name used in the documentation.
    pub name: &'static str,
    /// Other spellings of the same function.
    pub aliases: &'static [&'static str],
    /// A property (`text.length`) rather than a function.
    pub property: bool,
    /// How it is called: `text.padStart(length, fill = " ") -> string`.
    pub signature: &'static str,
    /// What it does, in one or two sentences.
    pub summary: &'static str,
    /// What it refuses; empty if there is nothing to refuse.
    pub limits: &'static str,
    /// Executed as tests.
    pub examples: &'static [Example],
}

/// A snippet and what it yields.
#[derive(Debug)]
pub struct Example {
    /// Rhai.
    pub script: &'static str,
    /// The result as JSON, or `error: ` and a part of the message.
    pub yields: &'static str,
}

impl Function {
    /// A function with nothing but its name; the other parts follow by the methods below.
    pub(super) const fn new(name: &'static str, signature: &'static str, summary: &'static str) -> Self {
        Self { name, aliases: &[], property: false, signature, summary, limits: "", examples: &[] }
    }

    /// The same function under other names.
    pub(super) const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// A property rather than a function.
    pub(super) const fn property(mut self) -> Self {
        self.property = true;
        self
    }

    /// What it refuses.
    pub(super) const fn limits(mut self, limits: &'static str) -> Self {
        self.limits = limits;
        self
    }

    /// Snippets and what they yield.
    pub(super) const fn examples(mut self, examples: &'static [Example]) -> Self {
        self.examples = examples;
        self
    }
}

/// An [`Example`].
pub(super) const fn example(script: &'static str, yields: &'static str) -> Example {
    Example { script, yields }
}

/// Functions that belong together: the contents of one file.
#[derive(Debug)]
pub(super) struct Family {
    /// `None`: global functions and methods.
    pub(super) namespace: Option<&'static str>,
    /// The table.
    pub(super) functions: &'static [Function],
    /// Registers an implementation for every row of the table.
    pub(super) register: fn(&mut Registrar<'_>),
}

/// Registers implementations under the names of their description.
pub(super) struct Registrar<'a> {
    module: &'a mut Module,
    family: &'a Family,
    #[cfg(test)]
    pub(super) registered: std::collections::BTreeSet<&'static str>,
}

impl<'a> Registrar<'a> {
    pub(super) fn new(module: &'a mut Module, family: &'a Family) -> Self {
        Self {
            module,
            family,
            #[cfg(test)]
            registered: std::collections::BTreeSet::new(),
        }
    }

    /// Registers a function that leaves its receiver alone, under `name` and its aliases; call it once per overload.
    pub(super) fn add<A: 'static, const N: usize, const X: bool, R, const F: bool, FUNC>(
        &mut self,
        name: &'static str,
        implementation: FUNC,
    ) where
        R: Variant + Clone,
        FUNC: RhaiNativeFunc<A, N, X, R, F> + Clone + Send + Sync + 'static,
    {
        self.install(name, &FUNC::param_types(), implementation.into_rhai_function(true, false));
    }

    /// Registers a method that changes its receiver, so that it is refused on constants.
    pub(super) fn add_changing<A: 'static, const N: usize, const X: bool, R, const F: bool, FUNC>(
        &mut self,
        name: &'static str,
        implementation: FUNC,
    ) where
        R: Variant + Clone,
        FUNC: RhaiNativeFunc<A, N, X, R, F> + Clone + Send + Sync + 'static,
    {
        self.install(name, &FUNC::param_types(), implementation.into_rhai_function(false, false));
    }

    /// Registers a readable property.
    pub(super) fn property<A: 'static, const X: bool, R, const F: bool, FUNC>(&mut self, name: &'static str, getter: FUNC)
    where
        R: Variant + Clone,
        FUNC: RhaiNativeFunc<A, 1, X, R, F> + Clone + Send + Sync + 'static,
    {
        for name in self.spellings(name) {
            FuncRegistration::new_getter(name).set_into_module(self.module, getter.clone());
        }
    }

    /// Registers a function that sees its arguments unconverted, for instance to learn whether the receiver is a constant.
    pub(super) fn raw<FUNC>(&mut self, name: &'static str, types: &[TypeId], implementation: FUNC)
    where
        FUNC: Fn(&NativeCallContext, &mut [&mut Dynamic]) -> Result<Dynamic, Box<EvalAltResult>> + Send + Sync + 'static,
    {
        let func = move |context: Option<NativeCallContext>, arguments: &mut [&mut Dynamic]| match context {
            Some(context) => implementation(&context, arguments),
            None => Err("the library was called without a context".into()),
        };
        // Pure: it may be called on constants, which it is trusted not to change.
        let func = RhaiFunc::Method { func: Shared::new(func), has_context: true, is_pure: true, is_volatile: false };
        self.install(name, types, func);
    }

    fn install(&mut self, name: &'static str, types: &[TypeId], function: RhaiFunc) {
        let function = with_position(function);
        for name in self.spellings(name) {
            FuncRegistration::new(name).set_into_module_raw(self.module, types, function.clone());
        }
    }

    fn spellings(&mut self, name: &'static str) -> Vec<&'static str> {
        let described = self.family.functions.iter().find(|function| function.name == name);
        debug_assert!(described.is_some(), "`{name}` has no description");
        #[cfg(test)]
        self.registered.insert(name);
        let aliases = described.map(|function| function.aliases).unwrap_or_default();
        std::iter::once(name).chain(aliases.iter().copied()).collect()
    }
}

/// Gives errors the position of the call: the engine does so for global functions only.
fn with_position(function: RhaiFunc) -> RhaiFunc {
    match function {
        RhaiFunc::Pure { func, is_pure, is_volatile, .. } => {
            RhaiFunc::Pure { func: positioned(func), has_context: true, is_pure, is_volatile }
        }
        RhaiFunc::Method { func, is_pure, is_volatile, .. } => {
            RhaiFunc::Method { func: positioned(func), has_context: true, is_pure, is_volatile }
        }
        other => other,
    }
}

fn positioned(inner: Shared<Native>) -> Shared<Native> {
    Shared::new(move |context: Option<NativeCallContext>, arguments: &mut [&mut Dynamic]| {
        let place = context.as_ref().map_or(Position::NONE, NativeCallContext::call_position);
        inner(context, arguments).map_err(|mut error| {
            if error.position().is_none() {
                error.set_position(place);
            }
            error
        })
    })
}
