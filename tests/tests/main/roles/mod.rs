//! The shipped cares of roles on the real thing: a PostgreSQL pair over SSH, an Alertmanager. Everything is told to the
//! real `ringway` program.

mod ground;
mod pair;
mod silence;
