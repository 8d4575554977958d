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
use super::crew::{Crew, Ready, Room, Task, Thread};
use super::merge::Merge;
use super::{Outcome, Plan};
use crate::capture::Source;
use crate::tcp::SHARDS;

/// How many captures are open at once.
const AT_ONCE: usize = 8;

/// How many octets of memory the results of the oldest capture may take before they are handed out; what is under way
/// by then comes on top.
const UNTOLD: usize = 4 << 20;

/// The number of the thread that asked.
const LEADER: usize = 0;

struct Pool {
    sources: Vec<Source>,
    plan: Plan,
    progress: Mutex<Progress>,
    changed: Condvar,
}

/// How far the captures are.
struct Progress {
    /// Those that are open or will be next.
    crews: VecDeque<Crew>,
    /// The number of the oldest of them.
    oldest: usize,
    /// How many threads there are.
    threads: usize,
    /// How many of them wait for something to do.
    waiting: usize,
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
    take: &mut impl FnMut(&Source, Outcome) -> Result<(), E>,
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
        let at_once = sources.len().min(plan.threads.get()).min(AT_ONCE);
        Pool {
            sources: sources.to_vec(),
            plan: plan.clone(),
            progress: Mutex::new(Progress {
                crews: (0..at_once).map(|_| Crew::new()).collect(),
                oldest: 0,
                threads: 1,
                waiting: 0,
                state: State::Going,
            }),
            changed: Condvar::new(),
        }
    }

    /// Hands out what comes of the captures, and helps.
    fn lead<E>(&self, take: &mut impl FnMut(&Source, Outcome) -> Result<(), E>) -> Result<(), E> {
        let mut readings = 0;
        for source in &self.sources {
            let mut merge = Merge::default();
            let mut account = Account::new(source, &self.plan, readings);
            loop {
                match self.next_ready() {
                    // What broke down is told where the threads are joined.
                    None => return Ok(()),
                    Some(Ready::Unreadable(error)) => {
                        take(source, Outcome::Unreadable(error))?;
                        break;
                    }
                    Some(Ready::Yields(yields)) => {
                        for judged in merge.put_together(yields) {
                            account.add(judged, take)?;
                        }
                    }
                    Some(Ready::End(end)) => {
                        let steps = merge.last_steps(end.last);
                        account.note_end(end.beside, end.summary);
                        self.change(|progress| {
                            if let Some(crew) = progress.crews.front_mut() {
                                crew.finish(steps);
                            }
                        });
                    }
                    Some(Ready::Over) => {
                        take(source, Outcome::Read(account.into_reading().into()))?;
                        readings += 1;
                        break;
                    }
                }
            }
            self.change(|progress| progress.go_on(self.sources.len()));
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

    /// Does something, or waits until something has changed.
    fn do_something<'a>(
        &'a self,
        number: usize,
        mut progress: MutexGuard<'a, Progress>,
    ) -> MutexGuard<'a, Progress> {
        let Some((number, task)) = progress.next_task(number, &self.plan) else {
            progress.waiting += 1;
            let woken = self.changed.wait(progress);
            let mut progress = woken.unwrap_or_else(PoisonError::into_inner);
            progress.waiting -= 1;
            return progress;
        };
        drop(progress);
        let done = self
            .sources
            .get(number)
            .map(|source| task.perform(source, &self.plan));
        let mut progress = self.lock();
        let number = number - progress.oldest;
        if let (Some(crew), Some(done)) = (progress.crews.get_mut(number), done) {
            crew.accept(done);
        }
        self.wake(&progress);
        progress
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.lock();
        change(&mut progress);
        self.wake(&progress);
    }

    fn wake(&self, progress: &Progress) {
        if progress.waiting > 0 {
            self.changed.notify_all();
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
    /// Something to do, for the oldest capture that needs anything.
    fn next_task(&mut self, number: usize, plan: &Plan) -> Option<(usize, Task)> {
        let thread = Thread {
            number,
            of: self.threads,
        };
        let flights = self.threads.min(SHARDS) + 8;
        let beside = self.crews.len().saturating_sub(1).max(1);
        let oldest = Room {
            flights,
            untold: UNTOLD,
            memory: usize::MAX,
        };
        let others = Room {
            flights,
            untold: usize::MAX,
            memory: plan.memory / (BESIDE - 1) / beside,
        };
        let rooms = iter::once(oldest).chain(iter::repeat(others));
        let mut crews = self.crews.iter_mut().zip(rooms).zip(self.oldest..);
        crews.find_map(|((crew, room), number)| Some((number, crew.next_task(thread, room)?)))
    }

    /// The oldest capture is done with; there are so many in all.
    fn go_on(&mut self, captures: usize) {
        self.crews.pop_front();
        self.oldest += 1;
        if self.oldest + self.crews.len() < captures {
            self.crews.push_back(Crew::new());
        }
    }
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
