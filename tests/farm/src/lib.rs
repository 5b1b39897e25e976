//! Hosts for tests and for trying things out: real `sshd` daemons on addresses of 127.0.0.0/8, run as an ordinary user,
//! each with a root of its own.
