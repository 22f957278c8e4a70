//! The client against an API server in memory.

mod informers;
