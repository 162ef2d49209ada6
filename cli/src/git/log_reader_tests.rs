use super::*;

const HASH: &str = "07d7387ea427c8775cae5bbe868df2f7db7ceb4c";

fn read(bytes: &[u8]) -> io::Result<Vec<Item>> {
    let mut reader = LogReader::new(bytes);
    let mut items = Vec::new();
    while let Some(item) = reader.next_item()? {
        items.push(item);
    }
    Ok(items)
}

fn commit(subject: &str) -> Vec<u8> {
    format!("{HASH}\0\0A B\0a@b\x001700000000 +0100\0{subject}\0").into_bytes()
}

#[test]
fn commits_without_changes_follow_each_other_directly() {
    let items = read(&[commit("one"), commit("")].concat()).unwrap();
    let [Item::Commit(one), Item::Commit(other)] = items.as_slice() else {
        panic!("{items:?}");
    };
    assert_eq!(
        (one.subject.as_slice(), other.subject.as_slice()),
        (&b"one"[..], &b""[..])
    );
    assert_eq!(
        (one.unix_seconds, one.offset.as_str()),
        (1_700_000_000, "+0100")
    );
}

#[test]
fn a_subject_and_a_path_that_look_like_something_else_are_read_as_they_are() {
    let mut bytes = commit(":100644 A");
    bytes.extend_from_slice(b"\n:100644 100644 aa bb R087\0\n:old\xff\0");
    bytes.extend_from_slice(HASH.as_bytes());
    bytes.push(0);
    let items = read(&bytes).unwrap();
    let [Item::Commit(commit), Item::Change(change)] = items.as_slice() else {
        panic!("{items:?}");
    };
    assert_eq!(commit.subject, b":100644 A");
    assert_eq!(change.status, Status::Renamed);
    assert_eq!(change.old_path.as_deref(), Some(&b"\n:old\xff"[..]));
    assert_eq!(change.path, HASH.as_bytes());
}

#[test]
fn output_that_is_cut_off_anywhere_within_an_item_is_an_error() {
    let whole = [commit("one"), b"\n:000000 100644 aa bb A\0path\0".to_vec()].concat();
    let end_of_commit = commit("one").len();
    for length in 1..whole.len() {
        let read = read(&whole[..length]);
        assert_eq!(read.is_ok(), length == end_of_commit, "cut at {length}");
    }
}
