//! What the runtime expects of a bounded channel, whichever it is.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};

macro_rules! suite {
    ($name:ident, $bounded:path) => {
        mod $name {
            use super::*;
            use $bounded as bounded;

            #[test]
            fn keeps_order_and_refuses_beyond_its_capacity() {
                let (sender, receiver) = bounded(2);
                assert_eq!(sender.capacity(), Some(2));
                sender.try_send(1).unwrap();
                sender.try_send(2).unwrap();
                assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
                assert_eq!((sender.len(), receiver.len()), (2, 2));
                assert_eq!(receiver.try_recv(), Ok(1));
                assert_eq!(receiver.try_recv(), Ok(2));
                assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
                assert!(sender.is_empty() && receiver.is_empty());
            }

            #[test]
            fn gives_out_what_was_sent_before_the_last_sender_left() {
                let (sender, receiver) = bounded(1);
                let other = sender.clone();
                drop(sender);
                other.try_send(1).unwrap();
                drop(other);
                assert_eq!(receiver.recv(), Ok(1));
                assert!(receiver.recv().is_err());
                assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
            }

            #[test]
            fn gives_the_message_back_once_no_receiver_is_left() {
                let (sender, receiver) = bounded(1);
                let other = receiver.clone();
                drop(receiver);
                sender.try_send(1).unwrap();
                drop(other);
                assert_eq!(sender.try_send(2), Err(TrySendError::Disconnected(2)));
                assert_eq!(sender.send(2).unwrap_err().into_inner(), 2);
            }

            #[test]
            fn waits_end_by_time() {
                let (sender, receiver) = bounded(1);
                let soon = Duration::from_millis(1);
                assert_eq!(receiver.recv_timeout(soon), Err(RecvTimeoutError::Timeout));
                sender.send_timeout(1, soon).unwrap();
                assert_eq!(
                    sender.send_timeout(2, soon),
                    Err(SendTimeoutError::Timeout(2))
                );
            }

            #[test]
            fn a_blocked_sender_goes_on_when_there_is_room() {
                let (sender, receiver) = bounded(1);
                let senders: Vec<_> = (0..3)
                    .map(|number| {
                        let sender = sender.clone();
                        thread::spawn(move || sender.send(number).unwrap())
                    })
                    .collect();
                let mut got: Vec<i32> = (0..3).map(|_| receiver.recv().unwrap()).collect();
                got.sort_unstable();
                assert_eq!(got, [0, 1, 2]);
                for sender in senders {
                    sender.join().unwrap();
                }
            }

            #[test]
            fn a_blocked_receiver_wakes_when_the_last_sender_leaves() {
                let (sender, receiver) = bounded::<Arc<()>>(1);
                let waiter = thread::spawn(move || receiver.recv().is_err());
                drop(sender);
                assert!(waiter.join().unwrap());
            }
        }
    };
}

suite!(real, crossbeam_channel::bounded);
suite!(stand_in, crate::runtime::sync::stand_in::channel::bounded);
