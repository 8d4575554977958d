//! Several threads that work on captures side by side, and on the parts of each.
//!
//! In: captures, and a [`Plan`]. Out: each [`Outcome`], on the thread that asked, in an order that does not depend on
//! the threads. All threads do alike: whichever has nothing to do takes what the oldest capture needs, and where that
//! needs nothing, what the next one does. The one that asked hands out what is ready before that.

use std::collections::VecDeque;
use std::iter;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::account::Account;
use super::captures::BESIDE;
use super::crew::{Crew, Next, Ready, Room, Task, Thread};
use super::merge::Merge;
use super::{Outcome, Plan};
use crate::capture::Source;
use crate::tcp::SHARDS;

/// How many captures are open at once.
const AT_ONCE: usize = 8;

/// How many octets of memory the results of the oldest capture may take before they are handed out; what is under way
/// by then comes on top.
const UNTOLD: usize = 4 << 20;

/// How many steps of a capture some hands may be ahead of others.
const STEPS: usize = 6;

/// How many are left when one that had to wait goes on: it costs more to wake a thread than to do a step.
const STEPS_LEFT: usize = STEPS / 2;

/// The number of the thread that asked.
const LEADER: usize = 0;

struct Pool {
    sources: Vec<Source>,
    /// How many hands each of them has.
    hands: Vec<usize>,
    plan: Plan,
    progress: Mutex<Progress>,
    /// One for each thread: it rings where there is something to do for it.
    bells: Vec<Condvar>,
}

/// How far the captures are.
struct Progress {
    /// Those that are open or will be next.
    crews: VecDeque<Crew>,
    /// The number of the oldest of them.
    oldest: usize,
    /// How many threads there are.
    threads: usize,
    /// Those that wait for something to do.
    waiting: Vec<usize>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Going,
    /// Nothing more is asked for.
    Stopped,
    /// A thread broke down.
    Broken,
}

