//! The two lines before a lane: what is short and others depend on goes first.

use tokio::sync::mpsc;

/// Where callers line up.
pub struct Lines<W> {
    /// sessions, leases, beats
    pub first: mpsc::Sender<W>,
    /// everything else
    pub usual: mpsc::Sender<W>,
}

/// Where the lane takes from.
pub struct Waiting<W> {
    first: mpsc::Receiver<W>,
    /// for a group that gathers its members
    pub usual: mpsc::Receiver<W>,
}

/// Two lines, each of so many at the most.
pub fn lines<W>(most: usize) -> (Lines<W>, Waiting<W>) {
    let (first, first_waiting) = mpsc::channel(most);
    let (usual, usual_waiting) = mpsc::channel(most);
    (Lines { first, usual }, Waiting { first: first_waiting, usual: usual_waiting })
}

impl<W> Waiting<W> {
    /// The next one; none when nobody can send any more.
    pub async fn next(&mut self) -> Option<W> {
        tokio::select! {
            biased;
            Some(work) = self.first.recv() => Some(work),
            Some(work) = self.usual.recv() => Some(work),
            else => None,
        }
    }
}
