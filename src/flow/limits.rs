//! What a run of an action may use.

/// What a run may use; every one is configurable and has a safe default.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Milliseconds for the whole trigger, all actions and host calls together.
    pub deadline_ms: u64,
    /// Rhai operations of one action.
    pub max_operations: u64,
    /// Bytes of a string, summed over a tree.
    pub max_string_size: usize,
    /// Elements of an array, summed over a tree.
    pub max_array_size: usize,
    /// Members of a map, summed over a tree.
    pub max_map_size: usize,
    /// Variables in scope.
    pub max_variables: usize,
    /// Functions of a file.
    pub max_functions: usize,
    /// Nested calls. Each takes native stack: a run has 2 MiB, enough for twice the default.
    pub max_call_levels: usize,
    /// Bytes that a run may own at once.
    pub max_memory: usize,
    /// Bytes of a file.
    pub max_file_size: usize,
    /// Bytes of `print` output kept of a run.
    pub max_log_size: usize,
    /// Bytes of custom claims per token, and of the additional members of a token response.
    pub max_claims_size: usize,
    /// Runs at the same time; more wait, and `max_waiting` more are refused.
    pub max_concurrent_runs: usize,
    /// Runs that may wait for a place.
    pub max_waiting_runs: usize,
    /// Entries of `api.cache` for each trigger; when it is full, the entry that ends first makes room. With 4 kB values
    /// the default may take 4 MB.
    pub max_cache_entries: usize,
    /// Failures in a row after which an action is reported: by `/healthz`, a metric and the log.
    pub report_after_failures: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline_ms: 2_000,
            max_operations: 500_000,
            max_string_size: 16 * 1024,
            max_array_size: 1_000,
            max_map_size: 256,
            max_variables: 128,
            max_functions: 64,
            max_call_levels: 32,
            max_memory: 16 * 1024 * 1024,
            max_file_size: 64 * 1024,
            max_log_size: 8 * 1024,
            max_claims_size: 100 * 1024,
            max_concurrent_runs: 16,
            max_waiting_runs: 64,
            max_cache_entries: 1_000,
            report_after_failures: 5,
        }
    }
}

impl Limits {
    /// Sets every language limit of the engine: what is not set is unlimited there.
    pub(crate) fn apply(&self, engine: &mut rhai::Engine) {
        engine
            .set_max_operations(self.max_operations)
            .set_max_string_size(self.max_string_size)
            .set_max_array_size(self.max_array_size)
            .set_max_map_size(self.max_map_size)
            .set_max_variables(self.max_variables)
            .set_max_functions(self.max_functions)
            .set_max_call_levels(self.max_call_levels)
            .set_max_modules(0)
            .set_max_expr_depths(EXPRESSION_DEPTH, FUNCTION_EXPRESSION_DEPTH);
    }
}

/// Nesting of expressions outside functions; Rhai's release default, set because its debug default is lower.
const EXPRESSION_DEPTH: usize = 64;
/// Nesting of expressions in functions; each level takes native stack at every call level.
const FUNCTION_EXPRESSION_DEPTH: usize = 32;
