//! A disk that is full.

use super::*;

#[test]
fn a_write_takes_what_fits_and_then_nothing() {
    let (fs, file) = with_file(b"abc");
    fs.set_bytes("other", vec![0; 4]);
    fs.set_quota(Some(10));
    assert_eq!(file.write_at(b"123456", 2).unwrap(), 4);
    assert_eq!(kind_of(file.write_at(b"56", 6)), ErrorKind::StorageFull);
    assert_eq!(file.write_at(b"", 6).unwrap(), 0);
    assert_eq!(file.write_at(b"in it", 0).unwrap(), 5, "no room is needed");
    assert_eq!(fs.bytes("f").unwrap(), b"in it4");
    assert_eq!(fs.total_bytes(), 10);
    fs.set_quota(None);
    assert_eq!(file.write_at(b"56", 6).unwrap(), 2);
    fs.set_quota(Some(0));
    assert_eq!(kind_of(file.write_at(b"7", 8)), ErrorKind::StorageFull);
    file.truncate(1).unwrap();
}

#[test]
fn a_length_beyond_the_room_is_refused() {
    let (fs, file) = with_file(b"abc");
    fs.set_quota(Some(10));
    assert_eq!(kind_of(file.allocate(0, 11)), ErrorKind::StorageFull);
    assert_eq!(kind_of(file.truncate(11)), ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), 3);
    file.allocate(0, 10).unwrap();
    file.allocate(0, 9).unwrap();
    assert_eq!(file.len().unwrap(), 10);
}

#[test]
fn a_removed_file_takes_room_until_it_is_closed() {
    let (fs, file) = with_file(&[0; 8]);
    fs.set_quota(Some(10));
    let other = fs.create_new("g").unwrap();
    fs.remove("f").unwrap();
    assert_eq!(other.write_at(&[1; 8], 0).unwrap(), 2);
    drop(file);
    assert_eq!(other.write_at(&[1; 8], 2).unwrap(), 8);
}

#[test]
fn a_crash_finds_no_room_that_the_write_had_not() {
    let (fs, file) = with_file(b"");
    fs.set_quota(Some(5));
    let (disk, lengths) = (fs.clone(), Arc::new(Mutex::new(Vec::new())));
    let sink = Arc::clone(&lengths);
    fs.observe(Some(Box::new(move |_| {
        let mut random = fastrand::Rng::with_seed(1);
        let images = [ALL, Loss::Kill].map(|loss| disk.crash(loss, &mut random));
        let mut sink = sink.lock().unwrap();
        sink.extend(images.map(|image| image.total_bytes()));
    })));
    assert_eq!(file.write_at(&[1; 100], 0).unwrap(), 5);
    let lengths = lengths.lock().unwrap();
    assert!(lengths[0] == 5 && lengths[1] <= 5, "{lengths:?}");
}
