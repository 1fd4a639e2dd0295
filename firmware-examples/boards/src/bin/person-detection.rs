//! A lamp that is on while somebody is in the camera's picture.
//!
//! When the program is built, `PERSON_MODEL` may name another network, and `PERSON_PICTURES` a file of other pictures for the camera
//! to see, one byte for each colour of a pixel.

#![no_std]
#![no_main]

use app::Fault;
use app::person::{ARENA, Detector};
use boards::devices::{Album, Led};
use boards::{end, entry, log_arena};
use sedge_runtime::Model;
use sedge_runtime::arena::Aligned;
use static_cell::ConstStaticCell;

static MEMORY: ConstStaticCell<Aligned<[u8; ARENA]>> = ConstStaticCell::new(Aligned([0; ARENA]));

// The network in flash, `MODEL`, and the kernels of its operators, `kernels!`.
include!(concat!(env!("OUT_DIR"), "/person_model.rs"));

static PICTURES: &[u8] = include_bytes!(env!("PERSON_PICTURES"));

fn run() -> Result<(), Fault<core::convert::Infallible>> {
    let network = Model::check(&MODEL.0).map_err(sedge_runtime::Error::from)?;
    let (camera, lamp) = (Album::new(PICTURES), Led::new("person"));
    let mut detector = Detector::new(network, kernels!(), &mut MEMORY.take().0, camera, lamp)?;
    log_arena(detector.memory().arena, ARENA);
    loop {
        match detector.see() {
            Ok(()) => {
                // On a board an executor runs what else there is to do between two operators.
                let decision = detector.decide(|| {})?;
                defmt::println!(
                    "{} {=str}",
                    decision.scores,
                    if decision.is_person() { "person" } else { "nobody" }
                );
            }
            Err(nb::Error::WouldBlock) => {}
            Err(nb::Error::Other(Fault::Model(error))) => return Err(error.into()),
            // There are no more pictures.
            Err(nb::Error::Other(Fault::Driver(_))) => return Ok(()),
        }
    }
}

#[entry]
fn main() -> ! {
    end(run())
}
