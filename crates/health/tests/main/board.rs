//! What is known of a host, and when it is asked.

use ringway_health::{Board, Change, Rhythm};
use ringway_model::{Evidence, HostId, ProbeId, Sample, Span, Timestamp};

const HOST: HostId = HostId(7);
const UP: ProbeId = ProbeId(0);
const RHYTHM: Rhythm = Rhythm {
    every: Span::seconds(30),
    timeout: Span::seconds(5),
    fresh: Span::seconds(60),
};

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1000)
}

fn down() -> Sample {
    Sample::Down("refused".to_owned())
}

fn blind() -> Sample {
    Sample::Blind("no such command".to_owned())
}

/// A board that watches one host and has asked it at second 0.
fn asked() -> Board {
    let mut board = Board::new();
    board.watch(at(0), HOST, UP, RHYTHM);
    assert_eq!(asks(&mut board, 0), 1);
    board
}

fn asks(board: &mut Board, second: i64) -> usize {
    let mut asks = Vec::new();
    board.advance(at(second), &mut asks);
    asks.len()
}

fn told(board: &mut Board) -> Vec<Evidence> {
    board
        .take_changes(100)
        .iter()
        .map(|change| change.to)
        .collect()
}

#[test]
fn only_edges_are_told() {
    let mut board = asked();
    assert_eq!(told(&mut board), []);
    for (second, sample, edges) in [
        (1, Sample::Up, vec![Evidence::Up]),
        (31, Sample::Up, vec![]),
        (61, down(), vec![Evidence::Down]),
        (91, down(), vec![]),
        (121, Sample::Up, vec![Evidence::Up]),
    ] {
        board.sampled(at(second), HOST, UP, &sample);
        assert_eq!(told(&mut board), edges, "at {second}");
        assert_eq!(asks(&mut board, second + 29), 1, "at {second}");
    }
}

/// What must not happen: a host that answered once counts as up for ever because nobody asked again.
#[test]
fn good_news_is_over_when_it_is_older_than_the_watch_allows_counted_from_the_question() {
    let mut board = asked();
    board.sampled(at(4), HOST, UP, &Sample::Up);
    assert_eq!(told(&mut board), [Evidence::Up]);
    assert_eq!(asks(&mut board, 30), 1);
    let mut none = Vec::new();
    board.advance(Timestamp(59_999), &mut none);
    assert_eq!(told(&mut board), []);
    assert_eq!(board.next(), Some(at(60)), "expiry needs no other event");
    board.advance(at(60), &mut none);
    assert_eq!(told(&mut board), [Evidence::Unknown]);
}

#[test]
fn an_answer_that_took_longer_than_it_counts_is_no_news() {
    let mut board = asked();
    board.sampled(at(60), HOST, UP, &Sample::Up);
    assert_eq!(told(&mut board), []);
    assert_eq!(asks(&mut board, 60), 1, "and is asked for again at once");
}

#[test]
fn doubt_ends_good_news_and_leaves_bad_news() {
    for (first, second, edges) in [
        (Sample::Up, blind(), vec![Evidence::Up, Evidence::Unknown]),
        (down(), blind(), vec![Evidence::Down]),
        (blind(), blind(), vec![]),
    ] {
        let mut board = asked();
        board.sampled(at(1), HOST, UP, &first);
        let mut seen = told(&mut board);
        assert_eq!(asks(&mut board, 30), 1);
        board.sampled(at(31), HOST, UP, &second);
        seen.extend(told(&mut board));
        assert_eq!(seen, edges, "{first:?} then {second:?}");
    }
}

#[test]
fn bad_news_that_nobody_renews_is_over_too() {
    let mut board = asked();
    board.sampled(at(1), HOST, UP, &down());
    assert_eq!(told(&mut board), [Evidence::Down]);
    assert_eq!(asks(&mut board, 30), 1);
    asks(&mut board, 60);
    assert_eq!(told(&mut board), [Evidence::Unknown]);
}

