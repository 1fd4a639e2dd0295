#!/usr/bin/env python3
"""Accuracy of `sedge convert` on the MLPerf Tiny models, in every form and with every method of calibration, beside the
float models and TensorFlow's int8 files; and how far each agrees with the float model.

    mlperf_tiny.py --sedge target/release/sedge --models DIR --data DIR [--wake-word str_ww.h5]   (pip install numpy pillow)

DIR of --models holds kws_float32.tflite, kws_ref_model.tflite, vww_96_float.tflite, vww_96_int8.tflite,
resnet8_float.tflite, resnet8_int8.tflite, ad01_fp32.tflite and ad01_int8.tflite of the MLPerf Tiny benchmark; DIR of
--data its labelled samples: mlperf_kws01 (int8 features, of the int8 model's input scale), mlperf_vww01 (JPEG, blue
first) and cifar10_raw. Every second sample calibrates, the others are classified. There is no labelled data for ad01, nor for
str_ww, whose Keras file --wake-word names: made windows calibrate them, and the share of the signal that quantization leaves
wrong is shown.

With --peers N each converted file is also run on N samples by LiteRT and by tflite-micro's reference kernels, which must
give the bytes that Sedge gives (pip install ai-edge-litert, and --pre tflite-micro). LiteRT rounds fully connected
layers otherwise: how far it is off at most is shown.
"""
import argparse
import csv
import glob
import json
import os
import subprocess
import tempfile

import numpy as np
from PIL import Image


def labels(path):
    with open(path, newline='') as f:
        return [(row[0], int(row[1])) for row in csv.reader(f) if row[1].strip().lstrip('-').isdigit()]


def kws(a):
    x = np.fromfile(glob.glob(f'{a.data}/mlperf_kws01/*.bin')[0], np.int8).reshape(-1, 49, 10, 1)
    info = json.loads(run(a, 'inspect', f'{a.models}/kws_ref_model.tflite', '--tensors', '--json'))
    q = next(t for t in info['tensors'] if t['kind'] == 'input')['quantization']
    real = (x.astype(np.float32) - q['zero_point'][0]) * np.float32(q['scale'][0])
    return real, [y for _, y in labels(f'{a.data}/mlperf_kws01/labels.csv')]


def vww(a):
    rows = labels(f'{a.data}/mlperf_vww01/labels.csv') if os.path.exists(f'{a.data}/mlperf_vww01/labels.csv') else []
    x = [np.asarray(Image.open(f'{a.data}/mlperf_vww01/{name}'), np.float32) for name, _ in rows]
    return np.stack(x)[..., ::-1] / 255, [y for _, y in rows]


def resnet8(a):
    x = np.fromfile(glob.glob(f'{a.data}/cifar10_raw/*.bin')[0], np.uint8).reshape(-1, 32, 32, 3)
    return x.astype(np.float32), [y for _, y in labels(f'{a.data}/cifar10_raw/labels.csv')]


def run(a, *words):
    r = subprocess.run([a.sedge, *words], capture_output=True, text=True)
    if r.returncode:
        raise SystemExit(f'sedge {" ".join(words)}: {r.stderr.strip()}')
    return r.stdout


def output(a, model, x, tmp):
    np.save(f'{tmp}/a.npy', x)
    run(a, 'run', model, '--input', f'{tmp}/a.npy', '--output-dir', f'{tmp}/out', '--quantize-inputs', '--dequantize-outputs')
    return np.load(f'{tmp}/out/output_0.npy')


def noise(a, tmp, source, peer, x):
    """Signal-to-noise ratio in dB of the int8 files' outputs against the float model's: the first 100 windows calibrate."""
    np.savez(f'{tmp}/windows.npz', x=x[:100])
    run(a, 'convert', source, '-o', f'{tmp}/real.tflite', '--quantize', 'none')
    run(a, 'convert', source, '-o', f'{tmp}/int8.tflite', '--calibration', f'{tmp}/windows.npz')
    def ratio(model):
        want, got = (outputs(a, m, x[100:], tmp) for m in (f'{tmp}/real.tflite', model))
        return 10 * np.log10((want ** 2).sum() / ((want - got) ** 2).sum())
    return f'{ratio(f"{tmp}/int8.tflite"):.1f} dB, TensorFlow {ratio(peer):.1f} dB'


def spectra(count):
    """Windows of 30 spectra that change slowly along both axes, in the range of the wake word model's input."""
    rng = np.random.default_rng(1)
    def window():
        over_time = rng.normal(0, 0.08, (30, 1, 40)).cumsum(0)
        over_bands = rng.normal(0, 0.08, (1, 1, 40)).cumsum(2)
        return np.clip(over_time + over_bands + 0.45, 0, 0.94).astype(np.float32)
    return np.stack([window() for _ in range(count)])


def outputs(a, model, x, tmp):
    return np.concatenate([output(a, model, sample[None], tmp) for sample in x])


