//! Programs that only link if nothing in them can panic: a panic ends in a function that is nowhere.
//!
//! `cargo xtask firmware` builds them for all boards' processors. Where the linker does not find `sedge_can_panic`, something
//! that is linked can panic; that the optimizer sees that it cannot is part of what is shown.

#![no_std]
#![cfg(target_os = "none")]

/// Takes what panics.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: a program with this call does not link, so it never runs.
    unsafe extern "C" {
        safe fn sedge_can_panic() -> !;
    }
    sedge_can_panic()
}
