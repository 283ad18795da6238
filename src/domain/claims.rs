//! Which claims an action may set, and how a Decision and the protocol's own claims become one token.
