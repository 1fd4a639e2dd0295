//! The command from outside: exit codes, messages, files.

mod common;
mod frontend;
mod memory;

use std::fs;

use common::{Workplace, data, npy, sedge};
use sedge_converter::data::{Array, npy_bytes};
use serde_json::Value;

#[test]
fn help_has_examples_and_the_version_is_told() {
    for command in ["run", "inspect", "bench", "verify", "compile"] {
        let result = sedge(&[command, "--help"]);
        assert_eq!(result.code, 0);
        assert!(result.stdout.contains("Examples:"), "{command}: {}", result.stdout);
        assert!(result.stdout.contains(&format!("sedge {command} digits.tflite")), "{}", result.stdout);
    }
    assert!(sedge(&["frontend", "--help"]).stdout.contains("sedge frontend -o frontend.tflite"));
    assert_eq!(sedge(&["--version"]).stdout.trim(), concat!("sedge ", env!("CARGO_PKG_VERSION")));
    assert!(sedge(&["run", "--help"]).stdout.contains("(x * scale - mean) / std"));
}

#[test]
fn wrong_commands_end_with_2() {
    let model = data("sine/sine_int8_tf.tflite");
    for arguments in [
        &[] as &[&str],
        &["fly"],
        &["run"],
        &["run", &model],
        &["bench", &model, "--threads", "0"],
        &["bench", &model, "--runs", "0"],
        &["bench", &model, "--backend", "fastest"],
        &["run", &model, "--input", "x.txt", "--output-dir", "nowhere"],
    ] {
        let result = sedge(arguments);
        assert_eq!(result.code, 2, "{arguments:?}: {}", result.stderr);
    }
    let result = sedge(&["bench", &model, "--backend", "fastest"]);
    assert!(result.stderr.contains("available here: auto, scalar"), "{}", result.stderr);
    assert_eq!(sedge(&["bench", &model, "--threads", "2", "--runs", "3"]).code, 0);
}

#[test]
fn the_backend_comes_from_the_environment_too() {
    let model = data("sine/sine_int8_tf.tflite");
    let result =
        common::sedge_with(&["bench", &model, "--runs", "3", "--json"], &[("SEDGE_BACKEND", "scalar")]);
    assert_eq!(result.json()["backend"], "scalar");
    let result = common::sedge_with(&["bench", &model], &[("SEDGE_BACKEND", "none")]);
    assert_eq!(result.code, 2);
}

#[test]
fn outputs_are_the_expected_ones() {
    for model in ["sine/sine_int8_tf", "digits/digits_int8_tf", "keywords/keywords_int8_tf"] {
        let place = Workplace::new();
        let expected = common::npz(&data(&format!("{model}.expected.npz")));
        let input = place.file("in.npy", &expected["t1.in0"]);
        for weights in ["packed", "in-place"] {
            let out = place.path(weights);
            let result = sedge(&[
                "run",
                &data(&format!("{model}.tflite")),
                "--input",
                &input,
                "--output-dir",
                &out,
                "--weights",
                weights,
            ]);
            assert_eq!(result.code, 0, "{model}: {}", result.stderr);
            let written = sedge_converter::data::parse_npy(&fs::read(format!("{out}/output_0.npy")).unwrap());
            let wanted = sedge_converter::data::parse_npy(&expected["t1.out0"]);
            assert_eq!(written, wanted, "{model}");
        }
    }
}

