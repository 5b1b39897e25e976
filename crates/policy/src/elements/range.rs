//! Ranges of a world: `2m-6m`, `5%-100%`, or one value that stands for both ends.

use ringway_model::{Share, Span};

use crate::fields::Cx;
use crate::problem::Code;
use crate::scalar;
use crate::validated::{ShareRange, SpanRange};
use crate::yaml::Node;

/// A range of spans, both at least `least`.
pub(crate) fn spans(least: Span) -> impl Fn(&Cx<'_>, &Node<'_>) -> Option<SpanRange> {
    move |cx, node| {
        let text = scalar::value(cx, node)?;
        let (low, high) = text.split_once('-').unwrap_or((&text, &text));
        let (Ok(low), Ok(high)) = (low.parse::<Span>(), high.parse::<Span>()) else {
            let message = format!("`{text}` is neither a length of time nor a range of two");
            let hint = "for example `5m`, or from the shortest to the longest: `2m-10m`";
            return cx.fail(Code::BadSpan, node.place, message, hint);
        };
        if low > high {
            let message = format!("`{text}` ends before it begins");
            let hint = format!("write the shorter one first: `{high}-{low}`");
            return cx.fail(Code::BadSpan, node.place, message, &hint);
        }
        if low < least {
            let message = format!("`{text}` is too short: the least is `{least}`");
            return cx.fail(Code::BadSpan, node.place, message, "give it more time");
        }
        Some(SpanRange { low, high })
    }
}

/// A range of shares.
pub(crate) fn shares(cx: &Cx<'_>, node: &Node<'_>) -> Option<ShareRange> {
    let text = scalar::value(cx, node)?;
    let (low, high) = text.split_once('-').unwrap_or((&text, &text));
    let (Ok(low), Ok(high)) = (low.parse::<Share>(), high.parse::<Share>()) else {
        let message = format!("`{text}` is neither a share nor a range of two");
        let hint = "for example `50%`, or from the smallest to the largest: `5%-100%`";
        return cx.fail(Code::BadShare, node.place, message, hint);
    };
    if low > high {
        let message = format!("`{text}` ends before it begins");
        let hint = format!("write the smaller one first: `{high}-{low}`");
        return cx.fail(Code::BadShare, node.place, message, &hint);
    }
    Some(ShareRange { low, high })
}
