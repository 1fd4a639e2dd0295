//! The programs' printed outputs against the test data: each `.out` holds what the drivers and the
//! model must do, step by step, and the models' bytes are those of their `.expected.npz`.
//!
//! `UPDATE=1 cargo test -p app` writes the fixtures, the programs' inputs, from the test data.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use app::accelerometer::{Accelerometer, Rate};
use app::gesture::{GESTURES, Recognizer};
use app::keywords::{Block, FRONTEND_ARENA_SIZE, LABELS, Microphone, Sampler, Spotter, WORDS};
use app::person::{self, Camera, Detector};
use app::sine::Lamp;
use app::vibration::Watch;
use app::{gesture, keywords, sine, vibration};
use embedded_hal::digital::{self, OutputPin};
use embedded_hal::i2c::{self, I2c, Operation};
use embedded_hal::pwm::{self, SetDutyCycle};
use heapless::spsc::Queue;
use sedge_runtime::arena::Aligned;
use sedge_runtime::{Error, Model, kernels};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The inputs and the outputs of all steps, in order.
fn expected(model: &str) -> Vec<[Vec<i8>; 2]> {
    let path = here("../tests/data").join(format!("{model}.expected.npz"));
    let mut file = npyz::npz::NpzArchive::open(path).unwrap();
    let mut read = |name: String| Some(file.by_name(&name).unwrap()?.into_vec::<i8>().unwrap());
    (0..).map_while(|step| Some([read(format!("t{step}.in0"))?, read(format!("t{step}.out0"))?])).collect()
}

fn fixture(name: &str, model: &str) -> Vec<i8> {
    let inputs: Vec<i8> = expected(model).into_iter().flat_map(|[input, _]| input).collect();
    played(name, model, &inputs.iter().map(|b| b.cast_unsigned()).collect::<Vec<_>>());
    inputs
}

/// Makes sure that a device plays these bytes, which `source` holds.
fn played(name: &str, source: &str, bytes: &[u8]) {
    let path = here("fixtures").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), bytes, "{name} is not made of {source}: run with UPDATE=1");
}

fn out(program: &str) -> Vec<String> {
    let path = here("boards/src/bin").join(format!("{program}.out"));
    fs::read_to_string(path).unwrap().lines().map(String::from).collect()
}

/// What the devices and the program print.
type Printed = RefCell<Vec<String>>;

struct Pwm<'p>(&'p Printed);

impl pwm::ErrorType for Pwm<'_> {
    type Error = Infallible;
}

impl SetDutyCycle for Pwm<'_> {
    fn max_duty_cycle(&self) -> u16 {
        1000
    }

    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), Infallible> {
        self.0.borrow_mut().push(format!("pwm {duty}/1000"));
        Ok(())
    }
}

struct Led<'p>(&'p Printed, &'static str, bool);

impl digital::ErrorType for Led<'_> {
    type Error = Infallible;
}

impl OutputPin for Led<'_> {
    fn set_low(&mut self) -> Result<(), Infallible> {
        if std::mem::replace(&mut self.2, false) {
            self.0.borrow_mut().push(format!("led {} off", self.1));
        }
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        if !std::mem::replace(&mut self.2, true) {
            self.0.borrow_mut().push(format!("led {} on", self.1));
        }
        Ok(())
    }
}

/// A microphone that has a block at every second asking.
struct Recording {
    samples: Vec<i16>,
    ready: bool,
}

impl Microphone for Recording {
    type Error = ();

    fn read(&mut self, block: &mut Block) -> nb::Result<(), ()> {
        self.ready = !self.ready;
        if !self.ready {
            return Err(nb::Error::WouldBlock);
        }
        if self.samples.is_empty() {
            return Err(nb::Error::Other(()));
        }
        let samples: Vec<_> = self.samples.drain(..block.len()).collect();
        block.copy_from_slice(&samples);
        Ok(())
    }
}

#[test]
fn hello_sine() {
    let expected = expected("sine/sine_int8_tf");
    assert_eq!(fixture("sine.bin", "sine/sine_int8_tf").len(), expected.len());
    let printed = Printed::default();
    let mut arena = Box::new(Aligned([0; sine::ARENA_SIZE]));
    let mut lamp = Lamp::new(&mut arena, Pwm(&printed));
    for [input, output] in expected {
        let sine = lamp.show(input[0]).unwrap();
        assert_eq!(output, [sine]);
        printed.borrow_mut().push(format!("sin {} = {sine}", input[0]));
    }
    assert_eq!(out("hello-sine"), printed.into_inner());
}

