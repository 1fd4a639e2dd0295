//! What the command tells its user when it cannot do what was asked.

use std::error::Error;
use std::fmt::Display;

use miette::Diagnostic;

/// Why something could not be done, and what to do next.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct Failure {
    message: String,
    #[help]
    help: Option<String>,
    #[source]
    cause: Option<Box<dyn Error + Send + Sync>>,
    usage: bool,
}

impl Failure {
    /// A failure of a model, an input or the machine.
    pub fn new(message: impl Display) -> Self {
        Self { message: message.to_string(), help: None, cause: None, usage: false }
    }

    /// A command that asks for something that does not exist.
    pub fn usage(message: impl Display) -> Self {
        Self { usage: true, ..Self::new(message) }
    }

    /// With a sentence about what to do next.
    pub fn help(mut self, help: impl Display) -> Self {
        self.help = Some(help.to_string());
        self
    }

    /// With the error underneath.
    pub fn cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Whether the command was wrong, not what it worked on.
    pub fn is_usage(&self) -> bool {
        self.usage
    }

    /// The sentence about what to do next.
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// All of it in one line: the message, its causes, the advice.
    pub fn line(&self) -> String {
        let mut out = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            out += &format!(": {error}");
            cause = error.source();
        }
        if let Some(help) = &self.help {
            out += &format!(" (help: {})", help.replace('\n', "; "));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn one_line_has_everything() {
        let failure = Failure::new("outer").cause(Failure::new("inner")).help("do\nthis");
        assert_eq!(failure.line(), "outer: inner (help: do; this)");
    }
}
