//! Functions of Rhai's own packages that a login cannot afford, replaced by ours: they block, end the run with success, or
//! allocate before they look at a limit. Registered after the packages, since the later module wins.

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage, BasicStringPackage,
    BitFieldPackage, LanguageCorePackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Array, Dynamic, EvalAltResult, ImmutableString, Module, NativeCallContext, Shared};

use super::context::{Scripted, mistake};
use super::sort;

/// The packages that scripts get: Rhai's standard ones without BLOBs (which no claim can hold, and whose constructor
/// allocates what it is told), without `timestamp` (time comes from the host) and without methods of function values.
pub(super) fn packages() -> Shared<Module> {
    let mut module = Module::new();
    LanguageCorePackage::init(&mut module);
    ArithmeticPackage::init(&mut module);
    BasicStringPackage::init(&mut module);
    BasicIteratorPackage::init(&mut module);
    BitFieldPackage::init(&mut module);
    LogicPackage::init(&mut module);
    BasicMathPackage::init(&mut module);
    BasicArrayPackage::init(&mut module);
    BasicMapPackage::init(&mut module);
    MoreStringPackage::init(&mut module);
    module.register_lazy_functions();
    module.build_index();
    module.into()
}

/// Registers the replacements.
pub(super) fn register(module: &mut Module) {
    module.set_native_fn("sleep", |context: NativeCallContext, _: i64| no_sleep(&context));
    module.set_native_fn("sleep", |context: NativeCallContext, _: f64| no_sleep(&context));
    module.set_native_fn("exit", |context: NativeCallContext| no_exit(&context));
    module.set_native_fn("exit", |context: NativeCallContext, _: Dynamic| no_exit(&context));
    module.set_native_fn("pad", |context: NativeCallContext, array: &mut Array, len: i64, item: Dynamic| {
        pad(&context, array, len, &item)
    });
    register_replace(module);
    sort::register(module);
}

fn no_sleep(context: &NativeCallContext) -> Scripted<()> {
    Err(mistake(context, "`sleep` is not available: a login does not wait"))
}

fn no_exit(context: &NativeCallContext) -> Scripted<()> {
    Err(mistake(context, "`exit` is not available\nhint: `return` ends the handler"))
}

/// Rhai multiplies sizes that a script chose, which may overflow.
fn pad(context: &NativeCallContext, array: &mut Array, len: i64, item: &Dynamic) -> Scripted<()> {
    let len = usize::try_from(len).unwrap_or(0);
    let limit = context.engine().max_array_size();
    if len > limit {
        return Err(EvalAltResult::ErrorDataTooLarge("Size of array".to_owned(), context.call_position()).into());
    }
    if len > array.len() {
        array.resize(len, item.clone());
    }
    Ok(())
}

/// Rhai builds the result before it looks at the limit: a few kilobytes become gigabytes.
fn register_replace(module: &mut Module) {
    module.set_native_fn("replace", |context: NativeCallContext, text: &mut ImmutableString, find: &str, by: &str| {
        replace(&context, text, find, by)
    });
    module.set_native_fn("replace", |context: NativeCallContext, text: &mut ImmutableString, find: &str, by: char| {
        replace(&context, text, find, by.encode_utf8(&mut [0; 4]))
    });
    module.set_native_fn("replace", |context: NativeCallContext, text: &mut ImmutableString, find: char, by: &str| {
        replace(&context, text, find.encode_utf8(&mut [0; 4]), by)
    });
    module.set_native_fn("replace", |context: NativeCallContext, text: &mut ImmutableString, find: char, by: char| {
        replace(&context, text, find.encode_utf8(&mut [0; 4]), by.encode_utf8(&mut [0; 4]))
    });
}

fn replace(context: &NativeCallContext, text: &mut ImmutableString, find: &str, by: &str) -> Scripted<()> {
    let grown = text.matches(find).count().saturating_mul(by.len().saturating_sub(find.len()));
    if text.len().saturating_add(grown) > context.engine().max_string_size() {
        return Err(EvalAltResult::ErrorDataTooLarge("Length of string".to_owned(), context.call_position()).into());
    }
    *text = text.replace(find, by).into();
    Ok(())
}