#[test]
fn other_sizes_and_archives_are_taken() {
    let place = Workplace::new();
    let model = data("sine/sine_int8_tf.tflite");
    let batch = place.file("batch.npy", &npy("|i1", "3, 1", &[1, 2, 3]));
    let result = sedge(&["run", &model, "--input", &batch, "--output-dir", &place.path("out")]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert!(result.stdout.contains("int8 [3, 1]"), "{}", result.stdout);
    // The array has the name of the input, and is float32.
    let archive = data("sine/calibration.npz");
    let arguments =
        ["run", &model, "--input", &archive, "--output-dir", &place.path("npz"), "--dequantize-outputs"];
    assert!(sedge(&arguments).stderr.contains("--quantize-inputs"));
    let result = sedge(&[&arguments[..], &["--quantize-inputs"]].concat());
    assert_eq!(result.code, 0, "{}", result.stderr);
    assert!(result.stdout.contains("float32 [100, 1]"), "{}", result.stdout);
    let written =
        sedge_converter::data::parse_npy(&fs::read(place.path("npz/output_0.npy")).unwrap()).unwrap();
    assert!(written.to_f32().unwrap().iter().all(|y| (-1.2..=1.2).contains(y)));
}

#[test]
fn raw_bytes_and_pictures_are_taken() {
    let place = Workplace::new();
    let model = data("digits/digits_int8_tf.tflite");
    let raw = place.file("x.bin", &[0x80; 64]);
    let result = sedge(&["run", &model, "--input", &raw, "--output-dir", &place.path("raw")]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    // A black picture is 0 in real numbers, and -128 by the input's quantization.
    let picture = place.path("x.png");
    image::GrayImage::new(20, 30).save(&picture).unwrap();
    let result = sedge(&["run", &model, "--input", &picture, "--output-dir", &place.path("png")]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let [a, b] = ["raw", "png"].map(|d| fs::read(place.path(&format!("{d}/output_0.npy"))).unwrap());
    assert_eq!(a, b);
    let short = place.file("short.bin", &[0; 63]);
    let result = sedge(&["run", &model, "--input", &short, "--output-dir", &place.path("short")]);
    assert_eq!(result.code, 1);
    assert!(result.stderr.contains("63 bytes") && result.stderr.contains("takes 64"), "{}", result.stderr);
}

#[test]
fn bad_inputs_are_refused_and_nothing_is_written() {
    let place = Workplace::new();
    let model = data("sine/sine_int8_tf.tflite");
    let good = npy("|i1", "1, 1", &[1]);
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("empty.npy", vec![], "not a .npy file"),
        ("cut.npy", good[..good.len() - 1].to_vec(), "its shape needs 1"),
        ("head.npy", good[..20].to_vec(), "ends within its header"),
        ("float.npy", npy("<f4", "1, 1", &[0; 4]), "holds float32, but input 0"),
        ("long.npy", npy("<i8", "1, 1", &[0; 8]), "holds int64, but input 0"),
        ("rank.npy", npy("|i1", "1,", &[1]), "reshape the array to [1, 1]"),
        ("text.npy", npy("<U1", "1, 1", &[0; 4]), "'<U1' is not supported"),
        ("huge.npy", npy("|i1", "9999999999, 9999999999", &[1]), "too large"),
        ("empty.npz", vec![], "cannot read"),
        ("bad.png", vec![1, 2, 3], "takes no picture"),
        ("two.npz", fs::read(data("sine/sine_int8_tf.expected.npz")).unwrap(), "cannot"),
    ];
    for (name, bytes, message) in cases {
        let input = place.file(name, bytes);
        let out = place.path("out");
        let result = sedge(&["run", &model, "--input", &input, "--output-dir", &out]);
        assert_eq!(result.code, 1, "{name}: {}", result.stderr);
        assert!(result.stderr.contains(message), "{name}: {}", result.stderr);
        assert!(!fs::exists(&out).unwrap(), "{name} left outputs");
    }
    // A size that the model's first operator cannot take.
    let deep = place.file("deep.npy", &npy("|i1", "1, 8, 8, 3", &[0; 192]));
    let digits = data("digits/digits_int8_tf.tflite");
    let result = sedge(&["run", &digits, "--input", &deep, "--output-dir", &place.path("out")]);
    assert_eq!(result.code, 1);
    assert!(result.stderr.contains("operator 0 (CONV_2D)"), "{}", result.stderr);
    let result = sedge(&["run", &model, "--input", "/no/such.npy", "--output-dir", &place.path("out")]);
    assert_eq!(result.code, 1);
    let result = sedge(&["run", &model, "--output-dir", &place.path("out")]);
    assert!(result.stderr.contains("no inputs are given, the model takes 1 input"), "{}", result.stderr);
}

#[test]
fn a_folder_that_cannot_be_written_keeps_its_files() {
    let place = Workplace::new();
    let model = data("sine/sine_int8_tf.tflite");
    let input = place.file("x.npy", &npy("|i1", "1, 1", &[1]));
    let out = place.path("out");
    // A folder stands where the output should go.
    fs::create_dir_all(format!("{out}/output_0.npy")).unwrap();
    let result = sedge(&["run", &model, "--input", &input, "--output-dir", &out]);
    assert_eq!(result.code, 1, "{}", result.stderr);
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1, "a temporary file stayed");
    let file = place.file("file", b"");
    let result = sedge(&["run", &model, "--input", &input, "--output-dir", &file]);
    assert_eq!(result.code, 1);
}

#[test]
fn bad_models_are_refused_everywhere() {
    let place = Workplace::new();
    let whole = fs::read(data("sine/sine_int8_tf.tflite")).unwrap();
    let cut = place.file("cut.tflite", &whole[..whole.len() / 2]);
    let empty = place.file("empty.tflite", b"");
    let missing = place.path("missing.tflite");
    let input = place.file("x.npy", &npy("|i1", "1, 1", &[1]));
    for model in [&cut, &empty, &missing] {
        for arguments in [
            &["run", model, "--input", &input, "--output-dir", &place.path("out")] as &[&str],
            &["inspect", model],
            &["bench", model],
            &["verify", model],
        ] {
            let result = sedge(arguments);
            assert_eq!(result.code, 1, "{arguments:?}: {}", result.stderr);
            assert!(result.stderr.starts_with("error: "), "{}", result.stderr);
        }
    }
    let result = sedge(&["verify", &cut, "--json"]);
    assert_eq!(result.json()["ok"], false);
}

#[test]
fn conversions_are_reported() {
    let float = data("digits/digits_float.tflite");
    let (place, samples) = (Workplace::new(), data("digits/calibration.npz"));
    let (model, page, machine) = (place.path("a.tflite"), place.path("a.html"), place.path("a.json"));
    let done = sedge(&["convert", &float, "-o", &model, "--calibration", &samples, "--report", &page]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let page = fs::read_to_string(page).unwrap();
    // One picture of memory, one histogram for each layer, and nothing from elsewhere.
    assert_eq!(page.matches("<svg").count(), 13);
    assert!(page.starts_with("<!doctype html>") && !page.contains("src=") && !page.contains("href="));
    assert_eq!(page.matches("<tr class=\"worst\">").count(), 1);
    let done = sedge(&["convert", &float, "-o", &model, "--calibration", &samples, "--report", &machine]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let json: Value = serde_json::from_str(&fs::read_to_string(&machine).unwrap()).unwrap();
    let layers = json["layers"].as_array().unwrap();
    assert_eq!(
        (layers.len(), json["samples"].as_u64(), json["model"]["operators"].as_array().map(Vec::len)),
        (12, Some(32), Some(12))
    );
    for layer in layers {
        let end = |key: &str, i: usize| layer[key][i].as_f64().unwrap();
        let counted: u64 = layer["histogram"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
        assert!(counted >= 32 * 10 && end("chosen", 0) <= 0.0 && end("chosen", 1) > 0.0, "{layer}");
        assert!(end("range", 0) <= end("range", 1));
    }
    // Without samples there is nothing to compare.
    assert_eq!(sedge(&["convert", &float, "-o", &model, "-q", "dynamic", "--report", &machine]).code, 0);
    let json: Value = serde_json::from_str(&fs::read_to_string(&machine).unwrap()).unwrap();
    assert_eq!(json["layers"].as_array().map(Vec::len), Some(0));
    assert_eq!(sedge(&["convert", &float, "-o", &model, "-q", "none", "--report", "a.txt"]).code, 2);
}

#[test]
fn classifiers_are_evaluated() {
    let (model, held) = (data("digits/digits_float.tflite"), data("digits/heldout.npz"));
    let json = sedge(&["eval", &model, "--data", &held, "--top", "2", "--confusion", "--json"]).json();
    // tests/data/README.md: LiteRT classifies 493 of the 500 as they are labelled.
    assert_eq!((json["correct"].as_u64(), json["samples"].as_u64()), (Some(493), Some(500)));
    assert!(json["top_percent"].as_f64() >= json["top1_percent"].as_f64());
    let matrix = json["confusion"].as_array().unwrap();
    let sum = |row: &Value| row.as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>();
    assert_eq!((matrix.len(), matrix.iter().map(sum).sum::<u64>()), (10, 500));
    assert_eq!(matrix.iter().enumerate().filter_map(|(i, row)| row[i].as_u64()).sum::<u64>(), 493);
    // Two pictures of nothing, labelled by their files' names, in another order than these have.
    let place = Workplace::new();
    let (folder, labels) = (place.path("pictures"), place.path("labels.csv"));
    fs::create_dir(&folder).unwrap();
    for name in ["b", "a"] {
        image::GrayImage::new(8, 8).save(format!("{folder}/{name}.png")).unwrap();
    }
    let first = sedge(&["eval", &model, "--data", &folder, "--labels", &labels]);
    assert_eq!(first.code, 1);
    let class = (0..10).find(|class| {
        fs::write(&labels, format!("file,label\nb.png,{class}\na.png,{}\n", class + 1)).unwrap();
        let json = sedge(&["eval", &model, "--data", &folder, "--labels", &labels, "--json"]).json();
        json["correct"] == 1
    });
    assert!(class.is_some());
    fs::write(&labels, "1\n").unwrap();
    let done = sedge(&["eval", &model, "--data", &folder, "--labels", &labels]);
    assert!(done.code == 1 && done.stderr.contains("2 samples and 1 labels"), "{}", done.stderr);
    assert_eq!(sedge(&["eval", &model, "--data", &folder]).code, 2);
}

#[test]
fn pictures_calibrate_as_their_values_do() {
    let float = data("digits/digits_float.tflite");
    let place = Workplace::new();
    let folder = place.path("pictures");
    fs::create_dir(&folder).unwrap();
    let mut values = Vec::new();
    for k in 0..3u32 {
        let picture = image::GrayImage::from_fn(8, 8, |x, y| image::Luma([(40 * x + 31 * y + 70 * k) as u8]));
        picture.save(format!("{folder}/{k}.png")).unwrap();
        values.extend(picture.into_raw().iter().map(|&b| (f32::from(b) / 255.0 - 0.5) / 0.25));
    }
    fs::write(format!("{folder}/notes.txt"), "not a sample").unwrap();
    let array = place.path("x.npy");
    fs::write(&array, npy_bytes(&Array::from_f32(vec![3, 8, 8, 1], &values).unwrap())).unwrap();
    let (a, b) = (place.path("a.tflite"), place.path("b.tflite"));
    let done = sedge(&[
        "convert",
        &float,
        "-o",
        &a,
        "--calibration",
        &folder,
        "--mean",
        "0.5",
        "--std",
        "0.25",
        "--json",
    ]);
    assert_eq!((done.code, done.json()["samples"].as_u64()), (0, Some(3)), "{}", done.stderr);
    assert_eq!(sedge(&["convert", &float, "-o", &b, "--calibration", &array]).code, 0);
    assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
    // A picture that is none is refused, and nothing is written.
    fs::write(format!("{folder}/3.png"), "no picture").unwrap();
    let broken = sedge(&["convert", &float, "-o", &place.path("c.tflite"), "--calibration", &folder]);
    assert_eq!(broken.code, 1);
    assert!(
        broken.stderr.contains("3.png") && !fs::exists(place.path("c.tflite")).unwrap(),
        "{}",
        broken.stderr
    );
}

#[test]
fn layers_are_compared() {
    let float = data("digits/digits_float.tflite");
    let place = Workplace::new();
    let int8 = place.path("int8.tflite");
    let done = sedge(&["convert", &float, "-o", &int8, "--calibration", &data("digits/calibration.npz")]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let held = data("digits/heldout.npz");
    let json = sedge(&["compare", &float, &int8, "--data", &held, "--json", "--worst", "2"]).json();
    let layers = json["layers"].as_array().unwrap();
    assert_eq!((layers.len(), json["samples"].as_u64()), (12, Some(500)));
    assert_eq!(layers[11]["kind"], "SOFTMAX");
    // A step of 1/256 of the range leaves about 40 dB; sums over twelve layers lose a few more.
    assert!(layers.iter().all(|l| (25.0..60.0).contains(&l["sqnr_db"].as_f64().unwrap())), "{json}");
    // Softmax gives probabilities; other ranges are the float model's own.
    assert_eq!(
        (layers[11]["range"][0].as_f64() >= Some(0.0), layers[11]["range"][1].as_f64()),
        (true, Some(1.0))
    );
    let worst: Vec<&str> = json["worst"].as_array().unwrap().iter().filter_map(|w| w.as_str()).collect();
    let lowest = layers.iter().map(|l| l["sqnr_db"].as_f64().unwrap()).fold(f64::MAX, f64::min);
    let first = layers.iter().find(|l| l["tensor"] == worst[0]).unwrap();
    assert_eq!((worst.len(), first["sqnr_db"].as_f64()), (2, Some(lowest)));
    // The first part of the name that is told is enough to keep the layer in float32.
    let text = sedge(&["compare", &float, &int8, "--data", &held]).stdout;
    let name = text.split("--keep-float '").nth(1).unwrap().split('\'').next().unwrap();
    let kept = ["convert", &float, "-o", &int8, "--calibration", &held, "--keep-float", name];
    assert_eq!(sedge(&kept).code, 0);
    // Equal models differ nowhere; others do not take the same samples.
    let same = sedge(&["compare", &float, &float, "--data", &held, "--json"]).json();
    assert!(same["layers"].as_array().unwrap().iter().all(|l| l["sqnr_db"].is_null()));
    let other = sedge(&["compare", &float, &data("sine/sine_int8_tf.tflite"), "--data", &held]);
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("takes [1, 8, 8, 1], the quantized one [1, 1]"), "{}", other.stderr);
    let integers = sedge(&["compare", &int8, &data("digits/digits_int8_tf.tflite"), "--data", &held]);
    assert_eq!(integers.code, 1);
    assert!(integers.stderr.contains("no tensor of real values in common"), "{}", integers.stderr);
    let undefined = place.path("nan.npy");
    fs::write(&undefined, npy_bytes(&Array::from_f32(vec![1, 8, 8, 1], &[f32::NAN; 64]).unwrap())).unwrap();
    let undefined = sedge(&["compare", &float, &int8, "--data", &undefined]);
    assert!(
        undefined.code == 1 && undefined.stderr.contains("not finite"),
        "{}{}",
        undefined.stdout,
        undefined.stderr
    );
}

#[test]
fn inspect_counts() {
    let model = data("sine/sine_int8_tf.tflite");
    let place = Workplace::new();
    let svg = place.path("plan.svg");
    let result = sedge(&["inspect", &model, "--json", "--tensors", "--plan-svg", &svg]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let json = result.json();
    // Dense layers 1-16-16-1.
    assert_eq!(json["macs"], 16 + 256 + 16);
    assert_eq!(json["parameters"], 16 + 256 + 16 + 16 + 16 + 1);
    assert_eq!(json["weight_bytes"], 16 + 256 + 16 + 4 * (16 + 16 + 1));
    assert_eq!(json["operators"].as_array().map(Vec::len), Some(3));
    assert_eq!(json["histogram"]["FULLY_CONNECTED"], 3);
    assert_eq!(json["inputs"][0]["type"], "int8");
    assert!(json["tensors"].as_array().is_some_and(|t| t.len() >= 10));
    let micro = &json["memory"]["microcontroller"];
    assert_eq!((micro["backend"].as_str(), micro["weights"].as_str()), (Some("scalar"), Some("in-place")));
    let bytes = |key: &str| micro[key].as_u64().unwrap();
    assert!(bytes("activation_bytes") >= bytes("lower_bound_bytes") && bytes("lower_bound_bytes") >= 32);
    assert!(bytes("arena_bytes") >= bytes("activation_bytes") + bytes("prepared_bytes"));
    let drawing = fs::read_to_string(&svg).unwrap();
    for text in ["<svg ", "lower bound", "Peak: ", "offset in bytes", "FULLY_CONNECTED", "</svg>"] {
        assert!(drawing.contains(text), "no {text}");
    }
}

#[test]
fn bench_tells_its_numbers() {
    let model = data("sine/sine_int8_tf.tflite");
    let result = sedge(&["bench", &model, "--runs", "20", "--profile", "--json"]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let json = result.json();
    let number = |key: &str| json[key].as_f64().unwrap_or_else(|| panic!("no {key}"));
    assert!(number("p05_us") <= number("median_us") && number("median_us") <= number("p95_us"));
    assert_eq!((number("runs"), number("threads"), number("macs")), (20.0, 1.0, 288.0));
    assert!(number("arena_bytes") > 0.0 && number("gmacs_per_s") > 0.0);
    for key in ["model", "cpu", "version", "backend", "weights"] {
        assert!(json[key].is_string(), "no {key}");
    }
    assert_eq!(json["operators"].as_array().map(Vec::len), Some(3));
    let result = sedge(&["bench", &model, "--runs", "3", "--profile"]);
    assert!(result.stdout.contains("median") && result.stdout.contains("GMAC/s"), "{}", result.stdout);
}

#[test]
fn verify_runs_every_level() {
    for model in
        ["sine/sine_int8_tf", "sine/sine_float", "digits/digits_int8_tf", "keywords/keywords_int8_tf"]
    {
        let result = sedge(&["verify", &data(&format!("{model}.tflite")), "--json"]);
        assert_eq!(result.code, 0, "{model}: {}", result.stderr);
        let json = result.json();
        let levels = sedge_runtime::Level::available().count();
        assert_eq!(json["sessions"].as_array().map(Vec::len), Some(2 * levels));
        assert_eq!(json["ok"], Value::Bool(true));
    }
}

#[test]
fn compile_writes_source_whole_or_not_at_all() {
    let place = Workplace::new();
    let source = place.path("sine.rs");
    let result = sedge(&["compile", &data("sine/sine_int8_tf.tflite"), "-o", &source, "--json"]);
    assert_eq!(result.code, 0, "{}", result.stderr);
    let report = result.json();
    let text = fs::read_to_string(&source).expect("the source is there");
    // The arena holds activations only: an angle, and what two layers of 16 units give.
    assert_eq!(report["arena_bytes"], 32);
    assert!(text.contains("pub const ARENA_SIZE: usize = 32;"), "{text}");
    assert_eq!(sedge(&["compile", &data("sine/sine_int8_tf.tflite")]).stdout.trim(), text.trim());

    let broken = place.path("broken.rs");
    let result = sedge(&["compile", &data("sine/make.py"), "-o", &broken]);
    assert_eq!(result.code, 1);
    assert!(!fs::exists(&broken).unwrap());
}

#[test]
fn inspect_explains_the_peak() {
    let model = data("keywords/keywords_int8_tf.tflite");
    let memory = sedge(&["inspect", &model, "--json"]).json()["memory"].clone();
    let peak = &memory["peak"];
    // What lives at the peak is what it is made of, each piece at a multiple of 16 bytes.
    let alive = peak["alive"].as_array().expect("a list");
    let bytes = |piece: &Value| piece["bytes"].as_u64().expect("a number");
    assert_eq!(alive.iter().map(|p| bytes(p).next_multiple_of(16)).sum::<u64>(), bytes(peak));
    assert!(bytes(&peak["next"]) < bytes(peak));
    // Compiled, nothing but that lies in the arena.
    assert_eq!(memory["compiled"]["arena_bytes"], memory["microcontroller"]["activation_bytes"]);
    let text = sedge(&["inspect", &model]).stdout;
    assert!(text.contains("live during operator") && text.contains("would set it"), "{text}");
}
