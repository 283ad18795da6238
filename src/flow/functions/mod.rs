//! The script library: one file per namespace.

/// What a library function may use of its run; the engine's tag.
#[derive(Clone, Debug)]
pub struct RunHandle {
    /// Clock, randomness, cache.
    pub host: super::Host,
    /// Hosts that `http::` may reach.
    pub allow_hosts: std::sync::Arc<[String]>,
    /// The end of the run.
    pub deadline: std::time::Instant,
}

/// The functions, ready to be shared by engines.
#[derive(Clone, Debug)]
pub struct Library {
    /// Functions without a namespace.
    pub global: rhai::Shared<rhai::Module>,
    /// By namespace.
    pub namespaces: Vec<(&'static str, rhai::Shared<rhai::Module>)>,
}

/// Builds the library.
#[must_use]
pub fn library() -> Library {
    let mut time = rhai::Module::new();
    time.set_native_fn("now", |context: rhai::NativeCallContext| {
        let tag = context.tag().and_then(|tag| tag.read_lock::<RunHandle>().map(|run| run.host.clock.now()));
        tag.ok_or_else(|| "no run".into())
    });
    time.build_index();
    Library { global: rhai::Module::new().into(), namespaces: vec![("time", time.into())] }
}
