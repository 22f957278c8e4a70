//! End-to-end tests of devcluster.
