//! What the example programs do, apart from any board: they take drivers by the traits of
//! embedded-hal, so the same code runs on a board and, in its tests, on a host.

#![no_std]

pub mod accelerometer;
pub mod gesture;
pub mod keywords;
pub mod person;
pub mod sine;
pub mod vibration;

/// Why a program cannot go on. `D` is the error of its drivers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Fault<D> {
    /// The model cannot be loaded or run.
    Model(sedge_runtime::Error),
    /// A driver failed.
    Driver(D),
}

impl<D> From<sedge_runtime::Error> for Fault<D> {
    fn from(error: sedge_runtime::Error) -> Self {
        Self::Model(error)
    }
}
