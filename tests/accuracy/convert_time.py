#!/usr/bin/env python3
"""Time and peak memory of converting MobileNetV2 (224x224, 100 calibration samples) to int8, beside TensorFlow's converter.

    convert_time.py --sedge target/release/sedge [--runs 3]          (pip install tensorflow keras)

The model has random weights, and the samples are random pictures: what is measured does not depend on them. Each conversion
is a process of its own, with its start and the reading of the model; the processes take turns. The medians are printed, with
the processor, the number of cores and the versions.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

PEER = '''
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np, tensorflow as tf
folder, samples, out = sys.argv[1:]
x = np.load(samples)["x"]
converter = tf.lite.TFLiteConverter.from_saved_model(folder)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = lambda: ([s[None]] for s in x)
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = converter.inference_output_type = tf.int8
open(out, "wb").write(converter.convert())
'''


def make(folder):
    """The model as a SavedModel and a .keras file, and the samples."""
    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
    import keras
    import numpy as np
    import tensorflow as tf
    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNetV2(weights=None)
    model.export(f'{folder}/saved_model', verbose=False)
    model.save(f'{folder}/model.keras')
    x = np.random.default_rng(1).uniform(-1, 1, (100, 224, 224, 3)).astype(np.float32)
    np.savez(f'{folder}/samples.npz', x=x)
    print(json.dumps({'tensorflow': tf.__version__, 'keras': keras.__version__}))


def measured(words):
    """Seconds, and the most MiB that the process had in memory."""
    start = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f'{words[0]} failed')
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sedge', required=True)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--make', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.make:
        return make(args.make)
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run([sys.executable, __file__, '--sedge', '', '--make', folder], capture_output=True, text=True)
        versions = json.loads(made.stdout.splitlines()[-1])
        data, out = f'{folder}/samples.npz', f'{folder}/out.tflite'
        sedge = lambda source: [args.sedge, 'convert', f'{folder}/{source}', '-o', out, '--calibration', data]
        ways = {
            'TensorFlow, SavedModel': [sys.executable, '-c', PEER, f'{folder}/saved_model', data, out],
            'Sedge, SavedModel': sedge('saved_model'),
            'Sedge, .keras': sedge('model.keras'),
        }
        found = {name: [] for name in ways}
        for _ in range(args.runs):
            for name, words in ways.items():
                found[name].append(measured(words))
    cpu = next((line.split(':')[1].strip() for line in open('/proc/cpuinfo') if line.startswith('model name')), platform.processor())
    print(f'{cpu}, {len(os.sched_getaffinity(0))} cores, {versions}, {args.runs} runs')
    for name, runs in found.items():
        seconds, memory = (statistics.median(values) for values in zip(*runs))
        print(f'{name}: {seconds:.1f} s, {memory:.0f} MiB')


main()
