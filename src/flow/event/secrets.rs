//! `event.secrets`: this action's secrets, one at a time. Printing shows that there are some, not what they are.

use rhai::{Dynamic, ImmutableString, Module, NativeCallContext};

use super::reads::Path;
use crate::flow::context::Run;

/// What prints instead of the secrets.
const HIDDEN: &str = "[secrets]";

/// The object behind `event.secrets`.
#[derive(Clone, Debug)]
pub(crate) struct Secrets(pub(super) Run);

impl Secrets {
    /// The secret; `()` if the action has none of this name. That it was read is noted, and not what it is.
    fn get(&self, context: &NativeCallContext, name: &str) -> Dynamic {
        self.0.reads().note(&Path::of("event.secrets"), Some(name), true, Some(context));
        self.0.secrets().get(name).map_or(Dynamic::UNIT, Into::into)
    }
}

/// Registers the type.
pub(super) fn register(module: &mut Module) {
    module.set_custom_type::<Secrets>("secrets");
    module.set_indexer_get_fn(|context: NativeCallContext, secrets: &mut Secrets, name: ImmutableString| {
        Ok(secrets.get(&context, &name))
    });
    module.set_indexer_set_fn(|context: NativeCallContext, secrets: &mut Secrets, name: ImmutableString, _: Dynamic| {
        secrets.0.refuse(&context, "event", &format!("event.secrets.{name}"), "secrets are set in the configuration");
        Ok(())
    });
    module.set_native_fn("contains", |secrets: &mut Secrets, name: &str| Ok(secrets.0.secrets().contains_key(name)));
    for name in ["to_string", "to_debug", "print", "debug"] {
        module.set_native_fn(name, |_: &mut Secrets| Ok(HIDDEN));
    }
}
