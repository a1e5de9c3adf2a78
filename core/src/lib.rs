//! Tallylight core.
