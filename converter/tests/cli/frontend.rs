//! Audio front ends, and networks that take their bytes.

use std::fs;
use std::path::Path;

use crate::common::{Workplace, data, sedge};

#[test]
fn the_bundled_front_end_is_the_default_one() {
    let place = Workplace::new();
    let path = place.path("frontend.tflite");
    let json = sedge(&["frontend", "-o", &path, "--json"]).json();
    assert_eq!((json["window_samples"].as_u64(), json["hop_samples"].as_u64()), (Some(480), Some(320)));
    assert!(fs::read(&path).unwrap() == fs::read(data("keywords/frontend.tflite")).unwrap());
}

#[test]
fn front_ends_whose_numbers_do_not_fit_are_refused() {
    let place = Workplace::new();
    let path = place.path("frontend.tflite");
    for (arguments, advice) in [
        (&["--hop", "40"] as &[&str], "make --hop as long as --window or shorter"),
        (&["--rate", "11025"], "change --window or --rate"),
        (&["--channels", "100"], "give fewer --channels"),
        (&["--channels", "0"], "give --channels"),
        (&["--high", "8000"], "less than half of the rate"),
        (&["--low", "7600"], "make --low less than --high"),
        (&["--low", "-1"], "make --low less than --high"),
        (&["--low", "nan"], "make --low less than --high"),
        (&["--window", "300"], "between 33 and 4096 samples"),
        (&["--window", "2", "--hop", "2"], "between 33 and 4096 samples"),
        (&["--rate", "0"], "change"),
    ] {
        let done = sedge(&[&["frontend", "-o", &path], arguments].concat());
        assert_eq!(done.code, 2, "{arguments:?}: {}", done.stderr);
        assert!(done.stderr.contains(advice), "{arguments:?}: {}", done.stderr);
        assert!(!Path::new(&path).exists());
    }
}

#[test]
fn an_input_range_is_what_is_asked_for() {
    let place = Workplace::new();
    let model = place.path("int8.tflite");
    let (float, samples) = (data("keywords/keywords_float.tflite"), data("keywords/calibration.npz"));
    let convert = |more: &[&str]| sedge(&[&["convert", &float, "-o", &model, "-c", &samples], more].concat());
    // The bytes of the front end mean the same to the network.
    assert_eq!(convert(&["--input-range", "0,25.8984375"]).code, 0);
    let of =
        |file: &str, end: &str| sedge(&["inspect", file, "--json"]).json()[end][0]["quantization"].clone();
    let frontend = of(&data("keywords/frontend.tflite"), "outputs");
    assert!(!frontend.is_null());
    assert_eq!(of(&model, "inputs"), frontend);
    assert_eq!(convert(&["--input-range", "x=-1,1"]).code, 0);
    assert_ne!(of(&model, "inputs"), frontend);
    for (range, advice) in [
        ("y=0,1", "with a name of: x"),
        ("1,0", "the smallest and the largest"),
        ("1", "the smallest and the largest"),
        ("0,inf", "the smallest and the largest"),
    ] {
        let done = convert(&["--input-range", range]);
        assert_eq!(done.code, 2, "{range}: {}", done.stderr);
        assert!(done.stderr.contains(advice), "{range}: {}", done.stderr);
    }
    let none = sedge(&["convert", &float, "-o", &model, "-q", "none", "--input-range", "0,1"]);
    assert_eq!((none.code, none.stderr.contains("leave --input-range out")), (2, true), "{}", none.stderr);
}
