//! Custom operators that Sedge brings: TFLite_Detection_PostProcess, and those of tflite-micro: audio operators
//! (`Signal...`), rows of a stream, compressed constants.
//!
//! They are kernels as any program may have them: they read their options themselves, and their
//! rules are in their files here, because the format knows nothing of them.

mod circular_buffer;
mod decode;
mod detection_post_process;
mod signal;

use sedge_schema::Refusal;
use sedge_schema::flex::Map;

/// Makes, of the list of custom operators, their kernels' types and the list of all.
macro_rules! custom {
    ($($(#[$doc:meta])* $name:ident($($module:ident)::+) = $called:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl $crate::Kernel for $name {
                fn custom_name(&self) -> &str {
                    $called
                }

                fn prepare(&self, node: &mut $crate::Prepare<'_>) -> Result<(), $crate::Refusal> {
                    $($module)::+::prepare(node)
                }

                fn invoke(&self, node: &mut $crate::Invoke<'_>) -> Result<(), $crate::Refusal> {
                    $($module)::+::invoke(node)
                }
            }
        )*

        /// The kernels of all custom operators that Sedge brings.
        pub(super) const ALL: &[&dyn $crate::Kernel] = &[$(&$name),*];

        /// The name of the type that is the kernel of the custom operator with this name, where Sedge brings it.
        pub fn custom_type(name: &str) -> Option<&'static str> {
            match name {
                $($called => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

custom! {
    /// The last rows of a stream.
    CircularBuffer(circular_buffer) = "CIRCULAR_BUFFER";
    /// Constants that are stored compressed.
    Decode(decode) = "TFLM_DECODE";
    /// The detections of an SSD: decodes boxes, and leaves out those that overlap better ones.
    DetectionPostProcess(detection_post_process) = "TFLite_Detection_PostProcess";
    /// Delays a signal by a number of samples.
    SignalDelay(signal::delay) = "SignalDelay";
    /// The energy of each frequency of a spectrum.
    SignalEnergy(signal::energy) = "SignalEnergy";
    /// Scales a signal up as far as 16 bits allow.
    SignalFftAutoScale(signal::fft_auto_scale) = "SignalFftAutoScale";
    /// Sums energies in overlapping triangular bands.
    SignalFilterBank(signal::filter_bank) = "SignalFilterBank";
    /// The logarithm of each channel.
    SignalFilterBankLog(signal::filter_bank_log) = "SignalFilterBankLog";
    /// Subtracts the noise that each channel has had in the past.
    SignalFilterBankSpectralSubtraction(signal::spectral_subtraction) = "SignalFilterBankSpectralSubtraction";
    /// The square root of each channel.
    SignalFilterBankSquareRoot(signal::filter_bank_square_root) = "SignalFilterBankSquareRoot";
    /// Cuts a signal into overlapping frames.
    SignalFramer(signal::framer) = "SignalFramer";
    /// A signal from its spectrum.
    SignalIrfft(signal::irfft) = "SignalIrfft";
    /// Adds overlapping frames into a signal.
    SignalOverlapAdd(signal::overlap_add) = "SignalOverlapAdd";
    /// Automatic gain control of each channel.
    SignalPcan(signal::pcan) = "SignalPCAN";
    /// The spectrum of a signal.
    SignalRfft(signal::rfft) = "SignalRfft";
    /// Puts frames one after another, each with those around it.
    SignalStacker(signal::stacker) = "SignalStacker";
    /// Weighs each sample of a frame.
    SignalWindow(signal::window) = "SignalWindow";
}

/// SignalRfft of int16 samples.
pub(super) fn signal_rfft_int16(node: &mut crate::Invoke<'_>) -> Result<(), Refusal> {
    signal::rfft::invoke_int16(node)
}

/// The integer option `name`.
fn int(options: &Map<'_>, name: &'static str) -> Result<i32, Refusal> {
    let value = options.get(name).and_then(|v| v.as_int());
    value.and_then(|v| v.try_into().ok()).ok_or(Refusal::Parameter(name))
}

/// The integer option `name`, which counts something: `least` or more, and no more than tensors hold.
fn count(options: &Map<'_>, name: &'static str, least: u32) -> Result<u32, Refusal> {
    let value = u32::try_from(int(options, name)?).ok();
    value.filter(|value| (least..1 << 24).contains(value)).ok_or(Refusal::Parameter(name))
}
