//! Long work on a thread of its own, so that Ctrl-C ends it at once and leaves nothing behind.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::{End, Failure, Outcome};
use crate::file;
use crate::follow::Interrupts;
use crate::out::Out;

/// Does the work, which may show how far it is on a bar; ends without it where the person at the terminal wants that.
///
/// Whatever still calculates then ends with the process, which is at once.
pub(super) async fn or_interrupted(
    out: Out,
    work: impl FnOnce(ProgressBar) -> Outcome + Send + 'static,
) -> Outcome {
    let mut interrupts = Interrupts::listen()?;
    let bar = bar(out);
    let shown = bar.clone();
    let work = tokio::task::spawn_blocking(move || work(shown));
    tokio::select! {
        done = work => done.unwrap_or_else(|e| Err(Failure::new(End::Fault, e))),
        () = interrupts.next() => {
            file::give_up();
            bar.finish_and_clear();
            out.say("interrupted");
            Ok(End::Interrupted)
        }
    }
}

/// A bar on the terminal's standard error; nothing where that is none, or where data is asked for.
fn bar(out: Out) -> ProgressBar {
    let target = if out.is_text() {
        // Draws nothing where standard error is no terminal.
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style =
        ProgressStyle::with_template("{bar:24} {pos} of {len} futures, {elapsed}, {eta} left")
            .expect("the template is well formed");
    ProgressBar::with_draw_target(Some(0), target).with_style(style)
}
