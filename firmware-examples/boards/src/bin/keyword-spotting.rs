//! Six LEDs, one for each word: that of the word just heard is on.

#![no_std]
#![no_main]

use app::Fault;
use app::keywords::{ARENA, Frame, LABELS, Sampler, Spotter, WINDOW, WORDS};
use boards::devices::{Led, Recording};
use boards::{end, entry, log_arena};
use heapless::spsc::Queue;
use sedge_runtime::arena::Aligned;
use static_cell::ConstStaticCell;

static MEMORY: ConstStaticCell<Aligned<[u8; ARENA]>> = ConstStaticCell::new(Aligned([0; ARENA]));
static QUEUE: ConstStaticCell<Queue<Frame, 8>> = ConstStaticCell::new(Queue::new());

/// What the front end hears.
static SOUND: &[u8] = include_bytes!("../../../fixtures/keywords.bin");

fn run() -> Result<(), Fault<core::convert::Infallible>> {
    let arena = MEMORY.take();
    let (producer, consumer) = QUEUE.take().split();
    let leds = core::array::from_fn::<_, WORDS, _>(|i| Led::new(LABELS[i]));
    let mut sampler = Sampler::new(Recording::new(SOUND), producer);
    let mut spotter = Spotter::new(&mut arena.0, consumer, leds, WINDOW)?;
    log_arena(spotter.memory().arena, ARENA);
    loop {
        // On a board the sensor's interrupt does this, while the main loop waits for it.
        let over = matches!(sampler.sample(), Err(nb::Error::Other(_)));
        if let Some(decision) = spotter.poll()? {
            defmt::println!("{} {=str}", decision.scores, decision.label());
        }
        if over {
            return Ok(());
        }
    }
}

#[entry]
fn main() -> ! {
    end(run())
}
