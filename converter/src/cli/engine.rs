//! The options that choose how a model is run.

use std::num::NonZero;

use clap::{Args, ValueEnum};
use sedge_runtime::{Level, Shape, Weights};

use crate::Failure;
use crate::exec::ExecOptions;

/// How the model is run.
#[derive(Clone, Debug, Args)]
pub(super) struct Engine {
    /// Vector level of the kernels: auto (the best of this processor), or one by name, such as scalar
    #[arg(long, env = "SEDGE_BACKEND", default_value = "auto", value_name = "LEVEL", value_parser = level)]
    backend: Level,
    /// Where kernels read weights from
    #[arg(long, default_value = "packed", value_name = "WHERE")]
    weights: WeightsArg,
    /// Threads that share the work of large operators; the outputs do not depend on it
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WeightsArg {
    /// Copied in the order in which kernels read them: the fastest
    Packed,
    /// As they lie in the file: the least memory
    InPlace,
}

/// The level with this name.
fn level(name: &str) -> Result<Level, String> {
    if name == "auto" {
        return Ok(Level::detect());
    }
    Level::from_name(name).ok_or_else(|| {
        let available: Vec<_> = Level::available().map(Level::name).collect();
        let known = if Level::NAMES.contains(&name) {
            "this processor does not have it"
        } else {
            "there is no such level"
        };
        format!("{known}; available here: auto, {}", available.join(", "))
    })
}

impl Engine {
    pub(super) fn level(&self) -> Level {
        self.backend
    }

    pub(super) fn weights(&self) -> Weights {
        match self.weights {
            WeightsArg::Packed => Weights::Packed,
            WeightsArg::InPlace => Weights::InPlace,
        }
    }

    pub(super) fn threads(&self) -> NonZero<u16> {
        NonZero::new(self.threads).unwrap_or(NonZero::<u16>::MIN)
    }

    /// Calls `run` where the threads are.
    pub(super) fn on_threads<R: Send>(
        &self,
        run: impl FnOnce() -> Result<R, Failure> + Send,
    ) -> Result<R, Failure> {
        if self.threads == 1 {
            return run();
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads.into()).build();
        pool.map_err(|e| Failure::new(format!("cannot start {} threads: {e}", self.threads)))?.install(run)
    }

    pub(super) fn options(&self, input_shapes: Vec<Option<Shape>>) -> ExecOptions {
        ExecOptions {
            level: self.level(),
            weights: self.weights(),
            input_shapes,
            threads: self.threads(),
            ..ExecOptions::default()
        }
    }
}

/// The name of a weights mode, as the option has it.
pub(super) fn weights_name(weights: Weights) -> &'static str {
    match weights {
        Weights::Packed => "packed",
        Weights::InPlace => "in-place",
    }
}
