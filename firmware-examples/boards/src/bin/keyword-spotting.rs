//! Six LEDs, one for each word: that of the word just heard is on.

#![no_std]
#![no_main]

use app::Fault;
use app::keywords::{ARENA, Block, FRONTEND_ARENA_SIZE, FrontendArena, LABELS, Sampler, Spotter, WORDS};
use boards::devices::{Led, Recording};
use boards::{end, entry, log_arena};
use heapless::spsc::Queue;
use sedge_runtime::arena::Aligned;
use static_cell::ConstStaticCell;

static MEMORY: ConstStaticCell<Aligned<[u8; ARENA]>> = ConstStaticCell::new(Aligned([0; ARENA]));
static FRONTEND: ConstStaticCell<FrontendArena> = ConstStaticCell::new(Aligned([0; FRONTEND_ARENA_SIZE]));
/// Room for two blocks: one is heard while the next one is recorded.
static QUEUE: ConstStaticCell<Queue<Block, 3>> = ConstStaticCell::new(Queue::new());

/// Blocks from one decision to the next, a second.
const HOP: usize = 50;

/// What the microphone hears: `fixtures/keywords.bin`, or the file that `SOUND` names when the program is built.
static SOUND: &[u8] = include_bytes!(env!("SOUND"));

fn run() -> Result<(), Fault<core::convert::Infallible>> {
    let arena = MEMORY.take();
    let (producer, consumer) = QUEUE.take().split();
    let leds = core::array::from_fn::<_, WORDS, _>(|i| Led::new(LABELS[i]));
    let mut sampler = Sampler::new(Recording::new(SOUND), producer);
    let mut spotter = Spotter::new(FRONTEND.take(), &mut arena.0, consumer, leds, HOP)?;
    log_arena(spotter.memory().arena, ARENA);
    loop {
        // On a board the microphone's interrupt does this, while the main loop waits for it.
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