def agreement(real, found):
    """Share of samples with the float model's label in percent, and signal to quantization noise in dB."""
    same = 100 * (real.argmax(-1) == found.argmax(-1)).mean()
    return f'{same:.1f}, {10 * np.log10((real ** 2).sum() / ((real - found) ** 2).sum()):.1f}'


def peers(a, name, model, x, tmp):
    """Runs a converted file elsewhere; ends the script where tflite-micro gives other bytes."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    from tflite_micro.python.tflite_micro import runtime
    lite = Interpreter(model, num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    lite.allocate_tensors()
    tensor, result = lite.get_input_details()[0], lite.get_output_details()[0]
    scale, zero = tensor['quantization']
    micro = runtime.Interpreter.from_file(model, arena_size=16 << 20)
    off = 0
    for sample in x[:a.peers]:
        q = np.clip(np.round(sample[None] / np.float32(scale)) + zero, -128, 127).astype(np.int8)
        np.save(f'{tmp}/q.npy', q)
        run(a, 'run', model, '--input', f'{tmp}/q.npy', '--output-dir', f'{tmp}/out')
        ours = np.load(f'{tmp}/out/output_0.npy')
        micro.set_input(q, 0)
        micro.invoke()
        if not np.array_equal(ours, micro.get_output(0)):
            raise SystemExit(f'{name}: tflite-micro gives other bytes')
        lite.set_tensor(tensor['index'], q)
        lite.invoke()
        off = max(off, np.abs(ours.astype(int) - lite.get_tensor(result['index'])).max())
    return f'{name}: {min(len(x), a.peers)} samples, tflite-micro equal, LiteRT off by {off} at most'


# What a converted file is called, and how it is converted.
FORMS = (
    ('int8', ()),
    ('int16x8', ('--quantize', 'int16x8')),
    ('int4', ('--quantize', 'int4')),
    ('dynamic', ('--quantize', 'dynamic')),
    ('min-max', ('--calibration-method', 'min-max')),
    ('moving average', ('--calibration-method', 'moving-average')),
    ('mse', ('--calibration-method', 'mse')),
    ('entropy', ('--calibration-method', 'entropy')),
)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    ap.add_argument('--sedge', default='target/release/sedge')
    ap.add_argument('--models', required=True)
    ap.add_argument('--data', required=True)
    ap.add_argument('--wake-word', metavar='FILE', help='str_ww.h5')
    ap.add_argument('--peers', type=int, default=0, metavar='N')
    a = ap.parse_args()
    names = ['samples', 'float', 'int8, TensorFlow', *(name for name, _ in FORMS)]
    print(f'| model | {" | ".join(names)} |\n| --- |{" ---: |" * len(names)}')
    peered = []
    notes = ['Agreement with the float model: the same label in percent, signal to quantization noise in dB', '',
             f'| model | {" | ".join(names[2:])} |\n| --- |{" ---: |" * len(names[2:])}']
    with tempfile.TemporaryDirectory() as tmp:
        for name, load, source, peer in (('kws', kws, 'kws_float32', 'kws_ref_model'),
                                         ('vww', vww, 'vww_96_float', 'vww_96_int8'),
                                         ('resnet8', resnet8, 'resnet8_float', 'resnet8_int8')):
            x, y = load(a)
            np.savez(f'{tmp}/calibration.npz', x=x[::2])
            np.savez(f'{tmp}/held.npz', x=x[1::2], y=np.array(y[1::2], np.int64))
            made = [f'{tmp}/{name}.{k}.tflite' for k in range(len(FORMS))]
            for file, (_, options) in zip(made, FORMS):
                samples = () if 'dynamic' in options else ('--calibration', f'{tmp}/calibration.npz')
                run(a, 'convert', f'{a.models}/{source}.tflite', '-o', file, *samples, *options)
            files = (f'{a.models}/{source}.tflite', f'{a.models}/{peer}.tflite', *made)
            scores = [json.loads(run(a, 'eval', f, '--data', f'{tmp}/held.npz', '--json')) for f in files]
            cells = ' | '.join(f'{s["top1_percent"]:.1f}' for s in scores)
            print(f'| {name} | {scores[0]["samples"]} | {cells} |', flush=True)
            real, *found = (outputs(a, f, x[1::2], tmp) for f in files)
            notes += [f'| {name} | {" | ".join(agreement(real, f) for f in found)} |']
            peered += [peers(a, name, made[0], x[1::2], tmp)] if a.peers else []
        notes += ['', *peered, 'Signal to quantization noise on made windows:']
        made = {'ad01': (f'{a.models}/ad01_fp32.tflite', f'{a.models}/ad01_int8.tflite',
                         np.random.default_rng(1).uniform(-1, 1, (120, 640)).astype(np.float32))}
        if a.wake_word:
            made['str_ww'] = (a.wake_word, f'{a.models}/str_ww_ref_model.tflite', spectra(200))
        for name, (source, peer, x) in made.items():
            notes += [f'{name}: {noise(a, tmp, source, peer, x)}']
            notes += [peers(a, name, f'{tmp}/int8.tflite', x[100:], tmp)] if a.peers else []
    print('\n'.join(['', *notes]))


if __name__ == '__main__':
    main()