/// Audits all captures; see [`audit`](super::audit).
pub(super) fn audit<E>(
    sources: &[Source],
    plan: &Plan,
    take: &mut impl FnMut(&Source, Outcome<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let pool = Arc::new(Pool::new(sources, plan));
    let hire = |number| {
        let pool = Arc::clone(&pool);
        let thread = thread::Builder::new().name("audit".to_owned());
        thread.spawn(move || pool.help(number))
    };
    // Where the system gives no more threads, fewer do.
    let helpers: Vec<_> = (1..plan.threads.get())
        .map_while(|n| hire(n).ok())
        .collect();
    pool.change(|progress| progress.threads += helpers.len());
    let result = pool.lead(take);
    pool.stop(State::Stopped);
    // Where the results are not wanted any more, nobody waits for a thread that reads from a slow stream.
    if result.is_ok() {
        join(helpers);
    }
    result
}

fn join(helpers: Vec<JoinHandle<()>>) {
    for helper in helpers {
        if let Err(panic) = helper.join() {
            resume_unwind(panic);
        }
    }
}

impl Pool {
    fn new(sources: &[Source], plan: &Plan) -> Self {
        let threads = plan.threads.get();
        let at_once = sources.len().min(threads).min(AT_ONCE);
        let octets: Vec<_> = sources.iter().map(Source::octets).collect();
        let hands = hands(&octets, threads);
        Pool {
            sources: sources.to_vec(),
            plan: plan.clone(),
            progress: Mutex::new(Progress {
                crews: hands.iter().take(at_once).copied().map(Crew::of).collect(),
                oldest: 0,
                threads: 1,
                waiting: Vec::new(),
                state: State::Going,
            }),
            hands,
            bells: (0..threads).map(|_| Condvar::new()).collect(),
        }
    }

    /// Hands out what comes of the captures, and helps.
    fn lead<E>(
        &self,
        take: &mut impl FnMut(&Source, Outcome<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut readings = 0;
        for source in &self.sources {
            let mut merge = Merge::default();
            let mut account = Account::new(source, &self.plan.selection, readings);
            loop {
                match self.next_ready() {
                    // What broke down is told where the threads are joined.
                    None => return Ok(()),
                    Some(Ready::Unreadable(error)) => {
                        take(source, Outcome::Unreadable(error))?;
                        break;
                    }
                    Some(Ready::Yields(mut yields)) => {
                        for (finished, texts) in merge.put_together(&mut yields) {
                            account.add(finished, texts, take)?;
                        }
                        for yielded in &yields {
                            account.add_totals(&yielded.texts.totals);
                        }
                        self.change(|progress| {
                            if let Some(crew) = progress.crews.front_mut() {
                                crew.take_back(yields);
                            }
                        });
                    }
                    Some(Ready::End(end)) => {
                        let steps = merge.last_steps(&end);
                        account.note_end(end.beside, end.summary);
                        self.change(|progress| {
                            if let Some(crew) = progress.crews.front_mut() {
                                crew.finish(steps);
                            }
                        });
                    }
                    Some(Ready::Over) => {
                        take(source, account.close())?;
                        readings += 1;
                        break;
                    }
                }
            }
            self.change(|progress| progress.go_on(&self.hands));
        }
        Ok(())
    }

    /// What comes of the oldest capture next; `None` where a thread broke down.
    fn next_ready(&self) -> Option<Ready> {
        let mut progress = self.lock();
        while progress.state == State::Going {
            if let Some(ready) = progress.crews.front_mut().and_then(Crew::ready) {
                self.wake(&progress);
                return Some(ready);
            }
            progress = self.do_something(LEADER, progress);
        }
        None
    }

    /// Does whatever there is to do, until nothing more is asked for.
    fn help(&self, number: usize) {
        let _alarm = Alarm(self);
        let mut progress = self.lock();
        while progress.state == State::Going {
            progress = self.do_something(number, progress);
        }
    }

    /// Does something, or waits until there is something to do.
    fn do_something<'a>(
        &'a self,
        thread: usize,
        mut progress: MutexGuard<'a, Progress>,
    ) -> MutexGuard<'a, Progress> {
        let next = progress.next(thread, &self.plan, STEPS);
        let task = next.and_then(|next| progress.begin(next, thread));
        // Only now it is known whether this thread makes more ready.
        self.wake(&progress);
        let Some((number, task)) = task else {
            return self.wait(thread, progress);
        };
        drop(progress);
        let source = self.sources.get(number);
        let done = source.map(|source| task.perform(source, &self.plan));
        let mut progress = self.lock();
        let number = number - progress.oldest;
        if let (Some(crew), Some(done)) = (progress.crews.get_mut(number), done) {
            crew.accept(done);
        }
        progress
    }

    fn wait<'a>(
        &'a self,
        thread: usize,
        mut progress: MutexGuard<'a, Progress>,
    ) -> MutexGuard<'a, Progress> {
        let Some(bell) = self.bells.get(thread) else {
            return progress;
        };
        progress.waiting.push(thread);
        let woken = bell.wait(progress);
        let mut progress = woken.unwrap_or_else(PoisonError::into_inner);
        progress.waiting.retain(|waiting| *waiting != thread);
        progress
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.lock();
        change(&mut progress);
        self.wake(&progress);
    }

    fn wake(&self, progress: &Progress) {
        for thread in &progress.waiting {
            if progress.has_something(*thread, &self.plan)
                && let Some(bell) = self.bells.get(*thread)
            {
                bell.notify_one();
            }
        }
    }

    fn stop(&self, state: State) {
        self.change(|progress| progress.state = state);
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn thread(&self, number: usize) -> Thread {
        Thread {
            number,
            of: self.threads,
        }
    }

    /// Whether this thread, which waits, is to go on.
    fn has_something(&self, thread: usize, plan: &Plan) -> bool {
        let is_ready = || {
            let front = self.crews.front();
            front.is_some_and(|crew| crew.is_ready_with(STEPS_LEFT))
        };
        self.state != State::Going
            || thread == LEADER && is_ready()
            || self.next(thread, plan, STEPS_LEFT).is_some()
    }

    /// What there is to do, for the oldest capture that needs anything, where some may be so many steps ahead of others.
    fn next(&self, thread: usize, plan: &Plan, steps: usize) -> Option<(usize, Next)> {
        let thread = self.thread(thread);
        let beside = self.crews.len().saturating_sub(1).max(1);
        let oldest = Room {
            steps,
            untold: UNTOLD,
            memory: usize::MAX,
        };
        let others = Room {
            steps,
            untold: usize::MAX,
            memory: plan.memory / (BESIDE - 1) / beside,
        };
        let rooms = iter::once(oldest).chain(iter::repeat(others));
        let mut crews = self.crews.iter().zip(rooms).enumerate();
        crews.find_map(|(number, (crew, room))| Some((number, crew.next(thread, room)?)))
    }

    /// Takes it for this thread, whom it is for, with the number of its capture.
    fn begin(&mut self, (number, next): (usize, Next), thread: usize) -> Option<(usize, Task)> {
        let thread = self.thread(thread);
        let task = self.crews.get_mut(number)?.begin(next, thread)?;
        Some((self.oldest + number, task))
    }

    /// The oldest capture is done with; these are the hands of all.
    fn go_on(&mut self, hands: &[usize]) {
        self.crews.pop_front();
        self.oldest += 1;
        let next = hands.get(self.oldest + self.crews.len());
        self.crews.extend(next.map(|size| Crew::of(*size)));
    }
}

/// How many hands each capture has, by its octets, where these are known. Each hand reads the whole capture, so that one
/// is enough where there are others to be read beside it; a long one gets its share of the threads, and the last all.
fn hands(octets: &[Option<u64>], threads: usize) -> Vec<usize> {
    let most = threads.min(SHARDS);
    let mut left: u64 = octets.iter().flatten().sum();
    let mut share = |octets: u64| {
        let share = u128::from(octets) * threads as u128;
        let share = share.div_ceil(u128::from(left.max(1)));
        left -= octets;
        usize::try_from(share).map_or(most, |share| share.clamp(1, most))
    };
    let hands = octets.iter().map(|octets| octets.map_or(most, &mut share));
    hands.collect()
}

/// Tells the others when a thread breaks down.
struct Alarm<'a>(&'a Pool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop(State::Broken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::hands;

    #[test]
    fn a_capture_has_its_share_of_the_threads() {
        let known = |octets: &[u64], threads| {
            let octets: Vec<_> = octets.iter().copied().map(Some).collect();
            hands(&octets, threads)
        };
        assert_eq!(known(&[1_000_000], 2), [2]);
        assert_eq!(known(&[1_000_000], 16), [4]);
        assert_eq!(known(&[100, 100, 100], 2), [1, 1, 2]);
        assert_eq!(known(&[5, 100_000, 5, 0], 4), [1, 4, 4, 1]);
        assert_eq!(known(&[0], 4), [1]);
        assert_eq!(hands(&[Some(10), None, Some(10)], 2), [1, 2, 2]);
    }
}
