//! Behaviour of whole sets.
