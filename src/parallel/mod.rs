//! Work on a list in shares, on as many threads as the machine has processors.
//!
//! What comes out is in the order of the list, and callers join it so that neither the number of
//! shares nor who was first shows in it.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// More threads than this gain nothing: what cannot be divided takes longer by then.
const MOST_THREADS: usize = 8;

/// More shares than this for each thread cost more than they even out.
const SHARES_A_THREAD: usize = 3;

/// Some of a list's items, in a row.
#[derive(Debug)]
pub struct Share<'l, T> {
    /// The items.
    pub list: &'l [T],
    /// Where the first of them stands in the whole list.
    pub start: usize,
    /// Which share it is, from 0.
    pub index: usize,
    /// How many shares there are.
    pub of: usize,
}

/// Cuts a list into shares of at least `least` items, a few for each processor at most, and works on
/// them with all processors: each takes the next share when it is done with one, since another
/// program may have taken its time. A list too short to be cut is one share, and no thread is
/// started. `room` is about how many bytes of memory stay of an item.
pub fn in_shares<T, R>(
    list: &[T],
    least: usize,
    room: usize,
    work: impl Fn(&Share<'_, T>) -> R + Sync,
) -> Vec<R>
where
    T: Sync,
    R: Send,
{
    let shares = cut(list, least);
    if let [only] = shares.as_slice() {
        return vec![work(only)];
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        while let Some(share) = shares.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((share.index, work(share)));
        }
        done
    };
    let threads = processors().min(shares.len());
    let room = |_| list.len() * room / threads;
    let (mut done, others) = beside(threads.saturating_sub(1), room, take, |_| take());
    done.extend(others.into_iter().flatten());
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Does some work on this thread, and `others` more on threads of their own. `room` is about how many
/// bytes of memory stay of each.
pub fn beside<O, R: Send>(
    others: usize,
    room: impl Fn(usize) -> usize + Sync,
    own: impl FnOnce() -> O,
    other: impl Fn(usize) -> R + Sync,
) -> (O, Vec<R>) {
    if others == 0 {
        return (own(), Vec::new());
    }
    thread::scope(|scope| {
        let (room, other) = (&room, &other);
        let threads: Vec<_> = (0..others)
            .map(|index| {
                let thread = thread::Builder::new().spawn_scoped(scope, move || {
                    take_room(room(index));
                    other(index)
                });
                thread.map_err(|_| index)
            })
            .collect();
        let own = own();
        let others = threads.into_iter().map(|thread| match thread {
            Ok(thread) => match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            },
            // The system gives no more threads.
            Err(index) => other(index),
        });
        (own, others.collect())
    })
}

/// Does two things, each with a processor of its own where there are two. `room` is about how many bytes of memory stay of
/// the other.
pub fn both<O, R: Send>(
    room: usize,
    own: impl FnOnce() -> O,
    other: impl Fn() -> R + Sync,
) -> (O, R) {
    let others = usize::from(processors() > 1);
    let (own, others) = beside(others, |_| room, own, |_| other());
    let other = others.into_iter().next().unwrap_or_else(other);
    (own, other)
}

/// How many threads pay for so many items, where each gets at least `least`.
pub fn threads(items: usize, least: usize) -> usize {
    let most = items / least.max(1);
    if most < 2 { 1 } else { most.min(processors()) }
}

/// Takes room for so many bytes from the allocator and gives it back. A thread's heap in the C library
/// of GNU grows page by page, with a system call for each (glibc, `malloc/arena.c`, `grow_heap`);
/// what it once had it takes again without one. No page is touched here.
fn take_room(bytes: usize) {
    /// Larger blocks are no part of the heap (`mallopt(3)`, `M_MMAP_THRESHOLD`).
    const BLOCK: usize = 120 * 1024;
    let blocks: Vec<Vec<u8>> = (0..bytes.div_ceil(BLOCK))
        .map(|_| Vec::with_capacity(BLOCK))
        .collect();
    drop(std::hint::black_box(blocks));
}

/// The shares of a list, as equal as can be.
fn cut<T>(list: &[T], least: usize) -> Vec<Share<'_, T>> {
    let most = list.len() / least.max(1);
    let wanted = match threads(list.len(), least) {
        1 => 1,
        threads => most.min(threads * SHARES_A_THREAD),
    };
    let each = list.len().div_ceil(wanted).max(1);
    let of = list.len().div_ceil(each).max(1);
    (0..of)
        .map(|index| {
            let end = list.len().min((index + 1) * each);
            Share {
                list: list.get(index * each..end).unwrap_or_default(),
                start: index * each,
                index,
                of,
            }
        })
        .collect()
}

/// How many processors this process may use; to ask is a dozen system calls.
fn processors() -> usize {
    static KNOWN: OnceLock<usize> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        thread::available_parallelism()
            .map_or(1, NonZeroUsize::get)
            .min(MOST_THREADS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_back_in_order() {
        let list: Vec<usize> = (0..1000).collect();
        for least in [0, 1, 300, 501, 5000] {
            assert_eq!(
                in_shares(&list, least, 10, |it| it.list.to_vec()).concat(),
                list
            );
        }
    }

    #[test]
    fn a_short_list_is_one_share() {
        assert_eq!(cut(&[0; 15], 8).len(), 1);
        assert_eq!(cut(&[0; 0], 8).len(), 1);
        assert_eq!(in_shares(&[0; 0], 0, 0, |it| (it.index, it.of)), [(0, 1)]);
    }

    #[test]
    fn every_share_has_its_number() {
        let shares = in_shares(&[0; 100], 1, 0, |it| (it.index, it.of));
        assert!(
            shares
                .iter()
                .enumerate()
                .all(|(index, share)| *share == (index, shares.len()))
        );
    }
}