#[test]
fn hello_sine_prints_the_expected_bytes() {
    let found: Vec<_> = out("hello-sine")
        .iter()
        .filter_map(|line| line.strip_prefix("sin ")?.split_once(" = "))
        .map(|(angle, sine)| [vec![angle.parse::<i8>().unwrap()], vec![sine.parse().unwrap()]])
        .collect();
    assert_eq!(found, expected("sine/sine_int8_tf"));
}

/// From sound to LEDs: the scores are those that the peer's front end and network gave.
#[test]
fn keyword_spotting() {
    let path = here("../tests/data/keywords/clips.npz");
    let mut clips = npyz::npz::NpzArchive::open(path).unwrap();
    let samples = clips.by_name("audio").unwrap().unwrap().into_vec::<i16>().unwrap();
    let scores = clips.by_name("scores").unwrap().unwrap().into_vec::<i8>().unwrap();
    let labels = clips.by_name("y").unwrap().unwrap().into_vec::<i64>().unwrap();
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    played("keywords.bin", "keywords/clips.npz", &bytes);

    let printed = Printed::default();
    let mut frontend = Box::new(Aligned([0; FRONTEND_ARENA_SIZE]));
    let mut arena = Box::new(Aligned([0; keywords::ARENA]));
    let mut queue = Queue::<Block, 3>::new();
    let (producer, consumer) = queue.split();
    let mut sampler = Sampler::new(Recording { samples, ready: false }, producer);
    let leds = std::array::from_fn::<_, WORDS, _>(|i| Led(&printed, LABELS[i], false));
    let mut spotter = Spotter::new(&mut frontend, &mut arena.0, consumer, leds, 50).unwrap();
    let mut expected = scores.as_chunks::<{ LABELS.len() }>().0.iter().zip(labels);
    while !matches!(sampler.sample(), Err(nb::Error::Other(()))) {
        if let Some(decision) = spotter.poll().unwrap() {
            let (scores, label) = expected.next().unwrap();
            assert_eq!((decision.scores, decision.label()), (*scores, LABELS[label as usize]));
            printed.borrow_mut().push(format!("{:?} {}", decision.scores, decision.label()));
        }
    }
    assert!(expected.next().is_none());
    drop(spotter);
    assert_eq!(out("keyword-spotting"), printed.into_inner());
}

/// A camera that has a picture at every second asking.
struct Album {
    rest: Vec<u8>,
    ready: bool,
}

impl Camera for Album {
    type Error = ();

    fn read(&mut self, frame: &mut [u8]) -> nb::Result<(), ()> {
        self.ready = !self.ready;
        if !self.ready {
            return Err(nb::Error::WouldBlock);
        }
        if self.rest.is_empty() {
            return Err(nb::Error::Other(()));
        }
        frame.copy_from_slice(&self.rest.drain(..frame.len()).collect::<Vec<_>>());
        Ok(())
    }
}

static PERSON: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../tests/data/person/person_int8_tf.tflite"));

/// The scores are the peer's, the lamp stays on over one picture without a person and goes out at the second.
#[test]
fn person_detection() {
    let expected = expected("person/person_int8_tf");
    let pixels: Vec<u8> =
        expected.iter().flat_map(|[input, _]| input.iter().map(|&x| x.cast_unsigned() ^ 0x80)).collect();
    played("person.bin", "person/person_int8_tf.expected.npz", &pixels);

    let printed = Printed::default();
    let mut arena = Box::new(Aligned([0; person::ARENA]));
    let camera = Album { rest: pixels, ready: true };
    let network = Model::check(&PERSON.0).unwrap();
    let mut detector =
        Detector::new(network, kernels::ALL, &mut arena.0, camera, Led(&printed, "person", false)).unwrap();
    let mut steps = 0;
    for [_, scores] in expected {
        assert!(matches!(detector.see(), Err(nb::Error::WouldBlock)));
        detector.see().unwrap();
        let decision = detector.decide(|| steps += 1).unwrap();
        assert_eq!(scores, decision.scores);
        let who = if decision.is_person() { "person" } else { "nobody" };
        printed.borrow_mut().push(format!("{:?} {who}", decision.scores));
    }
    assert_eq!(steps, 7 * network.main().operators().len());
    let led: Vec<_> = printed.borrow().iter().filter(|line| line.starts_with("led")).cloned().collect();
    assert_eq!(led, ["led person on", "led person off"]);
    drop(detector);
    assert_eq!(out("person-detection"), printed.into_inner());
}

/// A network that sees no picture is told apart from one that does.
#[test]
fn person_detection_refuses_other_networks() {
    let file = Aligned(*include_bytes!("../../../tests/data/sine/sine_int8_tf.tflite"));
    let mut arena = Box::new(Aligned([0; person::ARENA]));
    let printed = Printed::default();
    let camera = Album { rest: Vec::new(), ready: false };
    let network = Model::check(&file.0).unwrap();
    let made = Detector::new(network, kernels::ALL, &mut arena.0, camera, Led(&printed, "person", false));
    assert!(matches!(made.map(drop), Err(Error::Length { expected: 9216, found: 1 })));
}

