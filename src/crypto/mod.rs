//! The engines (CHAs) and their modes.
