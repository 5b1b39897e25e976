//! The one place that writes to the terminal.

use std::io::Write;

/// Writes a line to standard output, or to standard error with `err,` in front.
macro_rules! say {
    (err, $($text:tt)*) => { $crate::say::line(&mut std::io::stderr().lock(), &format!($($text)*)) };
    ($($text:tt)*) => { $crate::say::line(&mut std::io::stdout().lock(), &format!($($text)*)) };
}
pub(crate) use say;

/// Writes `text` as a line. A reader that went away (`| head`) is no reason to stop the tests.
pub(crate) fn line(out: &mut dyn Write, text: &str) {
    let _ = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
}

/// A heading that is found again in a long log.
pub(crate) fn heading(text: &str) {
    line(&mut std::io::stdout().lock(), &format!("\n==== {text}"));
}

/// Seconds as people are shown them.
pub(crate) fn seconds(time: std::time::Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
