//! Any strings as keys and values: YAML gives them back as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

fuzz_target!(|strings: Vec<String>| {
    let keyed: BTreeMap<&str, &[String]> = strings.iter().map(|key| (&**key, &*strings)).collect();
    let text = zdc::yaml::to_string(&keyed).expect("strings are written");
    let read: BTreeMap<String, Vec<String>> = serde_yaml::from_str(&text).expect("and read");
    assert!(read.iter().map(|(key, value)| (&**key, &**value)).eq(keyed));
});
