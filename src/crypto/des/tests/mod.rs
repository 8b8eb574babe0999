//! Known answers, properties, and other implementations to agree with.
