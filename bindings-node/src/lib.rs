//! The N-API face of Tallylight.