#[test]
fn one_question_at_a_time_and_an_answer_that_never_comes_is_asked_for_again() {
    let mut board = asked();
    assert_eq!(asks(&mut board, 14), 0);
    assert_eq!(asks(&mut board, 15), 1, "timeout and grace are over");
    // The first answer is credited to the first question.
    board.sampled(at(16), HOST, UP, &Sample::Up);
    assert_eq!(told(&mut board), [Evidence::Up]);
    board.sampled(at(17), HOST, UP, &down());
    assert_eq!(told(&mut board), [], "a second answer changes nothing");
    assert_eq!(asks(&mut board, 29), 0);
    assert_eq!(asks(&mut board, 30), 1);
}

#[test]
fn answers_nobody_waits_for_change_nothing() {
    let mut board = Board::new();
    board.sampled(at(0), HOST, UP, &Sample::Up);
    assert!(board.is_empty() && !board.has_changes());
    let mut board = asked();
    board.sampled(at(1), HOST, ProbeId(1), &down());
    board.sampled(at(1), HostId(8), UP, &down());
    assert!(!board.has_changes());
}

/// What must not happen: a peer counts as up by an answer from before its own update.
#[test]
fn a_watch_that_begins_anew_forgets_and_does_not_count_the_answer_on_its_way() {
    let mut board = asked();
    board.sampled(at(1), HOST, UP, &Sample::Up);
    assert_eq!(told(&mut board), [Evidence::Up]);
    assert_eq!(asks(&mut board, 30), 1);
    board.watch(at(31), HOST, UP, RHYTHM);
    assert_eq!(told(&mut board), [Evidence::Unknown]);
    assert_eq!(asks(&mut board, 31), 0, "one question at a time");
    board.sampled(at(32), HOST, UP, &Sample::Up);
    assert_eq!(told(&mut board), []);
    assert_eq!(asks(&mut board, 32), 1, "and it is asked at once");
    board.sampled(at(33), HOST, UP, &Sample::Up);
    assert_eq!(told(&mut board), [Evidence::Up]);
}

/// The engine may have forgotten by itself, so it must be told again what it had been told before.
#[test]
fn a_watch_that_begins_anew_is_told_from_the_start() {
    let mut board = asked();
    board.sampled(at(1), HOST, UP, &Sample::Up);
    assert_eq!(told(&mut board), [Evidence::Up]);
    board.watch(at(2), HOST, UP, RHYTHM);
    assert_eq!(
        asks(&mut board, 2),
        1,
        "nothing is on its way: asked at once"
    );
    board.sampled(at(2), HOST, UP, &Sample::Up);
    assert_eq!(told(&mut board), [Evidence::Up]);
}

#[test]
fn the_end_of_a_watch_is_told_once_and_leaves_nothing_behind() {
    let mut board = asked();
    board.sampled(at(1), HOST, UP, &Sample::Up);
    assert_eq!(told(&mut board), [Evidence::Up]);
    board.unwatch(HOST, UP);
    assert_eq!(told(&mut board), [Evidence::Unknown]);
    assert!(board.is_empty());
    assert_eq!(board.next(), None);
    // Nothing was known: nothing is told.
    let mut board = asked();
    board.unwatch(HOST, UP);
    assert!(board.is_empty() && !board.has_changes());
    // The answer on its way is not taken for one of the next watch.
    board.watch(at(1), HOST, UP, RHYTHM);
    assert_eq!(asks(&mut board, 1), 0);
    board.sampled(at(2), HOST, UP, &Sample::Up);
    assert_eq!(told(&mut board), []);
    assert_eq!(asks(&mut board, 2), 1);
}

#[test]
fn a_restart_forgets_everything_but_the_answers_on_their_way() {
    let mut board = asked();
    board.restart();
    assert!(board.is_empty());
    assert_eq!(board.next(), None);
    board.watch(at(1), HOST, UP, RHYTHM);
    board.sampled(at(2), HOST, UP, &down());
    assert_eq!(told(&mut board), []);
}