/// A sensor on a bus, which answers as often as there are readings, and wants to be set up for a rate first.
struct Bus {
    readings: Vec<u8>,
    rate: u8,
    written: Vec<[u8; 2]>,
}

impl Bus {
    /// One that plays the readings of a recording, which a device of this name has too.
    fn playing(name: &str, folder: &str, rate: u8) -> Self {
        let source = format!("{folder}/recording.npz");
        let mut file = npyz::npz::NpzArchive::open(here("../tests/data").join(&source)).unwrap();
        let raw = file.by_name("raw").unwrap().unwrap().into_vec::<i16>().unwrap();
        let readings: Vec<u8> = raw.iter().flat_map(|value| value.to_le_bytes()).collect();
        played(name, &source, &readings);
        Self { readings, rate, written: Vec::new() }
    }
}

impl i2c::ErrorType for Bus {
    type Error = i2c::ErrorKind;
}

impl I2c for Bus {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), i2c::ErrorKind> {
        assert_eq!(address, 0x18);
        match operations {
            [Operation::Write([register, value])] => self.written.push([*register, *value]),
            [Operation::Write([0xA8]), Operation::Read(buffer)] => {
                assert_eq!(self.written, [[0x20, self.rate], [0x23, 0x98]]);
                if self.readings.is_empty() {
                    return Err(i2c::ErrorKind::Bus);
                }
                buffer.copy_from_slice(&self.readings.drain(..buffer.len()).collect::<Vec<_>>());
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    }
}

/// The recording is what the device plays, the windows' bytes are what the peer was given, and the scores what it gave.
#[test]
fn gesture() {
    let printed = Printed::default();
    let mut arena = Box::new(Aligned([0; gesture::ARENA_SIZE]));
    let sensor = Accelerometer::new(Bus::playing("gesture.bin", "gesture", 0x47), Rate::Hz50).unwrap();
    let leds = std::array::from_fn::<_, GESTURES, _>(|i| Led(&printed, gesture::LABELS[i + 1], false));
    let mut recognizer = Recognizer::new(&mut arena, sensor, leds);
    let mut expected = expected("gesture/gesture_int8_tf").into_iter();
    while let Ok(is_complete) = recognizer.sample() {
        if is_complete {
            let decision = recognizer.decide().unwrap();
            let [_, scores] = expected.next().unwrap();
            assert_eq!(scores, decision.scores);
            let seen = decision.seen.map_or("?", |label| gesture::LABELS[label]);
            printed.borrow_mut().push(format!("{:?} {seen}", decision.scores));
        }
    }
    assert!(expected.next().is_none());
    drop(recognizer);
    assert_eq!(out("gesture"), printed.into_inner());
}

/// What the network is given and gives are the peer's bytes, and the lamp is on where the recording says that something is wrong.
#[test]
fn vibration() {
    let printed = Printed::default();
    let mut arena = Box::new(Aligned([0; vibration::ARENA_SIZE]));
    let sensor = Accelerometer::new(Bus::playing("vibration.bin", "vibration", 0x97), Rate::Hz1344).unwrap();
    let mut watch = Watch::new(&mut arena, sensor, Led(&printed, "warning", false));
    let mut file = npyz::npz::NpzArchive::open(here("../tests/data/vibration/recording.npz")).unwrap();
    let labels = file.by_name("label").unwrap().unwrap().into_vec::<i64>().unwrap();
    let expected = expected("vibration/vibration_int8_tf");
    assert_eq!(labels.len(), expected.len());
    for (label, [given, made]) in labels.into_iter().zip(expected) {
        watch.measure(|| {}).unwrap();
        let decision = watch.decide().unwrap();
        assert_eq!([&given[..], &made], [&decision.given[..], &decision.made]);
        assert_eq!(decision.is_unusual(), label != 0, "{decision:?}");
        printed.borrow_mut().push(format!("error {}", decision.error));
    }
    assert!(watch.measure(|| {}).is_err());
    drop(watch);
    assert_eq!(out("vibration"), printed.into_inner());
    let threshold = fs::read_to_string(here("../tests/data/vibration/threshold.txt")).unwrap();
    assert_eq!(threshold.trim(), vibration::THRESHOLD.to_string());
}

#[test]
fn labels_are_those_of_the_data() {
    for (model, labels) in [("keywords", &LABELS[..]), ("gesture", &gesture::LABELS)] {
        let found = fs::read_to_string(here("../tests/data").join(model).join("labels.txt")).unwrap();
        assert_eq!(found.lines().collect::<Vec<_>>(), labels);
    }
}
