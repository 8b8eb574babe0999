//! Commands of ours that wait for the client's answer. No socket, no clock.

use super::Errno;
use std::collections::HashMap;

/// Most that wait at once. Each belongs to a thread, and there are fewer.
const MOST: usize = 256;

/// The body of a reply, or the error in its place.
pub type Answer = Result<Vec<u8>, Errno>;

/// See the module.
#[derive(Debug, Default)]
pub struct Calls {
    next: u16,
    /// By message ID; `None`: not yet answered.
    waiting: HashMap<u16, Option<Answer>>,
    /// The client has let one of them wait too long, and has answered none since.
    silent: bool,
    closed: bool,
}

impl Calls {
    /// Another command, and its message ID.
    ///
    /// # Errors
    /// `ENOTCONN`: there is no client any more. `ETIMEDOUT`: it does not answer; waiting again for
    /// each of a job's accesses would take hours. `EBUSY`: too many wait.
    pub fn begin(&mut self) -> Result<u16, Errno> {
        if self.closed {
            return Err(Errno::NOTCONN);
        }
        if self.silent {
            return Err(Errno::TIMEDOUT);
        }
        if self.waiting.len() >= MOST {
            return Err(Errno::BUSY);
        }
        while self.waiting.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let id = self.next;
        self.next = id.wrapping_add(1);
        self.waiting.insert(id, None);
        Ok(id)
    }

    /// The client has answered command `id`. `false`: nobody waits for that (any more).
    pub fn answered(&mut self, id: u16, answer: Answer) -> bool {
        // Late, but alive.
        self.silent = false;
        match self.waiting.get_mut(&id) {
            Some(place @ None) => {
                *place = Some(answer);
                true
            }
            _ => false,
        }
    }

    /// The answer to command `id`, if it has come; the command is over then.
    pub fn take(&mut self, id: u16) -> Option<Answer> {
        if self.closed {
            return Some(Err(Errno::NOTCONN));
        }
        let answer = self.waiting.get_mut(&id)?.take()?;
        self.waiting.remove(&id);
        Some(answer)
    }

    /// Nobody waits for command `id` any longer.
    pub fn give_up(&mut self, id: u16) {
        if self.waiting.remove(&id).is_some() {
            self.silent = true;
        }
    }

    /// Command `id` is looked after elsewhere.
    pub fn forget(&mut self, id: u16) {
        self.waiting.remove(&id);
    }

    /// The client has gone: who waits is told.
    pub fn close(&mut self) {
        self.closed = true;
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_any_order_and_strangers_are_nobody_s() {
        let mut calls = Calls::default();
        let ids = [(); 3].map(|()| calls.begin().unwrap());
        assert!(calls.answered(ids[2], Ok(vec![2])));
        assert!(calls.answered(ids[0], Err(Errno::PERM)));
        assert!(!calls.answered(ids[0], Ok(vec![])), "twice");
        assert!(!calls.answered(77, Ok(vec![])), "never asked");
        assert_eq!(calls.take(ids[0]), Some(Err(Errno::PERM)));
        assert_eq!(calls.take(ids[1]), None);
        assert_eq!(calls.take(ids[2]), Some(Ok(vec![2])));
        assert_eq!(calls.take(ids[2]), None, "once");
    }

    #[test]
    fn who_has_been_let_down_once_does_not_wait_again_until_there_is_a_sign_of_life() {
        let mut calls = Calls::default();
        let id = calls.begin().unwrap();
        calls.give_up(id);
        assert_eq!(calls.begin(), Err(Errno::TIMEDOUT));
        assert!(!calls.answered(id, Ok(vec![])));
        assert!(calls.begin().is_ok());
    }

    #[test]
    fn the_end_of_the_connection_ends_all() {
        let mut calls = Calls::default();
        let id = calls.begin().unwrap();
        calls.close();
        assert_eq!(calls.take(id), Some(Err(Errno::NOTCONN)));
        assert_eq!(calls.begin(), Err(Errno::NOTCONN));
    }

    #[test]
    fn ids_in_use_are_not_given_twice_and_their_number_is_bounded() {
        let mut calls = Calls { next: u16::MAX - 1, ..Calls::default() };
        let mut ids: Vec<_> = (0..MOST).map(|_| calls.begin().unwrap()).collect();
        assert_eq!(calls.begin(), Err(Errno::BUSY));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), MOST);
        assert!(calls.answered(ids[0], Ok(vec![])));
        assert!(calls.take(ids[0]).is_some());
        for _ in 0..100_000 {
            let id = calls.begin().unwrap();
            assert!(calls.answered(id, Ok(vec![])) && calls.take(id).is_some());
        }
    }
}