#[test]
fn evidence_that_would_be_stale_before_the_next_answer_is_asked_for_more_often() {
    for (every, fresh, period) in [(30, 60, 30), (30, 600, 30), (300, 60, 30), (30, 10, 5)] {
        let rhythm = Rhythm {
            every: Span::seconds(every),
            fresh: Span::seconds(fresh),
            ..RHYTHM
        };
        assert_eq!(rhythm.period(), Span::seconds(period), "{every} {fresh}");
    }
    let frantic = Rhythm {
        every: Span::ZERO,
        ..RHYTHM
    };
    assert_eq!(frantic.period(), Span(100));
}

#[test]
fn good_news_is_bounded_and_bad_news_is_not() {
    let mut board = Board::new();
    for host in 0..10 {
        board.watch(at(0), HostId(host), UP, RHYTHM);
    }
    assert_eq!(asks(&mut board, 1), 10);
    for host in 0..10 {
        let sample = if host < 6 { Sample::Up } else { down() };
        board.sampled(at(1), HostId(host), UP, &sample);
    }
    let first = board.take_changes(5);
    let count = |changes: &[Change], to| changes.iter().filter(|change| change.to == to).count();
    assert_eq!(
        (count(&first, Evidence::Down), count(&first, Evidence::Up)),
        (4, 1)
    );
    let (second, third) = (board.take_changes(3), board.take_changes(3));
    assert_eq!((second.len(), third.len()), (3, 2));
    assert!(!board.has_changes());
    let second = board.take_changes(0);
    assert_eq!(second, []);
    for host in 0..6 {
        board.unwatch(HostId(host), UP);
    }
    assert_eq!(board.take_changes(0).len(), 6, "no limit for bad news");
}

/// What must not happen: a recovery opens as many connections at once as there are hosts.
#[test]
fn first_questions_are_spread_and_the_same_every_time() {
    let run = || {
        let mut board = Board::new();
        for host in 0..10_000 {
            board.watch(at(0), HostId(host), UP, RHYTHM);
        }
        let mut per_second = Vec::new();
        for second in 0..=20 {
            let mut asks = Vec::new();
            board.advance(at(second), &mut asks);
            per_second.push(asks.len());
            for (host, probe) in asks {
                board.sampled(at(second), host, probe, &Sample::Up);
            }
        }
        per_second
    };
    let per_second = run();
    assert_eq!(per_second, run());
    assert_eq!(per_second.iter().sum::<usize>(), 10_000);
    assert!(per_second.iter().all(|&asks| asks < 2500), "{per_second:?}");
}

/// What is told stays true for a year without a question, and every later answer is one that was waited for.
#[test]
fn a_watch_that_is_told_is_asked_once_and_never_goes_stale() {
    let mut board = Board::new();
    board.watch(at(0), HOST, UP, Rhythm::TOLD);
    assert_eq!(asks(&mut board, 0), 1);
    board.sampled(at(0), HOST, UP, &Sample::Up);
    assert_eq!(told(&mut board), [Evidence::Up]);
    let year = 365 * 86_400;
    assert_eq!(asks(&mut board, year), 0);
    assert_eq!(board.next(), None);
    assert_eq!(board.known(HOST, UP), Evidence::Up);
    board.sampled(at(year), HOST, UP, &down());
    board.sampled(at(year + 1), HOST, UP, &Sample::Up);
    board.sampled(at(year + 2), HOST, UP, &down());
    assert_eq!(told(&mut board), [Evidence::Down]);
    board.watch(at(year + 3), HOST, UP, Rhythm::TOLD);
    assert_eq!(asks(&mut board, year + 3), 1, "a new watch begins anew");
    assert_eq!(board.known(HOST, UP), Evidence::Unknown);
}
