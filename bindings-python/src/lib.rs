//! The PyO3 face of Tallylight.
